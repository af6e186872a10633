"""The table after an audit: the report's first picture in letters, at any width, whole words only."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import biasaudit
from biasaudit.cli import terminal
from biasaudit.cli.verdicts import print_verdicts
from biasaudit.facade import Audit
from biasaudit.record.siblings import told_headlines
from biasaudit.report.sections.first.elsewhere import CHANGED
from biasaudit.report.words.shares import left_out, sentence
from biasaudit.report.words.wording import VERDICT_SYMBOLS
from biasaudit.testing import leaning, scripted_audit
from tests.cli.test_verdicts import around, probe

REPORTS = Path(__file__).parents[2] / "reports"
SAMPLES = ("gemma-3-270m-demo", "gemma-3-270m-pair", "gemma-3-270m-suite")
UNREADABLE = {"not interpretable", "not measured"}
PROBES = {
    5: ["occupations", "traits"],  # changed, unchanged
    10: ["crows-pairs", "occupations"],
    20: ["traits", "harms", "occupations", "dialect"],  # changed, undecided, unchanged: 0.023 moved more than 0.012
}
"""By the number of rows of a sample, its probes in the order of the page."""
SIGNS = "".join(VERDICT_SYMBOLS.values())

Printed = Callable[..., str]


@pytest.fixture(scope="module", params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> Audit:
    """A published sample, with one answer: where there are siblings, as if they were stages."""
    found = biasaudit.open_audit(REPORTS / request.param)
    return replace(found, manifest=replace(found.manifest, plan={**found.manifest.plan, "siblings": False}))


@pytest.fixture(scope="module")
def demo() -> Audit:
    return biasaudit.open_audit(REPORTS / SAMPLES[0])


@pytest.fixture(scope="module")
def pair() -> Audit:
    """One in both framings, so that the report has more contrasts than the answer's."""
    return biasaudit.open_audit(REPORTS / SAMPLES[1])


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Printed:
    """Prints the verdicts in a terminal of so many columns; None is a pipe."""

    def shown(audit: Audit, width: int | None = 80, **environment: str) -> str:
        for name in ("COLUMNS", "LC_ALL", "LANG", "PYTHONIOENCODING", "PYTHONUTF8", "NO_COLOR"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        if width is not None:
            monkeypatch.setenv("COLUMNS", str(width))
        capsys.readouterr()
        print_verdicts(audit)
        return capsys.readouterr().out

    return shown


def declared(audit: Audit) -> list[tuple[str, str, str]]:
    """Probe, feature and verdict of the cells that the headline is about."""
    first, table = audit.headlines[0], audit.comparisons
    rows = table[
        (table["tuned"] == first.tuned) & (table["contrast"] == first.contrast) & (table["metric"] == "graded")
    ]
    rows = rows[rows["declared"]]
    return list(zip(rows["probe"], rows["feature"], rows["verdict"], strict=True))


def rows_of(text: str) -> list[tuple[str, str, str]]:
    """Probe, feature and verdict of the rows of a printed table."""
    found, probe = [], ""
    for line in text.splitlines():
        row = re.match(rf"  [{re.escape(SIGNS)}] ([^\s,]+(?: [^\s,]+)*?)(?:,| ) *(\S+?):?(?: +[+-]?\d| *$| base)", line)
        if row is not None:
            found.append((probe, row[2], row[1]))
        elif re.fullmatch(r"[\w-]+", line):
            probe = line
    return found


@pytest.mark.parametrize("width", [170, 80, 60, None])
def test_its_rows_are_those_of_the_picture_that_can_be_interpreted(
    sample: Audit, printed: Printed, width: int | None
) -> None:
    """Declared cells of the headline's contrast; pooled ones, which are no cells of their own, have no row."""
    readable = [row for row in declared(sample) if row[2] not in UNREADABLE]
    found = rows_of(printed(sample, width))
    assert sorted(found) == sorted(readable)
    assert [probe for probe, _ in itertools.groupby(probe for probe, *_ in found)] == PROBES[len(found)]


def test_in_a_probe_what_changed_stands_first_and_then_what_moved_most(printed: Printed, sample: Audit) -> None:
    """As in the picture: a reader who stops after three lines has seen what matters."""
    moves = {
        (row["probe"], row["feature"]): abs(row["first_value"] - row["second_value"])
        for _, row in sample.comparisons.query("metric == 'graded' and declared").iterrows()
        if (row["tuned"], row["contrast"]) == (sample.headlines[0].tuned, sample.headlines[0].contrast)
    }
    for _, rows in itertools.groupby(rows_of(printed(sample, None)), key=lambda row: row[0]):
        found = [(verdict in CHANGED, moves[probe, feature]) for probe, feature, verdict in rows]
        assert found == sorted(found, reverse=True)


def test_what_cannot_be_interpreted_is_counted_with_its_reason(printed: Printed) -> None:
    """33 of the suite: a model of this size decides at chance, and is not shown to read what it is asked."""
    suite = biasaudit.open_audit(REPORTS / SAMPLES[2])
    text = printed(suite, None)
    counts = re.findall(r"^(\d+) comparisons? not interpretable \((.*?)\): ", text, re.MULTILINE)
    unread = [probe for probe, _, verdict in declared(suite) if verdict == "not interpretable"]
    assert sum(int(count) for count, _ in counts) == len(unread) == 33
    assert any(f"decisions\u00a0{unread.count('decisions')}" in probes for _, probes in counts)
    assert "the base is not shown to read it better than by guessing" in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 170])
