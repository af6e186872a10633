"""A Hugging Face model card: the section about the audit, and its numbers as evaluation metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.outputs.markdown import render_markdown
from biasaudit.report.outputs.summary import cell_rows
from biasaudit.report.view import probe_names
from biasaudit.report.words.wording import ARMS, clean, present, with_interval

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCard

    from biasaudit.record.audit_record import AuditRecord

_TASK: Final = "text-generation"

_NUMBERS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "second": ("graded_bias_index", "second_value", "second_ci_low", "second_ci_high"),
    "reduction": ("graded_bias_index_reduction", "reduction", "ci_low", "ci_high"),
}
"""What is told of a cell: type of the metric, and the columns of its value and interval."""


def model_card(audit: AuditRecord, *, model_name: str | None = None, tuned: str | None = None) -> ModelCard:
    """Return a model card whose text is the report and whose metadata hold the index of every cell.

    Parameters
    ----------
    audit : AuditRecord
    model_name : str, optional
        Of the tuned model; else the last part of its reference.
    tuned : str, optional
        Tuned checkpoint; else that of the headline.

    Returns
    -------
    huggingface_hub.ModelCard
        Of the contrast of the headline. Its text can be put into a card that is there already, and
        ``data.eval_results`` into its metadata. Cells without a number have none there either.

    References
    ----------
    https://github.com/huggingface/hub-docs/blob/main/modelcard.md, `model-index`.
    """
    from huggingface_hub import ModelCard, ModelCardData  # noqa: PLC0415  # only here

    headline = audit.headlines[0] if audit.headlines else None
    chosen = tuned or (headline.tuned if headline else "tuned")
    results = _results(audit, tuned=chosen, contrast=headline.contrast) if headline else []
    named = model_name or _name(audit, chosen)
    data = ModelCardData(model_name=named, eval_results=results) if results else ModelCardData()
    # Foreign text is escaped in it, so that it cannot end the metadata.
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{render_markdown(audit, heading=2)}")


def _name(audit: AuditRecord, tuned: str) -> str:
    references = audit.manifest.plan.get("tuned", {})
    reference = str(references.get(tuned, tuned)) if isinstance(references, Mapping) else tuned
    return clean(reference.rstrip("/").rpartition("/")[2] or tuned)


def _results(audit: AuditRecord, *, tuned: str, contrast: str) -> list[EvalResult]:
    names = probe_names(audit, audit.manifest.as_dict())
    measured = [row for row in cell_rows(audit, tuned=tuned, contrast=contrast) if str(row["status"]) == "ok"]
    return [result for row in measured for which in _NUMBERS if (result := _result(row, which, audit, names))]


def _result(
    row: Mapping[str, Any],  # Any: cells of a pandas row
    which: str,
    audit: AuditRecord,
    names: Mapping[str, str],
) -> EvalResult | None:
    from huggingface_hub import EvalResult  # noqa: PLC0415  # only here

    metric, *columns = _NUMBERS[which]
    value, low, high = (present(row[column]) for column in columns)
    if value is None or low is None or high is None:
        return None
    probe, contrast = str(row["probe"]), clean(row["contrast"])
    first, second = ARMS.get(str(row["contrast"]), ("first", "second"))
    said = f"Graded index, {second}" if which == "second" else f"Reduction of the graded index, {first} minus {second}"
    card = audit.manifest.probes.get(probe, {})
    return EvalResult(
        task_type=_TASK,
        task_name="Social bias, by the probability of texts",
        dataset_type=clean(probe),
        dataset_name=names.get(probe, clean(probe)),
        dataset_config=clean(row["feature"]),
        dataset_args={name: clean(card[name]) for name in ("version", "sha256") if card.get(name)},
        metric_type=metric,
        # As text: a number by itself would be shown without its interval.
        metric_value=with_interval(value, low, high),
        metric_name=f"{said} (0 is parity; with interval)",
        metric_config=contrast,
        metric_args={"value": value, "ci_low": low, "ci_high": high, "verdict": clean(row["verdict"])},
    )
