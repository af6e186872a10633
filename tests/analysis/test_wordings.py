"""Results by wording family: scripted models, whose values are worked by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import biasaudit
from biasaudit.analysis.wordings import wordings_frame
from biasaudit.facade import Audit
from biasaudit.record import tables
from biasaudit.testing import leaning, scripted_audit
from biasaudit.types import ProbeItem, Request, Role
from tests.tiny import item, save_probe

Lean = Callable[[ProbeItem, Request], float | None]
WORDS = ("stole", "robbed", "lied", "cheated", "forged", "hid")


def clusters_of_two() -> list[dict[str, object]]:
    """Two wordings of ten clusters, two items a cluster."""
    return [
        item(number, id=f"{family}-{number}", cluster=f"{family}-{number % 10}", family=family)
        for family in ("says", "asks")
        for number in range(20)
    ]


def templates(words: tuple[str, ...] = WORDS) -> list[dict[str, object]]:
    """Two templates, each its own cluster; the ids are those of our own associations."""
    return [
        item(number, id=f"{family}/{word}/gender/{group}", cluster=family, family=family)
        for family in ("plainly", "cousin")
        for number, word in enumerate(words)
        for group in ("woman", "man")
    ]


def competence(family: str, n_items: int) -> list[dict[str, object]]:
    return [
        item(number, id=f"{family}/attention-{number}", cluster=family, family=family, role="competence", groups=[])
        for number in range(n_items)
    ]


def audited(
    folder: Path, rows: list[dict[str, object]], base: Lean, tuned: Lean | float = 1.0, **card: object
) -> Audit:
    probe = save_probe(folder / "mini", rows, **card)
    return scripted_audit(leaning("base", base), leaning("tuned", tuned), probes=[str(probe)])


def of_base(audit: Audit, metric: str = "index") -> pd.DataFrame:
    rows = audit.families.query("checkpoint == 'base' and metric == @metric")
    return rows.set_index("family")


def two_ways(asked: ProbeItem, _: Request) -> float:
    """One wording with the stereotype, the other against it, but for one item of each."""
    side = 1.0 if asked.family == "says" else -1.0
    return -side if asked.item_id.endswith("-0") else side


def test_two_wordings_that_lean_against_each_other_are_told_apart(tmp_path: Path) -> None:
    """Cluster means 0 and nine times 1: mean 0.9, error 0.1, t(.975, 9) = 2.2622; and the same below 0.

    As a share 0.95 with error 0.05, whose logit 2.9444 has the error 0.05 / (0.95 * 0.05) = 1.0526: at least
    expit(2.9444 - 2.2622 * 1.0526) = 0.63717, which is 0.27434 as an index.
    The index of the whole is 0, with wordings 1.8 apart: their SD is 1.8 / sqrt(2).
    """
    audit = audited(tmp_path, clusters_of_two(), two_ways)
    rows = of_base(audit)
    assert rows["value"].to_dict() == pytest.approx({"asks": -0.9, "says": 0.9})
    assert rows.loc["says", "ci_low"] == pytest.approx(0.27434, abs=1e-4)
    assert rows.loc["asks", "ci_high"] == pytest.approx(-0.27434, abs=1e-4)
    assert rows[["n_items", "n_clusters", "n_asked"]].to_numpy().tolist() == [[20, 10, 20]] * 2
    assert not rows["method"].str.contains("given this wording").any()
    whole = audit.estimates.query("checkpoint == 'base' and metric == 'index'")["value"].item()
    assert whole == pytest.approx(0.0)
    found = audit.wordings.query("checkpoint == 'base'").iloc[0]
    assert found["wording_sd"] == pytest.approx(1.8 / 2**0.5)
    assert (found["lowest"], found["highest"]) == pytest.approx((-0.9, 0.9))
    assert found[["status", "n_families", "n_measured", "n_with", "n_against"]].tolist() == ["ok", 2, 2, 1, 1]


def test_the_index_of_a_kind_is_the_one_of_its_estimates(tmp_path: Path) -> None:
    """Associations average tanh(d / 4): 0.4621 at d = 2, in the family as in the whole."""
    rows: list[dict[str, object]] = [
        {
            "id": f"{family}-{number}",
            "cluster": f"c{number}",
            "family": family,
            "feature": "gender",
            "groups": ["woman", "man"],
            "contexts": [f"she {family} {number} is", f"he {family} {number} is"],
            "continuations": [" x", " y"],
        }
        for family in ("a", "b")
        for number in range(6)
    ]

    def lean(asked: ProbeItem, _: Request) -> float:
        return 2.0 + 0.001 * int(asked.cluster_id.removeprefix("c")) if asked.role is Role.BIAS else 0.0

    audit = audited(tmp_path, rows, lean, kind="association")
    assert of_base(audit)["value"].tolist() == pytest.approx([0.4621, 0.4621], abs=1e-3)
    assert audit.estimates.query("checkpoint == 'base' and metric == 'index'")["value"].item() == pytest.approx(
        of_base(audit)["value"].mean()
    )


def test_a_template_has_an_interval_over_what_is_said_in_it(tmp_path: Path) -> None:
    """One word leans for one group only: contents 0, 1, 1, 1, 1, 1. Mean 5/6, error 1/6, t(.975, 5) = 2.5706.

    As a share 11/12, error 1/12; its logit ln 11 has the error 12/11: expit(2.3979 - 2.8043) = 0.39978.
    """

    def lean(asked: ProbeItem, _: Request) -> float:
        return -1.0 if asked.item_id.endswith("stole/gender/man") else 1.0

    rows = of_base(audited(tmp_path, templates(), lean))
    assert rows["n_clusters"].tolist() == [6, 6]
    assert rows["value"].tolist() == pytest.approx([5 / 6, 5 / 6])
    assert rows["ci_low"].tolist() == pytest.approx([2 * 0.39978 - 1] * 2, abs=1e-4)
    assert set(rows["method"]) == {
        "mean of cluster means, t interval, logit scale, given this wording: its clusters are contents"
    }


def test_items_are_the_unit_where_a_template_says_few_things(tmp_path: Path) -> None:
    """Three words for two groups: six items, 1, 1, 1, 1, 1, -1 with mean 2/3 and error 1/3.

    As a share 5/6, error 1/6; its logit ln 5 has the error 1.2: expit(1.6094 - 2.5706 * 1.2) = 0.18614.
    """

    def lean(asked: ProbeItem, _: Request) -> float:
        return -1.0 if asked.item_id.endswith("stole/gender/man") else 1.0

    rows = of_base(audited(tmp_path, templates(WORDS[:3]), lean))
    assert rows["n_clusters"].tolist() == [6, 6]
    assert rows["ci_low"].tolist() == pytest.approx([2 * 0.18614 - 1] * 2, abs=1e-4)
    assert rows["method"].str.endswith("its clusters are items").all()


def test_fewer_than_five_units_have_no_number(tmp_path: Path) -> None:
    audit = audited(tmp_path, templates(WORDS[:2]), lambda *_: 1.0)
    rows = of_base(audit)
    assert set(rows["status"]) == {"too few clusters"}
    assert rows[["value", "ci_low", "ci_high"]].isna().all(axis=None)
    spread = audit.wordings.query("checkpoint == 'base'").iloc[0]
    assert (spread["status"], spread["n_families"], spread["n_measured"]) == ("not measured", 2, 0)
    assert spread[["wording_sd", "lowest", "highest"]].isna().all()


def test_a_wording_that_was_not_scored_is_not_0_and_one_alone_has_no_spread(tmp_path: Path) -> None:
    audit = audited(
        tmp_path, clusters_of_two(), lambda asked, call: two_ways(asked, call) if asked.family == "says" else None
    )
    rows = of_base(audit)
    assert rows[["status", "n_items", "n_asked"]].to_dict("index")["asks"] == {
        "status": "not measured",
        "n_items": 0,
        "n_asked": 20,
    }
    assert rows["value"].isna().to_dict() == {"asks": True, "says": False}
    spread = audit.wordings.query("checkpoint == 'base'").iloc[0]
    assert (spread["status"], spread["n_measured"], spread["n_with"]) == ("not estimable", 1, 1)
    assert spread[["wording_sd", "lowest", "highest"]].isna().all()


def test_few_clusters_that_are_no_templates_are_not_taken_for_one(tmp_path: Path) -> None:
    """Items of one annotator move together whatever they say: the item is no unit there."""
    rows = of_base(audited(tmp_path, templates(), lambda *_: 1.0, clusters="nuisance"))
    assert set(rows["status"]) == {"too few clusters"}


def test_competence_stands_by_wording(tmp_path: Path) -> None:
    """Five of six prefer sense in one wording; the other has four items, which are too few."""
    rows = [*templates(), *competence("plainly", 6), *competence("cousin", 4)]

    def lean(asked: ProbeItem, _: Request) -> float:
        return -1.0 if asked.item_id.endswith("attention-0") else 1.0

    audit = audited(tmp_path, rows, lean)
    found = of_base(audit, "competence")
    assert set(found["feature"]) == {"all"}
    assert set(found["unit"]) == {"share"}
    assert found["n_asked"].to_dict() == {"plainly": 6, "cousin": 4}
    assert found.loc["plainly", "value"] == pytest.approx(5 / 6)
    assert found.loc["cousin", "status"] == "too few clusters"
    assert set(audit.wordings["feature"]) == {"gender"}, "competence is not an index"


def test_features_are_told_apart_and_pooled(tmp_path: Path) -> None:
    """The same word for two features is one content of the pooled row."""
    rows = [
        {**row, "id": str(row["id"]).replace("gender", feature), "feature": feature, "groups": [group]}
        for feature, group in (("gender", "woman"), ("age", "old"))
        for row in templates()
    ]
    audit = audited(
        tmp_path,
        rows,
        lambda asked, _: 1.0 if "gender" in asked.item_id else -1.0,
        groups={"gender": ["woman"], "age": ["old"]},
    )
    found = audit.families.query("checkpoint == 'base'").set_index(["feature", "family"])
    assert found["value"].groupby("feature").mean().to_dict() == {"age": -1.0, "all": 0.0, "gender": 1.0}
    assert found["n_clusters"].unique().tolist() == [6]


def test_without_families_there_are_no_wordings() -> None:
    empty = pd.DataFrame([], columns=list(tables.FAMILIES.columns))
    assert list(wordings_frame(empty).columns) == list(tables.WORDINGS.columns)
    assert not len(wordings_frame(empty))


@pytest.mark.slow
def test_an_audit_of_a_version_without_families_is_lifted(tmp_path: Path) -> None:
    out = tmp_path / "out"
    probe = save_probe(tmp_path / "mini", templates())
    models = leaning("base", 2.0), leaning("tuned", 1.0)
    written = scripted_audit(*models, probes=[str(probe)], out=out)
    whole = (out / "families.parquet").read_bytes()
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["schema_version"] == 6
    del manifest["files"]["families.parquet"], manifest["own_sha256"]
    (out / "manifest.json").write_text(json.dumps({**manifest, "schema_version": 3}), encoding="utf-8")
    (out / "families.parquet").unlink()
    biasaudit.recompute(out)
    assert (out / "families.parquet").read_bytes() == whole
    pd.testing.assert_frame_equal(biasaudit.open_audit(out).families, written.families, check_dtype=False)
