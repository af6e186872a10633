"""What a table of sound form and senseless content can raise on its way through the statistics."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
from pandera.errors import SchemaError, SchemaErrors

SENSELESS: Final = (
    SchemaError,
    SchemaErrors,
    pa.ArrowException,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
