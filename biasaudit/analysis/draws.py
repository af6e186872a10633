"""What was drawn: how often each answer came, and how often none did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandera.pandas as pa

from biasaudit.analysis.table import Given, Table
from biasaudit.record.columns import count, text, with_bounds
from biasaudit.record.tables import checked
from biasaudit.stats.proportions import wilson
from biasaudit.types import Counted, Role

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.analysis.asked_items import AskedItem
    from biasaudit.framing import Framing


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """Draws of one bias item in one arm that give no answer.

    Attributes
    ----------
    probe, checkpoint, framing, cluster_id : str
    refused, unparsed : float
        Shares of all its draws, in [0, 1].
    """

    probe: str
    checkpoint: str
    framing: str
    cluster_id: str
    refused: float
    unparsed: float


def unanswered(asked: Iterable[AskedItem], framings: Sequence[Framing]) -> tuple[Unanswered, ...]:
    """Return how often the draws of bias items give no answer, over all wordings of a framing.

    Parameters
    ----------
    asked : iterable of AskedItem
    framings : sequence of Framing
    """
    framing_of = {framing.framing_id: framing.framing for framing in framings}
    found: defaultdict[tuple[str, str, str, str, str], list[Counted]] = defaultdict(list)
    for one in asked:
        if one.role is Role.BIAS:
            place = (one.probe, one.checkpoint, framing_of[one.framing_id], one.cluster_id, one.item_id)
            found[place] += [response for response in one.responses.values() if isinstance(response, Counted)]
    return tuple(
        Unanswered(
            probe=probe,
            checkpoint=checkpoint,
            framing=framing,
            cluster_id=cluster_id,
            refused=sum(one.n_refused for one in counts) / n_drawn,
            unparsed=sum(one.n_unparsed for one in counts) / n_drawn,
        )
        for (probe, checkpoint, framing, cluster_id, _), counts in sorted(found.items())
        if (n_drawn := sum(one.n_drawn for one in counts))
    )


def _computed(given: Given) -> pd.DataFrame:
    """Return one row per drawn part and answer, with the interval of what the model would answer to that very text."""
    import pandas as pd  # noqa: PLC0415  # slow to import

    rows: list[dict[str, object]] = []
    for one in given.asked:
        names = {name: getattr(one, name) for name in ("checkpoint", "framing_id", "probe", "item_id")}
        for part, response in sorted(one.responses.items()):
            if isinstance(response, Counted):
                rows += [{**names, "part": part, **row} for row in _answers(response, given.analysis.level)]
    frame = pd.DataFrame(rows, columns=list(SCHEMA.columns))
    # Of no draws, or of none that was read, pandas would not know what a column holds.
    frame = frame.astype({name: _HOLDS.get(name.partition("_")[0], str) for name in frame.columns})
    return checked(frame.sort_values(list(SCHEMA.unique or ()), ignore_index=True), SCHEMA)


def _answers(counted: Counted, level: float) -> Iterator[dict[str, object]]:
    """Yield a row for each answer: its share of the draws that give one, with Wilson's interval."""
    for answer, n_found in sorted(counted.counts.items()):
        share = wilson(n_found, counted.n_read, level=level)
        yield {
            "answer": answer,
            "n_drawn": counted.n_drawn,
            "n_read": counted.n_read,
            "n_found": n_found,
            "share": None if share is None else share.value,
            "share_ci_low": None if share is None else share.low,
            "share_ci_high": None if share is None else share.high,
        }


SCHEMA: Final = pa.DataFrameSchema(
    {
        "checkpoint": text("`base`, or a tuned checkpoint"),
        "framing_id": text("`plain`, or `chat-1`, `chat-2`, ...: which request"),
        "probe": text("id of the probe"),
        "item_id": text("unique within its probe, stable over versions of the probe"),
        "part": text("which text of the item, in the words of its kind"),
        "answer": text("an answer that was looked for"),
        "n_drawn": count("texts drawn", "draws"),
        "n_read": count("draws that give one answer", "draws"),
        "n_found": count("draws that give this one alone", "draws"),
        **with_bounds("share", "`n_found` over `n_read`, Wilson's interval; null where none gives an answer", "share"),
    },
    strict=True,
    unique=["checkpoint", "framing_id", "probe", "item_id", "part", "answer"],
)
"""One row per text that was asked and answer: how often it was drawn."""

_HOLDS: Final[Mapping[str, type]] = {"share": float, "n": int}
"""How the names of columns of numbers begin."""

DRAWS: Final = Table(name="draws", schema=SCHEMA, computed=_computed, of_drawn=True)
