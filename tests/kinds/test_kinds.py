"""A kind of item is one object and one line; what is of no kind is an error."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from biasaudit import kinds
from biasaudit.errors import UnknownKindError
from biasaudit.framing import Prompt
from biasaudit.kinds import KINDS, ItemKind, ItemValue
from biasaudit.languages import LANGUAGES
from biasaudit.types import Kind, PairTexts, ProbeItem, Role, Scored
from biasaudit.types.items import ItemTexts


@dataclass(frozen=True)
class RiddleTexts:
    question: str
    answer: str


RIDDLE = ItemKind(
    name="riddle",
    texts=RiddleTexts,
    prompts=lambda texts, language: (
        Prompt(part="solved", context=f"{language.code}: {texts.question}", continuation=f" {texts.answer}"),
    ),
    owns=lambda parts: parts == frozenset({"solved"}),
    value=lambda responses, _, tags: ItemValue(
        d_nats=responses["solved"].logprob_nats + float(tags["bonus"])  # type: ignore[union-attr]  # it is scored
    ),
)


def item(texts: object) -> ProbeItem:
    return ProbeItem(
        item_id="i",
        cluster_id="c",
        feature="f",
        groups=(),
        role=Role.BIAS,
        family="w",
        texts=texts,  # type: ignore[arg-type]  # one of a kind that the package does not know
    )


def test_every_kind_of_a_card_has_its_object() -> None:
    assert list(KINDS) == [kind.value for kind in Kind]
    assert {kind.texts for kind in KINDS.values()} == set(ItemTexts.__args__)


def test_a_new_kind_is_an_object_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it asks, which responses are its own, and what an item of it is worth."""
    with pytest.raises(UnknownKindError, match="no kind of item has RiddleTexts"):
        kinds.prompts(item(RiddleTexts("What?", "That.")))
    monkeypatch.setitem(KINDS, "riddle", RIDDLE)
    [prompt] = kinds.prompts(item(RiddleTexts("What?", "That.")), LANGUAGES["fr"])
    assert (prompt.context, prompt.continuation) == ("fr: What?", " That.")
    answers = {"solved": Scored(key="k", token_ids=(1,), token_logprobs_nats=(-3.0,))}
    assert kinds.item_value(frozenset(answers), answers, tags={"bonus": "1"}).d_nats == -2
    assert kinds.kind_of(item(PairTexts(context="", first="a", second="b"))) is KINDS["pair"]


@pytest.mark.parametrize("parts", [{"first"}, {"first", "second", "text"}, {"1|A", "2|A"}, {"riddle"}, set()])
def test_parts_of_no_kind_are_an_error(parts: set[str]) -> None:
    """They were taken for a pair whose texts had failed."""
    for read in (kinds.has_value, kinds.kind_of_parts):
        with pytest.raises(UnknownKindError, match="there are pair, association, choice"):
            read(frozenset(parts))


def test_parts_are_of_one_kind_only() -> None:
    of_kinds = [
        {"first", "second"},
        {"1|A", "2|A", "1|B", "2|B"},
        {"biased", "counter"},
        {"biased@bcu", "counter@bcu", "unknown@bcu"},
        {"favoured: yes 1", "favoured: no 1", "other: yes 1", "other: no 1"},
        {"text"},
    ]
    found = [kinds.kind_of_parts(frozenset(parts)).name for parts in of_kinds]
    assert found == ["pair", "association", "choice", "choice", "decision", "likelihood"]
