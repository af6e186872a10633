"""What a part of a probe's section is: one object, which owns its heading, its template and its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from biasaudit.report.section import OfView, never

if TYPE_CHECKING:
    from biasaudit.report.section import Source

Views: TypeAlias = Callable[["Source"], Mapping[str, object]]
"""From the audit to probe -> the values that a template shows; a probe that is not in it has no such part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the section of every probe that has it.

    Attributes
    ----------
    name : str
        Its element has the id ``PLACE-NAME``, PLACE being that of its probe; see
        :func:`biasaudit.report.words.places.part_place`.
    title : str
        Its heading.
    template : str
        File of the template, where the view is `shown` and `probe` is the
        :class:`~biasaudit.report.sections.probes.ProbeSection` around it. It computes nothing.
    views : callable
        Strings, and tuples of strings: foreign text has gone through :func:`biasaudit.report.words.wording.clean`.
    folder : Path or None
        Where the template lies; None for the package's own.
    prints : bool
        Whether it stands on paper, too. What is long does not: its table is among the files of
        ``biasaudit report DIR --csv FOLDER``.
    has_script : callable
        Whether it shows items that the script of the page, ``find.js``, finds.
    """

    name: str
    title: str
    template: str
    views: Views
    folder: Path | None = None
    prints: bool = False
    has_script: OfView = never
