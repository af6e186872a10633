"""The table of damage: its values by hand, what it rests on, and the verdicts that it takes back."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import biasaudit
from biasaudit.analysis.damage import CONTROLS, SCHEMA, not_trained, trained_features
from biasaudit.analysis.table import Given
from biasaudit.analysis.tabulate import analysis_of_manifest
from biasaudit.bundles import verify_bundle, write_bundle
from biasaudit.errors import AlteredAuditError
from biasaudit.facade import Audit
from biasaudit.record import store
from biasaudit.record.checked import read_checked
from biasaudit.testing import leaning, scripted_audit
from biasaudit.types import VerdictCode
from tests.damaged import audited, save_association
from tests.tiny import item, save_probe

PLAIN = "weights, plain"


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_association(tmp_path_factory.mktemp("probes") / "mini-associations")


@pytest.fixture(scope="module")
def written(probe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole audit in a folder, which tests only read: |B| halves, .02 of the licensed associations is lost."""
    out = tmp_path_factory.mktemp("written") / "audit"
    audited(probe, out, licensed=(0.95, 0.93), mass=(0.9, 0.6))
    return out


def row_of(audit: Audit, feature: str = "gender", contrast: str = PLAIN) -> dict[str, Any]:  # Any: cells
    table = audit.further["damage"]
    [row] = table[(table["feature"] == feature) & (table["contrast"] == contrast)].to_dict("records")
    return {str(name): value for name, value in row.items()}


def verdict(audit: Audit, feature: str = "gender") -> tuple[str, str]:
    table = audit.comparisons
    [row] = table[(table["feature"] == feature) & (table["metric"] == "graded") & (table["contrast"] == PLAIN)].to_dict(
        "records"
    )
    return row["verdict"], row["verdict_code"]


def test_shares_drop_and_mass_are_those_of_the_models(written: Path) -> None:
    """Set beforehand: .95 to .93 of a mass of .9 and .6, 12 items of a feature in 12 templates, 24 of both."""
    found = row_of(biasaudit.open_audit(written))
    assert [found[name] for name in ("licensed_first", "licensed_second", "licensed_drop")] == pytest.approx(
        [0.95, 0.93, 0.02]
    )
    assert [found["mass_first"], found["mass_second"]] == pytest.approx([0.9, 0.6])
    assert (found["licensed_status"], found["licensed_items"], found["licensed_clusters"]) == ("ok", 12, 12)
    assert row_of(biasaudit.open_audit(written), "all")["licensed_items"] == 24


def test_blunting_is_the_ratio_of_mean_sizes_of_the_controls(probe: Path) -> None:
    """By hand: in template t, |d| is .5 w(t) before and .3 w(t) v(t) after, with w and v of .9, 1.1 and 1."""
    found = row_of(audited(probe, control=(0.5, 0.3)))
    wave = [0.9, 1.1, 1.0]
    first = [0.5 * wave[n % 3] for n in range(12)]
    second = [0.3 * wave[n % 3] * wave[n // 3 % 3] for n in range(12)]
    assert found["blunting"] == pytest.approx(np.mean(second) / np.mean(first))
    assert (found["blunting_status"], found["blunting_of"]) == ("ok", CONTROLS)
    # Controls of both features: those of a probe have no feature of their own to be trained.
    assert (found["blunting_items"], found["blunting_clusters"]) == (24, 12)
    assert found["blunting_ci_low"] < found["blunting"] < found["blunting_ci_high"] < 1


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"licensed": (0.95, 0.91)}, ("reduced", VerdictCode.SMALLER)),
        ({"licensed": (0.95, 0.85)}, ("not interpretable", VerdictCode.LICENSED_FELL)),
        ({"licensed": (0.95, 0.06)}, ("not interpretable", VerdictCode.LICENSED_FELL)),
        ({"licensed": (0.9, 0.99)}, ("reduced", VerdictCode.SMALLER)),
        ({"control": (0.5, 0.55)}, ("reduced", VerdictCode.SMALLER)),
        ({"control": (0.5, 0.25)}, ("not interpretable", VerdictCode.BLUNTED)),
        ({"licensed": (0.95, 0.85), "control": (0.5, 0.25)}, ("not interpretable", VerdictCode.LICENSED_FELL)),
        ({"bias": (-2.0, -1.0), "licensed": (0.95, 0.85)}, ("not interpretable", VerdictCode.LICENSED_FELL)),
        ({"bias": (1.0, 2.0), "licensed": (0.95, 0.85), "control": (0.5, 0.25)}, ("increased", VerdictCode.LARGER)),
        ({"bias": (1.0, 1.0), "licensed": (0.95, 0.85)}, ("unchanged", VerdictCode.WITHIN_MARGIN)),
    ],
    ids=lambda found: str(found),
)
def test_a_smaller_lean_counts_only_where_the_model_was_not_damaged(
    probe: Path, how: dict[str, tuple[float, float]], expected: tuple[str, VerdictCode]
) -> None:
    """|B| halves unless it says otherwise; .04 of the licensed associations is borne, .1 is not."""
    audit = audited(probe, None, **how)
    assert verdict(audit) == expected
    if expected[0] == "not interpretable":
        # It leaves the headline, too.
        assert audit.headlines[0].left_out == {"not interpretable": 2}


