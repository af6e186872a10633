"""Audits in MLflow: numbers as metrics, what has no number as tags, the audit's files as artifacts."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from biasaudit import gate
from biasaudit.api import rendered
from biasaudit.audits.finish import written
from biasaudit.errors import MissingExtraError
from biasaudit.record import store

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.facade import Audit

ARTIFACTS: Final = "biasaudit"
_METRICS_A_CALL: Final = 500
_TAGS_A_CALL: Final = 50
_NUMBERS: Final = ("value", "ci_low", "ci_high")
_REPORTED: Final = ("index", "competence")
_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9_. -]")
_LONGEST: Final = 40
_Value = TypeVar("_Value", float, str)


def log_to_mlflow(audit: Audit, decision: gate.GateDecision | None = None) -> str:
    """Log an audit to the active MLflow run, or to a new one.

    Metrics are ``index/CHECKPOINT/FRAMING/PROBE/FEATURE/value``, ``…/ci_low`` and ``…/ci_high``, the same for
    ``competence``, ``reduction/TUNED/CONTRAST/PROBE/FEATURE/…`` (graded, positive means less stereotype) and
    ``relative_reduction/TUNED/CONTRAST/…``. What has no number is a tag ``biasaudit.status/…`` with the words,
    never a metric. Letters that MLflow does not take become ``_``, with a hash that keeps names apart. The
    whole audit folder is the artifact ``biasaudit/audit``, which ``biasaudit.open_audit`` reads.

    Importing MLflow sends telemetry to its makers unless MLFLOW_DISABLE_TELEMETRY is set; where this function
    is the first to import it, it sets that variable, unless you have set it.

    Parameters
    ----------
    audit : Audit
    decision : GateDecision, optional
        Of :func:`biasaudit.check`: outcome and policy become tags, the decision an artifact.

    Returns
    -------
    str
        Id of the run.

    Raises
    ------
    MissingExtraError
        If MLflow is not installed.
    """
    mlflow = _mlflow()
    running = mlflow.active_run()
    with nullcontext(running) if running is not None else mlflow.start_run() as run:
        metrics, tags = metrics_and_tags(audit)
        tags |= _facts(audit, decision)
        for numbers in _portions(metrics, _METRICS_A_CALL):
            mlflow.log_metrics(numbers)
        for words in _portions(tags, _TAGS_A_CALL):
            mlflow.set_tags(words)
        _log_files(mlflow, audit, decision)
        return str(run.info.run_id)


def metrics_and_tags(audit: Audit) -> tuple[dict[str, float], dict[str, str]]:
    """Return what has a number, and in words what has none.

    Parameters
    ----------
    audit : Audit

    Returns
    -------
    dict of str to float, dict of str to str
        Names of :func:`log_to_mlflow`.
    """
    metrics: dict[str, float] = {}
    tags: dict[str, str] = {}
    for name, status, numbers in _rows(audit):
        if status == "ok":
            metrics |= {f"{name}/{part}": float(number) for part, number in zip(_NUMBERS, numbers, strict=True)}
        else:
            tags[f"biasaudit.status/{name}"] = status
    return metrics, tags


def _rows(audit: Audit) -> Iterator[tuple[str, str, tuple[Any, ...]]]:  # Any: cells of a table, or None
    levels, changes = audit.estimates, audit.comparisons
    for row in _records(levels[levels["metric"].isin(_REPORTED)]):
        name = _name(row["metric"], row["checkpoint"], row["framing"], row["probe"], row["feature"])
        yield name, row["status"], (row["value"], row["ci_low"], row["ci_high"])
    for row in _records(changes[changes["metric"] == "graded"]):
        name = _name("reduction", row["tuned"], row["contrast"].replace(",", ""), row["probe"], row["feature"])
        yield name, row["status"], (row["reduction"], row["ci_low"], row["ci_high"])
    for headline in audit.headlines:
        found = headline.relative_reduction
        name = _name("relative_reduction", headline.tuned, headline.contrast.replace(",", ""))
        yield name, found.status.value, (found.value, found.ci_low, found.ci_high)


def _facts(audit: Audit, decision: gate.GateDecision | None) -> dict[str, str]:
    plan = audit.manifest.plan
    facts = {
        "biasaudit.version": audit.manifest.biasaudit_version,
        "biasaudit.base": str(plan.get("base")),
        "biasaudit.tuned": ", ".join(plan.get("tuned", {}).values()),
    }
    if decision is not None:
        facts |= {"biasaudit.outcome": decision.outcome.value, "biasaudit.policy": decision.policy_name}
    return facts


def _log_files(mlflow: Any, audit: Audit, decision: gate.GateDecision | None) -> None:  # Any: an optional library
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "audit" if audit.folder is None else audit.folder
        kept = written(audit, audit.manifest, folder, render=rendered) if audit.folder is None else audit
        for name in (*sorted(kept.manifest.files), store.MANIFEST):
            if (folder / name).is_file():
                mlflow.log_artifact(str(folder / name), f"{ARTIFACTS}/audit")
    if decision is not None:
        mlflow.log_text(gate.to_json(decision), f"{ARTIFACTS}/decision.json")
        mlflow.log_text(gate.to_markdown(decision), f"{ARTIFACTS}/decision.md")


def _name(*parts: str) -> str:
    return "/".join(_part(part) for part in parts)


def _part(text: str) -> str:
    """Return a part of a metric's name that MLflow takes, a path on its disk; different texts stay different."""
    plain = _NOT_ALLOWED.sub("_", text).strip(". ")[:_LONGEST]
    if text and plain == text:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain}-{digest}"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _portions(content: Mapping[str, _Value], size: int) -> Iterator[dict[str, _Value]]:
    pairs = list(content.items())
    return (dict(pairs[start : start + size]) for start in range(0, len(pairs), size))


def _mlflow() -> Any:  # an optional library
    if "mlflow" not in sys.modules:
        if importlib.util.find_spec("mlflow") is None:
            raise MissingExtraError(
                "logging to MLflow needs MLflow, which is not installed.", fix="pip install 'biasaudit[mlflow]'"
            )
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    return importlib.import_module("mlflow")
