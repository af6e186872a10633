"""A finished audit on disk, and its tables computed again from what was expensive."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, TypeAlias

from biasaudit.analysis.tables import TABLES, checked_tables, read_tables
from biasaudit.analysis.tabulate import analysis_of_manifest, tabulate
from biasaudit.errors import AlteredAuditError, AuditFolderError
from biasaudit.record import store
from biasaudit.record.manifest import SCHEMA_VERSION, Manifest, from_dict
from biasaudit.record.senseless import SENSELESS
from biasaudit.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from biasaudit.record.audit_record import AuditRecord

Render: TypeAlias = "Callable[[AuditRecord], Mapping[str, str]]"
"""Draws the reports of an audit: file -> text. Handed in, as the report is a room above."""


def written(audit: AuditRecord, manifest: Manifest, out: Path | None, *, render: Render) -> AuditRecord:
    """Return the audit with its manifest, after its files are written.

    The manifest comes after the tables, and again after the reports: what ends the drawing of a report ends no audit.

    Parameters
    ----------
    audit : AuditRecord
        Its tables and headlines.
    manifest : Manifest
        Without the checksums.
    out : Path or None
        None writes nothing.
    render : callable

    Raises
    ------
    AuditFolderError
        If a file cannot be written; those before it stay.
    """
    complete = replace(audit, manifest=manifest, folder=out)
    if out is None:
        return complete
    with _into(out):
        files = {**_unknown(manifest), **store.write_tables(out, checked_tables(complete))}
        complete = replace(complete, manifest=replace(manifest, files=files))
        store.write_manifest(out, complete.manifest)
    return with_reports(complete, out, render=render)


def _unknown(manifest: Manifest) -> dict[str, str]:
    """Return the files of tables that this version does not know: they are left alone, and stay in the manifest."""
    known = {table.file for table in TABLES.values()}
    return {name: digest for name, digest in manifest.files.items() if name.endswith(".parquet") and name not in known}


def completed(audit: AuditRecord, folder: Path, *, render: Render) -> AuditRecord:
    """Return a finished audit, after its reports are written if the run ended before they were.

    Parameters
    ----------
    audit : AuditRecord
        As it was read from `folder`.
    folder : Path
    render : callable
    """
    there = {store.REPORT, store.REPORT_MARKDOWN} <= audit.manifest.files.keys()
    return audit if there else with_reports(audit, folder, render=render)


def with_reports(audit: AuditRecord, folder: Path, *, render: Render) -> AuditRecord:
    """Write the reports of an audit into its folder, and the manifest with their checksums after them.

    Parameters
    ----------
    audit : AuditRecord
        Its manifest has the checksums of its tables.
    folder : Path
    render : callable
    """
    reports = render(audit)
    with _into(folder):
        sums = {name: store.write_text(folder, name, text) for name, text in reports.items()}
        complete = replace(audit, manifest=replace(audit.manifest, files={**audit.manifest.files, **sums}))
        store.write_manifest(folder, complete.manifest)
    return complete


@contextmanager
def _into(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise AuditFolderError(
            f"the audit cannot be written into {folder}: {exc.strerror or exc}.",
            fix="Free some space, or make the folder writable, and run the same command again: responses are in the "
            "cache, and what was written stays.",
        ) from exc


def computed_again(folder: Path, *, render: Render) -> AuditRecord:
    """Compute every table of a finished audit again, from its items and responses, and write them.

    For audits of an earlier version, whose tables have other columns: no model is needed.

    Raises
    ------
    UnfinishedAuditError
        If there is no manifest.
    AlteredAuditError
        If items or responses were altered, or the manifest does not say how they were analysed.
    AuditFolderError
        If the folder is of a later version.
    """
    manifest = _with_second_factors(store.read_manifest(folder, earlier=True))
    evidence = read_tables(folder, manifest, evidence=True)
    try:
        analysis = analysis_of_manifest(manifest)
    except (KeyError, TypeError, ValueError) as exc:
        raise AlteredAuditError(
            f"{folder / store.MANIFEST} does not say how the responses were analysed: {exc!r}.",
            fix="Restore it, or run the audit again.",
        ) from exc
    _refuse_answers_to_nothing(evidence["items"], evidence["responses"])
    try:
        audit = tabulate(evidence["items"], evidence["responses"], analysis, evidence=evidence)
    except SENSELESS as exc:
        raise AlteredAuditError(
            f"{folder}: nothing can be computed from its items and responses: {type(exc).__name__}: "
            f"{' '.join(str(exc).split())[:300]!a}.",
            fix="Restore them, or run the audit again.",
        ) from exc
    fresh = replace(
        manifest,
        schema_version=SCHEMA_VERSION,
        headlines=tuple(asdict(headline) for headline in audit.headlines),
        run={**manifest.run, "tables_by": __version__},
    )
    return written(audit, from_dict(json.loads(fresh.to_json())), folder, render=render)


def _refuse_answers_to_nothing(items: pd.DataFrame, responses: pd.DataFrame) -> None:
    """Raise if a response answers an item that is not there: a missing item would be silence, and change every mean.

    Raises
    ------
    AlteredAuditError
    """
    by = ["probe", "item_id"]
    there = set(zip(*(items[name] for name in by), strict=True))
    asked = responses[by].drop_duplicates()
    strange = next((pair for pair in zip(*(asked[name] for name in by), strict=True) if pair not in there), None)
    if strange is not None:
        raise AlteredAuditError(
            f"responses.parquet answers item {strange[1]!a} of probe {strange[0]!a}, which is not in items.parquet.",
            fix="Restore both, or run the audit again.",
        )


def _with_second_factors(manifest: Manifest) -> Manifest:
    """Add which second factor a shipped probe has, to manifests from before cards could say so."""
    from biasaudit.probes.registry import available, card_of  # noqa: PLC0415  # yaml is slow to import

    shipped = available()
    probes = {}
    for name, facts in manifest.probes.items():
        found = dict(facts)
        if "also" not in found:
            card = card_of(name) if name in shipped else None
            same = card is not None and card.version == found.get("version")
            second = card.also_clustered_by if card is not None and same else None
            found["also"] = None if second is None else second.model_dump()
        probes[name] = found
    return replace(manifest, probes=probes)
