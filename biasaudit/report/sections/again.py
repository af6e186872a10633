"""The command that asks for an audit again, as it was asked for."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from biasaudit.audits.plan import Plan
from biasaudit.framing import NEUTRAL_REQUESTS
from biasaudit.report.words.facts import mapping
from biasaudit.report.words.wording import clean
from biasaudit.robustness import SETS
from biasaudit.types import stage_place

_LONGEST: Final = 2_000
"""Characters of a reference or request; a command cut short is none."""

_DEFAULTS: Final[Mapping[str, object]] = {field.name: field.default for field in fields(Plan)}
_VALUES: Final = ("dtype", "device", "quantize", "device_map", "margin", "level", "seed", "limit", "draws")
_FLAGS: Final = ("siblings", "omit_texts", "allow_different_lineage", "allow_different_engines")
_ALLOWED: Final = ("allow_different_lineage", "allow_different_engines", "allow_implausible")
_AT_ONCE: Final = ("batch_tokens", "concurrency", "workers")


def command(plan: Mapping[str, Any], asked: Mapping[str, Any] | None = None) -> str:  # Any: JSON values
    """Return the shell command that asks for the same audit.

    Every option that is not at its default stands in it, and none that is. Folders are not told: data sets are known by
    their checksums, and where they lay is nobody's business.

    Parameters
    ----------
    plan : mapping
        Of the manifest, leniently read.
    asked : mapping, optional
        What :meth:`biasaudit.audits.plan.Plan.as_asked` gave; audits before it do not have it.

    Examples
    --------
    >>> command({"base": "org/base", "tuned": {"tuned": "org/it"}, "probes": ["occupations"]})
    'biasaudit audit org/base org/it --probe occupations --out AUDIT'
    >>> command({"base": "a", "tuned": {"tuned": "b"}}, {"search": {"probe": "occupations", "budget": 40}})
    'biasaudit attack a b --probe occupations --budget 40 --out AUDIT'
    >>> command({"base": "a", "tuned": {"tuned": "b"}, "suite": "quick", "probes": ["x"], "seed": 7})
    'biasaudit audit a b --suite quick --seed 7 --out AUDIT'
    """
    if mapping(mapping(asked).get("search")):
        return " ".join(_of_search(plan, mapping(asked)))
    references = [plan.get("base", "BASE"), *(_stages(mapping(plan.get("tuned"))) or ["TUNED"])]
    words = ["biasaudit", "audit", *(_quoted(reference) for reference in references)]
    words += _options(plan, mapping(asked))
    return " ".join([*words, "--out", "AUDIT"])


def _of_search(plan: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON values
    """Yield the words of the command that searches again, and asks under what it finds."""
    yield from ("biasaudit", "attack")
    yield from (_quoted(one) for one in (plan.get("base", "BASE"), *(_stages(mapping(plan.get("tuned"))) or ["TUNED"])))
    for name, value in mapping(asked.get("search")).items():
        if name == "words":
            yield from ("--words", "WORDS")
        else:
            for one in _listed(value) or (value,):
                yield from (_option(name), _quoted(one))
    for name in ("dtype", "device", "seed"):
        if plan.get(name, _DEFAULTS[name]) != _DEFAULTS[name]:
            yield from (_option(name), _quoted(plan[name]))
    yield from (_option(name) for name in _ALLOWED if plan.get(name))
    if asked.get("data_dir"):
        yield from ("--data-dir", "DATA")
    if asked.get("trust_remote_code"):
        yield "--trust-remote-code"
    yield from ("--out", "AUDIT")


def _stages(tuned: Mapping[str, Any]) -> list[str]:  # Any: JSON values
    """Return the tuned checkpoints in order, those that were named with their name before them."""
    found = []
    for name in sorted(map(str, tuned), key=stage_place):
        given = name.split("-", 1)[1] if len(tuned) > 1 and "-" in name else name
        is_named = not (name == "tuned" or name.startswith("tuned-"))
        found.append(f"{given}={tuned[name]}" if is_named else str(tuned[name]))
    return found


def _options(plan: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON values
    if plan.get("suite"):
        yield from ("--suite", _quoted(plan["suite"]))
    else:
        for probe in _listed(plan.get("probes")):
            yield from ("--probe", _quoted(probe))
    yield from _framings([mapping(one) for one in _listed(plan.get("framings"))])
    if plan.get("chat_template_sha256") or asked.get("chat_template"):
        yield from ("--chat-template", _quoted(asked.get("chat_template") or "TEMPLATE"))
    if asked.get("data_dir"):
        yield from ("--data-dir", "DATA")
    for name in _VALUES:
        if plan.get(name, _DEFAULTS[name]) != _DEFAULTS[name]:
            yield from (_option(name), _quoted(plan[name]))
    if plan.get("robustness"):
        named = str(asked.get("robustness", ""))
        yield from ("--robustness", named if named in SETS else "PERTURBATIONS.yaml")
    for name in _AT_ONCE:
        yield from (_option(name), _quoted(asked[name])) if asked.get(name) else ()
    yield from (_option(name) for name in _FLAGS if plan.get(name))
    if asked.get("trust_remote_code"):
        yield "--trust-remote-code"


def _framings(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:  # Any: JSON values
    names = {str(one.get("framing")) for one in found}
    if len(names) == 1:
        yield from ("--framing", _quoted(next(iter(names))))
    requests = tuple(str(one["request"]) for one in found if one.get("request") is not None)
    if requests and requests != NEUTRAL_REQUESTS:
        for request in requests:
            yield from ("--request", _quoted(request))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _listed(found: object) -> Sequence[Any]:  # Any: JSON values
    return found if isinstance(found, list | tuple) else ()


def _quoted(word: object) -> str:
    return shlex.quote(clean(word, limit=_LONGEST))
