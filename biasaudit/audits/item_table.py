"""The texts of a probe as a table: what a model of any kind can be asked, to score its answers later."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from biasaudit.audits.asked import requests_of
from biasaudit.errors import UsageError
from biasaudit.framing import PLAIN

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.probes import Probe

COLUMNS: Final = (
    "item_id", "part", "framing", "context", "continuation", "role", "feature", "groups", "cluster_id", "family",
)  # fmt: skip
"""``groups`` joined by " | ", as in an audit's table of items; ``family`` is the wording."""


def item_table(probe: Probe) -> pd.DataFrame:
    """Return what a probe asks in plain framing, one row per item and part.

    Parameters
    ----------
    probe : Probe

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`, in the order of the probe. What `continuation` is worth after `context`, as a log-probability
        in nats, is what :func:`biasaudit.score` takes as ``score`` of ``item_id`` and ``part``.

    Raises
    ------
    UsageError
        If nothing of the probe is scored, because models are to write on; or if it needs a frame for questions and is
        in a language of which biasaudit has none.
    """
    import pandas as pd  # noqa: PLC0415  # slow to import

    items = {item.item_id: item for item in probe.items}
    rows = [
        (
            request.item_id,
            request.part,
            request.framing_id,
            request.context,
            request.continuation,
            item.role.value,
            item.feature,
            " | ".join(item.groups),
            item.cluster_id,
            item.family,
        )
        for request in requests_of(probe, [PLAIN], None)
        for item in [items[request.item_id]]
    ]
    if not rows:
        raise UsageError(
            f"probe {probe.card.id!r} has no texts to be scored: its items are {probe.card.kind} items, which a model "
            "writes on.",
            fix="Name a probe of another kind; `biasaudit probes list` says of which kind each is.",
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def item_csv(table: pd.DataFrame) -> str:
    r"""Return such a table as CSV: every text as it is, in quotes, so that a program reads back what was asked.

    Unlike the CSV files of an audit it is not made safe for spreadsheets: an apostrophe before a text is another text.

    Examples
    --------
    >>> import pandas as pd
    >>> item_csv(pd.DataFrame({"item_id": ["a"], "context": ["=1,\r"]}))
    '"item_id","context"\n"a","=1,\r"\n'
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.itertuples(index=False))
    return out.getvalue()
