"""What a search is asked to do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.audits.plan import Plan
from biasaudit.errors import UsageError
from biasaudit.version import __version__

if TYPE_CHECKING:
    from biasaudit.types.search import Word

WAYS: Final = ("gradient", "coordinate")
"""How a search goes on from what it has: by the slope of the lean, or by words drawn at random."""

STRINGS: Final = "strings.yaml"
"""File of what was found, in the folder of the audit: a set of perturbations, as ``--robustness`` reads it."""

JOURNAL: Final = "search-{}.jsonl"
"""File of all queries to a checkpoint, in the same folder: an interrupted search goes on from it."""

MOST_WORDS: Final = 20_000
"""Of a model's own words: those of the lowest ids, which are the frequent ones."""

LEAST_WORDS: Final = 10
_LONGEST: Final = 20
_LEAST_BUDGET: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackPlan:
    """Everything that decides a search and the audit of what it finds.

    Attributes
    ----------
    base, tuned : str
        Model references.
    probe : str
        Id of a shipped probe, or a folder.
    also : tuple of str
        Further probes, asked under what was found and never searched on.
    feature : str or None
        The one of the probe's that is searched and asked; None takes all.
    budget : int
        Prefixes that each search may ask; a pass back through the model counts as six.
    length : int
        Words of a prefix.
    n_items : int
        At most so many items are searched on.
    method : str
        One of :data:`WAYS`.
    words : tuple of str or None
        The words to search among; None takes the base's own.
    data_dir : Path or None
    seed : int
        Of the halves, of what is drawn, and of the audit.
    settings : mapping
        Further fields of :class:`biasaudit.audits.plan.Plan`: device, dtype, margin, level, ...
    """

    base: str
    tuned: str
    probe: str
    also: tuple[str, ...] = ()
    feature: str | None = None
    budget: int = 100
    length: int = 3
    n_items: int = 48
    method: str = WAYS[0]
    words: tuple[str, ...] | None = None
    data_dir: Path | None = None
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)  # Any: the fields of a plan

    def __post_init__(self) -> None:
        for condition, message, fix in (
            (self.method not in WAYS, f"there is no method {self.method!r}.", f"Methods: {', '.join(WAYS)}."),
            (
                self.budget < _LEAST_BUDGET,
                f"the budget is {self.budget} queries.",
                f"It is at least {_LEAST_BUDGET}; 100 is usual.",
            ),
            (
                not 1 <= self.length <= _LONGEST,
                f"the prefix has {self.length} words.",
                f"It has 1 to {_LONGEST}.",
            ),
            (self.n_items < 1, f"{self.n_items} items are to be searched on.", "It is at least 1; 48 is usual."),
        ):
            if condition:
                raise UsageError(message, fix=fix)
        # What is wrong with the models' names is said before any data is looked for.
        self.audit(Path(STRINGS), (self.probe,), checked=False)

    def audit(self, strings: Path, probes: tuple[str, ...], *, checked: bool = True) -> Plan:
        """Return the plan of the audit under what was found.

        Parameters
        ----------
        strings : Path
            The file of it.
        probes : tuple of str
        checked : bool
            Whether the file is there yet.
        """
        return Plan(
            base=self.base,
            tuned=(self.tuned,),
            probes=probes,
            framing_names=("plain",),
            seed=self.seed,
            data_dir=self.data_dir,
            robustness=str(strings) if checked else None,
            search=self._as_asked() if checked else None,
            **self.settings,
        )

    def _as_asked(self) -> dict[str, Any]:  # Any: JSON values
        """Return the options of the command that are not at their default; files stand as yes."""
        given: dict[str, Any] = {
            "probe": self.probe,
            "also": list(self.also),
            "budget": self.budget,
            "length": self.length,
            "items": self.n_items,
            "method": self.method,
            "feature": self.feature,
            "words": self.words is not None,
        }
        usual = {"also": [], "budget": 100, "length": 3, "items": 48, "method": WAYS[0], "feature": None}
        return {name: value for name, value in given.items() if value != usual.get(name, False)}

    def identity(
        self, fingerprint: Mapping[str, object], probe_sha256: str, words: Sequence[Word]
    ) -> dict[str, Any]:  # Any: JSON values
        """Return what the search of a checkpoint depends on: of another one nothing can be gone on with.

        Parameters
        ----------
        fingerprint : mapping
            What its answers depend on.
        probe_sha256 : str
        words : sequence of Word
        """
        return {
            "probe": probe_sha256,
            "feature": self.feature,
            "budget": self.budget,
            "length": self.length,
            "n_items": self.n_items,
            "method": self.method,
            "words": hashlib.sha256("\n".join(word.text for word in words).encode()).hexdigest(),
            "seed": self.seed,
            "model": dict(fingerprint),
            "biasaudit": __version__,
        }
