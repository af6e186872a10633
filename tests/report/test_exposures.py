"""What the page, Markdown and the terminal say of cells that were trained on, held out, or not known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from biasaudit.align.trained import trained_words
from biasaudit.cli.verdicts import print_verdicts
from biasaudit.facade import Audit
from biasaudit.report.words.exposures import exposures, of_probe, summary
from biasaudit.testing import leaning
from tests.audits.test_exposed import FRAMES, own_probe
from tests.cards import audited, save_card

TRAINED = "Trained on: left out of the share"


def row(feature: str, state: str, **more: Any) -> dict[str, Any]:
    return {
        "tuned": "tuned",
        "probe": "p",
        "feature": feature,
        "exposure": state,
        "unknown_because": "",
        "containment": float("nan"),
        "has_template": False,
        "words_seen": "",
        "groups_seen": "",
        **more,
    }


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """Two probes; a template of the first was trained, and a word of the second."""
    folder = tmp_path_factory.mktemp("exposures")
    near = own_probe(folder, "near")
    far = own_probe(folder, "far", tuple(f"{{group}} was late and {letter} {{word}}." for letter in "abcdefghij"))
    given = trained_words(features=["gender"], groups=["the aunt"], words=["a nurse"], templates=FRAMES[:1])
    card = save_card(folder / "adapter", trained=given.as_dict())
    return audited(leaning("base", 2.0), leaning("tuned", 1.0), probes=(near, far), adapters={"tuned": card})


def with_rows(audit: Audit, *rows: dict[str, Any]) -> Audit:
    return replace(audit, further={"exposure": pd.DataFrame(rows)})


def test_features_of_one_state_share_a_sentence_and_the_nearest_comes_first(audit: Audit) -> None:
    told = with_rows(
        audit,
        row("age", "held out", groups_seen="old"),
        row("gender", "words seen", words_seen="nurse, pilot", groups_seen="aunt"),
        row("religion", "held out", groups_seen="jewish, old"),
    )
    seen, held_out = of_probe(exposures(told), "p")
    assert seen == (
        "Words seen (gender): its templates were not trained, but these words were: nurse, pilot. "
        "Words for groups that were trained: aunt."
    )
    assert held_out == (
        "Held out (age and religion): neither its templates nor the words of its attributes were trained. "
        "Words for groups that were trained: jewish, old."
    )
    assert summary(exposures(told), "tuned") == "Of 3 comparisons, by the training: 1 words seen, 2 held out."


def test_a_template_that_was_found_by_its_pieces_is_said_with_its_share(audit: Audit) -> None:
    told = with_rows(audit, row("gender", "trained on", containment=0.75))
    [said] = of_probe(exposures(told), "p")
    assert said.startswith("Trained on: a template of this probe stands in what was trained (0.75 of its pieces).")


def test_what_is_not_known_is_said_with_its_reason_and_never_as_held_out(audit: Audit) -> None:
    told = exposures(with_rows(audit, row("gender", "unknown", unknown_because="there is no training card")))
    assert of_probe(told, "p") == ("Unknown whether it was trained on: there is no training card.",)
    assert summary(told, "tuned") == "Of 1 comparison, by the training: 1 unknown (there is no training card)."
    assert "eld out" not in str(of_probe(told, "p"))


def test_of_several_checkpoints_each_is_named_and_of_many_words_the_first(audit: Audit) -> None:
    words = ", ".join("abcdefghij")
    told = exposures(
        with_rows(
            audit, row("gender", "words seen", words_seen=words), {**row("gender", "held out"), "tuned": "tuned-2"}
        )
    )
    first, second = of_probe(told, "p")
    assert first.startswith("tuned: Words seen")
    assert first.endswith("were: a, b, c, d, e, f, g, h and 2 more.")
    assert second.startswith("tuned-2: Held out")


def test_an_audit_from_before_has_nothing_to_say(audit: Audit) -> None:
    before = exposures(replace(audit, further={}))
    assert (before, of_probe(before, "near"), summary(before, "tuned")) == ({}, (), "")


@pytest.mark.slow
def test_the_page_says_it_of_each_probe_and_marks_the_verdict(audit: Audit, tmp_path: Path) -> None:
    page = " ".join(audit.to_html(tmp_path / "page.html").read_text(encoding="utf-8").split())
    assert page.count(f'<span class="sub warned">{TRAINED}</span>') == 1
    assert "<bdi>Trained on: a template of this probe stands in what was trained. A change here" in page
    assert "<bdi>Words seen: its templates were not trained, but these words were: nurse." in page
    assert "1 of 2 comparisons is left out of the share (1 trained on)." in page
    before = replace(audit, further={}).to_html(tmp_path / "before.html").read_text(encoding="utf-8")
    assert TRAINED not in before
    assert "Words seen" not in before


def test_markdown_and_terminal_say_how_many_and_which(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "Of 2 comparisons, by the training: 1 trained on, 1 words seen."
    markdown = audit.to_markdown(tmp_path / "report.md").read_text(encoding="utf-8")
    assert said in markdown
    assert f"{TRAINED}: Mini, gender." in markdown
    print_verdicts(audit)
    terminal = " ".join(capsys.readouterr().out.split())
    assert said in terminal
    assert "1 of 2 comparisons is left out of the share (1 trained on)." in terminal
