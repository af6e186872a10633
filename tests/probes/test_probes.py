from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from biasaudit.errors import ItemError, ProbeError
from biasaudit.probes import available, load_probe
from biasaudit.probes.registry import card_of
from biasaudit.types import AssociationTexts, PairTexts, Role
from tests.tiny import item, save_probe

COLUMNS = ["", "sent_more", "sent_less", "stereo_antistereo", "bias_type", "annotations", "anon_writer"]


def crows_file(folder: Path, rows: list[list[str]]) -> Path:
    path = folder / "crows-pairs" / "crows_pairs_anonymized.csv"
    path.parent.mkdir(parents=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return folder


ROWS = [
    ["0", "They from there, are late.", "They from here are late.", "stereo", "nationality", "[]", "a0"],
    ["1", "The tall one won.", "The short one won.", "antistereo", "gender", "[]", "a1"],
]

SHIPPED = {
    "bbq",
    "bbq-letters",
    "bold",
    "crows-pairs",
    "crows-pairs-revised",
    "crows-pairs-revised-french",
    "decisions",
    "decodingtrust",
    "dialect",
    "dialect-decisions",
    "discrim-eval",
    "gest",
    "harms",
    "holistic-bias",
    "honest",
    "occupations",
    "redditbias",
    "stereoset",
    "traits",
    "unqover",
    "winobias",
    "winogender",
    "winoqueer",
}


@pytest.mark.parametrize("name", sorted(available()))
def test_every_shipped_card_reads_and_has_the_name_of_its_folder(name: str) -> None:
    assert card_of(name).id == name


def test_the_shipped_probes_are_there() -> None:
    assert set(available()) >= SHIPPED


def test_occupations_is_large_enough() -> None:
    probe = load_probe("occupations")
    bias = [entry for entry in probe.items if entry.role is Role.BIAS]
    assert len({entry.tags["attribute_1"] for entry in bias} | {entry.tags["attribute_2"] for entry in bias}) >= 40
    assert len({entry.cluster_id for entry in bias}) >= 8
    assert {entry.role for entry in probe.items} == set(Role)


def test_a_template_expands_to_a_table_in_which_only_the_slots_differ() -> None:
    probe = load_probe("occupations")
    entry = next(e for e in probe.items if e.item_id == "works-as/nurse-pilot")
    assert entry.texts == AssociationTexts(
        contexts=("The woman works as", "The man works as"),
        continuations=(" a nurse.", " a pilot."),
        group_in_context=True,
    )


def test_sent_more_is_the_stereotype_in_both_directions(tmp_path: Path) -> None:
    """Flipping the antistereo pairs is a common error: the file's columns already say which is which."""
    probe = load_probe("crows-pairs", data_dir=crows_file(tmp_path, ROWS))
    bias = [entry for entry in probe.items if entry.role is Role.BIAS]
    assert [entry.texts for entry in bias] == [PairTexts(context="", first=row[1], second=row[2]) for row in ROWS]
    assert [entry.cluster_id for entry in bias] == ["a0", "a1"]


def test_a_file_that_is_not_the_cards_is_said_aloud(tmp_path: Path) -> None:
    probe = load_probe("crows-pairs", data_dir=crows_file(tmp_path, ROWS))
    assert "is not the one that its card describes" in probe.notices[0]


def test_the_original_set_is_whole(published_data: Path) -> None:
    probe = load_probe("crows-pairs", data_dir=published_data)
    bias = [entry for entry in probe.items if entry.role is Role.BIAS]
    assert probe.notices == ()
    assert len(bias) == 1508
    assert len({entry.cluster_id for entry in bias}) == 77
    assert sum(entry.tags["direction"] == "antistereo" for entry in bias) == 218


def test_the_revised_set_is_another_one(published_data: Path) -> None:
    probe = load_probe("crows-pairs-revised", data_dir=published_data)
    assert probe.notices == ()
    assert sum(entry.role is Role.BIAS for entry in probe.items) == 1677


@pytest.mark.parametrize(
    ("column", "value", "field"),
    [(1, "", "sent_more"), (3, "both", "stereo_antistereo"), (4, "weather", "bias_type"), (0, "0", "id")],
)
def test_a_wrong_row_is_named_by_file_line_and_field(tmp_path: Path, column: int, value: str, field: str) -> None:
    rows = [list(row) for row in ROWS]
    rows[1][column] = value
    with pytest.raises(ItemError) as caught:
        load_probe("crows-pairs", data_dir=crows_file(tmp_path, rows))
    assert (caught.value.line, caught.value.field) == (3, field)


def test_absent_data_names_the_file_and_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIASAUDIT_DATA", raising=False)
    with pytest.raises(ProbeError, match=r"crows_pairs_anonymized\.csv") as caught:
        load_probe("crows-pairs")
    assert "--data-dir" in str(caught.value)
    with pytest.raises(ProbeError, match="does not hold"):
        load_probe("crows-pairs", data_dir=tmp_path)


def test_a_probe_of_ones_own_loads(tmp_path: Path) -> None:
    probe = load_probe(str(save_probe(tmp_path / "mini")))
    assert len(probe.items) == 18


@pytest.mark.parametrize(
    ("rows", "field", "line"),
    [
        ([item(0), item(1, groups=["Woman"])], "groups", 2),
        ([item(0), item(1, feature="age")], "feature", 2),
        ([item(0), item(0)], "id", 2),
        ([item(0, first="")], "first", 1),
        ([item(0, colour="red")], "colour", 1),
    ],
)
def test_a_wrong_item_is_named(tmp_path: Path, rows: list[dict[str, object]], field: str, line: int) -> None:
    with pytest.raises(ItemError) as caught:
        load_probe(str(save_probe(tmp_path / "mini", rows)))
    assert (caught.value.field, caught.value.line) == (field, line)


def test_a_half_written_items_file_is_named(tmp_path: Path) -> None:
    folder = save_probe(tmp_path / "mini")
    text = (folder / "items.jsonl").read_text(encoding="utf-8")
    (folder / "items.jsonl").write_text(text[: len(text) // 2], encoding="utf-8")
    with pytest.raises(ItemError, match="half-written"):
        load_probe(str(folder))


@pytest.mark.parametrize(
    ("content", "expected"),
    [("id: [", "not valid YAML"), ("- a", "expected a mapping"), ("id: mini\nlisense: x", "missing")],
)
def test_a_wrong_card_gets_one_message(tmp_path: Path, content: str, expected: str) -> None:
    folder = save_probe(tmp_path / "mini")
    (folder / "card.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(ProbeError, match=expected):
        load_probe(str(folder))


def test_an_unknown_key_of_a_card_has_a_near_miss(tmp_path: Path) -> None:
    folder = save_probe(tmp_path / "mini")
    card = json.loads((folder / "card.yaml").read_text(encoding="utf-8"))
    (folder / "card.yaml").write_text(json.dumps({**card, "lisence": "x"}), encoding="utf-8")
    with pytest.raises(ProbeError, match="Did you mean 'licence'"):
        load_probe(str(folder))


def test_an_unknown_probe_names_those_there_are() -> None:
    with pytest.raises(ProbeError, match="occupations"):
        load_probe("ocupations")


HUB_SCRIPT = """
import json, sys
from biasaudit.errors import ProbeError
from biasaudit.probes import load_probe
try:
    probe = load_probe("crows-pairs-revised")
except ProbeError as exc:
    print(json.dumps({"error": str(exc)}))
else:
    print(json.dumps({"sha256": probe.sha256, "origin": probe.origin, "notices": list(probe.notices)}))
"""


def from_the_hub(folder: Path) -> dict[str, object]:
    """Load the revised set by its hub id, offline, where `folder` is all that there is of a hub."""
    environment = {key: value for key, value in os.environ.items() if key != "BIASAUDIT_DATA"}
    environment |= {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home")}
    run = subprocess.run(  # our own interpreter and script
        [sys.executable, "-c", HUB_SCRIPT], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    answer: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    return answer


@pytest.mark.slow
def test_the_hubs_rows_give_the_items_of_the_file(published_data: Path, tmp_path: Path) -> None:
    """`datasets` resolves the id in the working folder: a folder in hub layout, with a configuration and a split."""
    place = tmp_path / "jannalu" / "crows_pairs_multilingual"
    (place / "english").mkdir(parents=True)
    source = published_data / "crows-pairs-revised" / "crows_pairs_EN_revised+210.csv"
    pd.read_csv(source, sep="\t", keep_default_na=False).to_parquet(place / "english" / "test-00000.parquet")
    (place / "README.md").write_text(
        "---\nconfigs:\n- config_name: english\n  data_files:\n  - split: test\n    path: english/test-*\n---\n"
    )
    found = from_the_hub(tmp_path)
    assert found == {
        "sha256": load_probe("crows-pairs-revised", data_dir=published_data).sha256,
        "origin": "hub:jannalu/crows_pairs_multilingual",
        "notices": [],
    }


@pytest.mark.slow
def test_a_hub_out_of_reach_names_the_way_without_it(tmp_path: Path) -> None:
    said = str(from_the_hub(tmp_path)["error"])
    assert "could not be read from hub:jannalu/crows_pairs_multilingual" in said
    assert "--data-dir" in said


def test_pairs_that_the_card_names_are_left_out_and_counted(published_data: Path) -> None:
    """Three pairs of the French file have one sentence twice, and one lacks a sentence."""
    probe = load_probe("crows-pairs-revised-french", data_dir=published_data)
    bias = [entry for entry in probe.items if entry.role is Role.BIAS]
    assert len(bias) == 1677 - 4
    assert probe.notices == ("4 pairs that the card names are left out: 59, 129, 379, 388.",)
    assert all(e.texts.first != e.texts.second for e in bias if isinstance(e.texts, PairTexts))


def test_the_check_tells_what_was_left_out_and_counts_only_what_is_wrong(published_data: Path, tmp_path: Path) -> None:
    """Four French pairs are left out, as the card says: no finding. A file with another checksum is one."""
    from typer.testing import CliRunner

    from biasaudit.cli.main import app

    def check(name: str, folder: Path) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["probes", "check", name, "--data-dir", str(folder)])
        return result.exit_code, result.stdout

    code, printed = check("crows-pairs-revised-french", published_data)
    assert code == 0
    assert "4 pairs that the card names are left out" in printed
    code, printed = check("crows-pairs", crows_file(tmp_path, ROWS))
    assert code == 2
    assert "is not the one that its card describes" in printed
