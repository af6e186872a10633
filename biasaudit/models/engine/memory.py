"""Out of memory, told apart from all else that goes wrong on a device."""

from __future__ import annotations


def is_out_of_memory(exc: BaseException) -> bool:
    """Tell whether `exc` says that memory could not be had; each device says it in its own way."""
    if isinstance(exc, MemoryError):
        return True
    text = str(exc).lower()
    return any(words in text for words in ("out of memory", "not enough memory", "can't allocate memory"))
