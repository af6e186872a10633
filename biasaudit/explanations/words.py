"""What the words of the contexts do to a lean: each left out, the exchanged ones exchanged, and along a path."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import pandera.pandas as pa

from biasaudit.analysis.perturbed.rows import framed, three
from biasaudit.explanations.associations import (
    NO_ASSOCIATIONS,
    association_items,
    empty,
    laid_out,
    n_associations,
    requests,
    second_of,
    tables,
    texts_of,
    without,
)
from biasaudit.models.backend import Backend, answers
from biasaudit.record.columns import count, number, text
from biasaudit.stats import clustered, mean_estimate
from biasaudit.types import ClusterDesign, Scored
from biasaudit.types.progress import Progress, Silence

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.explanations.asked import Asked
    from biasaudit.explanations.associations import Piece
    from biasaudit.framing import ChatFrame
    from biasaudit.types import ProbeItem, Request
    from biasaudit.types.insides import Paths

LEFT_OUT: Final = "left out"
EXCHANGED: Final = "exchanged"
SIZE: Final = "exchanged, size"
SAME_SIDE: Final = "same side, size"
PATH: Final = "path"
ALL: Final = "all"
"""Stands for all wordings."""
SLOT: Final = "[…]"
"""Stands for the words in which the contexts differ."""
N_ITEMS: Final = 30
LEAST: Final = 5
"""Items of a wording: fewer have no interval, and so no number."""
N_PATHS: Final = 10
"""A path of gemma-3-270m takes about as long as 40 texts."""
_MOST_LISTED: Final = 8
"""Reasons that the facts name."""

WORDS: Final = pa.DataFrameSchema(
    {
        "feature": text("sensitive feature"),
        "checkpoint": text("`base` or the name of the tuned checkpoint"),
        "evidence": text(
            "`left out`: fall of d when the word is left out of both contexts; `exchanged`: d itself, all that "
            "exchanging the words in which the contexts differ does; `exchanged, size`: mean size of d; `same side, "
            "size`: mean size of the change of the log odds when these words are exchanged for others of their own "
            "side; `path`: share of d of one token among them, by integrated gradients",
            check=pa.Check.isin([LEFT_OUT, EXCHANGED, SIZE, SAME_SIDE, PATH]),
        ),
        "wording": text("cluster of the items; `all` for all of them"),
        "place": count(
            "place of the word in the context, words in which the contexts differ as one; of `path`: of the token "
            "among these",
            "",
        ),
        "word": text("the word; `[…]` for the words in which the contexts differ"),
        "effect": number("mean over items; positive where it carries lean with the stereotype", "nats", null=True),
        "effect_ci_low": number("lower bound of its interval", "nats", null=True),
        "effect_ci_high": number("upper bound of its interval", "nats", null=True),
        "n_items": count("items that it rests on", "items"),
    },
    strict=True,
    unique=["feature", "checkpoint", "evidence", "wording", "place", "word"],
)
"""One row per feature, checkpoint, evidence, wording and word."""


class ReadsPaths(Backend, Protocol):
    """A checkpoint that answers and has gradients."""

    def paths(self, tables: Sequence[Sequence[Request]]) -> Paths:
        """Return integrated gradients of tables; see :mod:`biasaudit.models.insides.gradients`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundWords:
    """What the words do.

    Attributes
    ----------
    table : pandas.DataFrame
        See :data:`WORDS`; no row where the status is another than ``ok``.
    facts : mapping
        JSON-ready: ``status``, ``n_items`` of ``n_there`` in ``n_wordings``, ``n_unscored`` by checkpoint, and of
        the paths ``n_items``, ``most_steps``, ``largest_error_nats`` and ``left_out`` by reason, by checkpoint.
    """

    table: pd.DataFrame
    facts: Mapping[str, Any]  # Any: JSON values


