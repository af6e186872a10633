"""An explanation as data and as a folder: its manifest, the scores of all hybrids, two tables, and a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from biasaudit.analysis.tabulate import PENDING
from biasaudit.errors import AlteredAuditError, AuditFolderError, UnfinishedAuditError
from biasaudit.explanations.names import EVIDENCE
from biasaudit.explanations.profile import ProfileFacts
from biasaudit.explanations.schemas import Evidence, empty_tables
from biasaudit.record import store
from biasaudit.record.manifest import CHECKSUM, own_checksum, sealed_json
from biasaudit.types import ClusterDesign
from biasaudit.visible import in_short

if TYPE_CHECKING:
    import pandas as pd

MANIFEST: Final = "explanation.json"
PAGE: Final = "explanation.html"
SCHEMA_VERSION: Final = 2
TABLES: Final = ("scores", "parts", "cells", *empty_tables())
FILES: Final = frozenset({MANIFEST, PAGE, *(f"{name}.parquet" for name in TABLES)})
"""All that the folder of one holds."""
_RESTORE: Final = "Restore it, or explain the audit again."
_SHOWN: Final = frozenset({"biasaudit_version", "files", "models", "tuned", "probe_name", "positive_index", "evidence"})
"""What a manifest must have beside what decides its tables."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Explanation:
    """Where the reduction of one tuned checkpoint sits, by one probe.

    Attributes
    ----------
    manifest : mapping
        What was explained and how, JSON-ready.
    scores : pandas.DataFrame
        Item values of every hybrid; see :data:`biasaudit.record.tables.SCORES`.
    parts, cells : pandas.DataFrame
        See :mod:`biasaudit.explanations.profile`.
    evidence : Evidence
        Further tables, and why some were not measured.
    folder : Path or None
        Where it lies, if it was written.
    """

    manifest: Mapping[str, Any]  # Any: JSON values
    scores: pd.DataFrame
    parts: pd.DataFrame
    cells: pd.DataFrame
    evidence: Evidence
    folder: Path | None = field(default=None)

    @property
    def components(self) -> pd.DataFrame:
        """Heads, MLPs and blocks: what carries the lean, and what brings the change about."""
        return self.evidence.tables["components"]

    @property
    def words(self) -> pd.DataFrame:
        """What each word of the contexts does to a lean."""
        return self.evidence.tables["words"]

    @property
    def layers(self) -> pd.DataFrame:
        """Lens and linear probe over the layers: to look at, not to conclude from."""
        return self.evidence.tables["layers"]

    @property
    def records(self) -> pd.DataFrame:
        """What each record of the training did to the index, to first order."""
        return self.evidence.tables["records"]

    @property
    def record_groups(self) -> pd.DataFrame:
        """The same by groups of records."""
        return self.evidence.tables["record_groups"]

    @property
    def questions(self) -> pd.DataFrame:
        """What was asked of components, and whether anything may be confirmed."""
        return self.evidence.tables["questions"]

    @property
    def facts(self) -> ProfileFacts:
        """What decides its tables."""
        return facts_of(self.manifest)

    def __repr__(self) -> str:
        """Return the pair, the probe and the verdict of each feature."""
        models = in_short(f"{name} {reference}" for name, reference in self.manifest["models"].items())
        lines = [f"Explanation: {models}; probe {in_short([self.manifest['probe']])}"]
        said = zip(self.cells["feature"], self.cells["verdict"], strict=True)
        lines += [f"  {in_short([feature])}: {verdict}" for feature, verdict in said]
        return "\n".join(lines)


Draw: TypeAlias = Callable[[Explanation], str]
"""Draws the page of an explanation."""


def facts_of(manifest: Mapping[str, Any]) -> ProfileFacts:  # Any: JSON values
    """Return what decides the tables, as a manifest notes it."""
    noted = manifest["analysis"]
    return ProfileFacts(
        probe=manifest["probe"],
        parts=tuple(noted["parts"]),
        exchanged=tuple(noted["exchanged"]),
        cut=noted["cut"],
        framing=noted["framing"],
        design=ClusterDesign(noted["design"]),
        level=noted["level"],
        margin=noted["margin"],
        seed=noted["seed"],
        barred=noted["barred"],
    )


def written(found: Explanation, folder: Path, draw: Draw) -> Explanation:
    """Write an explanation; its manifest last.

    Raises
    ------
    AuditFolderError
        If it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise AuditFolderError(f"{folder} cannot be made: {exc.strerror or exc}.", fix="Name another folder.") from exc
    tables = {"scores": found.scores, "parts": found.parts, "cells": found.cells, **found.evidence.tables}
    files = store.write_tables(folder, tables)
    whole = replace(found, manifest={**found.manifest, "files": files}, folder=folder)
    files[PAGE] = store.write_text(folder, PAGE, draw(whole))
    store.write_text(folder, MANIFEST, sealed_json(whole.manifest))
    return whole


def read_explanation(folder: Path) -> Explanation:
    """Read a finished explanation, every table checked against its manifest.

    Raises
    ------
    UnfinishedAuditError
        If there is none.
    AlteredAuditError
        If a file was altered.
    AuditFolderError
        If it is of another version.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise UnfinishedAuditError(
            f"{folder} holds no finished explanation: {MANIFEST} is missing.",
            fix="Run the same `biasaudit explain` command again; it goes on from the cache.",
        ) from exc
    except (OSError, ValueError, RecursionError) as exc:
        raise AlteredAuditError(f"{path} cannot be read: {exc}.", fix=_RESTORE) from exc
    if not isinstance(content, dict) or content.get(CHECKSUM) != own_checksum(content):
        raise AlteredAuditError(f"{path} was altered: it is not what its own checksum says.", fix=_RESTORE)
    if content.get("schema_version") != SCHEMA_VERSION:
        raise AuditFolderError(
            f"{path} has schema version {content.get('schema_version')!r}; this version of biasaudit reads "
            f"{SCHEMA_VERSION}.",
            fix="Explain the audit again.",
        )
    manifest = {name: value for name, value in content.items() if name != CHECKSUM}
    try:
        facts_of(manifest)
        lacking = sorted({*_SHOWN - manifest.keys(), *set(EVIDENCE) - manifest.get("evidence", {}).keys()})
    except (KeyError, TypeError, ValueError) as exc:
        raise AlteredAuditError(f"{path} does not say how it was analysed: {exc!r}.", fix=_RESTORE) from exc
    if lacking:
        raise AlteredAuditError(f"{path} does not say: {', '.join(lacking)}.", fix=_RESTORE)
    sealed = replace(PENDING, files=manifest["files"])
    tables = {name: store.read_table(folder, name, sealed) for name in TABLES}
    return Explanation(
        manifest=manifest,
        scores=tables["scores"],
        parts=tables["parts"],
        cells=tables["cells"],
        evidence=Evidence(
            tables={name: tables[name] for name in empty_tables()},
            facts={name: manifest["evidence"][name] for name in EVIDENCE},
        ),
        folder=folder,
    )
