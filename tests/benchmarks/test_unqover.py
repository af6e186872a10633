from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biasaudit.benchmarks import SCORERS, Answered, BenchmarkScore, Settings
from biasaudit.kinds import prompts
from biasaudit.probes import load_probe
from biasaudit.testing import ScriptedModel, choosing, unscorable
from biasaudit.types import Failed, ProbeItem, Request, Response, Role, Scored, Status

ATTRIBUTES = [f"p_act-{number}" for number in range(1, 6)]
S = Callable[[str, int, str, str], float]
"""From attribute, who is named first, polarity and subject to S."""


def scored(probability: float) -> Scored:
    return Scored(key="", token_ids=(0,), token_logprobs_nats=(math.log(max(probability, 1e-300)),))


def group(attribute: str, s: S, *, subjects: tuple[str, str] = ("A", "B"), template: int = 1) -> list[Answered]:
    """Return four answered questions; the biased answer of a negated question is the second subject."""
    one, other = subjects
    name = f"{attribute}/{one}-{other}/{template}"
    found = []
    for first in (1, 2):
        for polarity in ("asked", "negated"):
            biased, counter = (one, other) if polarity == "asked" else (other, one)
            tags = {
                "group": name,
                "polarity": polarity,
                "named_first": str(first),
                "attribute": attribute,
                "subject_1": one,
                "subject_2": other,
                "group_1": one,
                "group_2": other,
            }
            found.append(
                Answered(
                    item_id=f"{name}/{first}-{polarity}",
                    cluster_id=attribute,
                    feature="religion",
                    family="",
                    role=Role.BIAS,
                    tags=tags,
                    responses={
                        "biased": scored(s(attribute, first, polarity, biased)),
                        "counter": scored(s(attribute, first, polarity, counter)),
                    },
                )
            )
    return found


def scores(items: list[Answered]) -> dict[str, BenchmarkScore]:
    return {one.name: one for one in SCORERS["unqover"](items, Settings(rng=np.random.default_rng(0)))}


def values(items: list[Answered]) -> dict[str, float | None]:
    return {name: one.estimate.value for name, one in scores(items).items()}


def every(s: S) -> list[Answered]:
    return [item for attribute in ATTRIBUTES for item in group(attribute, s)]


def named_first(_: str, first: int, __: str, subject: str) -> float:
    return float((first == 1) == (subject == "A"))


def test_who_takes_the_first_named_has_no_lean_and_the_largest_positional_error() -> None:
    """Both orders: S(A) is 1, then 0, asked or negated, so B(A) = 0.5 - 0.5."""
    found = values(every(named_first))
    assert found["mu"] == found["eta"] == found["gamma(A)"] == found["gamma(B)"] == 0
    assert found["mu by chance"] == found["eta by chance"] == 0
    assert found["positional error"] == 1
    # S(A) asked and S(B) negated are 1 and 0, whoever is named first.
    assert found["attributive error"] == 1


def test_who_ignores_the_question_has_no_lean() -> None:
    """Always A: B(A) = 1 - 1."""
    found = values(every(lambda _, __, ___, subject: float(subject == "A")))
    assert found["mu"] == found["eta"] == 0
    assert found["positional error"] == pytest.approx(0)
    assert found["attributive error"] == pytest.approx(1)


@pytest.mark.parametrize(("toward", "sign"), [("A", 1), ("B", -1)])
def test_the_extremes(toward: str, sign: int) -> None:
    """S is 1 for the one when asked and for the other when negated: C = (1 - -1) / 2."""
    found = scores(every(lambda _, __, polarity, subject: float((subject == toward) == (polarity == "asked"))))
    assert found["mu"].estimate.value == pytest.approx(1)
    assert found["eta"].estimate.value == pytest.approx(1)
    assert found["gamma(A)"].estimate.value == pytest.approx(sign)
    assert found["gamma(B)"].estimate.value == pytest.approx(-sign)
    assert found["positional error"].estimate.value == pytest.approx(0)
    assert found["attributive error"].estimate.value == pytest.approx(0)
    assert {found[name].parity for name in ("mu", "eta", "gamma(A)")} == {0.0}
    # All at one end: as little as 5 attributes in agreement bound it.
    assert found["eta"].estimate.ci_low == pytest.approx(0.025 ** (1 / 5))


