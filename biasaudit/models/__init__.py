"""Model references, loading, lineage, the likelihood engine and the response cache.

The only room that imports torch or transformers, and only when called.
"""

from __future__ import annotations

from biasaudit.models.backend import Backend, Found, Prepared, Settings, Way
from biasaudit.models.backends import BACKENDS, way_of, way_of_all
from biasaudit.models.cache import ResponseCache, cache_identity, open_cache
from biasaudit.models.cache_place import cache_folder
from biasaudit.models.likelihood import score
from biasaudit.models.lineage import lineage, told_of
from biasaudit.models.local.loaded import LoadedModel
from biasaudit.models.local.loading import ModelShelf, check_before_loading, locate, size_of
from biasaudit.models.local.located import Located
from biasaudit.models.reference import parse_reference

__all__ = [
    "BACKENDS",
    "Backend",
    "Found",
    "LoadedModel",
    "Located",
    "ModelShelf",
    "Prepared",
    "ResponseCache",
    "Settings",
    "Way",
    "cache_folder",
    "cache_identity",
    "check_before_loading",
    "lineage",
    "locate",
    "open_cache",
    "parse_reference",
    "score",
    "size_of",
    "told_of",
    "way_of",
    "way_of_all",
]
