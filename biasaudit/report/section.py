"""What a section of the page is: one object, which owns its place in the navigation, its template and its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from biasaudit.gate import GateDecision
    from biasaudit.record.audit_record import AuditRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a section can be made from.

    Attributes
    ----------
    audit : AuditRecord
    recorded : mapping
        The manifest as JSON values; keys may be absent.
    names : mapping
        Probe -> name to show.
    level : str
        Level of the intervals, as it is shown.
    decision : GateDecision or None
        Of a policy on the audit, where the page is to show one.
    """

    audit: AuditRecord
    recorded: Mapping[str, Any]  # Any: JSON values
    names: Mapping[str, str]
    level: str
    decision: GateDecision | None = None


View: TypeAlias = Callable[[Source], object | None]
"""From the audit to the values that a template shows; None leaves the section out."""

OfView: TypeAlias = Callable[[Any], bool]  # Any: each section has a view of its own
"""What is so of a view that is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A place within a section, as the table of contents lists it; `under` groups entries."""

    place: str
    title: str
    under: str


def _no_entries(_: object) -> Sequence[Entry]:
    return ()


def _always(_: object) -> bool:
    return True


def never(_: object) -> bool:
    """Say no of whatever is shown."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the page.

    Attributes
    ----------
    name : str
        The ``id`` of its element in the template, to which the navigation leads.
    title : str or None
        In the navigation; None where it has no link.
    template : str
        File of the template, where the view is `shown`. It computes nothing.
    view : callable
        Strings, and tuples of strings: foreign text has gone through :func:`biasaudit.report.words.wording.clean`.
    folder : Path or None
        Where the template lies; None for the package's own.
    has_link : callable
        Whether the navigation leads to it, where it has a title and is shown.
    has_script : callable
        Whether it shows items that the script of the page, ``find.js``, finds. No section can bring another script.
    entries : callable
        Places within it to which the table of contents leads, too; most sections have none.
    """

    name: str
    title: str | None
    template: str
    view: View
    folder: Path | None = None
    has_link: OfView = _always
    has_script: OfView = never
    entries: Callable[[Any], Sequence[Entry]] = _no_entries  # Any: each section has a view of its own
