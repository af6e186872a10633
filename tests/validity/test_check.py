"""What a card says, what it accepts, and what is asked of published sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit.probes import load_probe
from biasaudit.validity import CODES, findings, own_probes
from tests.validity.own import DOCUMENTED, found, rows


def test_nothing_is_found_in_a_probe_that_is_right(tmp_path: Path) -> None:
    assert found(tmp_path) == ()


@pytest.mark.parametrize(
    ("field", "empty", "expected"),
    [
        ("sources", [], "card.yaml does not say sources: who documents the stereotype"),
        ("why_these_groups", None, "card.yaml does not say why_these_groups: why these groups"),
        ("detects", None, "card.yaml does not say detects: the smallest change"),
        ("feature_names", {}, "card.yaml does not say feature_names: how a reader calls the features ['gender']"),
    ],
)
def test_a_card_that_leaves_something_unsaid(tmp_path: Path, field: str, empty: object, expected: str) -> None:
    [finding] = found(tmp_path, None, **{field: empty})
    assert finding.code == "undocumented"
    assert expected in finding.message
    assert field in DOCUMENTED


def test_what_the_card_accepts_is_found_with_its_reason(tmp_path: Path) -> None:
    content = [row for row in rows() if row["family"] == "today"]
    [finding] = found(tmp_path, content, accepts={"one-wording": "It was asked so in the study."})
    assert (finding.code, finding.accepted) == ("one-wording", "It was asked so in the study.")


def test_what_is_accepted_in_vain_is_found(tmp_path: Path) -> None:
    [finding] = found(tmp_path, accepts={"one-wording": "No reason."})
    assert (finding.code, finding.accepted) == ("accepts-nothing", None)
    assert "card.yaml accepts 'one-wording', and the check finds nothing of it. Remove it" in finding.message


@pytest.mark.parametrize(
    ("code", "hint"),
    [("one-wordings", "Did you mean 'one-wording'?"), ("zzz", "The codes are no-items"), ("accepts-nothing", "")],
)
def test_an_accepted_code_that_is_none_is_found(tmp_path: Path, code: str, hint: str) -> None:
    """Neither can a card accept that it accepts in vain."""
    [finding] = found(tmp_path, accepts={code: "No reason."})
    assert finding.code == "accepts-unknown"
    assert hint in finding.message


def test_every_code_is_explained() -> None:
    assert all(CODES.values())


def test_a_published_set_is_taken_as_it_is(tmp_path: Path) -> None:
    """Its texts are what was published: repeats, grammar and minimality are its card's to tell, not to mend."""
    path = tmp_path / "crows-pairs" / "crows_pairs_anonymized.csv"
    path.parent.mkdir()
    header = ",sent_more,sent_less,stereo_antistereo,bias_type,annotations,anon_writer\n"
    lines = "".join(f"{n},a  apple are,an dog is .,stereo,gender,[],a{n}\n" for n in range(5))
    path.write_text(header + lines, encoding="utf-8")
    codes = {finding.code for finding in findings(load_probe("crows-pairs", data_dir=tmp_path))}
    assert codes <= {"no-items", "few-clusters", "groups-missing", "no-competence"}
    assert "crows-pairs" not in own_probes()
    assert "occupations" in own_probes()
