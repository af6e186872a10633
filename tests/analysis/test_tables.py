"""The mapping of all tables, and the example of the page that says how to add one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pandas as pd

from biasaudit.analysis.asked_items import asked_items
from biasaudit.analysis.table import Analysis, Given, Table
from biasaudit.analysis.tables import TABLES
from biasaudit.record.audit_record import NEEDED
from biasaudit.record.columns import described
from tests.analysis.test_asked_items import item_row, response_row

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "audit-format.md"


def test_every_audit_has_the_tables_of_this_version() -> None:
    """One of them that was left out of the mapping would be written and never read."""
    assert tuple(name for name, table in TABLES.items() if table.needed) == NEEDED
    assert [name for name, table in TABLES.items() if table.computed is None] == [
        "items",
        "responses",
        "variant_items",
        "variant_responses",
    ]
    assert all(table.file == f"{name}.parquet" for name, table in TABLES.items())


def test_the_example_of_the_page_on_the_format_is_a_table() -> None:
    """By hand: four requests in one arm, of which one failed."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    names: dict[str, Table] = {}
    exec(compile(code, str(PAGE), "exec"), names)  # a page of this repository
    table = names["FAILURES"]
    failed = {"status": "failed", "reason": "too long", "token_logprobs_nats": None}
    rows = [
        response_row("base", "plain", item_id, part, **(failed if (item_id, part) == ("b", "second") else {}))
        for item_id in ("a", "b")
        for part in ("first", "second")
    ]
    asked = asked_items(pd.DataFrame([item_row("a"), item_row("b")]), pd.DataFrame(rows))
    assert table.computed is not None
    found = table.schema.validate(table.computed(Given(asked=asked, tables={}, analysis=_analysis())))
    assert (table.name, table.needed) == ("failures", False)
    assert (described(table.schema)["meaning"] != "").all(), "what audit.describe says of it"
    assert found.to_dict("records") == [
        {"checkpoint": "base", "framing_id": "plain", "probe": "mini", "n_asked": 4, "n_failed": 1}
    ]


def _analysis() -> Analysis:
    return Analysis(
        kinds={}, designs={}, formats={}, also={}, framings=(), tuned=("tuned",), margin=0.05, level=0.95, seed=0
    )
