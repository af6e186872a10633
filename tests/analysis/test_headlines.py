"""What a headline counts, what it leaves out, and which verdicts are claims."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from biasaudit.facade import Audit
from biasaudit.testing import leaning, scripted_audit
from biasaudit.types import ProbeItem, Request, Role, Status
from tests.tiny import item, save_probe

Lean = Callable[[ProbeItem, Request], float | None]


def probe(folder: Path, name: str, *, clusters: int = 12) -> str:
    rows = [
        item(number, id=f"{role}{number}", cluster=f"c{number % clusters}", role=role, groups=groups)
        for role, groups in (("bias", ["woman", "man"]), ("competence", []))
        for number in range(4 * clusters)
    ]
    return str(save_probe(folder / name, rows, id=name))


def lean(nats: float, *, sense: float = 4.0, silent: int = 0) -> Lean:
    """Item values around a lean, with a little noise; the first `silent` of ten are not answered."""

    def value(asked: ProbeItem, _: Request) -> float | None:
        number = int("".join(letter for letter in asked.item_id if letter.isdecimal()))
        if asked.role is not Role.BIAS:
            return sense or float((-1) ** number)
        return None if number % 10 < silent else nats + 0.1 * math.sin(number)

    return value


def audit(folder: Path, base: Lean, tuned: Lean, *, n_probes: int = 2) -> Audit:
    probes = [probe(folder, f"p{number}") for number in range(n_probes)]
    return scripted_audit(leaning("base", base), leaning("tuned", tuned), probes=probes)


def test_a_model_that_reads_nothing_has_no_share(tmp_path: Path) -> None:
    """Its lean is gone with everything else: 101.9 % of it was printed as removed."""
    (headline,) = audit(tmp_path, lean(2.0), lean(0.0, sense=0.0)).headlines
    assert headline.left_out == {"not interpretable": 2}
    assert headline.relative_reduction.status is Status.NOT_ESTIMABLE
    assert headline.relative_reduction.method == "no cell can be counted (2 not interpretable)"


def test_a_cell_that_cannot_be_read_does_not_dilute_the_share(tmp_path: Path) -> None:
    """Two probes of 48 items; the tuned model reads one of them, whose lean goes from tanh(2 / 4) to tanh(1 / 4)."""
    rows = [item(number, id=f"bias{number}", cluster=f"c{number % 12}") for number in range(48)]
    coin = [
        item(number, id=f"coin{number}", cluster=f"c{number % 12}", role="competence", groups=[])
        for number in range(48)
    ]
    probes = [probe(tmp_path, "read"), str(save_probe(tmp_path / "coin", [*rows, *coin], id="coin"))]

    def tuned(asked: ProbeItem, call: Request) -> float | None:
        if asked.item_id.startswith("coin"):
            return float((-1) ** int(asked.item_id[4:]))
        return lean(1.0)(asked, call)

    found = scripted_audit(leaning("base", lean(2.0)), leaning("tuned", tuned), probes=probes)
    (headline,) = found.headlines
    assert headline.left_out == {"not interpretable": 1}
    assert headline.relative_reduction.n_items == 48
    assert headline.relative_reduction.value == pytest.approx(1 - math.tanh(0.25) / math.tanh(0.5), abs=0.01)


@pytest.mark.parametrize(("silent", "counted"), [(0, True), (1, False), (3, False)])
def test_a_cell_of_which_more_than_a_few_items_are_missing_is_left_out(
    *, silent: int, counted: bool, tmp_path: Path
) -> None:
    (headline,) = audit(tmp_path, lean(2.0), lean(1.0, silent=silent)).headlines
    assert (headline.relative_reduction.status is Status.OK) is counted
    assert headline.left_out == ({} if counted else {"over 2 % of the items missing": 2})


def test_an_arm_that_answers_less_than_half_has_no_headline(tmp_path: Path) -> None:
    (headline,) = audit(tmp_path, lean(2.0), lean(1.0, silent=6)).headlines
    assert headline.relative_reduction.status is Status.NOT_ESTIMABLE
    assert headline.relative_reduction.method == "under 50 % of the items of an arm were scored"


def test_a_scale_at_its_end_is_inconclusive_and_left_out(tmp_path: Path) -> None:
    """tanh(12 / 4) is 0.995: whether such a lean became larger cannot be told, and hardly whether it shrank."""
    found = audit(tmp_path, lean(12.0), lean(2.0))
    graded = found.comparisons.query("metric == 'graded'")
    assert set(graded["verdict_code"]) == {"scale saturated"}
    assert set(graded["verdict"]) == {"inconclusive"}
    assert found.headlines[0].left_out == {"scale saturated": 2}


@pytest.mark.slow
def test_holm_spans_the_tuned_checkpoints_and_no_cell_that_competence_bars(tmp_path: Path) -> None:
    """Two cells by two checkpoints, of which one checkpoint reads nothing: two p-values are corrected, not four."""
    probes = [probe(tmp_path, f"p{number}") for number in range(2)]
    models = [leaning("sft", lean(1.99)), leaning("broken", lean(1.0, sense=0.0))]
    found = scripted_audit(leaning("base", lean(2.0)), models, probes=probes)
    rows = found.comparisons.query("metric == 'graded' and contrast == 'weights, plain'")
    assert not rows["exploratory"].any()
    broken, read = rows[rows["tuned"] == "tuned-2"], rows[rows["tuned"] == "tuned"]
    assert broken["p_holm"].isna().all()
    assert set(broken["verdict"]) == {"not interpretable"}
    assert float(read["p_holm"].min()) == pytest.approx(min(2 * float(read["p_size"].min()), 1.0))
    both = scripted_audit(leaning("base", lean(2.0)), [models[0], leaning("dpo", lean(1.98))], probes=probes)
    rows = both.comparisons.query("metric == 'graded' and contrast == 'weights, plain'")
    assert float(rows["p_holm"].min()) == pytest.approx(4 * float(rows["p_size"].min()))


def test_steps_and_pooled_rows_are_exploratory(tmp_path: Path) -> None:
    found = scripted_audit(
        leaning("base", lean(2.0)),
        [leaning("sft", lean(1.5)), leaning("dpo", lean(1.0))],
        probes=[probe(tmp_path, "p")],
    )
    steps = found.comparisons.query("contrast == 'step, plain' and metric == 'graded'")
    assert steps["exploratory"].all()
    assert steps["p_holm"].isna().all()
    assert steps["p_bh"].notna().all()
    assert "Benjamini-Hochberg" in steps["verdict_reason"].iloc[0]
