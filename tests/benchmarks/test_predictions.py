from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import biasaudit
from biasaudit.cli.main import app
from biasaudit.errors import BiasauditError, ItemError, PredictionsError, UsageError
from biasaudit.probes import load_probe
from tests.probes.layouts.external.test_discrim_eval import cases, save
from tests.probes.sets import bbq_question, save_bbq, save_stereoset, stereoset_entry


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    return save_bbq(tmp_path, [bbq_question(n) for n in range(40)])


def save_lines(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def s_amb(folder: Path, path: Path) -> dict[str, object]:
    found = biasaudit.score("bbq", predictions=path, data_dir=folder)
    return dict(found.query("subset == 'age' and score == 's_AMB'").iloc[0])


@pytest.mark.parametrize(
    ("said", "value"),
    [("biased", 1), ("The Older one.", 1), ("counter", -1), ("Not known", 0), ("unknown", 0), ("c", 0), ("2", 0)],
)
def test_an_answer_may_be_said_in_several_ways(questions: Path, tmp_path: Path, said: str, value: int) -> None:
    """Only questions of one polarity, where the older person is the biased answer, at option 0."""
    rows: list[dict[str, object]] = [{"item_id": f"Age/{n}", "answer": said} for n in range(0, 40, 4)]
    row = s_amb(questions, save_lines(tmp_path / "p.jsonl", rows))
    assert (row["value"], row["n_items"], row["n_asked"]) == (value, 10, 20)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        *[(said, 1) for said in ("(A)", "A.", " a", "a)", "[A]", "( a )", "(a).", 0, 0.0, "0.0", "(0)", "0.")],
        *[(said, -1) for said in ("(B)", "B.", " b", 1, 1.0, "1.0", "1.00", "[1]", "b:")],
        *[(said, 0) for said in ("(C)", 2, 2.0)],
        *[(said, None) for said in (True, 1.5, "1.5", "AB", "A or B", "3", 3.0, -1, "", None, [1], "(", "A B")],
    ],
)
def test_a_letter_or_number_is_what_it_looks_like(
    questions: Path, tmp_path: Path, said: object, value: int | None
) -> None:
    """Option 0 is the older, biased one in these questions; what is no option stays unparsed, and is no answer."""
    rows: list[dict[str, object]] = [{"item_id": f"Age/{n}", "answer": said} for n in range(0, 40, 4)]
    row = s_amb(questions, save_lines(tmp_path / "p.jsonl", rows))
    assert row["status"] == ("not measured" if value is None else "ok")
    assert value is None or row["value"] == value


def test_a_text_in_brackets_is_taken_for_the_option_that_it_is(tmp_path: Path) -> None:
    """Where an option is itself written "(b)", an answer of these signs is that option, and no letter."""
    entries = [{**bbq_question(n), "ans0": "(b)", "ans1": "the other"} for n in range(40)]
    folder = save_bbq(tmp_path, entries)
    rows: list[dict[str, object]] = [{"item_id": f"Age/{n}", "answer": "(b)"} for n in range(0, 40, 4)]
    assert s_amb(folder, save_lines(tmp_path / "p.jsonl", rows))["value"] == 1


@pytest.mark.parametrize("letter", ["\u2028", "\x85", "\x0c", "\x1c"])
@pytest.mark.parametrize("ending", ["jsonl", "csv"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_predictions_are_lines_by_line_feed_alone_with_or_without_a_mark(
    questions: Path, tmp_path: Path, letter: str, ending: str, end: str
) -> None:
    path = tmp_path / f"p.{ending}"
    names = [f"Age/{n}" for n in range(0, 40, 4)]
    if ending == "jsonl":
        lines = [
            json.dumps({"item_id": name, "answer": "A", "note": f"x{letter}y"}, ensure_ascii=letter < " ")
            for name in names
        ]
    else:
        lines = ["item_id,answer,note", *(f'{name},(A),"x{letter}y"' for name in names)]
    path.write_bytes(b"\xef\xbb\xbf" + end.join(lines).encode() + end.encode())
    row = s_amb(questions, path)
    assert (row["value"], row["n_items"]) == (1, 10)


def test_numbers_and_letters_follow_the_order_of_the_source(questions: Path, tmp_path: Path) -> None:
    """Option 0 is the biased one in questions of one polarity and the other one in the others: 0 in all."""
    rows: list[dict[str, object]] = [{"item_id": f"Age/{n}", "answer": "A"} for n in range(0, 40, 2)]
    assert s_amb(questions, save_lines(tmp_path / "p.jsonl", rows))["value"] == 0


def test_what_cannot_be_read_is_unparsed_and_a_run_of_it_is_not_measured(questions: Path, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"item_id": f"Age/{n}", "answer": "I think so"} for n in range(40)]
    path = save_lines(tmp_path / "p.jsonl", rows)
    assert s_amb(questions, path)["status"] == "not measured"
    result = CliRunner().invoke(app, ["score", "bbq", "--predictions", str(path), "--data-dir", str(questions)])
    assert "not measured" in result.stdout
    assert result.exit_code == 3, "no evidence never ends with 0"


def test_scores_of_parts_are_read_from_a_table(questions: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    lines = ["item_id,part,score"]
    for number in range(0, 40, 2):
        lines += [f"Age/{number},biased,-2.5", f"Age/{number},counter,-1.5", f"Age/{number},unknown,-3.5"]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert s_amb(questions, path)["value"] == -1


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"item_id": "Age/999", "answer": "A"}, "item_id"),
        ({"item_id": "Age/0", "part": "middle", "score": -1}, "part"),
        ({"item_id": "Age/0", "part": "biased", "score": "high"}, "score"),
        ({"item_id": "Age/0", "part": "biased", "score": float("nan")}, "score"),
        ({"item_id": "Age/0", "part": "biased"}, "score"),
        ({"item_id": "Age/0", "part": "biased", "score": 0.5}, "score"),
        ({"item_id": "Age/0", "part": "biased", "score": False}, "score"),
        ({"item_id": "Age/0", "part": "biased", "score": -(10**400)}, "score"),
        ({"item_id": "Age/0", "part": "biased", "score": "-1_0"}, "score"),
        ({"item_id": "Age/2", "answer": "B"}, "item_id"),
    ],
)
def test_a_wrong_row_is_named(questions: Path, tmp_path: Path, row: dict[str, object], field: str) -> None:
    path = save_lines(tmp_path / "p.jsonl", [{"item_id": "Age/2", "answer": "A"}, row])
    with pytest.raises(ItemError) as caught:
        biasaudit.score("bbq", predictions=path, data_dir=questions)
    assert (caught.value.line, caught.value.field) == (2, field)


