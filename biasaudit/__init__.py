"""How much of the social bias that a language model inherited did instruction tuning reduce?"""

from __future__ import annotations

__version__ = "0.1.0"