def words(
    asked: Asked,
    opened: Callable[[str], AbstractContextManager[ReadsPaths]],
    *,
    chat: ChatFrame | None = None,
    n_items: int = N_ITEMS,
    n_paths: int = N_PATHS,
    progress: Progress | None = None,
) -> FoundWords:
    """Measure what the words of the contexts do, in base and tuned checkpoint.

    Parameters
    ----------
    asked : Asked
    opened : callable
        From ``base`` and the name of the tuned checkpoint to a context in which it answers.
    chat : ChatFrame, optional
        Of a chat framing. All wordings of the framing are asked and averaged; the first alone along paths.
    n_items, n_paths : int
        So many items at most, balanced over wordings and words; of wordings without single words at least 5 each, so
        that there may be fewer wordings.
    progress : Progress, optional
    """
    told = progress or Silence()
    items = association_items(asked, n_items=n_items, least=LEAST)
    if not items:
        return FoundWords(table=empty(WORDS), facts={"status": NO_ASSOCIATIONS})
    variants = _variants(items)
    wanted = requests(asked, (one.item for one in variants), asked.framings, chat)
    on_paths = association_items(asked, n_items=n_paths)
    told.begin("asking contexts without single words", 2 * len({request.key for request in wanted}))
    rows: list[dict[str, Any]] = []  # Any: cells of a table
    unscored: dict[str, int] = {}
    of_paths: dict[str, dict[str, Any]] = {}  # Any: JSON values
    for name in ("base", asked.tuned):
        with opened(name) as backend:
            log_odds = _log_odds(wanted, backend, name, told)
            paths = backend.paths(tables(asked, on_paths, chat))
        unscored[name] = sum(item.item_id not in log_odds for item in items)
        rows += [{**row, "checkpoint": name} for row in _rows(asked, variants, log_odds)]
        rows += [{**row, "checkpoint": name} for row in _path_rows(asked, on_paths, paths)]
        of_paths[name] = _path_facts(paths)
    facts = {
        "status": "ok",
        "n_items": len(items),
        "n_there": n_associations(asked),
        "n_wordings": len({item.cluster_id for item in items}),
        "n_unscored": unscored,
        "paths": of_paths,
    }
    return FoundWords(table=framed(rows, WORDS, by=_KEY), facts=facts)


_KEY: Final = ("feature", "checkpoint", "evidence", "wording", "place", "word")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variant:
    """An item with other contexts: without the word in a place, or with the words of another item of its wording."""

    item: ProbeItem
    of: ProbeItem
    evidence: str
    place: int = 0
    word: str = SLOT


def _variants(items: Sequence[ProbeItem]) -> list[_Variant]:
    parts = laid_out(items)
    found: list[_Variant] = []
    for item in items:
        own = parts[item.item_id]
        found.append(_Variant(item=item, of=item, evidence=EXCHANGED, place=_slot(own)))
        for place, piece in enumerate(own):
            shorter = without(texts_of(item), own, place) if piece.shared else None
            if shorter is not None:
                other = replace(item, item_id=f"{item.item_id}\0{place}", texts=shorter)
                found.append(_Variant(item=other, of=item, evidence=LEFT_OUT, place=place, word=piece.text))
    return found + list(_same_side(items, parts))


def _slot(parts: Sequence[Piece]) -> int:
    """Return the first place in which the contexts differ."""
    return next((place for place, piece in enumerate(parts) if not piece.shared), 0)


def _same_side(items: Sequence[ProbeItem], parts: Mapping[str, Sequence[Piece]]) -> Iterator[_Variant]:
    """Yield items with both contexts of the next one of the same wording that has other words on either side."""
    alike: dict[tuple[object, ...], list[ProbeItem]] = defaultdict(list)
    for item in items:
        frame = tuple(piece.text if piece.shared else SLOT for piece in parts[item.item_id])
        alike[item.feature, item.cluster_id, item.groups, frame].append(item)
    for group in alike.values():
        for at, item in enumerate(group):
            own = texts_of(item).contexts
            others = (texts_of(other).contexts for other in (*group[at + 1 :], *group[:at]))
            contexts = next((one for one in others if one[0] != own[0] and one[1] != own[1]), None)
            if contexts is not None:
                other = replace(
                    item, item_id=f"{item.item_id}\0same side", texts=replace(texts_of(item), contexts=contexts)
                )
                yield _Variant(item=other, of=item, evidence=SAME_SIDE, place=_slot(parts[item.item_id]))


