"""What an adapter that was trained on contrasts did where it was trained, and elsewhere: the transfer table."""

from __future__ import annotations

from biasaudit.align.transfer.drawn import Size
from biasaudit.align.transfer.run import PROBES, TransferPlan, run
from biasaudit.align.transfer.table import Transfer, from_json, markdown

__all__ = ["PROBES", "Size", "Transfer", "TransferPlan", "from_json", "markdown", "run"]