def test_only_the_feature_that_was_damaged_is_taken_back(probe: Path) -> None:
    def licensed(item: object, _: object) -> float:
        return 0.5 if getattr(item, "feature", "") == "age" else 0.95

    audit = scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0, licensed=licensed), probes=[str(probe)])
    assert (verdict(audit)[0], verdict(audit, "age")[0]) == ("reduced", "not interpretable")


def test_an_audit_without_an_association_probe_has_an_empty_table(tmp_path: Path) -> None:
    """Pairs alone; with its columns, so that it can be written and read."""
    probe = str(save_probe(tmp_path / "mini"))
    table = scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=[probe]).further["damage"]
    assert (len(table), list(table.columns)) == (0, list(SCHEMA.columns))


def test_a_probe_of_another_kind_has_rows_where_it_has_licensed_items(tmp_path: Path) -> None:
    """A pair probe that somebody gave such items."""
    licensed = [
        item(200 + n, role="licensed", groups=[], context="the queen said", first=" she", second=" he")
        for n in range(6)
    ]
    probe = save_probe(tmp_path / "mini", [*(item(n) for n in range(12)), *licensed])
    audit = scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0, licensed=0.5), probes=[str(probe)])
    assert row_of(audit)["licensed_drop"] == pytest.approx(0.45)
    assert verdict(audit) == ("not interpretable", VerdictCode.LICENSED_FELL)


def test_without_licensed_items_nothing_is_measured_and_the_claim_stays(tmp_path: Path) -> None:
    """As in audits from before: their controls were never asked for blunting, and recompute to what they were."""
    audit = audited(save_association(tmp_path / "older", licensed=False), control=(0.5, 0.1))
    found = row_of(audit)
    assert (found["licensed_status"], found["blunting_status"]) == ("not measured", "not measured")
    assert [found[name] for name in ("licensed_items", "blunting_items")] == [0, 0]
    numbers = [name for name, value in found.items() if isinstance(value, float)]
    assert len(numbers) == 10
    assert all(math.isnan(found[name]) for name in numbers)
    assert verdict(audit) == ("reduced", "smaller")


def test_without_controls_blunting_alone_is_not_measured(tmp_path: Path) -> None:
    found = row_of(audited(save_association(tmp_path / "bare", controls=False)))
    assert (found["licensed_status"], found["blunting_status"], found["blunting_of"]) == ("ok", "not measured", "")


