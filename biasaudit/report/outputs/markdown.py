"""The report in Markdown, for a model card or a pull request: nothing in it can become a link, a tag or a mention."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.outputs.summary import Row, cell_line, cell_rows, tuned_of
from biasaudit.report.sections.audited import audited
from biasaudit.report.sections.first.compared import start_of
from biasaudit.report.sections.first_screen import first_screen
from biasaudit.report.view import probe_names
from biasaudit.report.words.exposures import TRAINED_ON, exposures, summary, was_trained_on
from biasaudit.report.words.facts import mapping
from biasaudit.report.words.robust import robustness_said
from biasaudit.report.words.searched import search_finding, search_rows
from biasaudit.report.words.wording import ARMS, BIDI_CONTROLS, clean, in_words, showable

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord
    from biasaudit.report.sections.first_screen import FirstScreen
    from biasaudit.report.words.facts import Fact

METHOD: Final = (
    "The model writes nothing: it is asked how probable given texts are. The index runs from -1 to 1; 0 is parity, "
    "and positive leans with the stereotype that the probe's card states. D is the first column minus the second, "
    "paired by item; intervals are over clusters of items that share wording or source, and p-values are "
    "Holm-corrected over the comparisons that the answer is about. What could not be measured has a status in "
    "the place of a number. A measured change says what these probes show in these framings, not how the model acts "
    "elsewhere."
)

# As entities: a backslash before a pipe would be undone by a backslash that the text brings along.
_ENTITIES: Final = {ord(letter): f"&#{ord(letter)};" for letter in "\\`*_[]|~"}
_JOINT: Final = "&#8203;"
"""A space without width: it parts what would be read as a mention, an address or the number of an issue."""

_ACTIVE: Final = re.compile(r"[@#](?=\w)|:(?=//)|(?<=www)\.", re.IGNORECASE)
_LINE_START: Final = re.compile(r"^(?:[-+](?=\s|$)|[-=]+$|#|\d+[.)](?=\s|$))")


def escaped(text: object) -> str:
    """Return text that is nothing but text in Markdown, on one line.

    Examples
    --------
    >>> escaped("a|b <i> *c*")
    'a&#124;b &lt;i&gt; &#42;c&#42;'
    >>> escaped("see @someone")
    'see @&#8203;someone'
    """
    flat = BIDI_CONTROLS.sub("", showable(str(text)))
    flat = " ".join(flat.split())
    # In the order in which none undoes another: html.escape would escape the ampersands of the entities.
    safe = html.escape(flat, quote=False).translate(_ENTITIES)
    safe = _ACTIVE.sub(lambda found: f"{found[0]}{_JOINT}", safe.replace("&#", "\0")).replace("\0", "&#")
    return _LINE_START.sub(lambda found: f"{_JOINT}{found[0]}", safe)


def render_markdown(audit: AuditRecord, *, heading: int = 1) -> str:
    """Return the report of an audit as Markdown.

    Parameters
    ----------
    audit : AuditRecord
    heading : int
        Level of its title, 1 to 5.

    Returns
    -------
    str
        Answer, verdicts, the cells behind them, coverage, method and provenance; the same audit gives the same text.
    """
    recorded: Mapping[str, Any] = audit.manifest.as_dict()  # Any: JSON values
    names = probe_names(audit, recorded)
    first = first_screen(audit, recorded, names)
    lines = [f"{'#' * heading} Bias audit: {escaped(', '.join(first.tuned))}", ""]
    lines += [f"Base: {escaped(first.base)}. Tuned: {escaped(', '.join(first.tuned))}.", ""]
    for model in first.models:
        lines += [f"{escaped(model)}.", ""]
    lines += _answer(first, audit, names)
    lines += _cells(audit, names)
    lines += [f"{'#' * (heading + 1)} How sure, and what this audit cannot say", ""]
    lines += [*_facts(first.how_sure), *_facts(first.not_measured), "", f"Method. {escaped(METHOD)}", ""]
    lines += [f"{'#' * (heading + 1)} Provenance", "", *_provenance(recorded)]
    return "\n".join(lines) + "\n"


def _answer(first: FirstScreen, audit: AuditRecord, names: Mapping[str, str]) -> list[str]:
    lines = [f"**{escaped(first.answer.sentence)}**", ""]
    if first.answer.estimate:
        lines += [f"{escaped(first.answer.estimate)}.", ""]
    if first.answer.beside:
        beside = (first.answer.beside_of, first.answer.beside)
        lines += [escaped(". ".join(part for part in beside if part)), ""]
    for said in first.answer.siblings:
        lines += [f"{first.answer.sibling_of}. {escaped(said)}", ""]
    for said in first.answer.basis:
        lines += [escaped(said), ""]
    for warning in first.warnings:
        lines += [f"> Note. {escaped(warning)}", ""]
    if audit.headlines:
        counts = in_words(audit.headlines[0].counts) or "none judged"
        lines += [f"Of {escaped(first.cells)} ({escaped(first.contrast)}): {escaped(counts)}.", ""]
    if robust := robustness_said(audit, names):
        lines += [f"Other words. {escaped(robust)}", ""]
    if found := search_finding(search_rows(audit)):
        lines += [f"Somebody who tries. {escaped(found)}.", ""]
    if first.elsewhere:
        lines += [
            f"Between other models or ways of asking. {' '.join(f'{escaped(said)}.' for said in first.elsewhere)}",
            "",
        ]
    return lines


def _cells(audit: AuditRecord, names: Mapping[str, str]) -> list[str]:
    if not audit.headlines:
        return ["Nothing was compared.", ""]
    contrast = audit.headlines[0].contrast
    first_arm, second_arm = ARMS.get(contrast, ("first", "second"))
    lines: list[str] = []
    for tuned in tuned_of(audit, contrast=contrast):
        cells = cell_rows(audit, tuned=tuned, contrast=contrast)
        rows = [cell_line(row, names) for row in cells]
        lines += [
            f"Index and change D with intervals, {escaped(contrast)}, {escaped(tuned)}:",
            "",
            _row(["Probe", "Feature", first_arm, second_arm, "Change D", "Verdict"]),
            _row(["---", "---", "---:", "---:", "---:", "---"], raw=True),
            *(
                _row([row.probe, row.feature, row.first, row.second, row.reduction, f"{row.symbol} {row.verdict}"])
                for row in rows
            ),
            "",
        ]
        lines += [line for said in _trained(audit, tuned, cells, names) for line in (escaped(said), "")]
    return lines


def _trained(audit: AuditRecord, tuned: str, rows: Sequence[Row], names: Mapping[str, str]) -> list[str]:
    """Say of which comparisons it is known that they were held out, and name those that were trained on."""
    found = exposures(audit)
    said = [summary(found, tuned)]
    cells = [(tuned, str(row["probe"]), str(row["feature"])) for row in rows]
    named = [f"{names.get(cell[1], clean(cell[1]))}, {clean(cell[2])}" for cell in cells if was_trained_on(found, cell)]
    if named:
        said.append(f"{TRAINED_ON}: {'; '.join(named)}.")
    return [one for one in said if one]


def _row(cells: Iterable[str], *, raw: bool = False) -> str:
    return f"| {' | '.join(cell if raw else escaped(cell) for cell in cells)} |"


def _facts(facts: Iterable[Fact]) -> list[str]:
    return [f"- {escaped(fact.term)}: {escaped('; '.join(fact.values))}" for fact in facts]


def _provenance(recorded: Mapping[str, Any]) -> list[str]:  # Any: JSON values
    record = audited(recorded)
    lines = []
    for checkpoint in record.checkpoints:
        facts = {fact.term: ", ".join(fact.values) for fact in checkpoint.facts}
        wanted = [facts[term] for term in ("Reference", "Weights", "Adapter", "Number format") if term in facts]
        lines.append(f"- {escaped(checkpoint.title)}: {escaped('; '.join(wanted))}")
    for probe, found in mapping(recorded.get("probes")).items():
        card = mapping(found)
        said = [f"{name} {clean(card[name], limit=80)}" for name in ("version", "sha256") if card.get(name)]
        lines.append(f"- Probe {escaped(clean(probe))}: {escaped(', '.join(said) or 'not recorded')}")
    version = clean(recorded.get("biasaudit_version") or "of an unknown version")
    lines.append(f"- Run on: {escaped(start_of(mapping(recorded.get('run'))))}")
    lines.append(f"- Written by biasaudit {escaped(version)}. {escaped(record.settings)}")
    return lines
