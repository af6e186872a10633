"""How near the probes of an audit are to what its tuned checkpoints were trained on, by their training cards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biasaudit.models.training_card import NO_CARD
from biasaudit.probes import available, load_probe
from biasaudit.probes.exchanged import exchanged
from biasaudit.probes.skeletons import skeleton_sha256, templates_of, words_of
from biasaudit.record.exposure_facts import REFUSED, CardExposure, ProbeExposure, SeenWords

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from biasaudit.models.training_card import Compared, Contrasts, Training
    from biasaudit.probes import Probe

NOT_COMPARED = "its training card does not say whether the probe was trained on"
OTHER_VERSION = "its training card is about another version of the probe"


def exposed(
    trainings: Mapping[str, Training], probes: Sequence[Probe], *, tuned: Iterable[str]
) -> dict[str, CardExposure]:
    """Return tuned checkpoint -> how near each probe is to what it was trained on.

    Parameters
    ----------
    trainings : mapping
        Tuned checkpoint -> what its card says; of those without one there may be none.
    probes : sequence of Probe
    tuned : iterable of str
        All tuned checkpoints.
    """
    found = {name: trainings.get(name, NO_CARD) for name in tuned}
    return {
        name: CardExposure(unknown=one.unknown)
        if one.unknown
        else CardExposure(
            method=one.method,
            features=None if one.contrasts is None else tuple(sorted(one.contrasts.features | one.contrasts.held)),
            probes={probe.card.id: _of_probe(one, probe) for probe in probes},
        )
        for name, one in found.items()
    }


def said_of_damaged(trainings: Mapping[str, Training]) -> tuple[str, ...]:
    """Return what is to be told of cards that cannot be used, a sentence each."""
    return tuple(
        f"{name}: {one.unknown}; whether it was trained on a probe is unknown"
        for name, one in trainings.items()
        if one.damaged
    )


def _of_probe(training: Training, probe: Probe) -> ProbeExposure:
    compared = training.compared.get(probe.card.id)
    same = compared is not None and _is_of(compared, probe)
    contrasts = training.contrasts if training.contrasts is not None and training.contrasts.templates else None
    containment = None if compared is None else compared.containment
    has_template = contrasts is not None and _has_template(contrasts, probe)
    # A list of templates and words tells of any probe, but not of texts that stood beside it.
    is_told = contrasts is not None and not training.has_instructions and (containment or 0.0) < REFUSED
    if not (same or has_template or is_told):
        return ProbeExposure(unknown=_why(compared), containment=containment)
    words = set(compared.words) if compared is not None and same else set()
    if contrasts is not None:
        words.update(word for text in (*contrasts.groups, *contrasts.words) for word in words_of(text))
    return ProbeExposure(
        containment=containment if same else None,
        has_template=has_template,
        seen={
            feature: SeenWords(words=tuple(sorted(one.attributes & words)), groups=tuple(sorted(one.groups & words)))
            for feature, one in sorted(exchanged(probe.items).items())
        },
    )


def _why(compared: Compared | None) -> str:
    if compared is None:
        return NOT_COMPARED
    if compared.containment < REFUSED:
        return OTHER_VERSION
    return f"{OTHER_VERSION}, of which its data had a template ({compared.containment:.2f})"


def _is_of(compared: Compared, probe: Probe) -> bool:
    """Whether the probe is the one that was compared, or a part of it: what is near no whole is near no part."""
    if compared.sha256 == probe.sha256:
        return True
    if probe.card.id not in available() or probe.card.data.published:
        return False
    whole = load_probe(probe.card.id)
    if compared.sha256 != whole.sha256:
        return False
    items = {item.item_id: item for item in whole.items}
    return all(items.get(item.item_id) == item for item in probe.items)


def _has_template(contrasts: Contrasts, probe: Probe) -> bool:
    return any(skeleton_sha256(one) in contrasts.templates for one in templates_of(probe).skeletons)