def test_no_line_is_longer_than_the_terminal_and_no_word_is_torn(sample: Audit, printed: Printed, width: int) -> None:
    """Every word stands in the pipe's text, which is not broken at all."""
    text, whole = printed(sample, width), printed(sample, None)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    headings = {"items", "p", "of", "|B|,", "corrected", "(95", "%", "interval)"}
    for word in set(text.split()) - headings:
        # A number only a wide table has is none of the words; of the others, none may be a part of one.
        assert re.fullmatch(r"[(+-]*\d[\d.,]*\)?", word) or re.search(rf"(?<!\S){re.escape(word)}[:,]?(?!\S)", whole)


def test_at_80_columns_it_is_a_table_with_the_verdict_first_and_numbers_aligned(printed: Printed, demo: Audit) -> None:
    lines = printed(demo, 80).splitlines()
    heading = next(line for line in lines if line.lstrip().startswith("verdict"))
    assert heading.split() == ["verdict", "feature", "base", "tuned", "change", "(95", "%", "interval)", "items"]
    row = next(line for line in lines if "religion" in line)
    # As reports/gemma-3-270m-demo/report.md has them.
    assert row.split() == [
        "?",
        "inconclusive",
        "religion",
        "+0.23",
        "+0.21",
        "+0.02",
        "(-0.03",
        "to",
        "+0.06)",
        "48",
    ]
    for name, value in (("base", "+0.23"), ("tuned", "+0.21"), ("items", "48")):
        assert heading.index(name) + len(name) == row.index(value) + len(value)
    assert lines.count("traits") == len(told_headlines(demo))


def test_a_wider_terminal_shows_more_and_never_less(printed: Printed, sample: Audit) -> None:
    numbers: list[set[str]] = []
    for width in (80, 100, 130, 170):
        table = [line for line in printed(sample, width).splitlines() if line.startswith("  ")]
        numbers.append({number for line in table for number in re.findall(r"[+-]?\d[\d.,]*", line)})
    for narrow, wide in itertools.pairwise(numbers):
        assert narrow <= wide
    assert len(numbers[-1]) > len(numbers[0])


def test_below_it_stands_the_headline_in_its_own_words(printed: Printed, sample: Audit) -> None:
    below = printed(sample, None).split("\n\n")[-1].splitlines()
    assert below[0] == sentence(sample.headlines[0], related=True)
    has_cards = "exposure" in sample.further
    if has_cards:
        assert below[1].startswith(f"Of {sample.headlines[0].n_cells} comparisons, by the training: ")
    others = sample.headlines[1:]
    assert len(below) == 1 + has_cards + bool(others)
    for other in others:
        assert f"{other.contrast}{' (exploratory)' if other.exploratory else ''}" in below[-1]


def test_of_several_stages_it_is_about_the_last_and_names_what_else_there_is(printed: Printed, tmp_path: Path) -> None:
    """The first stage did nothing and the last removed half; the answers of the others are in the report."""
    stages = [leaning("first", around(0.6)), leaning("last", around(0.3))]
    base = leaning("base", around(0.6))
    audit = scripted_audit(base, stages, probes=[probe(tmp_path)], framing_names=("plain", "chat"))
    text = printed(audit, None)
    assert text.startswith(
        "tuned-2, as deployed: base on plain text, tuned in its chat template\n1 comparison: 1 reduced\n"
    )
    assert rows_of(text) == [("mini", "gender", "reduced")]
    weights = [f"{contrast} (exploratory)" for contrast in ("weights, plain", "weights, chat")]
    also = [*(f"tuned-2, {row}" for row in weights), "tuned, as deployed", *(f"tuned, {row}" for row in weights)]
    said = sentence(audit.headlines[0], related=True)
    card = "Of 1 comparison, by the training: 1 unknown (there is no training card)."
    assert text.split("\n\n")[-1] == f"{said}\n{card}\nThe report also has: {'; '.join(also)}.\n"


