"""Everything after the responses, computed again and compared."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Final

import pandas as pd
import pyarrow.parquet as pq

from biasaudit.analysis.tables import TABLES, read_tables
from biasaudit.analysis.tabulate import analysis_of_manifest, tabulate
from biasaudit.api import rendered
from biasaudit.audits.finish import written
from biasaudit.bundles import archive
from biasaudit.bundles.texts import text_findings
from biasaudit.bundles.write import decided, decision_bytes
from biasaudit.errors import BiasauditError, BundleError
from biasaudit.record import store, tables
from biasaudit.record.manifest import SCHEMA_VERSION, Manifest, from_dict
from biasaudit.record.senseless import SENSELESS

if TYPE_CHECKING:
    from pathlib import Path

    from biasaudit.record.audit_record import AuditRecord

MAX_ROWS: Final = 20_000_000
MAX_BYTES: Final = 4 << 30
"""Of a table once it is unpacked: compressed columns can hold a thousand times what the file has."""

_SENSELESS: Final = (BiasauditError, *SENSELESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """What came of computing a bundle again: in what it differs, and what could not be compared."""

    differences: list[str]
    unchecked: tuple[str, ...] = ()


def computed_again(folder: Path) -> Recomputed:
    """Say in what an extracted bundle differs from what its items and responses give, and these from the probes.

    Parameters
    ----------
    folder : Path
        Members of a bundle whose checksums are right.

    Returns
    -------
    Recomputed

    Raises
    ------
    BundleError
        If it is of another version of the tables.
    """
    version = json.loads((folder / store.MANIFEST).read_text(encoding="utf-8")).get("schema_version")
    if version != SCHEMA_VERSION:
        raise BundleError(
            f"the bundle has schema version {version!r}; this version of biasaudit computes {SCHEMA_VERSION}.",
            fix="Use the version of biasaudit that wrote it.",
        )
    again = folder / "again"
    try:
        for path in (folder / table.file for table in TABLES.values()):
            if path.is_file():
                _refuse_what_explodes(path)
        manifest = store.read_manifest(folder)
        fresh = _written(folder, manifest, again)
        differences = [found for name in sorted(manifest.files) if (found := _file(folder, again, name)) is not None]
        texts = text_findings(fresh.items, fresh.responses, manifest, variants=_variants(fresh))
        return Recomputed(
            differences=[
                *differences,
                *texts.differences,
                *_manifest(manifest, fresh.manifest),
                *_decision(folder, fresh),
            ],
            unchecked=texts.unchecked,
        )
    except BundleError:
        raise
    except _SENSELESS as exc:
        reason = f"{type(exc).__name__}: {str(exc)[:300]!a}"
        return Recomputed(differences=[f"nothing can be computed from items and responses: {reason}"])


def _variants(audit: AuditRecord) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Return items and responses of perturbed probes; None of an audit without."""
    there = audit.further.keys() >= {"variant_items", "variant_responses"}
    return (audit.further["variant_items"], audit.further["variant_responses"]) if there else None


def _refuse_what_explodes(path: Path) -> None:
    metadata = pq.ParquetFile(path).metadata
    n_bytes = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    if metadata.num_rows > MAX_ROWS or n_bytes > MAX_BYTES:
        raise BundleError(
            f"{path.name} unpacks to {metadata.num_rows:,} rows and {n_bytes:,} bytes.",
            fix=f"The limits are {MAX_ROWS:,} rows and {MAX_BYTES:,} bytes.",
        )


def _written(folder: Path, manifest: Manifest, out: Path) -> AuditRecord:
    """Write the audit that items, responses and the plan give; what was not computed is as in the manifest."""
    found = read_tables(folder, manifest, evidence=True)
    evidence = {name: tables.checked(frame, TABLES[name].schema) for name, frame in found.items()}
    responses = evidence["responses"]
    audit = tabulate(evidence["items"], responses, analysis_of_manifest(manifest), evidence=evidence)
    # The page names the tables: an audit from before one is compared with what it was.
    further = {name: frame for name, frame in audit.further.items() if TABLES[name].file in manifest.files}
    audit = replace(audit, further=further)
    fresh = replace(
        manifest,
        headlines=tuple(asdict(headline) for headline in audit.headlines),
        counts={str(name): int(count) for name, count in responses["status"].value_counts().items()},
        files={},
    )
    return written(audit, from_dict(json.loads(fresh.to_json())), out, render=rendered)


def _file(folder: Path, again: Path, name: str) -> str | None:
    there, fresh = folder / name, again / name
    if not fresh.is_file():
        return f"{name} is not a file that this version of biasaudit writes"
    if there.read_bytes() == fresh.read_bytes():
        return None
    if there.suffix != ".parquet":
        return f"{name} is not the one that these tables give"
    found = _columns(pq.read_table(there).to_pandas(), pq.read_table(fresh).to_pandas())
    return f"{name} is not what the responses give: {found}"


def _columns(there: pd.DataFrame, fresh: pd.DataFrame) -> str:
    """Say in which columns two tables differ, and by how much."""
    if list(there.columns) != list(fresh.columns) or len(there) != len(fresh):
        return f"{len(there):,} rows of {len(there.columns)} columns, not {len(fresh):,} of {len(fresh.columns)}"
    found = []
    for name in there.columns:
        left, right = there[name].reset_index(drop=True), fresh[name].reset_index(drop=True)
        differs = ~((left == right) | (left.isna() & right.isna()))
        if not differs.any():
            continue
        text = f"{name} in {int(differs.sum()):,} rows"
        if pd.api.types.is_float_dtype(left.dtype) and pd.api.types.is_float_dtype(right.dtype):
            text += f" by up to {(left - right).abs().max():.3g}"
        found.append(text)
    return ", ".join(found) or "equal values, written in other bytes (another version of pyarrow?)"


def _manifest(there: Manifest, fresh: Manifest) -> list[str]:
    # The checksums are compared file by file.
    left, right = ({**one.as_dict(), "files": {}} for one in (there, fresh))
    return [f"{store.MANIFEST}: {name} do not follow from the responses" for name in left if left[name] != right[name]]


def _decision(folder: Path, fresh: AuditRecord) -> list[str]:
    if not (folder / archive.POLICY).is_file():
        return []
    there = (folder / archive.DECISION).read_bytes()
    day = json.loads(there)["today"]
    policy = (folder / archive.POLICY).read_bytes()
    again = decided(fresh, policy, today=None if day is None else date.fromisoformat(day))
    if decision_bytes(again) == there:
        return []
    return [f"{archive.DECISION} is not what {archive.POLICY} says of these tables"]