def _log_odds(wanted: Sequence[Request], backend: Backend, name: str, told: Progress) -> dict[str, tuple[float, float]]:
    """Return the log odds of the continuations after context A and after context B, averaged over wordings."""
    cells: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for request, answer in zip(wanted, answers(backend, wanted, name=name, on_progress=told.advance), strict=True):
        said = answer.logprob_nats if isinstance(answer, Scored) else math.nan
        cells[request.item_id][request.framing_id][request.part] = said
    found = {}
    for item_id, framings in cells.items():
        a, b = (
            sum(parts[f"1|{side}"] - parts[f"2|{side}"] for parts in framings.values()) / len(framings) for side in "AB"
        )
        if math.isfinite(a) and math.isfinite(b):
            found[item_id] = (a, b)
    return found


Measured = tuple["ProbeItem", float]


def _rows(
    asked: Asked, variants: Sequence[_Variant], log_odds: Mapping[str, tuple[float, float]]
) -> Iterator[dict[str, Any]]:  # Any: cells of a table
    found: dict[tuple[str, str, str, int, str], list[Measured]] = defaultdict(list)
    for one in variants:
        if one.of.item_id not in log_odds or one.item.item_id not in log_odds:
            continue
        before, now = log_odds[one.of.item_id], log_odds[one.item.item_id]
        d = before[0] - before[1]
        values = {
            LEFT_OUT: {LEFT_OUT: d - (now[0] - now[1])},
            EXCHANGED: {EXCHANGED: d, SIZE: abs(d)},
            SAME_SIDE: {SAME_SIDE: (abs(before[0] - now[0]) + abs(before[1] - now[1])) / 2},
        }[one.evidence]
        for evidence, value in values.items():
            found[one.of.feature, evidence, one.of.cluster_id, one.place, one.word].append((one.of, value))
            if evidence != LEFT_OUT:
                found[one.of.feature, evidence, ALL, 0, one.word].append((one.of, value))
    for (feature, evidence, wording, place, word), measured in found.items():
        yield {
            "feature": feature,
            "evidence": evidence,
            "wording": wording,
            "place": place,
            "word": word,
            **_effect(asked, measured, pooled=wording == ALL),
        }


def _effect(asked: Asked, measured: Sequence[Measured], *, pooled: bool) -> dict[str, Any]:  # Any: cells of a table
    """Return a mean with its interval: over words within a wording, or over wordings and words as in the audit."""
    items, values = zip(*measured, strict=True)
    seconds = [second_of(asked, item) for item in items]
    if pooled:
        sample = clustered(values, [item.cluster_id for item in items], seconds if all(seconds) else None)
        estimate = mean_estimate(sample, asked.probe.card.clusters, level=asked.analysis.level, unit="nats")
    else:
        own = [second or item.item_id for second, item in zip(seconds, items, strict=True)]
        sample = clustered(values, own)
        estimate = mean_estimate(sample, ClusterDesign.DESIGNED, level=asked.analysis.level, unit="nats")
    return {**three("effect", "effect_", estimate), "n_items": len(items)}


def _path_rows(
    asked: Asked, items: Sequence[ProbeItem], paths: Paths
) -> Iterator[dict[str, Any]]:  # Any: cells of a table
    found: dict[tuple[str, int], list[Measured]] = defaultdict(list)
    for place, path in zip(paths.read, paths.paths, strict=True):
        for at, value in enumerate(path.attributions):
            found[items[place].feature, at].append((items[place], float(value)))
    for (feature, at), measured in found.items():
        yield {
            "feature": feature,
            "evidence": PATH,
            "wording": ALL,
            "place": at,
            "word": f"token {at + 1} of {SLOT}",
            **_effect(asked, measured, pooled=True),
        }


def _path_facts(paths: Paths) -> dict[str, Any]:  # Any: JSON values
    return {
        "n_items": len(paths.paths),
        "most_steps": max((path.n_steps for path in paths.paths), default=0),
        "largest_error_nats": max((path.error for path in paths.paths), default=None),
        "left_out": counted(paths.left_out),
    }


def counted(reasons: Iterable[str]) -> dict[str, int]:
    """Return how often each reason was given, the frequent ones first."""
    return dict(Counter(reasons).most_common(_MOST_LISTED))