def test_four_templates_are_too_few(tmp_path: Path) -> None:
    """A status, and no mean that a reader could take for one."""
    found = row_of(audited(save_association(tmp_path / "few", n_templates=4), licensed=(0.95, 0.1)))
    assert (found["licensed_status"], found["blunting_status"]) == ("too few clusters", "too few clusters")
    assert all(math.isnan(found[name]) for name in ("licensed_first", "licensed_drop", "mass_first", "blunting"))
    assert found["licensed_clusters"] == 4


def test_an_item_that_one_side_lacks_is_in_no_mean(probe: Path) -> None:
    """Template 0 has a share of .1, and no answer from the tuned model."""

    def share(item: object, _: object) -> float:
        return 0.1 if getattr(item, "cluster_id", "") == "t0" else 0.9

    def unanswered(item: object, _: object) -> float | None:
        return None if getattr(item, "item_id", "").startswith("l0-") else 2.0

    audit = scripted_audit(
        leaning("base", 2.0, licensed=share), leaning("tuned", unanswered, licensed=share), probes=[str(probe)]
    )
    found = row_of(audit)
    assert (found["licensed_items"], found["licensed_first"]) == (11, pytest.approx(0.9))


def test_each_wording_of_a_request_counts_by_itself(probe: Path) -> None:
    """Of the chat framing here one: the contrasts are those of the comparisons, and an interaction is not measured."""
    audit = scripted_audit(
        leaning("base", 2.0), leaning("tuned", 1.0), probes=[str(probe)], framing_names=("plain", "chat")
    )
    table = audit.further["damage"]
    contrasts = sorted(audit.comparisons["contrast"].unique())
    assert sorted(table["contrast"].unique()) == contrasts
    assert len(table) == len(contrasts) * 3
    by_contrast = table.set_index("contrast")["licensed_status"]
    assert set(by_contrast["interaction"]) == {"not measured"}
    assert set(by_contrast.drop("interaction")) == {"ok"}


def scores(**features: str) -> pd.DataFrame:
    """One item of each: name -> "probe feature role"."""
    rows = []
    for number, (name, of) in enumerate(features.items()):
        probe, feature, role = of.split()
        rows.append(
            {
                "checkpoint": "base",
                "framing": "plain",
                "framing_id": "plain",
                "probe": probe,
                "item_id": name,
                "cluster_id": "t0",
                "also_cluster_id": "",
                "feature": feature,
                "role": role,
                "size": float(number),
            }
        )
    return pd.DataFrame(rows)


KNOWN = scores(
    control="one gender control",
    own="one gender bias",
    other="one age bias",
    elsewhere="two age bias",
    religion="two religion bias",
    its_own_elsewhere="two gender bias",
    control_elsewhere="two age control",
    pair="three age bias",
    licensed="one gender licensed",
)


@pytest.mark.parametrize(
    ("feature", "trained", "expected", "of"),
    [
        ("gender", None, {"control"}, "negative controls"),
        ("gender", {"gender"}, {"control", "other", "elsewhere", "religion"}, "negative controls, age, religion"),
        ("gender", {"gender", "age"}, {"control", "religion"}, "negative controls, religion"),
        ("gender", {"age"}, {"control", "religion"}, "negative controls, religion"),
        ("age", {"gender"}, {"control", "religion"}, "negative controls, religion"),
        ("all", {"gender"}, {"control", "religion"}, "negative controls, religion"),
        ("gender", set(), {"control", "other", "elsewhere", "religion"}, "negative controls, age, religion"),
        ("gender", {"gender", "age", "religion"}, {"control"}, "negative controls"),
    ],
)
def test_what_was_not_trained_is_the_controls_and_every_other_feature_that_no_card_names(
    feature: str, trained: set[str] | None, expected: set[str], of: str
) -> None:
    """Never the cell's own feature, in whatever probe, whose change is in question. Without a card the controls."""
    found = not_trained(
        KNOWN,
        probe="one",
        feature=feature,
        associations=["one", "two"],
        trained_features=None if trained is None else frozenset(trained),
    )
    values = {float(KNOWN.set_index("item_id")["size"][name]) for name in expected}
    assert set(found.items.values["base", "plain"]) == values
    assert found.of == of


