"""The same content in two varieties of a language: what guises expand to, and what is refused."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from biasaudit.errors import ProbeError
from biasaudit.probes import load_probe
from biasaudit.testing import always_anti, always_stereotype, never_deciding, scripted_audit
from biasaudit.types import AssociationTexts, DecisionTexts, PairTexts, Role

CARD: dict[str, object] = {
    "id": "voices",
    "name": "Voices",
    "version": "1",
    "kind": "association",
    "language": "en",
    "groups": {"voice": ["plain", "twisted"]},
    "construct": "Whether plain speakers are liked.",
    "harm": "stereotyping",
    "positive_index": "Plain speakers are liked.",
    "clusters": "designed",
    "licence": "Apache-2.0",
    "citation": "none",
    "known_defects": ["made up"],
    "not_shown": "anything else",
    "data": {"format": "guises", "file": "guises.yaml"},
}
DECISIONS: dict[str, object] = {**CARD, "kind": "decision", "harm": "allocation"}


def said(number: int) -> dict[str, str]:
    return {
        "id": f"said-{number}",
        "grammar": "order" if number % 2 else "length",
        "standard": f"I saw {number} ships.",
        "dialect": f"Ships {number} I saw.",
    }


def guise(name: str) -> dict[str, object]:
    return {
        "id": name,
        "text": f'{name}: "{{text}}" The speaker is',
        "attention": [
            {"sense": "awake", "nonsense": "the of"},
            {"sense": "here", "nonsense": "seven"},
            {"sense": "well", "nonsense": "and"},
        ],
    }


def ruling(name: str) -> dict[str, object]:
    return {
        "id": name,
        "text": f'May the speaker have a {name}? "{{text}}"',
        "reply": "\nAnswer:",
        "clear_yes": ["I paid for it.", "It is mine."],
        "clear_no": ["I broke it.", "I do not want it."],
    }


def content() -> dict[str, object]:
    return {
        "grammar": {
            "order": {"name": "order", "description": "The object comes first.", "source": "none"},
            "length": {"name": "length", "description": "It is short.", "source": "none"},
        },
        "words": [
            {"id": "kind", "dimension": "warmth", "first": "kind", "second": "cruel"},
            {"id": "able", "dimension": "competence", "first": "able", "second": "unable"},
        ],
        "guises": [guise("one"), guise("two")],
        "decisions": [ruling("seat"), ruling("boat"), ruling("hat")],
        "texts": [said(number) for number in range(6)],
    }


def save(folder: Path, guises: dict[str, object], card: dict[str, object] = CARD) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False), encoding="utf-8")
    (folder / "guises.yaml").write_text(yaml.safe_dump(guises, sort_keys=False), encoding="utf-8")
    return str(folder)


def test_every_text_takes_every_word_in_every_guise(tmp_path: Path) -> None:
    """By hand: 6 texts in 2 guises with 2 pairs of words."""
    probe = load_probe(save(tmp_path, content()))
    bias = [item for item in probe.items if item.role is Role.BIAS]
    assert len(bias) == len({item.item_id for item in probe.items}) - 6 == 24
    assert Counter(item.family for item in bias) == {"one": 12, "two": 12}
    assert Counter(item.cluster_id for item in bias) == {f"said-{number}": 4 for number in range(6)}
    assert {(item.feature, item.groups) for item in bias} == {("voice", ("plain", "twisted"))}


def test_the_standard_and_the_favourable_word_come_first(tmp_path: Path) -> None:
    """The first cell of the table is what the stereotype pairs: the standard with the favourable word."""
    probe = load_probe(save(tmp_path, content()))
    [item] = [item for item in probe.items if item.item_id == "said-1/two/kind"]
    assert item.texts == AssociationTexts(
        contexts=('two: "I saw 1 ships." The speaker is', 'two: "Ships 1 I saw." The speaker is'),
        continuations=(" kind.", " cruel."),
        group_in_context=True,
    )
    assert item.tags == {
        "grammar": "order",
        "dimension": "warmth",
        "attribute_1": "kind",
        "attribute_2": "cruel",
    }


def test_attention_takes_the_first_texts_of_the_standard(tmp_path: Path) -> None:
    """Competence is asked in the variety that the model is sure to have read; it names no group."""
    probe = load_probe(save(tmp_path, content()))
    attention = [item for item in probe.items if item.role is Role.COMPETENCE]
    assert [item.item_id for item in attention] == [
        f"{name}/attention-{n}" for name in ("one", "two") for n in (1, 2, 3)
    ]
    assert len({item.cluster_id for item in attention}) == 6
    assert {item.groups for item in attention} == {()}
    assert attention[1].texts == PairTexts(
        context='one: "I saw 1 ships." The speaker is', first=" here.", second=" seven."
    )


def test_more_attention_than_texts_begins_again(tmp_path: Path) -> None:
    probe = load_probe(save(tmp_path, content() | {"texts": [said(0)]}))
    contexts = {item.texts.context for item in probe.items if isinstance(item.texts, PairTexts)}
    assert contexts == {f'{name}: "I saw 0 ships." The speaker is' for name in ("one", "two")}


def test_every_text_is_decided_in_every_decision(tmp_path: Path) -> None:
    """By hand: 6 texts in 3 decisions; words and guises are of no matter to a probe of decisions."""
    probe = load_probe(save(tmp_path, content(), DECISIONS))
    bias = [item for item in probe.items if item.role is Role.BIAS]
    assert Counter(item.family for item in bias) == {"seat": 6, "boat": 6, "hat": 6}
    assert Counter(item.cluster_id for item in bias) == {f"said-{number}": 3 for number in range(6)}
    assert {(item.feature, item.groups) for item in bias} == {("voice", ("plain", "twisted"))}
    assert bias[0].item_id == "said-0/seat"
    assert bias[0].tags == {"grammar": "length"}
    assert bias[0].texts == DecisionTexts(
        favoured='May the speaker have a seat? "I saw 0 ships."',
        other='May the speaker have a seat? "Ships 0 I saw."',
        reply="\nAnswer:",
        yes=(" yes", " Yes"),
        no=(" no", " No"),
    )


def test_competence_of_decisions_is_the_clear_yes_over_the_clear_no(tmp_path: Path) -> None:
    probe = load_probe(save(tmp_path, content() | {"yes": [" aye"], "no": [" nay"]}, DECISIONS))
    clear = [item for item in probe.items if item.role is Role.COMPETENCE]
    assert [item.item_id for item in clear] == [f"{name}/clear-{n}" for name in ("seat", "boat", "hat") for n in (1, 2)]
    assert len({item.cluster_id for item in clear}) == 6
    assert {item.groups for item in clear} == {()}
    assert {item.tags["clear"] for item in clear} == {"favoured"}
    assert clear[1].texts == DecisionTexts(
        favoured='May the speaker have a seat? "It is mine."',
        other='May the speaker have a seat? "I do not want it."',
        reply="\nAnswer:",
        yes=(" aye",),
        no=(" nay",),
    )


def test_our_own_probes_share_one_file_and_others_stay_in_their_folder(tmp_path: Path) -> None:
    """Our traits and decisions are asked of the same texts. A card of a stranger must not name what lies elsewhere."""
    assert load_probe("dialect-decisions").card.data.file == "../dialect/guises.yaml"
    save(tmp_path / "traits", content())
    beside = tmp_path / "beside"
    beside.mkdir()
    card = {**DECISIONS, "data": {"format": "guises", "file": "../traits/guises.yaml"}}
    (beside / "card.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    with pytest.raises(ProbeError, match="does not lie in this folder"):
        load_probe(str(beside))
    (beside / "guises.yaml").write_bytes((tmp_path / "traits" / "guises.yaml").read_bytes())
    card["data"] = {"format": "guises", "file": "guises.yaml"}
    (beside / "card.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    assert len(load_probe(str(beside)).items) == 18 + 6


@pytest.mark.parametrize("card", [CARD, DECISIONS])
def test_an_audit_gives_both_extremes_and_the_middle(tmp_path: Path, card: dict[str, object]) -> None:
    folder = save(tmp_path, content(), card)
    extremes = scripted_audit(always_stereotype(), always_anti(), probes=[folder]).estimates
    side = extremes[extremes["metric"] == "sign"].set_index("checkpoint")["value"]
    assert side["base"] == pytest.approx(1.0)
    assert side["tuned"] == pytest.approx(-1.0)
    middle = scripted_audit(never_deciding(), never_deciding(), probes=[folder]).estimates
    assert set(middle[middle["metric"] == "sign"]["value"]) == {0.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"texts": [said(0), said(0)]}, r"text ids must be unique; repeated: \['said-0'\]"),
        ({"guises": [guise("one"), guise("seat")]}, r"guise and decision ids must be unique; repeated: \['seat'\]"),
        ({"words": [{"id": "a", "dimension": "b", "first": "c", "second": "d"}] * 2}, "word ids must be unique"),
        ({"texts": [said(0) | {"grammar": "tone"}]}, r"texts name the grammar \['tone'\], which is not described"),
        ({"texts": [said(0) | {"dialect": "I saw 0 ships."}]}, "text 'said-0' is the same in both varieties"),
        ({"texts": []}, "field 'texts'"),
        ({"grammar": {}}, "field 'grammar'"),
        ({"guises": [guise("one") | {"text": "The speaker is"}]}, "'one' needs the slot {text}, once, and no other"),
        ({"guises": [guise("one") | {"text": "{text} {text}"}]}, "'one' needs the slot {text}, once"),
        ({"guises": [guise("one") | {"text": "{text} is {word}"}]}, "'one' needs the slot {text}, once, and no other"),
        ({"guises": [guise("one") | {"attention": []}]}, "attention"),
        ({"decisions": [ruling("seat") | {"text": "May we?"}]}, "'seat' needs the slot {text}, once"),
        ({"decisions": [ruling("seat") | {"clear_no": ["No."]}]}, "decision 'seat' has 2 clear yes and 1 clear no"),
        ({"textes": []}, "field 'textes' is not known. Did you mean 'texts'?"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    pattern = message if "\\" in message else re.escape(message)
    with pytest.raises(ProbeError, match=pattern):
        load_probe(save(tmp_path, content() | change))


@pytest.mark.parametrize(
    ("card", "absent", "needed"),
    [
        (CARD, "words", "'association' needs guises and words"),
        (DECISIONS, "decisions", "'decision' needs decisions"),
    ],
)
def test_a_file_without_what_its_kind_asks_is_refused(
    tmp_path: Path, card: dict[str, object], absent: str, needed: str
) -> None:
    """An empty sample would be averaged to nothing, or pass as one that shows no lean."""
    with pytest.raises(ProbeError, match=needed):
        load_probe(save(tmp_path, content() | {absent: []}, card))


def test_traits_without_guises_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="'association' needs guises and words"):
        load_probe(save(tmp_path, content() | {"guises": []}))


@pytest.mark.parametrize(
    "groups",
    [{"voice": ["plain", "twisted", "sung"]}, {"voice": ["plain"]}, {"voice": ["a", "b"], "age": ["c", "d"]}],
)
def test_a_card_with_other_than_two_groups_is_refused(tmp_path: Path, groups: dict[str, list[str]]) -> None:
    with pytest.raises(ProbeError, match="sets the standard against one dialect"):
        load_probe(save(tmp_path, content(), {**CARD, "groups": groups}))


def test_a_kind_that_the_form_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match=r"field 'kind' is 'choice', and data\.format 'guises' holds probes of kind"):
        load_probe(save(tmp_path, content(), {**CARD, "kind": "choice"}))


def test_the_shipped_texts_are_complete_and_stand_in_one_place() -> None:
    traits, decisions = load_probe("dialect"), load_probe("dialect-decisions")
    for probe, per_text in ((traits, 2 * 6), (decisions, 3)):
        bias = [item for item in probe.items if item.role is Role.BIAS]
        assert set(Counter(item.cluster_id for item in bias).values()) == {per_text}
        assert set(Counter(item.tags["grammar"] for item in bias).values()) == {8 * per_text}
        assert len({item.cluster_id for item in bias}) == 120
    clusters = [{item.cluster_id for item in probe.items if item.role is Role.BIAS} for probe in (traits, decisions)]
    assert clusters[0] == clusters[1]


def test_the_shipped_pairs_differ_and_are_of_like_length() -> None:
    """A pair that differs much in length would be compared for its length."""
    for item in load_probe("dialect-decisions").items:
        assert isinstance(item.texts, DecisionTexts)
        if item.role is Role.BIAS:
            standard, dialect = item.texts.favoured.split(), item.texts.other.split()
            assert standard != dialect
            assert abs(len(standard) - len(dialect)) <= 3
