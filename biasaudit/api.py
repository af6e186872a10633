"""The Python API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.analysis.derived import read_record
from biasaudit.audits.finish import computed_again, with_reports
from biasaudit.audits.plan import Plan
from biasaudit.audits.run import run
from biasaudit.audits.stages import stages_of
from biasaudit.errors import ModelFilesError, UsageError
from biasaudit.facade import Audit
from biasaudit.models.local.embedded import ADAPTERS, BASE, adapter_folder
from biasaudit.models.text.templates import read_template
from biasaudit.models.training_card import read_training
from biasaudit.outputs import check_outputs, write_output
from biasaudit.probes import load_probe, suite_of
from biasaudit.record.store import REPORT, REPORT_MARKDOWN

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from biasaudit.gate import GateDecision
    from biasaudit.record.audit_record import AuditRecord
    from biasaudit.types.progress import Progress

__all__ = ["Audit", "audit", "check", "demo", "open_audit", "recompute", "score", "side_by_side", "write_reports"]

REPORTS: Final = (REPORT, REPORT_MARKDOWN)
"""Files that a finished audit has beside its tables."""
DEMO_SUITE: Final = "demo"
DEFAULT_SUITE: Final = "standard"
DEMO_FRAMINGS: Final = ("plain",)
"""What either tuning made of the weights. In the chat template one of them is not interpretable: docs/samples.md."""


def rendered(audit: AuditRecord) -> dict[str, str]:
    """Return the reports of an audit, file -> text: what the rooms below are handed to draw them with."""
    from biasaudit.report import render_html, render_markdown  # noqa: PLC0415  # slow to import

    return {REPORT: render_html(audit), REPORT_MARKDOWN: render_markdown(audit)}


def audit(
    base: str,
    tuned: str | Sequence[str] | Mapping[str, str],
    *,
    probes: Sequence[str] | None = None,
    suite: str | None = None,
    out: str | Path | None = None,
    chat_template: str | None = None,
    data_dir: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,  # the further fields of Plan, which checks them
) -> Audit:
    """Audit a pretrained checkpoint and the checkpoints tuned from it.

    Parameters
    ----------
    base : str
        Model reference: hub id with optional @revision, folder, .gguf file; each with optional +adapter.
    tuned : str, sequence of str, or mapping of str to str
        References, in the order in which they were made; ``NAME=REFERENCE`` or name -> reference names the stages.
    probes : sequence of str, optional
        Ids of shipped probes, or folders.
    suite : str, optional
        demo, quick, standard or full: our own probes in part or in whole. The probes that are named are asked
        besides, whole; without either: standard.
    out : path, optional
        Folder for the audit and its report; a finished audit there is returned as it is.
    chat_template : str, optional
        A shipped template's name, a Jinja file, or ``:NAME``, one of several that the tuned model names; else the
        tuned model's own.
    data_dir : path, optional
        Folder with published data sets; else BIASAUDIT_DATA.
    progress : Progress, optional
        Told what happens.
    **options
        Further fields of :class:`biasaudit.audits.plan.Plan`.

    Returns
    -------
    Audit

    Raises
    ------
    BiasauditError
        One message with the fix.
    """
    plan = planned(base, tuned, probes=probes, suite=suite, chat_template=chat_template, data_dir=data_dir, **options)
    return Audit.of(run(plan, render=rendered, out=None if out is None else Path(out), progress=progress))


def planned(
    base: str,
    tuned: str | Sequence[str] | Mapping[str, str],
    *,
    probes: Sequence[str] | None = None,
    suite: str | None = None,
    chat_template: str | None = None,
    data_dir: str | Path | None = None,
    **options: Any,  # the further fields of Plan, which checks them
) -> Plan:
    """Return the plan of :func:`audit`, which takes the same.

    Raises
    ------
    UsageError
        If something is wrong with it.
    """
    if probes is None:
        suite = suite or DEFAULT_SUITE
    of_suite = () if suite is None else tuple(suite_of(suite).probes)
    for probe in probes or ():
        if probe in of_suite:
            raise UsageError(
                f"probe {probe!r} is part of the suite {suite!r} already.",
                fix="Leave it out, or name the probes without a suite to ask each of them whole.",
            )
    references, names = stages_of(tuned)
    return Plan(
        base=base,
        tuned=references,
        names=names,
        probes=(*of_suite, *(probes or ())),
        suite=suite,
        chat_template=None if chat_template is None else read_template(chat_template),
        chat_template_name=chat_template,
        data_dir=None if data_dir is None else Path(data_dir),
        **options,
    )


def demo(out: str | Path, *, progress: Progress | None = None) -> Audit:
    """Audit what comes with the package and needs no hub: gemma-3-270m and two models tuned from it.

    One was tuned on instructions, the other so that a disparity shrinks, each from the base. The suite ``demo`` of
    the probes that come with the package, in plain text: what either tuning made of the weights.

    Parameters
    ----------
    out : path
        Folder for the audit and its report; a finished demo there is returned as it is.
    progress : Progress, optional

    Returns
    -------
    Audit

    Raises
    ------
    BiasauditError
        One message with the fix; without the extra ``demo`` it names the command that installs it.
    """
    return Audit.of(run(demo_plan(), render=rendered, out=Path(out), progress=progress))


def demo_plan() -> Plan:
    """Return the plan of :func:`demo`: each tuned model has the name of the method that its training card says.

    Raises
    ------
    ModelFilesError
        If a card of the package cannot be used.
    """
    named = {_method_of(reference): reference for reference in ADAPTERS}
    return planned(BASE, named, siblings=True, suite=DEMO_SUITE, framing_names=DEMO_FRAMINGS)


def _method_of(reference: str) -> str:
    training = read_training(adapter_folder(reference))
    if training.unknown:
        raise ModelFilesError(
            f"the adapter {reference}, which comes with the package, is damaged: {training.unknown}.",
            fix="Install biasaudit again: pip install --force-reinstall --no-deps 'biasaudit[demo]'",
        )
    return training.method


def open_audit(folder: str | Path) -> Audit:
    """Open a finished audit, every file checked against its manifest.

    Raises
    ------
    AuditFolderError
        If there is none, if it is unfinished, or if a file was altered.
    """
    return Audit.of(read_record(Path(folder)))


def recompute(folder: str | Path) -> Audit:
    """Compute the tables and the report of a finished audit again, from its items and responses.

    No model is needed. For audits of an earlier version of biasaudit.

    Raises
    ------
    AuditFolderError
        If there is none, if it is unfinished, of a later version, or if a file was altered.
    """
    return Audit.of(computed_again(Path(folder), render=rendered))


def write_reports(folder: str | Path) -> tuple[Path, Path]:
    """Write ``report.html`` and ``report.md`` of a finished audit again, and their checksums into its manifest.

    Returns
    -------
    tuple of Path

    Raises
    ------
    AuditFolderError
        If there is none, if it is unfinished, of another version, or if a table was altered.
    """
    with_reports(open_audit(folder), Path(folder), render=rendered)
    html, markdown = (Path(folder) / name for name in REPORTS)
    return html, markdown


def side_by_side(folders: Sequence[str | Path], out: str | Path) -> Path:
    """Write one page with several finished audits side by side, each with its own answer.

    Parameters
    ----------
    folders : sequence of path
        Two or more. On the page an audit has the name of its folder.
    out : path
        The HTML file.

    Raises
    ------
    UsageError
        If fewer than two are named.
    AuditFolderError
        If one is not there, unfinished, or altered.
    """
    from biasaudit.report import render_side_by_side  # noqa: PLC0415  # slow to import

    paths = [Path(folder) for folder in folders]
    if len(paths) < 2:
        raise UsageError("side by side takes two audits or more.", fix="Name another folder.")
    names: list[str] = []
    for path in paths:
        name = path.resolve().name
        names.append(name if name not in names else f"{name} ({len(names) + 1})")
    check_outputs([out], inputs=paths)
    page = render_side_by_side({name: read_record(path) for name, path in zip(names, paths, strict=True)})
    return write_output(out, page, inputs=paths)


def score(
    probe: str, *, predictions: str | Path, data_dir: str | Path | None = None, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Compute a benchmark's published scores from a file of predictions, without a model.

    Parameters
    ----------
    probe : str
        Id of a shipped probe whose set has published scores.
    predictions : path
        See :func:`biasaudit.benchmarks.predictions.read_predictions` for its forms.
    data_dir : path, optional
        Folder with published data sets; else BIASAUDIT_DATA.
    level : float
        Confidence level of the intervals.
    seed : int
        Of the resamples.

    Returns
    -------
    pandas.DataFrame
        One row per subset and score: value, interval, status, parity, items asked and scored.

    Raises
    ------
    BiasauditError
        If the probe has no published score, or the file cannot be read as predictions.
    """
    import numpy as np  # noqa: PLC0415  # slow to import
    import pandas as pd  # noqa: PLC0415

    from biasaudit.analysis.published_rows import score_row  # noqa: PLC0415
    from biasaudit.benchmarks import SCORERS, Settings  # noqa: PLC0415
    from biasaudit.benchmarks.predictions import read_predictions  # noqa: PLC0415

    loaded = load_probe(probe, data_dir=None if data_dir is None else Path(data_dir))
    scorer = SCORERS.get(loaded.card.data.format)
    if scorer is None:
        raise UsageError(
            f"probe {probe!r} has no published score.", fix=f"These formats have one: {', '.join(SCORERS)}."
        )
    settings = Settings(rng=np.random.default_rng(seed), level=level)
    answered = read_predictions(Path(predictions), loaded)
    return pd.DataFrame([score_row(found) for found in scorer(answered, settings)])


