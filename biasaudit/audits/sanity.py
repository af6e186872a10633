"""The check of plausibility over the checkpoints of an audit: who passes, who is refused, and what is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import ImplausibleModelError, Together
from biasaudit.models import plausibility

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from biasaudit.models.plausibility import Figures, Judged
    from biasaudit.types import Response

HOW_TO_GO_ON: Final = (
    "Check that weights and tokenizer belong together and are whole. If you know that they are, for example because "
    "the model was never taught English, audit it all the same with --allow-implausible; the report will say so."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sanity:
    """What the checkpoints make of ordinary sentences.

    Attributes
    ----------
    figures, judged : mapping
        By checkpoint.
    equal : tuple of (str, str)
        Checkpoint, and an earlier one that gives the same log-probabilities.
    """

    figures: Mapping[str, Figures]
    judged: Mapping[str, Judged]
    equal: tuple[tuple[str, str], ...]

    def refuse(self, references: Mapping[str, str]) -> None:
        """Raise if a checkpoint is implausible.

        Parameters
        ----------
        references : mapping
            Checkpoint -> reference, as it was written.

        Raises
        ------
        ImplausibleModelError
            Or :class:`~biasaudit.errors.SeveralErrors` for several of them.
        """
        together = Together()
        for name, found in self.judged.items():
            if found.verdict == "implausible":
                with together.noted():
                    raise ImplausibleModelError(
                        f"{name} ({references[name]}) is not audited: {'; '.join(found.reasons)}.", fix=HOW_TO_GO_ON
                    )
        together.raise_any()

    def told(self) -> tuple[str, ...]:
        """Return what a reader must hear, a sentence each."""
        said = []
        not_judged: dict[tuple[str, ...], list[str]] = {}
        for name, found in self.judged.items():
            if found.verdict == "implausible":
                said.append(
                    f"{name} is IMPLAUSIBLE as a model of English: {'; '.join(found.reasons)}. Nothing on this page "
                    "says what a working model would do."
                )
            elif found.verdict == "not judged":
                not_judged.setdefault(found.reasons, []).append(name)
        said += [
            f"Whether {', '.join(names)} {'works' if len(names) == 1 else 'work'} was not judged: {'; '.join(reasons)}."
            for reasons, names in not_judged.items()
        ]
        said += [
            f"{name} gives every sentence of the check the same log-probabilities as {other}: to all appearance they "
            "are the same weights."
            for name, other in self.equal
        ]
        return tuple(said)

    def as_dict(self) -> dict[str, Any]:  # Any: JSON values
        """Return what the manifest keeps: checkpoint -> figures, verdict and reasons."""
        return {
            name: {**asdict(found), "verdict": self.judged[name].verdict, "reasons": list(self.judged[name].reasons)}
            for name, found in self.figures.items()
        }


def sanity_of(
    responses: Mapping[str, Sequence[Response]],
    unknown_ids: Mapping[str, int | None],
    *,
    same: frozenset[str] = frozenset(),
) -> Sanity:
    """Judge the checkpoints of an audit, the tuned ones beside the base.

    Parameters
    ----------
    responses : mapping
        Checkpoint -> responses to :func:`biasaudit.models.plausibility.requests`; the base first.
    unknown_ids : mapping
        Checkpoint -> the unknown token of its tokenizer.
    same : frozenset of str
        Checkpoints whose files are known to hold an earlier one's weights, of which it need not be said again.
    """
    figures = {name: plausibility.figures(found, unknown_id=unknown_ids[name]) for name, found in responses.items()}
    base = figures["base"]
    names = list(responses)
    return Sanity(
        figures=figures,
        judged={name: plausibility.judged(found, None if name == "base" else base) for name, found in figures.items()},
        equal=tuple(
            (name, earlier[0])
            for number, name in enumerate(names)
            if name not in same
            and (earlier := [one for one in names[:number] if plausibility.equal(responses[one], responses[name])])
        ),
    )
