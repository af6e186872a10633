"""What was tuned, looked at: its audit, what it did elsewhere, what a search brings out, and where it sits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.api import audit, rendered
from biasaudit.facade import Audit
from biasaudit.models.text.templates import read_template
from biasaudit.outputs import write_output

if TYPE_CHECKING:
    from biasaudit.align.influence.attribute import RecordInfluence
    from biasaudit.align.run import TunedAdapter
    from biasaudit.align.transfer import Transfer
    from biasaudit.explanations import Explanation
    from biasaudit.explanations.asked import Asked
    from biasaudit.framing import ChatFrame, FramingName
    from biasaudit.types.progress import Progress

AUDIT_OF_TUNED: Final = "audit"
"""Folder of an adapter's audit, in the adapter's own."""

_OF_ATTACK: Final = ("budget", "length", "n_items", "method", "feature", "seed")


def audit_tuned(
    base: str,
    tuned: TunedAdapter,
    *,
    probes: Sequence[str] = ("occupations",),
    progress: Progress | None = None,
    **options: Any,  # of audit
) -> Audit:
    """Audit a base against an adapter that was tuned on it: `tuned` is what :mod:`biasaudit.align` returned.

    The audit lies in the adapter's folder, under ``audit``. Device and dtype are those of the training. Where neither
    the training nor the base has a chat template, plain text alone is asked.

    Parameters
    ----------
    base : str
        The reference that was tuned.
    tuned : TunedAdapter
    probes : sequence of str
        Ids of shipped probes, or folders.
    progress : Progress, optional
    **options
        Those of :func:`audit`.

    Raises
    ------
    BiasauditError
        One message with the fix.
    """
    settings, has_template = tuned.card.settings, "chat_template.jinja" in tuned.card.files
    of_training = {name: settings[name] for name in ("dtype", "device", "trust_remote_code") if name in settings}
    asked = {} if has_template else {"framing_names": ("plain",)}
    folder = tuned.folder / AUDIT_OF_TUNED
    given = {"out": folder, **asked, **of_training, **options}
    return audit(base, f"{base}+{tuned.folder}", probes=probes, progress=progress, **given)


def transfer(
    base: str,
    adapter: str | Path,
    *,
    out: str | Path | None = None,
    contrasts: str | Path | None = None,
    probes: Sequence[str] | None = None,
    instructions: str | Path | None = None,
    chat_template: str | None = None,
    data_dir: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,  # the further fields of TransferPlan, and below them of Plan
) -> Transfer:
    """Measure what an adapter that was trained on contrasts did where it was trained, and elsewhere.

    Parameters
    ----------
    base : str
        Model reference without an adapter.
    adapter : path
        Folder of the adapter; its training card says what was trained.
    out : path, optional
        Folder for the table (``transfer.csv``, ``transfer.md``, ``transfer.json``) and its two audits, ``plain`` and
        ``chat``.
    contrasts : path, optional
        The file that it was trained on, in the form of our own; else ours.
    probes : sequence of str, optional
        Asked besides the contrasts; else :data:`biasaudit.align.transfer.PROBES`.
    instructions : path, optional
        JSON Lines with prompt and response; without it that row is not measured.
    chat_template, data_dir, progress : optional
        As of :func:`audit`; without any chat template plain text alone is asked.
    **options
        limit, size and seed of :class:`biasaudit.align.transfer.TransferPlan`; all others are of
        :class:`biasaudit.audits.plan.Plan`.

    Returns
    -------
    Transfer
        `table` has one row a quantity: base, tuned, their difference with its interval, share gone, verdict.

    Raises
    ------
    BiasauditError
        One message with the fix.
    """
    from biasaudit.align.transfer import PROBES, TransferPlan, run  # noqa: PLC0415  # tuning is not always installed

    own = {name: options.pop(name) for name in ("limit", "size", "seed") if name in options}
    plan = TransferPlan(
        base=base,
        adapter=str(adapter),
        contrasts=None if contrasts is None else Path(contrasts),
        probes=PROBES if probes is None else tuple(probes),
        instructions=None if instructions is None else Path(instructions),
        settings={
            "chat_template": None if chat_template is None else read_template(chat_template),
            "chat_template_name": chat_template,
            "data_dir": None if data_dir is None else Path(data_dir),
            **options,
        },
        **own,
    )
    folder = None if out is None else Path(out)
    found = run(plan, render=rendered, out=folder, progress=progress)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        found.to_csv(folder / "transfer.csv")
        write_output(folder / "transfer.md", found.to_markdown() + "\n")
        write_output(folder / "transfer.json", found.to_json())
    return found


def attack(
    base: str,
    tuned: str,
    *,
    probe: str = "occupations",
    also: Sequence[str] = (),
    out: str | Path | None = None,
    words: str | Path | Sequence[str] | None = None,
    data_dir: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,  # the further fields of AttackPlan, and below them of Plan
) -> Audit:
    """Search for words before a text that bring a lean out, and audit a pair under what was found.

    Both models are searched with one budget, on half of the wordings and half of the words of a probe. The audit asks
    the other half, which no search saw.

    Parameters
    ----------
    base, tuned : str
        Model references.
    probe : str
        Id of a shipped probe, or a folder.
    also : sequence of str
        Further probes, asked under what was found and never searched on.
    out : path, optional
        Folder of the audit, of what was found (``strings.yaml``) and of the queries, from which an interrupted search
        goes on.
    words : path or sequence of str, optional
        Words to search among, in a file one a line; else the base's own.
    data_dir, progress : optional
        As of :func:`audit`.
    **options
        budget, length, n_items, method, feature and seed of :class:`biasaudit.attacks.AttackPlan`; all others are of
        :class:`biasaudit.audits.plan.Plan`.

    Returns
    -------
    Audit
        `searches` has one row a checkpoint, probe and feature: what the search found there, held out.

    Raises
    ------
    BiasauditError
        One message with the fix.
    """
    from biasaudit.attacks import AttackPlan, run, words_of  # noqa: PLC0415  # of no use to most audits

    own = {name: options.pop(name) for name in _OF_ATTACK if name in options}
    plan = AttackPlan(
        base=base,
        tuned=tuned,
        probe=probe,
        also=tuple(also),
        words=words_of(words),
        data_dir=None if data_dir is None else Path(data_dir),
        settings=options,
        **own,
    )
    return Audit.of(run(plan, render=rendered, out=None if out is None else Path(out), progress=progress))


def explain(
    audit: str | Path,
    *,
    probe: str,
    feature: str | None = None,
    tuned: str | None = None,
    framing: FramingName = "plain",
    cut: int | None = None,
    evidence: Sequence[str] | None = None,
    records: str | Path | None = None,
    out: str | Path | None = None,
    chat_template: str | None = None,
    data_dir: str | Path | None = None,
    batch_tokens: int | None = None,
    trust_remote_code: bool = False,
    progress: Progress | None = None,
) -> Explanation:
    """Say where in the model the change of an audited pair sits: which parts bring it about, in both orders.

    Parts of the base are exchanged for the tuned checkpoint's, from the embeddings to the head; every hybrid is a real
    model, and is asked what the audit asked.

    Parameters
    ----------
    audit : path
        Folder of a finished audit of checkpoints that lie on this machine.
    probe : str
        Id of a probe of it.
    feature : str, optional
        One feature of it; else all.
    tuned : str, optional
        Name of a tuned checkpoint of it; else the one that its answer is about.
    framing : {"plain", "chat"}
    cut : int, optional
        Blocks below the cut; else all but the last third. It is to be fixed before anything is measured.
    evidence : sequence of str, optional
        What is gathered beside the depth profile, of :data:`biasaudit.explanations.EVIDENCE`; else all.
    records : path, optional
        The file that the tuned adapter was trained on by ``biasaudit align sft``; without it no record is looked at.
    out : path, optional
        Folder for tables and page. None keeps them in memory; answers are cached all the same.
    chat_template : str, optional
        As the audit was given it.
    data_dir : path, optional
        Folder with published data sets.
    batch_tokens : int, optional
    trust_remote_code : bool
    progress : Progress, optional

    Returns
    -------
    Explanation
        `cells` has one row a feature with its verdict, `parts` one a feature and part, `components` one a question and
        head, MLP or block.

    Raises
    ------
    BiasauditError
        One message with the fix.
    """
    from biasaudit.explanations import EVIDENCE, ExplanationPlan, run  # noqa: PLC0415  # pandas is slow to import
    from biasaudit.report import render_explanation  # noqa: PLC0415  # as above

    plan = ExplanationPlan(
        audit=Path(audit),
        probe=probe,
        feature=feature,
        tuned=tuned,
        framing=framing,
        cut=cut,
        evidence=EVIDENCE if evidence is None else tuple(evidence),
        records=None if records is None else Path(records),
        chat_template=None if chat_template is None else read_template(chat_template),
        data_dir=None if data_dir is None else Path(data_dir),
        batch_tokens=batch_tokens,
        trust_remote_code=trust_remote_code,
    )
    folder = None if out is None else Path(out)
    return run(plan, draw=render_explanation, attribute=_attributed, out=folder, progress=progress)


def _attributed(asked: Asked, chat: ChatFrame | None, data: Path, progress: Progress) -> RecordInfluence:
    """Attribute what an explanation asks to the records that its tuned adapter was trained on."""
    from biasaudit.align.influence.attribute import InfluenceSettings, record_influences  # noqa: PLC0415  # imports torch

    return record_influences(
        asked.references[asked.tuned],
        data,
        probe=asked.probe,
        framings=asked.framings,
        chat=chat,
        settings=InfluenceSettings(level=asked.analysis.level, seed=asked.analysis.seed),
        dtype=asked.settings.dtype,
        device=asked.settings.device,
        trust_remote_code=asked.settings.trust_remote_code,
        progress=progress,
    )