@pytest.mark.parametrize(
    "content", ["{", "[1]\n", "", "\x00\xff", '{"item_id": ' + "9" * 5000 + "}", "[" * 5000, '{"item_id": "\\ud800"}']
)
def test_a_file_that_is_no_predictions_is_refused(questions: Path, tmp_path: Path, content: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(BiasauditError):
        biasaudit.score("bbq", predictions=path, data_dir=questions)
    with pytest.raises(PredictionsError, match="no such file"):
        biasaudit.score("bbq", predictions=tmp_path / "absent.jsonl", data_dir=questions)


@pytest.mark.parametrize("content", ["[]", "{}", '{"intrasentence": [{"id": "x"}]}', "{"])
def test_stereosets_own_form_is_checked(tmp_path: Path, content: str) -> None:
    folder = save_stereoset(tmp_path, [stereoset_entry(n) for n in range(6)], [])
    path = tmp_path / "p.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PredictionsError):
        biasaudit.score("stereoset", predictions=path, data_dir=folder)


def test_a_probe_without_published_scores_says_which_have_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no published score"):
        biasaudit.score("occupations", predictions=tmp_path / "p.jsonl")


def test_the_command_writes_what_it_prints(questions: Path, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"item_id": f"Age/{n}", "answer": "biased"} for n in range(40)]
    path, table = save_lines(tmp_path / "p.jsonl", rows), tmp_path / "scores.csv"
    command = ["score", "bbq", "--predictions", str(path), "--data-dir", str(questions), "--csv", str(table)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0
    assert "s_AMB" in result.stdout
    assert "age,s_AMB,ok,1.0" in table.read_text()


def test_an_option_without_a_prediction_leaves_the_question_unanswered(questions: Path, tmp_path: Path) -> None:
    """One option of three would win against nothing."""
    rows: list[dict[str, object]] = [{"item_id": f"Age/{n}", "part": "biased", "score": -1.0} for n in range(0, 40, 2)]
    row = s_amb(questions, save_lines(tmp_path / "p.jsonl", rows))
    assert (row["status"], row["n_items"], row["n_asked"]) == ("not measured", 0, 20)


def test_an_empty_answer_in_a_table_is_unparsed(questions: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("item_id,answer\n" + "".join(f"Age/{n},{'' if n else 'A'}\n" for n in range(0, 40, 4)))
    row = s_amb(questions, path)
    assert (row["value"], row["n_items"]) == (None, 1) or (row["status"], row["n_items"]) == ("too few clusters", 1)


def test_a_decision_with_half_its_words_is_not_scored(tmp_path: Path) -> None:
    """p(yes) without p(no) decides nothing; the case may be answered by another item."""
    folder = save(tmp_path, cases(5))
    item = load_probe("discrim-eval", data_dir=folder).items[0]
    rows: list[dict[str, object]] = [{"item_id": item.item_id, "part": "other: yes 1", "score": -1.0}]
    found = biasaudit.score(
        "discrim-eval", predictions=save_lines(tmp_path / "p.jsonl", rows), data_dir=folder
    ).set_index("score")
    assert found.loc["female", "status"] == "not measured"
    assert found.loc["option mass", "n_items"] == 0


def test_perplexities_beyond_every_number_are_not_estimable(published_data: Path, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"item_id": f"race/{n}", "part": part, "score": -5000.0 - n}
        for n in range(1, 9)
        for part in ("first", "second")
    ]
    found = biasaudit.score(
        "redditbias", predictions=save_lines(tmp_path / "p.jsonl", rows), data_dir=published_data
    ).set_index("subset")
    assert set(found.loc[["race"], "status"]) == {"not estimable"}
    assert set(found.loc[["gender"], "status"]) == {"not measured"}
