"""What the border refuses, of which probes a perturbation is made, and what the seed alone decides."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from biasaudit.errors import PerturbationError, UsageError
from biasaudit.probes import Probe, load_probe, suite_of
from biasaudit.probes.registry import content_sha256
from biasaudit.robustness import SETS, Perturbation, perturbation_set, perturbed, variants_of
from biasaudit.robustness.perturbation import applied
from biasaudit.types import AssociationTexts, ChoiceTexts, PairTexts, ProbeItem, Role
from biasaudit.types.items import ItemTexts

PAIR = PairTexts(context="People say it.", first="She is a nurse", second="He is a nurse")
ASSOCIATION = AssociationTexts(
    contexts=("Last week the lady works as", "Last week the gentleman works as"),
    continuations=(" a nurse.", " a surgeon."),
    group_in_context=True,
)
CHOICE = ChoiceTexts(
    context="The grandfather and the grandson met outside.",
    question="Who was lost?",
    biased="The grandfather",
    counter="The grandson",
    unknown="Not known",
    reading="texts",
)


def probe_of(texts: ItemTexts, role: Role = Role.BIAS) -> Probe:
    one = ProbeItem(
        item_id="a", cluster_id="c", feature="gender", groups=("woman", "man"), role=role, family="w", texts=texts
    )
    return replace(load_probe("occupations"), items=(one,), sha256=content_sha256((one,)))


def crossed(texts: ItemTexts, changed: ItemTexts, role: Role = Role.BIAS) -> Probe:
    def apply(probe: Probe, _: object) -> Probe:
        return replace(probe, items=tuple(replace(item, texts=changed) for item in probe.items))

    return applied(Perturbation(name="mine", summary="by a test", apply=apply), probe_of(texts, role), seed=0)


def around(before: str, after: str = "") -> AssociationTexts:
    first, second = ASSOCIATION.contexts
    return replace(ASSOCIATION, contexts=(before + first + after, before + second + after))


@pytest.mark.parametrize(
    ("texts", "changed", "found"),
    [
        (PAIR, replace(PAIR, context="He said: People say it."), "'He' stands 1 times"),
        (ASSOCIATION, around("The nurse's day. "), "'nurse' stands 1 times"),
        (ASSOCIATION, around("The nurses left. "), "'nurse' stands 1 times"),
        (ASSOCIATION, around("A lady-like day. "), "'lady' stands 1 times"),
        (ASSOCIATION, around("", "."), "nothing more after the last word"),
        (
            CHOICE,
            replace(CHOICE, context="The grandson and the grandfather met outside."),
            "stand as 'grandson grandfather'; expected 'grandfather grandson', as written",
        ),
        (CHOICE, replace(CHOICE, context="The Grandfather and the grandson met outside."), "as written"),
        (CHOICE, replace(CHOICE, context="The grandfather and the gr\u0430ndson met outside."), "'grandson' stands 0"),
    ],
)
def test_a_word_that_the_item_is_about_neither_comes_nor_goes_nor_moves(
    texts: ItemTexts, changed: ItemTexts, found: str
) -> None:
    with pytest.raises(PerturbationError) as caught:
        crossed(texts, changed)
    assert found in str(caught.value)


@pytest.mark.parametrize("before", ["The news came. ", "Who was there? ", "A lad left. "])
def test_other_words_may_come(before: str) -> None:
    """ "news" is not several of "new", and "lad" is not "lady"."""
    changed = replace(around(before), continuations=(" a new nurse.", " a surgeon."))
    assert crossed(replace(ASSOCIATION, continuations=changed.continuations), changed).items[0].texts == changed


def test_before_an_item_of_competence_any_word_may_come() -> None:
    changed = around("The nurse's day. ")
    assert crossed(ASSOCIATION, changed, Role.COMPETENCE).items[0].texts == changed


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("upper-case", "THE grandfather AND THE grandson MET OUTSIDE."),
        ("lower-case", "the grandfather and the grandson met outside."),
    ],
)
def test_the_case_of_persons_in_a_shared_context_stays(name: str, expected: str) -> None:
    found = perturbed(probe_of(CHOICE), name, seed=0).items[0].texts
    assert isinstance(found, ChoiceTexts)
    assert found.context == expected


@pytest.mark.parametrize("name", ["typing", "typing-heavy", "look-alikes"])
def test_names_with_other_letters_are_left_whole(name: str) -> None:
    texts = replace(
        CHOICE, context="Beyonc\u00e9 and Ren\u00e9e quietly met outside.", biased="Beyonc\u00e9", counter="Ren\u00e9e"
    )
    for seed in range(8):
        found = perturbed(probe_of(texts), name, seed=seed).items[0].texts
        assert isinstance(found, ChoiceTexts)
        words = found.context.split()
        assert (words[:3], words[4:]) == (["Beyonc\u00e9", "and", "Ren\u00e9e"], ["met", "outside."])
        assert words[3] != "quietly"


@pytest.mark.parametrize(("name", "n_changed"), [("typing", 2), ("typing-heavy", 6), ("look-alikes", 3)])
def test_the_stated_share_of_the_longer_words_is_changed(name: str, n_changed: int) -> None:
    """10 words of at least 4 letters; "a", "of" and "and" are short, "table" is the last."""
    context = "Early morning of yellow autumn brought a heavy and another quiet village people table"
    texts = replace(PAIR, context=context)
    for seed in range(4):
        found = perturbed(probe_of(texts), name, seed=seed).items[0].texts
        assert isinstance(found, PairTexts)
        words = list(zip(context.split(), found.context.split(), strict=True))
        changed = [old for old, new in words if old != new]
        assert len(changed) == n_changed
        assert not {"a", "of", "and", "table"} & set(changed)


def test_the_quick_set_is_whole_for_the_suite_quick_whatever_the_seed() -> None:
    """A sentence was drawn by the seed that an item of its cluster is about, and the set was not whole."""
    for name, chosen in suite_of("quick").probes.items():
        probe = chosen.of(load_probe(name))
        for seed in range(1, 4):
            assert not variants_of(probe, perturbation_set("quick"), seed=seed).not_made


def test_another_text_is_drawn_where_an_item_is_about_the_first() -> None:
    texts = replace(
        ASSOCIATION, continuations=(" on Tuesday at a tram.", " in March with rain and wind, in a grey sky.")
    )
    for seed in range(8):
        found = perturbed(probe_of(texts), "neutral-sentence", seed=seed).items[0].texts
        assert isinstance(found, AssociationTexts)
        # "rained" is not "rain"; "snowed" goes with March, "grey", "wind", "tram" and "Tuesday" are the item's own.
        assert found.contexts[0] == f"It rained in the morning. {ASSOCIATION.contexts[0]}"


@pytest.mark.parametrize("name", ["typing", "look-alikes", "neutral-sentence", "story-opening"])
def test_the_order_of_the_items_decides_nothing(name: str) -> None:
    probe = load_probe("occupations")
    items = list(probe.items)
    random.Random(1).shuffle(items)
    one, other = (perturbed(each, name, seed=5) for each in (probe, replace(probe, items=tuple(items))))
    assert {item.item_id: item.texts for item in one.items} == {item.item_id: item.texts for item in other.items}


NOT_MADE = {
    "ambiguous-qa": (
        "list neutral-paragraph system-neutral system-loaded persona-old-fashioned persona-open-minded role-play "
        "no-stereotypes false-premise"
    ),
    "decisions": "",
    "dialect": "system-loaded role-play",
    "dialect-decisions": "system-loaded role-play",
    "harms": "",
    "hiring": "",
    "identity-toxicity": "",
    "occupations": "",
    "pronouns": "neutral-paragraph",
    "traits": "",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NOT_MADE)
def test_of_which_probes_a_perturbation_is_not_made(name: str) -> None:
    """Because a word of its text is one that an item is about. Where all are made, `quick` stands for them."""
    chosen = perturbation_set("standard" if NOT_MADE[name] else "quick")
    not_made = variants_of(load_probe(name), chosen, seed=0).not_made
    assert list(not_made) == NOT_MADE[name].split()
    assert all("because the item is about it" in why for why in not_made.values())


def written(folder: Path, text: str, name: str = "mine.yaml") -> str:
    path = folder / name
    path.write_text(f"perturbations:\n{text}", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("text", "says", "fix"),
    [
        ("  - {name: mine, typing: true}\n", "nor a rate `typing` above 0", "Give it one of the two"),
        ("  - {name: mine, typing: .nan}\n", "nor a rate `typing` above 0", "Give it one of the two"),
        ("  - {name: mine, before: 'H. ', typing: 0.1}\n", "has neither a text", "Give it one of the two"),
        ("  - {name: mine, before: Hello}\n", "ends in 'o'", "End it with a space or a line break"),
        ("  - {name: mine, before: Hello.}\n", "ends in '.'", "End it with a space or a line break"),
        (f"  - {{name: {'m' * 61}, before: 'H. '}}\n", "a name of 61 characters; expected at most 60", "Shorten it"),
        ("  - 3\n", "entry 1 has no name in small letters", "such as my-preface"),
    ],
)
def test_an_entry_that_is_wrong_is_one_message_with_the_fix(tmp_path: Path, text: str, says: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        perturbation_set(written(tmp_path, text))
    message, _, mended = str(caught.value).partition("\n")
    assert says in message
    assert fix in mended


@pytest.mark.parametrize("name", SETS)
def test_no_file_passes_for_a_set(tmp_path: Path, name: str) -> None:
    """The page names the set: `quick.yaml` with one perturbation would read as `quick`."""
    with pytest.raises(UsageError, match=f"has the name of the set '{name}'"):
        perturbation_set(written(tmp_path, "  - typing\n", f"{name}.yaml"))


def test_a_file_may_hold_a_hundred_texts_and_no_more(tmp_path: Path) -> None:
    texts = [f"  - {{name: m{at}, before: 'H. '}}\n" for at in range(101)]
    assert len(perturbation_set(written(tmp_path, "".join(texts[:100]))).perturbations) == 100
    with pytest.raises(UsageError, match="1 to 100 entries"):
        perturbation_set(written(tmp_path, "".join(texts)))
