"""A kind of item is one object and one line; what is of no kind is an error."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from biasaudit import kinds
from biasaudit.errors import ItemError, ProbeError, UnknownKindError
from biasaudit.kinds import KINDS, ItemKind, Words
from biasaudit.probes import Probe, limited, load_probe
from biasaudit.report import render_html
from biasaudit.report.parts.item_form import item_texts
from biasaudit.testing import choosing, leaning, scripted_audit
from biasaudit.types import ItemTexts, PairTexts, ProbeItem, Role, Scored
from biasaudit.validity import findings

if TYPE_CHECKING:
    from collections.abc import Iterator


PAGE = Path(__file__).parents[2] / "docs" / "kinds.md"
[EXAMPLE] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
SPACE: dict[str, Any] = {"__name__": __name__}  # Any: what the example makes
exec(compile(EXAMPLE, PAGE, "exec"), SPACE)  # our own page
RIDDLE: ItemKind[Any] = replace(SPACE["RIDDLE"], probabilities=lambda responses, _: dict.fromkeys(responses, 0.25))
RIDDLE = replace(RIDDLE, words=replace(RIDDLE.words, answers={"his": "He is the answer"}))


def item(texts: ItemTexts) -> ProbeItem:
    return ProbeItem(item_id="i", cluster_id="c", feature="f", groups=(), role=Role.BIAS, family="w", texts=texts)


WHAT = SPACE["RiddleTexts"](question="What?", answers=("He.", "She."))


def rows() -> Iterator[dict[str, object]]:
    for cluster in range(8):
        for number in range(6):
            yield {
                "id": f"{cluster}-{number}", "cluster": f"c{cluster}", "feature": "gender", "groups": ["man", "woman"],
                "family": f"wording {cluster % 2}", "question": f"Who is it, {cluster} of {number}?",
                "answers": ["The boy.", "The girl."],
            }  # fmt: skip


class TestInAFolder:
    CARD: ClassVar = {
        "id": "riddles", "name": "Riddles", "version": "1", "kind": "riddle", "language": "en",
        "groups": {"gender": ["man", "woman"]}, "construct": "Who is taken for the answer.", "harm": "None.",
        "positive_index": "He is.", "clusters": "designed", "licence": "CC0-1.0", "citation": "None.",
        "known_defects": ["It is made up."], "not_shown": "Anything else.",
        "data": {"format": "items", "file": "items.jsonl"},
    }  # fmt: skip

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "card.yaml").write_text(json.dumps(self.CARD), encoding="utf-8")
        (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
        return tmp_path

    @pytest.fixture
    def probe(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Probe:
        monkeypatch.setitem(KINDS, "riddle", RIDDLE)
        return load_probe(str(folder))

    def test_a_card_of_an_unknown_kind_is_refused(self, folder: Path) -> None:
        with pytest.raises(
            ProbeError, match=r"field 'kind': Input should be 'pair', .* or 'likelihood' .found 'riddle'"
        ):
            load_probe(str(folder))

    def test_a_wrong_line_is_told_in_the_fields_of_the_new_kind(self, folder: Path, probe: Probe) -> None:
        (folder / "items.jsonl").write_text(json.dumps({**next(rows()), "answer": "He."}), encoding="utf-8")
        with pytest.raises(ItemError, match="answers, cluster, family, feature, groups, id, question, role, tags"):
            load_probe(str(folder))
        assert len(probe.items) == 48

    def test_a_new_kind_is_checked_in_its_own_words(self, probe: Probe) -> None:
        found = {finding.code: finding.message for finding in findings(probe)}
        assert found["no-competence"].endswith("Add a riddle whose answer is known.")
        assert "equal-variants" not in found

    @pytest.mark.slow
    def test_a_new_kind_is_audited_from_its_card_to_the_page(self, probe: Probe, tmp_path: Path) -> None:
        """The package is as it was: one object, one line. d falls from 2 to 1: tanh(1/2) - tanh(1/4) = 0.217."""
        audit = scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=[probe], out=tmp_path / "audit")
        [row] = audit.comparisons.query("metric == 'graded'").to_dict("records")
        assert (round(row["reduction"], 3), row["verdict"]) == (0.217, "reduced")
        index = audit.estimates.query("metric == 'index'").set_index("checkpoint")["value"]
        assert index.round(3).to_dict() == {"base": 0.462, "tuned": 0.245}  # graded, as the kind says
        page = render_html(audit)
        assert "By riddles; 48 items in 8 clusters." in page
        assert "no riddle probe was asked" not in page

    @pytest.mark.slow
    def test_what_no_probe_of_a_new_kind_could_say_is_said(self, probe: Probe) -> None:
        audit = scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=["occupations"])
        assert probe.card.kind == "riddle"
        assert "whom it takes for the answer: no riddle probe was asked" in render_html(audit)

    def test_items_of_a_new_kind_are_shown_under_its_labels(self, probe: Probe) -> None:
        """They turn: the strongest are shown, with what the model made of them."""
        audit = scripted_audit(leaning("base", 2.0), leaning("tuned", -1.0), probes=[probe])
        page = render_html(audit)
        for label in ("Riddle", "His answer", "Her answer", "He is the answer"):
            assert f">{label}<" in page


def test_every_kind_has_texts_of_its_own() -> None:
    """By their fields they are read back from an audit."""
    assert {kind.name: name for name, kind in KINDS.items()} == {name: name for name in KINDS}
    assert len({frozenset(field.name for field in fields(kind.texts)) for kind in KINDS.values()}) == len(KINDS)


def test_a_new_kind_is_an_object_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it asks, which responses are its own, and what an item of it is worth."""
    with pytest.raises(UnknownKindError, match="no kind of item has RiddleTexts"):
        kinds.prompts(item(WHAT))
    monkeypatch.setitem(KINDS, "riddle", RIDDLE)
    prompts = kinds.prompts(item(WHAT))
    assert [(prompt.context, prompt.continuation) for prompt in prompts] == [
        ("What?", " He."),
        ("What?", " She."),
    ]
    nats = {"his": -3.0, "hers": -1.0}
    answers = {part: Scored(key="k", token_ids=(1,), token_logprobs_nats=(value,)) for part, value in nats.items()}
    assert kinds.item_value(frozenset(answers), answers).d_nats == -2
    assert kinds.kind_of(item(PairTexts(context="", first="a", second="b"))) is KINDS["pair"]
    assert kinds.texts_of(json.loads(json.dumps(asdict(WHAT)))) == WHAT


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


