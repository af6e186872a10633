"""What people hold in a notebook: the columns of its tables described, and a line or two where it is printed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd
import pandera.pandas as pa
import pytest

from biasaudit.analysis.table import Table
from biasaudit.analysis.tables import TABLES
from biasaudit.errors import EmptySampleError, UsageError
from biasaudit.record.audit_record import NEEDED
from biasaudit.record.columns import count, text
from biasaudit.testing import leaning, scripted_audit
from tests.report.factory import audit
from tests.tiny import save_probe

if TYPE_CHECKING:
    from biasaudit.facade import Audit


@pytest.fixture(scope="module")
def small() -> Audit:
    """A synthetic audit, which tests only read."""
    return audit()


def test_a_table_is_described_in_the_order_of_its_columns(small: Audit) -> None:
    """By hand, of one column: what a researcher would else look up on a page."""
    found = small.describe("comparisons")
    assert found["column"].tolist() == small.comparisons.columns.tolist()
    assert found.columns.tolist() == ["column", "type", "unit", "may_be_missing", "meaning"]
    [reduction] = found[found["column"] == "reduction"].to_dict("records")
    assert reduction == {
        "column": "reduction",
        "type": "number",
        "unit": "index points",
        "may_be_missing": True,
        "meaning": "D, first side minus second; positive: less with the stereotype (3.1)",
    }


@pytest.mark.parametrize("name", [*NEEDED, "wordings"])
def test_every_column_of_every_table_is_described(small: Audit, name: str) -> None:
    """A table whose columns are added to must not lose a row of its description."""
    table = small.wordings if name == "wordings" else small.tables[name]
    found = small.describe(name)
    assert found["column"].tolist() == table.columns.tolist()
    assert (found["meaning"] != "").all()
    assert set(found["type"]) <= {"text", "number", "count", "true/false", "list"}


def test_columns_that_an_older_audit_lacks_are_not_described() -> None:
    """Of an audit from before there was `equal_items`: a description of what is not there misleads."""
    assert "equal_items" in TABLES["comparisons"].schema.columns
    shorter = audit()
    older = replace(shorter, comparisons=shorter.comparisons.drop(columns="equal_items", errors="ignore"))
    assert "equal_items" not in older.describe("comparisons")["column"].tolist()


def test_a_table_that_was_added_is_described_too(small: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own schema; a column whose author said nothing has an empty meaning, and is still there."""
    schema = pa.DataFrameSchema(
        {
            "probe": text("id of the probe"),
            "n_failed": count("requests without an answer", "requests"),
            "x": pa.Column(str),
        }
    )
    monkeypatch.setitem(TABLES, "failures", Table(name="failures", schema=schema, computed=None))
    with_it = replace(small, further={"failures": pd.DataFrame({"probe": ["mini"], "n_failed": [1], "x": ["y"]})})
    assert with_it.describe("failures").to_dict("list") == {
        "column": ["probe", "n_failed", "x"],
        "type": ["text", "count", "text"],
        "unit": ["", "requests", ""],
        "may_be_missing": [False, False, False],
        "meaning": ["id of the probe", "requests without an answer", ""],
    }
    with pytest.raises(UsageError, match="this audit has no table 'failures'"):
        small.describe("failures")


def test_a_name_that_no_table_has_is_told_with_those_that_there_are(small: Audit) -> None:
    """The fix is in the message."""
    with pytest.raises(UsageError, match=r"no table 'comparison'\.") as caught:
        small.describe("comparison")
    assert str(caught.value).endswith(f"Its tables: {', '.join([*NEEDED, 'wordings'])}.")


@pytest.fixture(scope="module")
def of_two_features() -> Audit:
    """An audit of associations about men and women, and about the old and the young."""
    groups = {"gender": ("man", "woman"), "age": ("old", "young")}
    rows: list[dict[str, object]] = [
        {
            "id": f"{feature}/{n}",
            "cluster": f"c{n}",
            "feature": feature,
            "groups": list(names),
            "family": f"c{n}",
            "contexts": [f"{name} {n} is" for name in names],
            "continuations": [" x", " y"],
        }
        for feature, names in groups.items()
        for n in range(6)
    ]
    with TemporaryDirectory() as folder:
        card = {"groups": groups, "feature_names": {name: name for name in groups}}
        place = save_probe(Path(folder) / "mini", rows, kind="association", **card)
        return scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=[str(place)])


def test_a_frame_over_groups_of_several_features_asks_for_one(of_two_features: Audit) -> None:
    """The difference between a man and the old means nothing; the fix works, and is within the feature."""
    with pytest.raises(UsageError, match="probe 'mini' has groups of 2 sensitive features, age, gender") as caught:
        of_two_features.metric_frame("mini")
    assert str(caught.value).endswith("Name one, such as feature='age'.")
    assert of_two_features.metric_frame("mini", feature="age").by_group.index.tolist() == ["old", "young"]


def test_a_feature_that_the_probe_lacks_is_told_with_those_that_it_has(of_two_features: Audit) -> None:
    with pytest.raises(EmptySampleError, match="no rows by group for tuned, plain, weight") as caught:
        of_two_features.metric_frame("mini", feature="weight")
    assert "Its features: age, gender." in str(caught.value)
