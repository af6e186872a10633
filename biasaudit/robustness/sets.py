"""Sets of perturbations: ``quick``, ``standard``, or a file; and the perturbed probes that a set makes of a probe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from biasaudit.errors import PerturbationError, UsageError
from biasaudit.plain_files import plain_text
from biasaudit.plain_yaml import parsed_yaml
from biasaudit.probes import Probe
from biasaudit.robustness.before import text_before
from biasaudit.robustness.known import PERTURBATIONS
from biasaudit.robustness.perturbation import Perturbation, applied
from biasaudit.robustness.typing_errors import typing_errors
from biasaudit.types.search import AGAINST, GUIDED, RANDOM, WITH, SearchFacts, search_facts

SETS: Final[Mapping[str, tuple[str, ...]]] = {
    "quick": ("typing", "quotation", "neutral-sentence", "story-opening", "system-loaded", "no-stereotypes"),
    "standard": tuple(name for name in PERTURBATIONS if name != "white-space"),
}
"""Name -> perturbations, in their order."""

_FIX: Final = "Write `perturbations:` and below it names, or entries with `name` and `before` or `typing`."
_MOST: Final = 100
_LONGEST: Final = 2_000
_LONGEST_NAME: Final = 60
_CLOSED: Final = ".,;:!?"


@dataclass(frozen=True, slots=True, kw_only=True)
class PerturbationSet:
    """Perturbations that an audit asks under.

    Attributes
    ----------
    name : str
        ``quick``, ``standard``, or of the file.
    perturbations : tuple of Perturbation
    """

    name: str
    perturbations: tuple[Perturbation, ...]

    @property
    def sha256(self) -> str:
        """Of what the perturbations are, in their order."""
        content = [
            [one.name, one.family, one.summary, one.settings, *(() if one.search is None else (one.search.as_dict(),))]
            for one in self.perturbations
        ]
        return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A perturbed probe.

    Attributes
    ----------
    of : str
        Id of the probe that it was made from.
    perturbation : Perturbation
    probe : Probe
    """

    of: str
    perturbation: Perturbation
    probe: Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """What a set makes of a probe.

    Attributes
    ----------
    made : tuple of Variant
        In the order of the set.
    not_made : mapping
        Perturbation -> why there is none, in words.
    """

    made: tuple[Variant, ...]
    not_made: Mapping[str, str]


def perturbation_set(name: str) -> PerturbationSet:
    """Return a set of perturbations by its name, or read it from a file.

    Parameters
    ----------
    name : str
        ``quick``, ``standard``, or a YAML file: a list ``perturbations`` of names, of texts of one's own (``name`` and
        ``before``) and of rates (``name`` and ``typing``).

    Raises
    ------
    UsageError
        If there is no such set, or the file holds something else.

    Examples
    --------
    >>> [one.name for one in perturbation_set("quick").perturbations][:2]
    ['typing', 'quotation']
    """
    if name in SETS:
        return PerturbationSet(name=name, perturbations=tuple(PERTURBATIONS[one] for one in SETS[name]))
    path = Path(name)
    if not path.is_file():
        raise UsageError(
            f"there is no set of perturbations {name!r}, and no such file.",
            fix=f"Sets: {', '.join(SETS)}; or name a YAML file with a list `perturbations`.",
        )
    if path.stem in SETS:
        raise UsageError(
            f"{path} has the name of the set {path.stem!r}, for which its audits would be taken.",
            fix="Give the file another name.",
        )
    content = parsed_yaml(
        plain_text(path, error=UsageError, fix=_FIX), path, error=UsageError, most_values=_MOST * 20, fix=_FIX
    )
    content = content if isinstance(content, dict) else {}
    listed = content.get("perturbations")
    if not isinstance(listed, list) or not listed or len(listed) > _MOST or content.keys() != {"perturbations"}:
        raise UsageError(
            f"{path} does not hold one list `perturbations` of 1 to {_MOST} entries.",
            fix=_FIX,
        )
    found = tuple(_one(path, at, entry) for at, entry in enumerate(listed, start=1))
    names = [one.name for one in found]
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise UsageError(f"{path} names {twice!r} twice.", fix="Give one of them another name.")
    return PerturbationSet(name=path.stem, perturbations=found)


