"""What docs/probes.md says of the layouts that people write: every field, and examples that pass the check."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pandas as pd
import pytest
import yaml
from pydantic import BaseModel

import biasaudit
from biasaudit.audits.item_table import item_csv, item_table
from biasaudit.errors import ProbeError
from biasaudit.probes import Probe, load_probe
from biasaudit.probes.layouts.own.associations import Associations, Attention, Control, Controls, Opposites, Template
from biasaudit.probes.layouts.own.cases import Case, Cases, Wording
from biasaudit.probes.layouts.own.words import GroupWords
from biasaudit.probes.starters import write_starter
from biasaudit.types import Role
from biasaudit.validity import findings
from tests.examples import example
from tests.probes.sets import save_stereoset, stereoset_entry

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "probes.md"
LAYOUTS: Final[dict[str, tuple[str, tuple[type[BaseModel], ...]]]] = {
    "cases.yaml": ("decision", (Cases, Wording, Case)),
    "associations.yaml": ("association", (Associations, GroupWords, Opposites, Template, Attention, Controls, Control)),
}


def section(file: str) -> str:
    """Return what stands under the heading of a layout."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n### `{file}`\n")
    return re.split(r"^#{2,3} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def code(file: str) -> str:
    """Return the example of a layout."""
    [found] = re.findall(rf"^```yaml\n# {re.escape(file)}\n(.*?)^```", section(file), re.DOTALL | re.MULTILINE)
    return str(found)


def written(file: str, folder: Path, content: str) -> Probe:
    """Return the probe of a new folder with this file in place of its own."""
    place = write_starter("mine", LAYOUTS[file][0], folder)
    (place / file).write_text(content, encoding="utf-8")
    return load_probe(str(place))


@pytest.mark.parametrize("file", LAYOUTS)
def test_the_example_of_a_layout_passes_the_check_as_it_stands(file: str, tmp_path: Path) -> None:
    """In the folder that `biasaudit probes new` makes, as the page says: bias items in six clusters, and competence."""
    probe = written(file, tmp_path, code(file))
    assert findings(probe) == ()
    assert len({item.cluster_id for item in probe.items if item.role is Role.BIAS}) == 6
    assert any(item.role is Role.COMPETENCE for item in probe.items)


@pytest.mark.parametrize("file", LAYOUTS)
def test_the_example_is_the_least_that_passes(file: str, tmp_path: Path) -> None:
    """With one cluster fewer no change could be shown, and the check says so."""
    content = yaml.safe_load(code(file))
    clusters = "cases" if file == "cases.yaml" else "templates"
    content[clusters] = content[clusters][:-1]
    found = findings(written(file, tmp_path, yaml.safe_dump(content, sort_keys=False)))
    assert "few-clusters" in {finding.code for finding in found}


@pytest.mark.parametrize("file", LAYOUTS)
def test_every_field_of_a_layout_is_on_the_page_and_no_other(file: str, tmp_path: Path) -> None:
    """A field that is added, or renamed, changes the page; one that only the page has is refused by the reader."""
    rows = [line.split("|")[1:3] for line in section(file).splitlines() if line.startswith("| `")]
    named = {name for cell, _ in rows for name in re.findall(r"`(\w+)`", cell)}
    inner = {name for _, says in rows for name in re.findall(r"`(\w+)`", says)}
    fields = {name for model in LAYOUTS[file][1] for name in model.model_fields}
    assert named <= fields
    assert fields <= named | inner
    with pytest.raises(ProbeError, match="field 'colour' is not known"):
        written(file, tmp_path, f"colour: red\n{code(file)}")


@pytest.mark.parametrize("key", ["yes", "no"])
def test_a_bare_yes_is_told_to_be_put_in_quotes(key: str, tmp_path: Path) -> None:
    """YAML takes it for true; "field '1': Keys should be strings (found True)" helped nobody."""
    bare = code("cases.yaml").replace(f'"{key}": ', f"{key}: ")
    with pytest.raises(ProbeError, match=rf"key '{key}' is true or false to YAML; put it in quotes \(line \d+"):
        written("cases.yaml", tmp_path, bare)


def test_the_example_of_predictions_goes_from_items_to_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: the page's model scores by length, -0.5 nats a letter, so that the shorter word always wins.

    "slow" (4) beats "quick" (5) and "seven" (5); "quick" and "seven" are as long, and a tie is no win. SS is 100. Of
    the two comparisons of each triple with nonsense, one is won: LM is 50, and ICAT 50 * min(100, 0) / 50 = 0. A tie
    counts as a win of the unrelated sentence.
    """
    data = save_stereoset(tmp_path, [stereoset_entry(n) for n in range(12)], [])
    (tmp_path / "items.csv").write_text(item_csv(item_table(load_probe("stereoset", data_dir=data))), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    module = example("probes.md", "scored.py", tmp_path, monkeypatch)
    assert module.logprob_nats("", "four") == -2.0
    columns = list(pd.read_csv(tmp_path / "predictions.csv").columns)
    assert columns[-1] == "score"
    found = biasaudit.score("stereoset", predictions=tmp_path / "predictions.csv", data_dir=data)
    values = found.query("subset == 'all'").set_index("score")["value"]
    assert values[["LM score", "SS score", "ICAT"]].tolist() == [50.0, 100.0, 0.0]
