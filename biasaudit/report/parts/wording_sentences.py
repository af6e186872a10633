"""How much hangs on the wording, in sentences: which way each leans, and whether tuning moved all of them alike."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from biasaudit.report.words.facts import counted, listed
from biasaudit.report.words.wording import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from biasaudit.report.charts.wording_chart import Mark

ONE_ONLY: Final = "Asked in one wording only: nothing shows how it would be in others."

_DECIMALS: Final = 9
"""Values that differ less are the same: they were added up in another order."""

_NAMED: Final = 3
"""Comparisons that are named; of more, the others are counted."""


def leans(by_checkpoint: Mapping[str, Sequence[Mark]], by_feature: Mapping[str, Sequence[str]]) -> str:
    """Say in how many wordings the lean goes which way, in each checkpoint.

    Parameters
    ----------
    by_checkpoint : mapping
        Checkpoint -> its measured wordings; one at least has some.
    by_feature : mapping
        Feature -> its wordings.
    """
    noun = "" if len(by_feature) == 1 else " values"
    with_it = [_share(sum(mark.low > 0 for mark in own), own, name, noun) for name, own in by_checkpoint.items()]
    against = [f"{sum(mark.high < 0 for mark in own)} in {clean(name)}" for name, own in by_checkpoint.items() if own]
    some_against = any(mark.high < 0 for own in by_checkpoint.values() for mark in own)
    return (
        f"{_asked(by_feature)}: the lean is clearly with the stereotype in {listed(with_it)}; clearly against it in "
        f"{listed(against) if some_against else 'none'}."
    )


def _share(n: int, own: Sequence[Mark], name: str, noun: str) -> str:
    return f"{n} of {len(own)}{noun} in {clean(name)}" if own else f"none measured in {clean(name)}"


def _asked(by_feature: Mapping[str, Sequence[str]]) -> str:
    sizes = {len(names) for names in by_feature.values()}
    wordings = str(max(sizes)) if len(sizes) == 1 else f"{min(sizes)} to {max(sizes)}"
    if len(by_feature) == 1:
        return f"Asked in {wordings} wordings"
    return f"Asked in {wordings} wordings for each of {len(by_feature)} comparisons"


def change(base: Sequence[Mark], tuned: Sequence[Mark], name: str) -> str:
    """Say whether the change goes the same way in all wordings; empty where nothing was measured in both.

    Parameters
    ----------
    base, tuned : sequence of Mark
        The measured wordings of either checkpoint.
    name : str
        Of the tuned one.
    """
    ways = _ways(base, tuned)
    if not ways:
        return ""
    start = f"From base to {clean(name)}"
    several = {feature: own for feature, own in ways.items() if len(own) > 1}
    if not several:
        return f"{start}, no more than one wording was measured in both: nothing shows how others would change."
    if len(ways) == 1:
        return f"{start}, {_moved(next(iter(several.values())))}."
    same = [feature for feature, own in several.items() if len(set(own)) == 1]
    # One that was asked in a single wording cannot go different ways, and is counted neither way.
    of = counted(len(several), "comparison", "comparisons") + (" with several wordings" if several != ways else "")
    return f"{start}, {_alike(same, len(several), of)}."


def _ways(base: Sequence[Mark], tuned: Sequence[Mark]) -> dict[str, list[int]]:
    """Return feature -> the direction of the change in each wording that has a number in both."""
    before = {(mark.feature, mark.family): mark.value for mark in base}
    found: dict[str, list[int]] = {}
    for mark in tuned:
        if (mark.feature, mark.family) in before:
            moved = round(mark.value - before[mark.feature, mark.family], _DECIMALS)
            found.setdefault(mark.feature, []).append((moved > 0) - (moved < 0))
    return found


def _moved(ways: Sequence[int]) -> str:
    """Say where the wordings of one comparison moved."""
    counts = Counter(ways)
    if len(counts) == 1:
        said = {1: "moved toward the stereotype", -1: "moved away from the stereotype", 0: "stayed as it was"}[ways[0]]
        each = "both" if len(ways) == 2 else f"all {len(ways)}"
        return f"it {said} in {each} wordings: the change goes the same way in each"
    toward, away, stayed = counts[1], counts[-1], counts[0]
    parts = [
        f"{said} in {n}"
        for n, said in (
            (toward, "moved toward the stereotype"),
            (away, "away from it" if toward else "moved away from the stereotype"),
            (stayed, "stayed as it was"),
        )
        if n
    ]
    return f"it {listed(parts)} of {len(ways)} wordings: the change does not go the same way in all of them"


def _alike(same: Sequence[str], n_features: int, of: str) -> str:
    if len(same) == n_features:
        return f"the change goes the same way in every wording in {'all' if n_features > 1 else 'the'} {of}"
    if not same:
        return f"the change goes the same way in every wording in none of {of}"
    named = [clean(feature) for feature in same[:_NAMED]]
    more = [f"{len(same) - _NAMED} more"] if len(same) > _NAMED else []
    return (
        f"the change goes the same way in every wording in {len(same)} of {of} "
        f"({listed([*named, *more])}); in the others it hangs on the wording"
    )