def _one(path: Path, at: int, entry: Any) -> Perturbation:  # Any: what the file holds
    where = f"{path}, entry {at}"
    if isinstance(entry, str):
        if entry not in PERTURBATIONS:
            raise UsageError(
                f"{where}: there is no perturbation {entry!r}.", fix=f"Perturbations: {', '.join(PERTURBATIONS)}."
            )
        return PERTURBATIONS[entry]
    fields = set(entry) if isinstance(entry, dict) else set()
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name.replace("-", "").isalnum() or name != name.lower() or not name.isascii():
        raise UsageError(
            f"{where} has no name in small letters, digits and hyphens.", fix="Give it one, such as my-preface."
        )
    if name in PERTURBATIONS:
        raise UsageError(f"{where}: {name!r} is the name of another.", fix="Give it a name of its own.")
    if len(name) > _LONGEST_NAME:
        raise UsageError(
            f"{where} has a name of {len(name):,} characters; expected at most {_LONGEST_NAME}.", fix="Shorten it."
        )
    before, rate = entry.get("before"), entry.get("typing")
    if fields == {"name", "before"} and isinstance(before, str) and 0 < len(before) <= _LONGEST:
        if before[-1].isalnum() or before[-1] in _CLOSED:
            raise UsageError(
                f"{where}, {name!r}: the text `before` ends in {before[-1]!r}, which the context would follow at once.",
                fix="End it with a space or a line break, in quotation marks.",
            )
        return text_before(name, (before,), summary="a text of your own before it", family="context")
    if fields == {"name", "before", "search"} and isinstance(before, str) and 0 < len(before) <= _LONGEST:
        return found_words(name, _searched(where, before, entry["search"]))
    if fields == {"name", "typing"} and isinstance(rate, (int, float)) and rate is not True and 0 < rate <= 1:
        return typing_errors(name, float(rate))
    raise UsageError(
        f"{where}, {name!r}, has neither a text `before` of 1 to {_LONGEST:,} characters nor a rate `typing` above 0 "
        "and at most 1.",
        fix="Give it one of the two, and nothing else.",
    )


def found_words(name: str, search: SearchFacts) -> Perturbation:
    """Return the perturbation that puts the words before each context that a search found.

    Parameters
    ----------
    name : str
    search : SearchFacts
    """
    how = {GUIDED: "words that a search found", RANDOM: "the best of words drawn at random"}[search.method]
    towards = {WITH: "with the stereotype", AGAINST: "against the stereotype"}[search.direction]
    summary = f"{how}, for the lean of {search.checkpoint} {towards}, before it"
    made = text_before(name, (f"{search.text} ",), summary=summary, family="search")
    return replace(made, search=search)


def _searched(where: str, before: str, content: Any) -> SearchFacts:  # Any: what the file holds
    fix = "Take the file as the search wrote it, or leave `search` out."
    try:
        found = search_facts(content)
    except (TypeError, ValueError) as exc:
        raise UsageError(f"{where}: what it says of a search cannot be read: {exc}.", fix=fix) from exc
    if before != f"{found.text} ":
        raise UsageError(f"{where}: the text `before` is not the one that the search found.", fix=fix)
    return found


def variants_of(probe: Probe, chosen: PerturbationSet, *, seed: int) -> Variants:
    """Return the perturbed probes that a set makes of a probe, each checked at the border.

    Parameters
    ----------
    probe : Probe
    chosen : PerturbationSet
    seed : int
        The same seed, set and probe give the same probes.
    """
    made, not_made = [], {}
    for one in chosen.perturbations:
        try:
            made.append(Variant(of=probe.card.id, perturbation=one, probe=applied(one, probe, seed=seed)))
        except (PerturbationError, UsageError) as exc:
            # Not an end of the audit: the report says that it was not asked, and why.
            not_made[one.name] = str(exc).partition("\n")[0]
    return Variants(made=tuple(made), not_made=not_made)