def test_a_template_of_another_probe_is_another_cluster() -> None:
    """Both are called t0."""
    found = not_trained(
        KNOWN, probe="one", feature="gender", associations=["one", "two"], trained_features=frozenset({"gender"})
    )
    assert len(set(found.items.cluster_ids)) == 2


def test_nobody_says_yet_what_was_trained(written: Path) -> None:
    """Until the audit knows of training cards, every checkpoint is one without."""
    analysis = analysis_of_manifest(biasaudit.open_audit(written).manifest)
    assert trained_features(Given(asked=(), tables={}, analysis=analysis)) == {"tuned": None}


@pytest.mark.slow
def test_it_is_computed_again_byte_for_byte_and_is_among_the_csv_files(written: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(written, tmp_path / "copy")
    (copy / "damage.parquet").unlink()
    biasaudit.recompute(copy)
    for file in ("damage.parquet", "comparisons.parquet", "report.html", "report.md"):
        assert (copy / file).read_bytes() == (written / file).read_bytes(), file
    biasaudit.open_audit(written).to_csv(tmp_path / "csv")
    assert pd.read_csv(tmp_path / "csv" / "damage.csv")["licensed_drop"].dropna().tolist() == pytest.approx([0.02] * 3)


def forged(folder: Path, **numbers: float) -> None:
    """Write other numbers into the table, with a manifest that says so."""
    manifest = store.read_manifest(folder)
    content = store.table_bytes(store.read_table(folder, "damage", manifest).assign(**numbers))
    (folder / "damage.parquet").write_bytes(content)
    sealed = {**manifest.files, "damage.parquet": hashlib.sha256(content).hexdigest()}
    store.write_manifest(folder, type(manifest)(**{**manifest.as_dict(), "files": sealed}))


@pytest.mark.slow
def test_an_altered_table_is_told(written: Path, tmp_path: Path) -> None:
    """A byte more by whoever opens it; other numbers, well sealed, by whoever computes the bundle again."""
    copy = shutil.copytree(written, tmp_path / "copy")
    path = copy / "damage.parquet"
    content = path.read_bytes()
    path.write_bytes(content + b"x")
    for read in (biasaudit.open_audit, read_checked):
        with pytest.raises(AlteredAuditError, match=r"damage\.parquet was altered"):
            read(copy)
    path.write_bytes(content)
    forged(copy, licensed_drop=0.0)
    write_bundle(copy, tmp_path / "forged.zip")
    [difference] = verify_bundle(tmp_path / "forged.zip", recompute=True).differences
    assert difference.startswith("damage.parquet is not what the responses give: licensed_drop")


@pytest.mark.slow
def test_an_audit_from_before_the_table_opens_and_gets_it_when_computed_again(written: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(written, tmp_path / "copy")
    manifest = store.read_manifest(copy)
    (copy / "damage.parquet").unlink()
    files = {name: checksum for name, checksum in manifest.files.items() if name != "damage.parquet"}
    store.write_manifest(copy, type(manifest)(**{**manifest.as_dict(), "files": files}))
    assert "damage" not in biasaudit.open_audit(copy).further
    biasaudit.recompute(copy)
    assert (copy / "damage.parquet").read_bytes() == (written / "damage.parquet").read_bytes()
    assert "damage.parquet" in json.loads((copy / "manifest.json").read_text(encoding="utf-8"))["files"]


def test_what_the_base_does_not_know_it_cannot_lose(tmp_path: Path) -> None:
    """At chance on either side: a drop near 0 would pass every limit, and be no evidence of anything."""
    found = audited(save_association(tmp_path / "mini-associations"), licensed=(0.5, 0.48)).damage
    assert found is not None
    assert set(found["licensed_status"]) == {"not estimable"}
    assert found["licensed_drop"].isna().all()
    assert found["licensed_method"].str.startswith("the first side is not shown to know them").all()