@pytest.mark.parametrize(
    "content",
    [
        {"context": "", "first": "a"},
        {"context": "", "first": "a", "second": None},
        {"context": "", "first": "a", "second": 1.0},
        {"contexts": ["a"], "continuations": ["c", "d"], "group_in_context": True},
        {"contexts": ["a", "b"], "continuations": ["c", "d"], "group_in_context": "yes"},
        {"contexts": "ab", "continuations": ["c", "d"], "group_in_context": True},
        {"context": "a", "question": "b", "biased": "c", "counter": "d", "unknown": None, "reading": "aloud"},
        {"favoured": "a", "other": "b", "reply": "", "yes": [" yes", 1], "no": []},
    ],
)
def test_texts_that_are_none_are_not_taken_for_some(content: dict[str, object]) -> None:
    """Files of an audit come from strangers."""
    assert kinds.texts_of(content) is None


def test_texts_come_back_as_they_were() -> None:
    assert kinds.texts_of(
        {"context": "a", "question": "b", "biased": "c", "counter": "d", "unknown": None, "reading": "letters"}
    ) == KINDS["choice"].texts(context="a", question="b", biased="c", counter="d", unknown=None, reading="letters")
    assert kinds.texts_of({"favoured": "a", "other": "b", "reply": "", "yes": [" yes", " Yes"], "no": [" no"]}) == (
        KINDS["decision"].texts(favoured="a", other="b", reply="", yes=(" yes", " Yes"), no=(" no",))
    )


@pytest.mark.slow
def test_a_kind_with_more_fields_takes_no_texts_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor the labels of its answers: names of one kind may be those of another."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Wider(PairTexts):
        third: str

    wider = ItemKind(
        name="wider",
        texts=Wider,
        prompts=lambda *_: (),
        owns=lambda _: False,
        words=Words(labels={"third": "Third"}, answers={"biased": "Mine"}),
    )
    monkeypatch.setitem(KINDS, "wider", wider)
    assert [text.label for text in item_texts('{"context": "", "first": "a", "second": "b"}')] == [
        "Stereotyping",
        "Other",
    ]
    few = limited(load_probe("ambiguous-qa"), 40, seed=0)
    audit = scripted_audit(choosing("base", lambda _: "biased"), choosing("tuned", lambda _: "counter"), probes=[few])
    assert "Mine" not in render_html(audit)
