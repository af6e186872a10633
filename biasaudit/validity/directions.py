"""Whether a design runs both ways, so that a habit of the model does not look like a lean."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from biasaudit.kinds import KINDS, kind_of
from biasaudit.probes import Probe
from biasaudit.types import ProbeItem
from biasaudit.validity.finding import Finding
from biasaudit.validity.groups import bias_items


def one_direction(probe: Probe) -> Iterator[Finding]:
    """Find features whose items run one way only.

    Associations: contexts that name the groups, and contexts that name the attributes. Choices: each group as
    the biased and as the counter option, the two persons in both orders, both polarities where the tags have
    polarity. Every kind: both directions where the tags have direction. The groups of a choice are whom the
    stereotype ties to the biased option, then the other; where the tag polarity is positive, the other way round.
    """
    by_feature: dict[str, list[ProbeItem]] = defaultdict(list)
    for item in bias_items(probe):
        by_feature[item.feature].append(item)
    for feature, items in by_feature.items():
        # The options of referents are occupations, and both groups stand in every item.
        declared = () if probe.card.data.format == "referents" else probe.card.groups[feature]
        said = [*_tagged(items, "polarity"), *_tagged(items, "direction")]
        for name, own in _by_kind(items).items():
            said += KINDS[name].checks.one_way(own, declared)
        for message in said:
            yield Finding(code="one-direction", feature=feature, message=f"feature {feature!r}: {message}")


def _by_kind(items: Sequence[ProbeItem]) -> dict[str, list[ProbeItem]]:
    found: dict[str, list[ProbeItem]] = defaultdict(list)
    for item in items:
        found[kind_of(item).name].append(item)
    return found


def _tagged(items: Sequence[ProbeItem], tag: str) -> Iterator[str]:
    values = Counter(item.tags[tag] for item in items if tag in item.tags)
    if len(values) == 1:
        [value] = values
        yield f"all {values[value]:,} items with the tag {tag} have {value!r}; expected both. Add the other {tag}."
