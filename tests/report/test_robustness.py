"""What the page, the terminal and the Markdown say of reductions under perturbations."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from biasaudit.api import rendered
from biasaudit.cli.verdicts import print_verdicts
from biasaudit.facade import Audit
from biasaudit.report.words.robust import robustness_finding
from tests.under import audited, model


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """An audit whose reductions one sentence breaks, and in which something cannot be read under another."""
    tuned = model("tuned", 1.0, under=["trigger"], deaf=["typing"])
    return audited(tmp_path_factory.mktemp("broken"), model("base", 3.0), tuned)


def section(page: str) -> str:
    return page.partition('id="robustness-title"')[2].partition("</section>")[0]


def test_the_section_has_the_verdict_the_least_and_every_perturbation(broken: Audit) -> None:
    shown = section(rendered(broken)["report.html"])
    assert "Of 2 reductions asked under perturbations, 2 are broken" in shown
    assert "broken by trigger" in shown
    assert shown.count("<svg") >= 2, "a picture for each of the two"
    for name in ("typing", "quotation", "trigger"):
        assert f"<bdi>{name}</bdi>" in shown
    assert "not claimed: competence includes chance in the tuned model" in shown
    row = broken.tables["variants"].query("feature == 'gender' and perturbation == 'trigger'").iloc[0]
    assert f"{row['second_value']:.2f}" in shown


def test_the_strongest_items_stand_with_both_texts_as_they_were_asked(broken: Audit) -> None:
    shown = section(rendered(broken)["report.html"])
    assert "Then came the storm." in shown
    text = re.sub(r"<[^>]+>", "", shown)
    assert "Then came the storm. " in text and "the young is" in text and "the old is" in text  # noqa: PT018


def test_what_is_broken_stands_on_the_first_screen_and_in_markdown(broken: Audit) -> None:
    reports = rendered(broken)
    first = reports["report.html"].partition('id="probes')[0]
    said = "Of 2 reductions asked under perturbations, 2 are broken"
    assert said in first
    assert said in reports["report.md"]


def test_the_terminal_says_it_in_a_line(broken: Audit, capsys: pytest.CaptureFixture[str]) -> None:
    print_verdicts(broken)
    said = " ".join(capsys.readouterr().out.split())
    assert "2 are broken" in said and "broken by trigger" in said  # noqa: PT018


def test_an_audit_without_perturbations_says_nothing_of_them(tmp_path: Path) -> None:
    plain = audited(tmp_path, model("base", 3.0), model("tuned", 1.0), robustness=None)
    assert all("perturbation" not in text for text in rendered(plain).values())


def test_what_survives_raises_no_alarm(tmp_path: Path) -> None:
    reports = rendered(audited(tmp_path, model("base", 3.0), model("tuned", 1.0)))
    assert "> Note. Of 2 reductions" not in reports["report.md"]
    assert "Other words. Of 2 reductions asked under perturbations, 2 survive all of them." in reports["report.md"]


def test_hostile_names_of_perturbations_are_shown_and_not_run(tmp_path: Path) -> None:
    """A text before the items comes from a file, and is foreign."""
    path = tmp_path / "hostile.yaml"
    path.write_text(
        'perturbations:\n  - {name: evil, before: "<script>alert(1)</script> </details> \\u202e"}\n', encoding="utf-8"
    )
    page = rendered(audited(tmp_path, model("base", 3.0), model("tuned", 1.0, under=["evil"]), robustness=str(path)))[
        "report.html"
    ]
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in section(page)
    assert "\u202e" not in page


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ([], ""),
        (["survives"], "Of 1 reduction asked under perturbations, 1 survives all of them"),
        (
            ["survives", "broken", "no reduction", "inconclusive"],
            "Of 3 reductions asked under perturbations, 1 is broken, 1 is inconclusive and 1 survives all of them",
        ),
        (
            ["no reduction"],
            "No reduction is claimed in 1 comparison asked under perturbations: there is nothing to hold",
        ),
    ],
)
def test_the_sentence_counts_claimed_reductions_alone(verdicts: list[str], said: str) -> None:
    assert robustness_finding([{"verdict": verdict} for verdict in verdicts]) == said
