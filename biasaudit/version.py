"""The version, which every room may name."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"
