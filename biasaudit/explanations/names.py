"""Kinds of evidence beside a depth profile, by name."""

from __future__ import annotations

from typing import Final

OF_COMPONENTS: Final = "components"
OF_WORDS: Final = "words"
OF_LAYERS: Final = "layers"
OF_RECORDS: Final = "records"
EVIDENCE: Final = (OF_COMPONENTS, OF_WORDS, OF_LAYERS, OF_RECORDS)
"""All of them, in the order in which they are gathered and shown."""

MEASURED: Final = "ok"
"""Status of what was measured; of anything else it is the reason why not."""
NOT_ASKED: Final = "it was not asked for"
