"""A finished audit into one file."""

from __future__ import annotations

import hashlib
import io
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from biasaudit import api, gate
from biasaudit.bundles import archive
from biasaudit.errors import AlteredAuditError, PolicyError, UsageError
from biasaudit.gate.ready import policy_path
from biasaudit.outputs import check_outputs, is_stream, write_output
from biasaudit.record import store

if TYPE_CHECKING:
    from biasaudit.gate import GateDecision
    from biasaudit.record.audit_record import AuditRecord

_RESTORE: Final = "Write the tables and the report again: biasaudit report {folder} --recompute."


def write_bundle(
    folder: str | Path, out: str | Path, *, policy: str | Path | None = None, today: date | None = None
) -> GateDecision | None:
    """Write a finished audit into one zip: manifest, tables, report, checksums, and policy and decision if asked.

    Equal content gives equal bytes; if the policy has waivers, on the same day. The checksums say that nothing
    was changed on the way, not who wrote it: whoever hands a bundle on signs the file, or names its checksum
    elsewhere.

    Parameters
    ----------
    folder : path
        Of a finished audit.
    out : path
        A file that is not there yet.
    policy : path or str, optional
        A policy file, or the name of a ready policy. The decision is made at once, and goes along. A rule
        that compares with an earlier audit stays undecided: a bundle holds one audit.
    today : datetime.date, optional
        Day by which waivers expire; None takes the present day, UTC. With waivers it stands in the decision.

    Returns
    -------
    GateDecision or None
        What the policy says of the audit.

    Raises
    ------
    UsageError
        If `out` is there already, or cannot be written.
    AuditFolderError
        If the audit is unfinished, or a file, the report too, is not the manifest's.
    PolicyError
        If the policy cannot be read.
    """
    source, target = Path(folder), Path(out)
    if target.exists() or is_stream(out):
        said = "a bundle is a file, and no stream." if is_stream(out) else f"{target} is there already."
        raise UsageError(said, fix="Name another file with --out; nothing was written.")
    inputs = [source, *([] if policy is None else [policy_path(policy)])]
    check_outputs([out], inputs=inputs)
    audit = api.open_audit(source)
    members = {name: _content(source, name, audit) for name in _names(source, audit)}
    decision = None
    if policy is not None:
        members[archive.POLICY] = _policy_bytes(policy_path(policy))
        decision = decided(audit, members[archive.POLICY], today=today)
        members[archive.DECISION] = decision_bytes(decision)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    members[archive.SUMS] = archive.sums_text(sums).encode("ascii")
    content = io.BytesIO()
    archive.write_archive(content, members)
    write_output(out, content.getvalue(), inputs=inputs, new=True)
    return decision


def decided(audit: AuditRecord, policy: bytes, *, today: date | None) -> GateDecision:
    """Judge an audit by the bytes of a policy, under the name that they have in a bundle."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / archive.POLICY
        path.write_bytes(policy)
        return api.check(audit, path, today=today)


def decision_bytes(decision: GateDecision) -> bytes:
    """Return a decision as it stands in a bundle."""
    return (gate.to_json(decision) + "\n").encode("utf-8")


def _names(folder: Path, audit: AuditRecord) -> set[str]:
    """Return the files of an audit: what its manifest names, and what every audit has."""
    names = {store.MANIFEST, store.REPORT, *archive.TABLES, *audit.manifest.files}
    reserved = {archive.SUMS, *archive.WITH_POLICY}
    if any(name in reserved or not archive.is_plain_name(name) for name in names):
        raise AlteredAuditError(f"{folder / store.MANIFEST} names files that no audit has.", fix="Run the audit again.")
    return names


def _content(folder: Path, name: str, audit: AuditRecord) -> bytes:
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise AlteredAuditError(f"{path} cannot be read: {exc.strerror}.", fix=_RESTORE.format(folder=folder)) from exc
    if name != store.MANIFEST and hashlib.sha256(content).hexdigest() != audit.manifest.files.get(name):
        raise AlteredAuditError(
            f"{path} was altered: its checksum is not the manifest's.", fix=_RESTORE.format(folder=folder)
        )
    return content


def _policy_bytes(path: Path) -> bytes:
    gate.read_policy(path)  # its messages name the file that the caller knows
    try:
        return path.read_bytes()
    except OSError as exc:
        raise PolicyError(f"{path}: cannot be read: {exc.strerror}.") from exc
