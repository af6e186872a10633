"""`biasaudit probes items`: what it writes is what an audit asks, and what `biasaudit score` takes back."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import biasaudit
from biasaudit.audits.item_table import COLUMNS, item_csv, item_table
from biasaudit.errors import UsageError
from biasaudit.probes import load_probe
from tests.cli.test_shell import Shell, shell
from tests.probes.sets import bbq_question, save_bbq, save_stereoset, stereoset_entry
from tests.tiny import save_probe
from tests.validity.own import probe

__all__ = ["shell"]


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_the_texts_of_a_probe_of_your_own_are_written(shell: Shell, tmp_path: Path) -> None:
    """By hand: pairs without a context, so that the continuation is the whole sentence, without a space before it."""
    probe(tmp_path)
    out = tmp_path / "items.csv"
    code, printed, told = shell.run("probes", "items", tmp_path / "mini", "--csv", out)
    assert (code, printed) == (0, f"{out}: 28 texts of 14 items.\n")
    assert told.startswith("mini: licence of the texts: ")
    assert "published" not in told
    found = read(out)
    assert tuple(found.columns) == COLUMNS
    assert found.iloc[0].to_dict() == {
        "item_id": "sang/today",
        "part": "first",
        "framing": "plain",
        "context": "",
        "continuation": "Today the woman sang.",
        "role": "bias",
        "feature": "gender",
        "groups": "woman | man",
        "cluster_id": "sang",
        "family": "today",
    }
    assert set(found["role"]) == {"bias", "competence"}


def test_the_texts_are_those_that_an_audit_asks(tmp_path: Path) -> None:
    """Keys of requests are hashes of what is asked: those of an audit in plain framing come out of these texts."""
    from biasaudit.framing import request_key
    from biasaudit.testing import leaning, scripted_audit

    place = str(save_probe(tmp_path / "mini"))
    audit = scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=[place])
    asked = audit.responses.query("checkpoint == 'base' and framing_id == 'plain'").set_index(["item_id", "part"])[
        "key"
    ]
    table = item_table(load_probe(place)).set_index(["item_id", "part"])
    keys = {place: request_key(row["context"], row["continuation"], templated=False) for place, row in table.iterrows()}
    assert keys == asked.to_dict()


def test_a_published_set_goes_out_and_its_scores_come_back(shell: Shell, tmp_path: Path) -> None:
    """By hand: the stereotype is likelier in 9 of 12 pairs, so SS is 75; sense is always likelier, so LM is 100."""
    data = save_stereoset(tmp_path, [stereoset_entry(n) for n in range(12)], [])
    out = tmp_path / "items.csv"
    code, _, told = shell.run("probes", "items", "stereoset", "--csv", out, "--data-dir", data)
    assert code == 0
    assert "stereoset: licence of the texts: CC BY-SA 4.0" in told
    assert "keep the file to yourself unless that licence lets you pass it on" in told
    table = read(out)
    against = {"e0", "e1", "e2"}

    def scored(item_id: str, continuation: str) -> float:
        if "seven" in continuation:
            return -9.0
        return -5.0 if ("slow" in continuation) != (item_id.partition("/")[0] in against) else -6.0

    pairs = zip(table["item_id"], table["continuation"], strict=True)
    filled = tmp_path / "scored.csv"
    table.assign(score=[scored(*pair) for pair in pairs]).to_csv(filled, index=False)
    found = biasaudit.score("stereoset", predictions=filled, data_dir=data)
    values = found.query("subset == 'all'").set_index("score")["value"]
    assert values[["LM score", "SS score"]].tolist() == [100.0, 75.0]


@pytest.mark.parametrize("reading", ["bbq", "bbq-letters"])
def test_every_row_of_a_question_is_a_part_that_score_knows(tmp_path: Path, reading: str) -> None:
    """All of them: a part that is missing makes an item a failed one."""
    data = save_bbq(tmp_path, [bbq_question(n) for n in range(40)])
    table = item_table(load_probe(reading, data_dir=data))
    biased = table["part"].str.startswith("biased")
    path = tmp_path / "scored.csv"
    path.write_text(item_csv(table.assign(score=["-1.0" if one else "-3.0" for one in biased])), encoding="utf-8")
    found = biasaudit.score(reading, predictions=path, data_dir=data)
    [row] = found.query("subset == 'age' and score == 's_AMB'").to_dict("records")
    assert (row["value"], row["n_items"], row["n_asked"]) == (1.0, 20, 20)


def test_texts_come_back_as_they_went_out(tmp_path: Path) -> None:
    """What a spreadsheet would compute, quotes, line ends, commas: for a program, another text is another request."""
    odd = ['=1+1, "so"', "a\rb", "a\r\nb\n", "-x", "'y"]
    table = pd.DataFrame({"item_id": list("abcde"), "context": odd})
    path = tmp_path / "t.csv"
    path.write_bytes(item_csv(table).encode("utf-8"))
    assert read(path)["context"].tolist() == odd


def test_what_cannot_be_written_is_told_beforehand(shell: Shell, tmp_path: Path) -> None:
    """No file; the probe's own data; a set that is not there; items that a model writes on."""
    probe(tmp_path)
    place, before = tmp_path / "mini", (tmp_path / "mini" / "items.jsonl").read_bytes()
    code, _, told = shell.run("probes", "items", place)
    assert code == 2
    assert "--csv" in told
    for name in ("items.jsonl", "card.yaml"):
        code, _, told = shell.run("probes", "items", place, "--csv", place / name)
        assert code == 2
    assert (place / "items.jsonl").read_bytes() == before
    code, _, told = shell.run("probes", "items", "no-such", "--csv", tmp_path / "x.csv")
    assert (code, (tmp_path / "x.csv").exists()) == (2, False)
    assert "there is no probe 'no-such'" in told


def test_items_that_a_model_writes_on_have_no_texts_to_score(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"id": "a", "cluster": "a", "feature": "gender", "family": "one", "prompt": "The nurse said that"}
    ]
    place = save_probe(tmp_path / "mini", rows, kind="completion")
    with pytest.raises(UsageError, match="probe 'mini' has no texts to be scored: its items are completion items"):
        item_table(load_probe(str(place)))
