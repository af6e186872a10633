"""All checks of a probe, and what its card accepts."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from biasaudit.languages import LANGUAGES
from biasaudit.probes import Probe, available
from biasaudit.probes.card import read_card
from biasaudit.validity.competence import no_competence
from biasaudit.validity.directions import one_direction
from biasaudit.validity.documented import undocumented
from biasaudit.validity.finding import CODES, OF_THE_CARD, Finding
from biasaudit.validity.grammar import grammar, rules_of
from biasaudit.validity.groups import groups_missing, no_items
from biasaudit.validity.lengths import Tokens, reference_tokens, token_difference
from biasaudit.validity.licensed import no_licensed
from biasaudit.validity.minimal import not_minimal
from biasaudit.validity.repeats import duplicate, equal_variants
from biasaudit.validity.size import few_clusters, one_wording, shared_cluster, under_powered, uneven_cross

Check = Callable[[Probe], Iterator[Finding]]

EVERY_PROBE: Final[tuple[Check, ...]] = (
    no_items,
    groups_missing,
    few_clusters,
    equal_variants,
    no_competence,
    no_licensed,
    uneven_cross,
    shared_cluster,
)
OWN_PROBES: Final[tuple[Check, ...]] = (
    undocumented,
    not_minimal,
    grammar,
    one_direction,
    duplicate,
    under_powered,
    one_wording,
)
"""Of a published set, which is what it is, its card tells the defects."""


def findings(probe: Probe, *, tokens: Tokens | None = None) -> tuple[Finding, ...]:
    """Return what a reader should mend in a probe, and what its card accepts; empty if nothing was found.

    Parameters
    ----------
    probe : Probe
    tokens : callable, optional
        Number of tokens of a text, by the tokenizer that the lengths are compared with; else an approximation.

    Returns
    -------
    tuple of Finding
        ``accepted`` is the card's reason, or None for what should be mended. What a card accepts without
        need is a finding too.
    """
    found = [finding for check in EVERY_PROBE for finding in check(probe)]
    if not probe.card.data.published:
        found += [finding for check in OWN_PROBES for finding in check(probe)]
        found += token_difference(probe, tokens or reference_tokens)
    accepts = probe.card.accepts
    # Another tokenizer may find no difference in length that the card accepts with reason.
    spared = {"token-difference"} if tokens is not None else set()
    idle = _idle(set(accepts) - spared, {finding.code for finding in found})
    return (*(replace(finding, accepted=accepts.get(finding.code)) for finding in found), *idle)


def notices(probe: Probe) -> tuple[str, ...]:
    """Return what was not checked, and why."""
    if probe.card.data.published or rules_of(probe) is not None:
        return ()
    there = ", ".join(language.name for language in LANGUAGES.values() if language.faults is not None)
    return (f"the grammar was not checked: there are rules for {there}, and the language is {probe.card.language!r}.",)


def own_probes() -> tuple[str, ...]:
    """Return the shipped probes that were written for this package, by id."""
    cards = {name: read_card(folder / "card.yaml") for name, folder in available().items()}
    return tuple(name for name, card in cards.items() if not card.data.published)


def _idle(accepted: set[str], found: set[str]) -> Iterator[Finding]:
    acceptable = [code for code in CODES if code not in OF_THE_CARD]
    for code in sorted(accepted - found):
        if code in acceptable:
            yield Finding(
                code="accepts-nothing",
                feature="",
                message=f"card.yaml accepts {code!r}, and the check finds nothing of it. Remove it from accepts.",
            )
            continue
        close = difflib.get_close_matches(code, acceptable, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"The codes are {', '.join(acceptable)}."
        yield Finding(
            code="accepts-unknown",
            feature="",
            message=f"card.yaml accepts {code!r}, which is no code of a finding. {hint}",
        )
