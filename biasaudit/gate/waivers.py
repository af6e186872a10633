"""Waivers: failures that somebody answers for until a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from biasaudit.gate.decision import RuleResult, WaiverUse
from biasaudit.gate.vocabulary import WaiverState

if TYPE_CHECKING:
    from biasaudit.gate.policy import Waiver


def waived(
    results: Iterable[RuleResult], waivers: Iterable[Waiver], *, today: date
) -> tuple[list[RuleResult], tuple[WaiverUse, ...]]:
    """Put a waiver to every result that one covers.

    Parameters
    ----------
    results : iterable of RuleResult
    waivers : iterable of Waiver
    today : datetime.date
        A waiver holds up to and on the day on which it expires.

    Returns
    -------
    list of RuleResult
    tuple of WaiverUse
        Every waiver once, sorted; one that expired covers nothing.
    """
    known = sorted({_use(waiver, today) for waiver in waivers}, key=_order)
    valid = [waiver for waiver in known if waiver.state is not WaiverState.EXPIRED]
    used: set[WaiverUse] = set()
    found: list[RuleResult] = []
    for result in results:
        covering = [waiver for waiver in valid if result.can_be_waived and _covers(waiver, result)]
        used.update(covering)
        # The one that holds longest.
        waiver = max(covering, key=lambda one: (one.expires, _order(one)), default=None)
        found.append(replace(result, waiver=None if waiver is None else replace(waiver, state=WaiverState.USED)))
    return found, tuple(replace(one, state=WaiverState.USED) if one in used else one for one in known)


def _use(waiver: Waiver, today: date) -> WaiverUse:
    return WaiverUse(
        rule=waiver.rule,
        probe=waiver.probe,
        feature=waiver.feature,
        group=waiver.group,
        reason=waiver.reason,
        owner=waiver.owner,
        expires=waiver.expires,
        state=WaiverState.EXPIRED if waiver.expires < today else WaiverState.UNUSED,
    )


def _covers(waiver: WaiverUse, result: RuleResult) -> bool:
    named: Sequence[tuple[str | None, str]] = (
        (waiver.rule, result.rule_id),
        (waiver.probe, result.probe),
        (waiver.feature, result.feature),
        (waiver.group, result.group),
    )
    return all(wanted is None or wanted == there for wanted, there in named)


def _order(waiver: WaiverUse) -> tuple[str, ...]:
    cell = (waiver.probe or "", waiver.feature or "", waiver.group or "")
    return (waiver.rule, *cell, waiver.expires.isoformat(), waiver.owner, waiver.reason)
