"""What `biasaudit demo` asks, before any model is there."""

from __future__ import annotations

import pytest

from biasaudit import api
from biasaudit.audits.asked import requests_of
from biasaudit.audits.preflight import probes_of
from biasaudit.errors import ModelFilesError
from biasaudit.framing import ChatFrame
from biasaudit.models.local.embedded import ADAPTERS, BASE
from biasaudit.models.training_card import Training
from biasaudit.probes import Probe
from biasaudit.types import Role

CHAT = ChatFrame(before="<user>", after="<model>")


@pytest.fixture(scope="module")
def probes() -> list[Probe]:
    return probes_of(api.demo_plan())


def test_it_sets_either_tuned_model_beside_the_base_and_none_beside_the_other() -> None:
    plan = api.demo_plan()
    assert plan.base == BASE
    assert plan.tuned == tuple(ADAPTERS)
    assert plan.siblings
    assert list(plan.checkpoints.values()) == ["demo:base", "demo:tuned", "demo:aligned"]
    assert list(plan.checkpoints)[1] == "1-sft"


def test_it_asks_at_most_6_000_requests_of_three_models(probes: list[Probe]) -> None:
    """What takes a minute or two on two cores; equal requests are asked once."""
    plan = api.demo_plan()
    asked = {request.key for probe in probes for request in requests_of(probe, plan.framings, CHAT)}
    assert 4_000 <= len(plan.checkpoints) * len(asked) <= 6_000


def test_it_keeps_what_the_guards_need_and_other_features(probes: list[Probe]) -> None:
    """Controls and licensed associations tell a reduction from damage; the features, where a tuning did not help."""
    by_probe = {probe.card.id: probe for probe in probes}
    assert {item.role for item in by_probe["occupations"].items} == set(Role)
    of_traits = by_probe["traits"].items
    assert {item.feature for item in of_traits if item.role is Role.BIAS} == {"gender", "ethnicity", "religion", "age"}
    assert {item.feature for item in of_traits if item.role is Role.LICENSED} == {
        item.feature for item in of_traits if item.role is Role.BIAS
    }


def test_a_card_that_cannot_be_used_is_told_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "read_training", lambda _: Training(unknown="there is no training card"))
    with pytest.raises(ModelFilesError, match="demo:tuned, which comes with the package, is damaged") as caught:
        api.demo_plan()
    assert "--force-reinstall" in str(caught.value)