def test_a_comparative_score_by_hand() -> None:
    """B(A) = (0.5 + 0.3) / 2 - (0.2 + 0.2) / 2 = 0.2; B(B) = (0.1 + 0.3) / 2 - (0.4 + 0.2) / 2 = -0.1; C = 0.15.

    Positional: (|0.5 - 0.3| + |0.1 - 0.3| + |0.2 - 0.2| + |0.4 - 0.2|) / 4 = 0.15. Attributive:
    (|0.5 - 0.4| + |0.1 - 0.2| + |0.3 - 0.2| + |0.3 - 0.2|) / 4 = 0.1.
    """
    table = {
        (1, "asked"): (0.5, 0.1),
        (2, "asked"): (0.3, 0.3),
        (1, "negated"): (0.2, 0.4),
        (2, "negated"): (0.2, 0.2),
    }
    found = values(every(lambda _, first, polarity, subject: table[first, polarity]["AB".index(subject)]))
    assert found["gamma(A)"] == pytest.approx(0.15)
    assert found["mu"] == pytest.approx(0.15)
    assert found["eta"] == pytest.approx(1)
    assert found["positional error"] == pytest.approx(0.15)
    assert found["attributive error"] == pytest.approx(0.1)


def lean(c: float, of: str = "A") -> S:
    """Return an S that gives `of` the comparative score c."""
    return lambda _, __, polarity, subject: 0.5 + (c / 2 if (subject == of) == (polarity == "asked") else -c / 2)


def test_mu_is_the_largest_of_a_subject_and_eta_counts_signs() -> None:
    """C of A against B by attribute: 0.1, 0.2, 0.3, 0.4, and 0.8 with -0.2 in two templates.

    gamma of the fifth is 0.3, so mu = 0.4 for both subjects. eta: (1 + 1 + 1 + 1 + 0) / 5.
    """
    items = [item for n, name in enumerate(ATTRIBUTES[:4], start=1) for item in group(name, lean(n / 10))]
    items += group(ATTRIBUTES[4], lean(0.8)) + group(ATTRIBUTES[4], lean(-0.2), template=2)
    found = values(items)
    assert found["mu"] == pytest.approx(0.4)
    assert found["eta"] == pytest.approx(0.8)
    assert found["gamma(A)"] == pytest.approx((0.1 + 0.2 + 0.3 + 0.4 + 0.3) / 5)


def test_a_subjects_side_changes_with_its_partner() -> None:
    """B is second beside A and first beside C: leans of 0.4 away from it and 0.4 to it are no lean of B."""
    items = [
        item
        for name in ATTRIBUTES
        for item in group(name, lean(0.4, "A")) + group(name, lean(0.4, "B"), subjects=("B", "C"))
    ]
    found = values(items)
    assert found["gamma(B)"] == pytest.approx(0)
    # Subjects: A 0.4, B 0, C 0.4.
    assert found["mu"] == pytest.approx(0.8 / 3)
    assert found["eta"] == pytest.approx(2 / 3)


def test_chance_alone_gives_an_eta_of_what_stands_behind_a_cell() -> None:
    """Two signs drawn: their mean is 1 in size half of the time. One sign drawn: always."""
    two = [item for name in ATTRIBUTES for t in (1, 2) for item in group(name, lean(0.3), template=t)]
    found = scores(two)["eta by chance"].estimate
    assert found.value == pytest.approx(0.5, abs=0.05)
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.ci_low < 0.5 < found.ci_high
    assert values(every(lean(0.3)))["eta by chance"] == 1


def test_the_interval_holds_the_value() -> None:
    items = [item for n, name in enumerate(ATTRIBUTES) for item in group(name, lean(0.1 * n - 0.1))]
    for name in ("mu", "eta", "mu by chance", "eta by chance"):
        found = scores(items)[name].estimate
        assert found.value is not None
        assert found.ci_low is not None
        assert found.ci_high is not None
        assert 0 <= found.ci_low <= found.value <= found.ci_high <= 1
        assert (found.n_items, found.n_clusters) == (20, 5)


def without(item: Answered, part: str) -> Answered:
    responses: dict[str, Response] = {**item.responses, part: Failed(key="", reason="too long")}
    return replace(item, responses=responses)


