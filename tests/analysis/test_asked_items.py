"""What was asked and what came of it, put together once."""

from __future__ import annotations

import json
from itertools import product

import pandas as pd
import pytest

from biasaudit.analysis.asked_items import StoredTexts, asked_items
from biasaudit.errors import AlteredAuditError, UnknownKindError
from biasaudit.kinds import KINDS
from biasaudit.types import Failed, Role, Scored

ARMS = tuple(product(("base", "tuned"), ("chat-1", "plain")))


def item_row(item_id: str, **changes: object) -> dict[str, object]:
    return {
        "probe": "mini",
        "item_id": item_id,
        "kind": "pair",
        "cluster_id": f"c-{item_id}",
        "feature": "gender",
        "groups": "woman | man",
        "role": "bias",
        "family": "f",
        "texts": json.dumps({"context": "", "first": "a", "second": "b"}),
        "tags": json.dumps({"direction": "stereo"}),
        **changes,
    }


def response_row(checkpoint: str, framing_id: str, item_id: str, part: str, **changes: object) -> dict[str, object]:
    return {
        "checkpoint": checkpoint,
        "framing_id": framing_id,
        "probe": "mini",
        "item_id": item_id,
        "part": part,
        "key": f"key of {item_id} {part}",
        "status": "ok",
        "reason": None,
        "token_ids": None,
        "token_logprobs_nats": [-1.0, -0.5],
        **changes,
    }


def both(*item_ids: str) -> list[dict[str, object]]:
    return [response_row(*arm, item_id, part) for arm in ARMS for item_id in item_ids for part in ("first", "second")]


def test_an_item_has_its_facts_and_its_responses_in_every_arm() -> None:
    """By hand: two items in two checkpoints and two wordings are eight, an arm after the other."""
    found = asked_items(pd.DataFrame([item_row("a"), item_row("b")]), pd.DataFrame(both("a", "b")))
    assert [(one.checkpoint, one.framing_id, one.item_id) for one in found] == [(*arm, i) for arm in ARMS for i in "ab"]
    one = found[3]
    assert (one.probe, one.cluster_id, one.feature, one.family, one.role) == ("mini", "c-b", "gender", "f", Role.BIAS)
    assert (one.groups, one.tags, one.kind) == (("woman", "man"), {"direction": "stereo"}, KINDS["pair"])
    assert one.texts.content() == {"context": "", "first": "a", "second": "b"}
    scored = Scored(key="key of b first", token_ids=(), token_logprobs_nats=(-1.0, -0.5))
    assert one.responses["first"] == scored
    assert one.nats("second") == -1.5


def test_the_order_of_the_rows_changes_nothing() -> None:
    """A table that was sorted by another program gives the same numbers to the last digit."""
    items, responses = pd.DataFrame([item_row("a"), item_row("b")]), pd.DataFrame(both("a", "b"))
    turned = asked_items(items, responses.iloc[::-1])
    assert [(one.checkpoint, one.framing_id, one.item_id, dict(one.responses)) for one in turned] == [
        (one.checkpoint, one.framing_id, one.item_id, dict(one.responses)) for one in asked_items(items, responses)
    ]


def test_a_request_that_failed_is_a_response_with_its_reason() -> None:
    failed = response_row("base", "plain", "a", "first", status="failed", reason="too long", token_logprobs_nats=None)
    rows = [failed, response_row("base", "plain", "a", "second")]
    [one] = asked_items(pd.DataFrame([item_row("a")]), pd.DataFrame(rows))
    assert one.responses["first"] == Failed(key="key of a first", reason="too long")
    assert one.nats("first") is None
    assert one.kind is KINDS["pair"]


def test_an_item_that_an_arm_did_not_answer_is_asked_there_and_of_no_kind() -> None:
    """It counts among those that were asked for; an item without a probe in the arm does not."""
    items = pd.DataFrame([item_row("a"), item_row("b"), item_row("c", probe="another")])
    first, second = asked_items(items, pd.DataFrame(both("a")[:2]))
    assert (first.item_id, second.item_id) == ("a", "b")
    assert (dict(second.responses), second.kind) == ({}, None)


def test_a_response_to_no_item_is_left_out() -> None:
    found = asked_items(pd.DataFrame([item_row("a")]), pd.DataFrame(both("a", "b")))
    assert {one.item_id for one in found} == {"a"}


def test_nothing_asked_is_nothing_put_together() -> None:
    items, responses = pd.DataFrame([item_row("a")]), pd.DataFrame(both("a"))
    assert asked_items(items, responses.iloc[:0]) == asked_items(items.iloc[:0], responses) == ()


def test_items_without_groups_name_none() -> None:
    """One empty name would be a group."""
    one, *_ = asked_items(pd.DataFrame([item_row("a", groups="")]), pd.DataFrame(both("a")))
    assert one.groups == ()


def test_parts_of_no_kind_are_an_error() -> None:
    with pytest.raises(UnknownKindError, match="first"):
        asked_items(pd.DataFrame([item_row("a")]), pd.DataFrame([response_row("base", "plain", "a", "first")]))


@pytest.mark.parametrize(
    ("column", "value"), [("tags", "{"), ("tags", "[" * 100_000), ("role", "biased")], ids=["tags", "deep", "role"]
)
def test_facts_that_cannot_be_read_are_told_with_their_item(column: str, value: str) -> None:
    """Whoever altered the table hears of the row, not of a decoder."""
    with pytest.raises(AlteredAuditError, match=r"items\.parquet: item 'a' of probe 'mini' cannot be read"):
        asked_items(pd.DataFrame([item_row("a", **{column: value})]), pd.DataFrame(both("a")))


def test_texts_are_read_when_they_are_asked_for_and_once() -> None:
    """Most tables need none of them, and an unreadable text spoils no number."""
    items = pd.DataFrame([item_row("a", texts="no JSON"), item_row("b"), item_row("c", texts=None)])
    unreadable, stored, left_out = asked_items(items, pd.DataFrame(both("a", "b", "c")[:6]))
    assert stored.texts.content() is stored.texts.content()
    assert left_out.texts.content() is None
    with pytest.raises(ValueError, match="Expecting value"):
        unreadable.texts.content()


def test_the_texts_of_an_item_are_read_once_for_all_arms() -> None:
    found = asked_items(pd.DataFrame([item_row("a")]), pd.DataFrame(both("a")))
    first, *others = (one.texts.content() for one in found)
    assert len(others) == len(ARMS) - 1
    assert all(other is first for other in others)


@pytest.mark.parametrize("left_out", [None, float("nan"), 3])
def test_what_is_no_text_holds_nothing(left_out: object) -> None:
    """Parquet gives a missing text back as None, pandas as NaN."""
    assert StoredTexts(left_out).content() is None
