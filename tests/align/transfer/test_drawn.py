"""What of the contrasts is asked, and which way each pair of words is turned."""

from __future__ import annotations

import pytest

from biasaudit.align.contrasts.sets import Contrasts, GroupPair, Template, WordPair
from biasaudit.align.transfer import drawn
from biasaudit.types import AssociationTexts

HER = GroupPair(feature="gender", a="she", b="he")
AUNT = GroupPair(feature="gender", a="my aunt", b="my uncle")
OLD = GroupPair(feature="age", a="an old one", b="a young one")
WELDER = WordPair(feature="gender", first="a welder", second="a midwife")
PLUMBER = WordPair(feature="gender", first="a plumber", second="a maid", split="development")
GAMER = WordPair(feature="age", first="a gamer", second="a gardener", split="development")


def template(name: str, split: drawn.Split, *, features: tuple[str, ...] = ("gender", "age")) -> Template:
    return Template(
        id=name, order="group_first", split=split, text=f"{{group}} is {{word}} in {name}.", features=features
    )


CONTRASTS = Contrasts(
    templates=(template("town", "train"), template("port", "train"), template("hall", "development")),
    groups=(HER, OLD),
    words=(WELDER, PLUMBER, GAMER),
)
SEEN = drawn.Seen(features=frozenset({"gender"}), groups=frozenset({"she", "he"}))


def tables(contrasts: Contrasts = CONTRASTS, *, size: drawn.Size | None = None) -> tuple[drawn.Drawn, ...]:
    return drawn.drawn(contrasts, seen=SEEN, size=size or drawn.Size(), seed=0)


def all_turned(chosen: tuple[drawn.Drawn, ...], *, turned: bool) -> dict[tuple[drawn.Pairing, str], bool]:
    return {(one.pairing, one.template.split): turned for one in chosen}


def test_each_template_is_asked_with_each_pair_of_words_that_it_takes() -> None:
    """Three templates; of gender two pairs of words, of age one: 3 x 2 + 3."""
    assert len(tables()) == 9
    assert {(one.template.id, one.words.first) for one in tables() if one.feature == "age"} == {
        (name, "a gamer") for name in ("town", "port", "hall")
    }


def test_the_size_bounds_templates_of_each_split_and_words_of_each_split() -> None:
    """One template of either split, and one pair of words of either: 2 x 2 of gender, 2 x 1 of age."""
    assert len(tables(size=drawn.Size(templates=1, words=1))) == 6


def test_a_pair_of_words_is_turned_by_the_templates_of_the_other_split() -> None:
    """In training templates d is -1 and +3, +1 on the mean: held-out templates are turned by that, not by their -2."""
    welder = [one for one in tables() if one.words == WELDER]
    by_template = {"town": -1.0, "port": 3.0, "hall": -2.0}
    d = {one.item(turned=False).item_id: by_template[one.template.id] for one in welder}
    pairing = welder[0].pairing
    assert drawn.directions(welder, d) == {(pairing, "development"): False, (pairing, "train"): True}


def test_a_turned_item_has_its_words_exchanged_and_its_groups_in_place() -> None:
    one = next(one for one in tables() if one.words == WELDER and one.template.id == "town")
    straight, turned = (one.item(turned=way) for way in (False, True))
    assert straight.texts == AssociationTexts(
        contexts=("She is", "He is"), continuations=(" a welder in town.", " a midwife in town."), group_in_context=True
    )
    assert turned.texts == AssociationTexts(
        contexts=("She is", "He is"), continuations=(" a midwife in town.", " a welder in town."), group_in_context=True
    )
    assert (straight.item_id, straight.tags["words"]) == (turned.item_id, turned.tags["words"])


def test_the_parts_are_told_apart_by_what_was_trained() -> None:
    chosen = tables()
    found = drawn.probes(chosen, all_turned(chosen, turned=False), trained=["gender"], source="file")
    sizes = {
        probe.card.id: {feature: sum(item.feature == feature for item in probe.items) for feature in probe.card.groups}
        for probe in found
    }
    assert sizes == {
        "trained-templates-trained-words": {"gender": 2},
        "new-templates-trained-words": {"gender": 1},
        "trained-templates-new-words": {"gender": 2},
        "new-templates-new-words": {"gender": 1, "age": 1},
        "new-group-first": {"gender": 1},
    }


def test_without_a_card_every_feature_has_every_part() -> None:
    """Age has no training words here, so that two of its parts are empty; the others are there."""
    chosen = drawn.drawn(CONTRASTS, seen=None, size=drawn.Size(), seed=0)
    found = drawn.probes(chosen, all_turned(chosen, turned=False), trained=None, source="file")
    of_age = {probe.card.id for probe in found if "age" in probe.card.groups}
    assert of_age == {"trained-templates-new-words", "new-templates-new-words", "new-group-first"}


def test_groups_that_were_not_trained_are_a_part_of_their_own() -> None:
    """Of a feature that was trained: of another, no group was, and that is no news."""
    with_aunt = Contrasts(templates=CONTRASTS.templates, groups=(HER, AUNT, OLD), words=CONTRASTS.words)
    chosen = tables(with_aunt)
    found = drawn.probes(chosen, all_turned(chosen, turned=False), trained=["gender"], source="file")
    groups = {probe.card.id: set(probe.card.groups.get("gender", ())) for probe in found}
    assert groups["new-groups"] == {"my aunt", "my uncle"}
    assert groups["new-templates-new-words"] == {"she", "he"}
    assert [set(probe.card.groups) for probe in found if probe.card.id == "new-groups"] == [{"gender"}]


def test_what_has_no_direction_is_left_out_and_told() -> None:
    chosen = tables()
    turned = {key: way for key, way in all_turned(chosen, turned=False).items() if "a plumber" not in key[0]}
    [both] = drawn.probes(chosen, turned, trained=["gender"], source="file", names=["new-templates-new-words"])
    assert {item.feature for item in both.items} == {"age"}
    assert both.notices[0].startswith("Of held-out templates, held-out words, 1 of 2 items are left out")


@pytest.mark.parametrize("d", [{}, "zero"])
def test_a_base_that_was_not_scored_or_leans_neither_way_gives_no_direction(d: object) -> None:
    welder = [one for one in tables() if one.words == WELDER]
    values = {one.item(turned=False).item_id: 0.0 for one in welder} if d == "zero" else {}
    assert drawn.directions(welder, values) == {}


def test_both_sentence_forms_are_asked_by_turns() -> None:
    """Of four templates of one form and two of the other, four are half and half."""
    several = [template(f"g{number}", "train", features=("gender",)) for number in range(4)]
    others = [
        Template(
            id=f"w{number}",
            order="word_first",
            split="train",
            text="Ask {word} where {group} is.",
            features=("gender",),
        )
        for number in range(2)
    ]
    contrasts = Contrasts(templates=(*several, *others), groups=(HER,), words=(WELDER,))
    chosen = tables(contrasts, size=drawn.Size(templates=4, words=1))
    assert sorted(one.template.order for one in chosen) == ["group_first"] * 2 + ["word_first"] * 2