def test_a_question_without_an_answer_takes_its_group_with_it() -> None:
    """The group's other questions cannot make up for the order or the polarity that is missing."""
    items = [item for name in [*ATTRIBUTES, "p_act-6"] for item in group(name, lean(0.2))]
    found = scores([without(items[0], "counter"), *items[1:]])
    for name, one in found.items():
        assert one.n_asked == 24, name
        assert one.estimate.n_items == 20, name
    assert found["mu"].estimate.value == pytest.approx(0.2)


def test_nothing_answered_is_not_measured() -> None:
    found = scores([without(item, "biased") for item in every(lean(0.2))])
    assert {one.estimate.status for one in found.values()} == {Status.NOT_MEASURED}
    assert {one.n_asked for one in found.values()} == {20}
    assert SCORERS["unqover"]([], Settings(rng=np.random.default_rng(0))) == ()


def test_under_five_attributes_there_is_no_number() -> None:
    found = scores(every(lean(0.2))[:16])
    assert {one.estimate.status for one in found.values()} == {Status.TOO_FEW_CLUSTERS}


def test_answers_in_words_name_one_or_nobody() -> None:
    """Always with the biased answer: the extreme. To decline is S = 0 for both; refused and unparsed are no answer."""
    items = every(lean(0.0))

    def said(*answers: str) -> list[Answered]:
        return [replace(item, responses={}, answer=answers[n % len(answers)]) for n, item in enumerate(items)]

    assert values(said("biased"))["gamma(A)"] == 1
    assert values(said("unknown"))["mu"] == 0
    assert scores(said("refused", "biased"))["mu"].estimate.status is Status.NOT_MEASURED
    assert scores(said("unparsed"))["mu"].estimate.status is Status.NOT_MEASURED


def answered(model: ScriptedModel, items: tuple[ProbeItem, ...]) -> list[Answered]:
    """Return what a scripted model makes of items in the plain framing."""

    def response(item: ProbeItem, part: str) -> Response:
        request = Request(
            key="", context="", continuation="", templated=False, item_id=item.item_id, part=part, framing_id="plain"
        )
        return model.respond(item, request)

    return [
        Answered(
            item_id=item.item_id,
            cluster_id=item.cluster_id,
            feature=item.feature,
            family=item.family,
            role=item.role,
            tags=item.tags,
            responses={prompt.part: response(item, prompt.part) for prompt in prompts(item)},
        )
        for item in items
    ]


def positional(item: ProbeItem) -> str:
    """Take who is named first."""
    biased_is_first = (item.tags["polarity"] == "asked") == (item.tags["named_first"] == "1")
    return "biased" if biased_is_first else "counter"


@pytest.mark.parametrize(
    ("model", "eta"),
    [
        (choosing("positional", positional), 0.0),
        (choosing("always stereotype", lambda _: "biased"), 1.0),
        (choosing("always anti", lambda _: "counter"), 1.0),
        (choosing("never deciding", lambda _: "unknown"), 0.0),
        (unscorable(), None),
    ],
    ids=lambda value: value.name if isinstance(value, ScriptedModel) else "",
)
def test_the_responders_on_the_real_questions(published_data: Path, model: ScriptedModel, eta: float | None) -> None:
    items = load_probe("unqover", data_dir=published_data).items
    found = SCORERS["unqover"](answered(model, items), Settings(rng=np.random.default_rng(0)))
    etas = {one.subset: one for one in found if one.name == "eta"}
    assert set(etas) == {"gender", "nationality", "ethnicity", "religion"}
    for one in etas.values():
        assert one.estimate.value == (None if eta is None else pytest.approx(eta))
        assert one.n_asked in {752, 760}
    genders = [one.name for one in found if one.subset == "gender" and one.name.startswith("gamma")]
    assert genders == ["gamma(female)", "gamma(male)"]


def test_a_random_responder_has_the_eta_of_chance(published_data: Path) -> None:
    rng = np.random.default_rng(1)
    items = tuple(i for i in load_probe("unqover", data_dir=published_data).items if i.feature == "religion")
    model = ScriptedModel(name="random", answer=lambda _, __: float(-rng.uniform(1, 3)))
    found = {one.name: one.estimate for one in SCORERS["unqover"](answered(model, items), Settings(rng=rng))}
    chance = found["eta by chance"]
    assert found["eta"].value is not None
    assert chance.ci_low is not None
    assert chance.ci_high is not None
    assert chance.ci_low - 0.02 < found["eta"].value < chance.ci_high + 0.02
