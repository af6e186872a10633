"""Tables of what training data did to an index: one row per record, and one per group of records."""

from __future__ import annotations

from typing import Final

import pandera.pandas as pa

from biasaudit.record.columns import count, number, text

LONGEST_TEXT: Final = 400
"""Characters of a record's texts that are kept."""

RECORDS: Final = pa.DataFrameSchema(
    {
        "feature": text("sensitive feature; `all` pools a probe's features"),
        "line": count("line of the record in the file of training data, from 1", ""),
        "group": text("what the record says of where it comes from; null where it says nothing", null=True),
        "prompt": text(f"first {LONGEST_TEXT} characters of the prompt"),
        "response": text(f"first {LONGEST_TEXT} characters of the response"),
        "n_response_tokens": count("tokens on which the loss is taken", "tokens"),
        "influence": number(
            "to first order, by how much plain gradient steps on this record alone raise the index, one at each kept "
            "checkpoint (15.7); below 0 they lower it",
            "index points",
        ),
        "influence_ci_low": number(
            "lower bound of the interval of `influence` over clusters of items; null under 5", "index points", null=True
        ),
        "influence_ci_high": number("upper bound of that interval", "index points", null=True),
    },
    strict=True,
    unique=["feature", "line"],
)
"""One row per feature and record of the training."""

RECORD_GROUPS: Final = pa.DataFrameSchema(
    {
        "feature": text("sensitive feature; `all` pools a probe's features"),
        "group": text("what records say of where they come from"),
        "n_records": count("records of the group", "records"),
        "influence": number("mean `influence` of the group's records", "index points"),
        "chance_low": number("lower bound of that mean if groups were dealt to records at random", "index points"),
        "chance_high": number("upper bound of that mean if groups were dealt to records at random", "index points"),
        "p": number("two-sided, by permuted groups"),
        "p_adjusted": number("two-sided, by the largest of all groups under each permutation"),
    },
    strict=True,
    unique=["feature", "group"],
)
"""One row per feature and group of records."""
