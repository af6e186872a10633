"""What an explanation is asked of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import UsageError
from biasaudit.explanations.names import EVIDENCE, OF_RECORDS

if TYPE_CHECKING:
    from biasaudit.framing import FramingName

UPPER_SHARE: Final = 3
"""The last third of the blocks is above the cut, where none is named, with the final norm and the head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationPlan:
    """Everything that decides an explanation.

    Attributes
    ----------
    audit : Path
        Folder of a finished audit: its pair, items and settings are taken.
    probe : str
        Id of a probe of it.
    feature : str or None
        One feature of the probe; None takes all.
    tuned : str or None
        Name of a tuned checkpoint of the audit; None takes the one that its answer is about.
    framing : {"plain", "chat"}
        The audit must have asked it.
    cut : int or None
        Blocks below the cut, fixed before anything is measured; None puts it under the last third.
    evidence : tuple of str
        What is gathered beside the depth profile, of :data:`EVIDENCE`.
    records : Path or None
        The file that the tuned adapter was trained on, for the evidence of records.
    chat_template : str or None
        Text of the template of a chat framing, where the audit was given one.
    data_dir : Path or None
        Folder with published data sets.
    batch_tokens : int or None
        Changes the time, not the numbers.
    trust_remote_code : bool
    """

    audit: Path
    probe: str
    feature: str | None = None
    tuned: str | None = None
    framing: FramingName = "plain"
    cut: int | None = None
    evidence: tuple[str, ...] = EVIDENCE
    records: Path | None = None
    chat_template: str | None = None
    data_dir: Path | None = None
    batch_tokens: int | None = None
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        if self.framing not in {"plain", "chat"}:
            raise UsageError(f"there is no framing {self.framing!r}.", fix="It is plain or chat.")
        unknown = [name for name in self.evidence if name not in EVIDENCE]
        if unknown:
            raise UsageError(f"there is no evidence {unknown[0]!r}.", fix=f"There is: {', '.join(EVIDENCE)}.")
        if self.records is not None and OF_RECORDS not in self.evidence:
            raise UsageError(
                f"{self.records} is named, and records are not among the evidence that is asked for.",
                fix="Add --evidence records, or leave --records out.",
            )
        if self.records is not None and not self.records.is_file():
            raise UsageError(
                f"{self.records} is no file of training records.", fix="Name the file that the adapter was trained on."
            )
        if self.cut is not None and self.cut < 0:
            raise UsageError(f"the cut is above {self.cut} blocks.", fix="It is 0 or more.")

    def blocks_below(self, n_blocks: int) -> int:
        """Return how many blocks count as lower ones.

        Raises
        ------
        UsageError
            If there are not so many.
        """
        if self.cut is None:
            return n_blocks - max(1, round(n_blocks / UPPER_SHARE))
        if self.cut > n_blocks:
            raise UsageError(f"the cut is above {self.cut} blocks, and there are {n_blocks}.", fix="Name a lower one.")
        return self.cut

    def identity(self) -> dict[str, Any]:  # Any: JSON values
        """Return what makes an explanation another one, JSON-ready; of the audit, its checksum says it."""
        return {
            "probe": self.probe,
            "feature": self.feature,
            "tuned": self.tuned,
            "framing": self.framing,
            "cut": self.cut,
            "evidence": [name for name in EVIDENCE if name in self.evidence],
            "records": None if self.records is None else _sha256(self.records),
        }


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as exc:
        raise UsageError(f"{file} cannot be read: {exc.strerror or exc}.", fix="Make it readable.") from exc
