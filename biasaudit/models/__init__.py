"""Model references, loading, lineage, the likelihood engine and the response cache.

The only room that imports torch or transformers, and only when called.
"""

from __future__ import annotations

from biasaudit.models.cache import ResponseCache, cache_identity, open_cache
from biasaudit.models.cache_place import cache_folder
from biasaudit.models.likelihood import score
from biasaudit.models.lineage import lineage
from biasaudit.models.loading import LoadedModel, Located, ModelShelf, locate
from biasaudit.models.reference import parse_reference

__all__ = [
    "LoadedModel",
    "Located",
    "ModelShelf",
    "ResponseCache",
    "cache_folder",
    "cache_identity",
    "lineage",
    "locate",
    "open_cache",
    "parse_reference",
    "score",
]