def check(
    audit: AuditRecord,
    policy: str | Path,
    *,
    baseline: AuditRecord | None = None,
    today: date | None = None,
    warnings_as_errors: bool = False,
) -> GateDecision:
    """Judge an audit by a policy file.

    Parameters
    ----------
    audit : Audit or AuditRecord
    policy : path or str
        A policy file, or the name of one that comes along.
    baseline : Audit or AuditRecord, optional
        An earlier audit of the same plan, for ``max_increase_over_baseline``.
    today : datetime.date, optional
        Day by which waivers expire; None takes the present day, UTC, where there are any.
    warnings_as_errors : bool
        Let warnings, and waivers that cover nothing, fail the run.

    Raises
    ------
    PolicyError
        If the policy cannot be read as one, or names a probe that the audit does not have.
    AuditMismatchError
        If the baseline is not of the same plan.
    AlteredAuditError
        If the manifest does not say at which level the intervals are.
    """
    from biasaudit.analysis.baseline import Measured, baseline_changes  # noqa: PLC0415  # few need it
    from biasaudit.gate import decide_audit, read_policy  # noqa: PLC0415  # keeps audits free of it
    from biasaudit.gate.ready import policy_path  # noqa: PLC0415

    def compared(before: AuditRecord) -> list[dict[str, Any]]:  # Any: cells of several types
        now, earlier = (
            Measured(name=name, manifest=one.manifest, scores=one.scores)
            for name, one in (("the audit", audit), ("the baseline", before))
        )
        return baseline_changes(now, earlier)

    return decide_audit(
        read_policy(policy_path(policy)),
        audit,
        baseline=None if baseline is None else partial(compared, baseline),
        today=today,
        warnings_as_errors=warnings_as_errors,
    )