def test_what_the_share_leaves_out_for_another_reason_is_said(printed: Printed, demo: Audit) -> None:
    """Cells that have a row, and still do not count."""
    counted, saturated = (
        replace(demo.headlines[0], left_out={"not interpretable": 3, **more}) for more in ({}, {"scale saturated": 1})
    )
    assert left_out(saturated) in printed(replace(demo, headlines=(saturated,)), None)
    assert left_out(counted) not in printed(replace(demo, headlines=(counted,)), None)


@pytest.mark.parametrize(
    "environment", [{"LC_ALL": "C"}, {"LANG": "C"}, {"LANG": "POSIX", "LC_CTYPE": "C.UTF-8"}], ids=str
)
def test_in_the_locale_c_every_letter_is_of_ascii(printed: Printed, sample: Audit, environment: dict[str, str]) -> None:
    """Python writes UTF-8 there too; the terminal may not read it."""
    text = printed(sample, 80, **environment)
    assert text.isascii()
    assert ("^ increased" in text) == ("increased" in {verdict for *_, verdict in declared(sample)})


@pytest.mark.slow
def test_an_encoding_without_signs_gets_letters_and_no_escapes(demo: Audit, printed: Printed) -> None:
    code = f"""
import biasaudit
from biasaudit.cli import terminal
from biasaudit.cli.verdicts import print_verdicts
with terminal.guarded():
    print_verdicts(biasaudit.open_audit({str(REPORTS / SAMPLES[0])!r}))
"""
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "80", "LANG": "C.UTF-8"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
    assert b"\\u" not in done.stdout
    assert b"\\x" not in done.stdout
    # A reduction has an arrow, whose letter is v.
    assert done.stdout.decode("ascii") == printed(demo, 80).replace("\u00a0", " ").replace("\u2193", "v")


def test_it_has_no_colours_that_would_have_to_be_left_out(demo: Audit, printed: Printed) -> None:
    assert printed(demo, 80, NO_COLOR="1") == printed(demo, 80)
    assert "\x1b" not in printed(demo, 80)


@pytest.mark.parametrize(("said", "expected"), [("72", 72), ("0", None), ("", None), ("-3", None), ("wide", None)])
def test_the_width_is_what_columns_says_and_a_pipe_has_none(
    monkeypatch: pytest.MonkeyPatch, said: str, expected: int | None
) -> None:
    monkeypatch.setenv("COLUMNS", said)
    assert terminal.width() == expected


@pytest.mark.parametrize("width", [80, None])
def test_of_siblings_each_has_its_rows_and_its_answer(printed: Printed, pair: Audit, width: int | None) -> None:
    """Neither comes after the other: to show the last alone would hide what the first did. One made of the other."""
    first, table = pair.headlines[0], pair.comparisons
    rows = table[table["tuned"] == first.tuned]
    both = pd.concat([rows.assign(tuned=name) for name in ("1-sft", "2-other")], ignore_index=True)
    of_both = tuple(
        replace(one, tuned=name) for name in ("2-other", "1-sft") for one in pair.headlines if one.tuned == first.tuned
    )
    stages, siblings = (
        replace(
            pair,
            comparisons=both,
            headlines=of_both,
            manifest=replace(pair.manifest, plan={**pair.manifest.plan, "siblings": are}),
        )
        for are in (False, True)
    )
    alone = printed(stages, width)
    assert "1-sft, as deployed:" not in alone, "of stages, the last one's is the answer"
    one, other = printed(siblings, width).split("2-other, as deployed:")
    assert one.startswith("1-sft, as deployed:")
    assert rows_of(one) == rows_of(other) == rows_of(alone) != []
    assert [part.count("As deployed,") for part in (one, other)] == [1, 1]
    assert (one.count("Index: +"), other.count("Index: +")) == (0, 1)
    last = " ".join(other.split("The report also has, ")[1].split())
    assert last == "of each: weights, plain (exploratory); weights, chat (exploratory)."


def test_the_legend_stands_below_siblings_of_which_only_the_first_can_be_read(printed: Printed, demo: Audit) -> None:
    """Rows of numbers without it would say neither which sign is the stereotype's nor what a change is."""
    last = list(demo.manifest.plan["tuned"])[-1]
    table = demo.comparisons.copy()
    table.loc[table["tuned"] == last, "verdict"] = "not interpretable"
    text = printed(replace(demo, comparisons=table), 80)
    assert rows_of(text) != []
    assert text.count("Index: +") == 1


def test_an_audit_that_compared_nothing_says_so(printed: Printed, demo: Audit) -> None:
    assert printed(replace(demo, headlines=()), 80) == "Not measured: nothing was compared.\n"
