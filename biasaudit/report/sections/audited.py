"""What was audited: the manifest, leniently read, since older audits may lack a key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from biasaudit.report.section import Section, Source
from biasaudit.report.sections.again import command
from biasaudit.report.sections.first.compared import start_of
from biasaudit.report.words.facts import Fact, mapping
from biasaudit.report.words.wording import (
    NOT_RECORDED,
    clean,
    count,
    number,
    percent,
    present,
    shown_or_not_recorded,
)

_HASH_LIMIT: Final = 80
_ELSEWHERE: Final = {
    "Computed by": "engine",
    "Read as": "reading",
    "Quantised": "quantization",
    "Keys and values": "kv_dtype",
}

REPORTS: Final = frozenset({"report.html", "report.md"})
"""Files that are written from the tables when all else is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Titled:
    """A heading and the facts under it."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """The record of the run."""

    checkpoints: tuple[Titled, ...]
    framings: tuple[Fact, ...]
    run: tuple[Fact, ...]
    versions: tuple[Fact, ...]
    files: tuple[Fact, ...]
    command: str
    settings: str
    margin: str
    level: str


def audited(recorded: Mapping[str, Any]) -> Audited:  # Any: JSON values
    """Read the manifest for display.

    Parameters
    ----------
    recorded : mapping
        JSON values of the manifest; absent keys are shown as "not recorded".
    """
    plan = mapping(recorded.get("plan"))
    margin, level = present(plan.get("margin")), present(plan.get("level"))
    return Audited(
        checkpoints=tuple(
            _checkpoint(str(name), mapping(found)) for name, found in mapping(recorded.get("fingerprints")).items()
        ),
        framings=tuple(_framing(mapping(framing)) for framing in plan.get("framings") or ()),
        run=_run(mapping(recorded.get("run")), recorded),
        versions=_pairs(recorded.get("versions")),
        # The report cannot hold its own checksum, nor its other form.
        files=_pairs({name: found for name, found in mapping(recorded.get("files")).items() if name not in REPORTS}),
        command=command(plan, mapping(mapping(recorded.get("run")).get("asked"))),
        settings=f"Seed {shown_or_not_recorded(plan.get('seed'))}, margin {shown_or_not_recorded(plan.get('margin'))}, "
        f"level {shown_or_not_recorded(plan.get('level'))}.",
        margin=NOT_RECORDED if margin is None else number(margin, decimals=2),
        level="95\u00a0%" if level is None else percent(level, decimals=0),
    )


def _checkpoint(name: str, found: Mapping[str, Any]) -> Titled:  # Any: JSON values
    return Titled(
        title=clean(name),
        facts=(
            _fact("Reference", found.get("reference")),
            _fact("Architecture", found.get("architecture")),
            Fact(term="Parameters", values=(count(found.get("n_parameters")),)),
            _fact("Number format", found.get("dtype")),
            _fact("Device", found.get("device")),
            *_elsewhere(found),
            _fact("Weights", found.get("weights")),
            Fact(term="Adapter", values=(clean(found["adapter"]) if found.get("adapter") else "none",)),
            _fact("Tokenizer, sha256", found.get("tokenizer_sha256")),
            _fact("Chat template, sha256", found.get("chat_template_sha256")),
        ),
    )


def _elsewhere(found: Mapping[str, Any]) -> Iterator[Fact]:  # Any: JSON values
    """Yield who computes and how it is read, where that is not this process."""
    for term, name in _ELSEWHERE.items():
        if found.get(name) is not None:
            yield _fact(term, found[name])


def _framing(framing: Mapping[str, Any]) -> Fact:  # Any: JSON values
    request = framing.get("request")
    said = "the text alone, after the beginning token" if request is None else f"after the request: {clean(request)}"
    return Fact(term=shown_or_not_recorded(framing.get("framing_id")), values=(said,))


def _run(run: Mapping[str, Any], recorded: Mapping[str, Any]) -> tuple[Fact, ...]:  # Any: JSON values
    seconds, memory = present(run.get("seconds")), present(run.get("peak_memory_bytes"))
    return (
        Fact(term="Started", values=(start_of(run),)),
        Fact(term="Requests", values=_requests(mapping(recorded.get("counts")))),
        Fact(term="Calculated in this run", values=_calculated(run)),
        Fact(
            term="Time of this run",
            values=(NOT_RECORDED if seconds is None else f"{number(seconds, decimals=1)} s, tables included",),
        ),
        Fact(
            term="Peak memory",
            values=(NOT_RECORDED if memory is None else f"{number(memory / 2**30, decimals=2)} GiB",),
        ),
        _fact("biasaudit", recorded.get("biasaudit_version")),
        _fact("Schema version", recorded.get("schema_version")),
    )


def _requests(counts: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON values
    return tuple(f"{clean(status)}: {count(n_requests)}" for status, n_requests in sorted(counts.items())) or (
        NOT_RECORDED,
    )


def _calculated(run: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON values
    """Say how many of the requests the model was run for: a text asked twice, or known already, costs nothing."""
    if present(run.get("tokens")) is None:
        return (NOT_RECORDED,)
    cost = f"{count(run['tokens'])} tokens"
    speed = present(run.get("tokens_per_second"))
    if speed is not None:
        cost += f", at {number(speed, decimals=1)} a second, cache and checks included"
    if present(run.get("requests_computed")) is None:
        return (cost,)
    return (
        f"{count(run['requests_computed'])} requests, {cost}",
        "the other requests were repeats, or answered from the cache",
    )


def _pairs(found: object) -> tuple[Fact, ...]:
    return tuple(
        Fact(term=clean(name), values=(clean(value, limit=_HASH_LIMIT),))
        for name, value in sorted(mapping(found).items())
    )


def _fact(term: str, value: object) -> Fact:
    return Fact(term=term, values=(shown_or_not_recorded(value),))


def _view(source: Source) -> Audited:
    return audited(source.recorded)


SECTION: Final = Section(name="audited", title="What was audited", template="audited.html.jinja", view=_view)
METHOD: Final = Section(name="method", title="Method", template="method.html.jinja", view=_view)
