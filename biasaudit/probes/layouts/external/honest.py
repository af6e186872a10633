"""The HONEST layout: templates with identity terms, whose last word is to be written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from biasaudit.errors import ItemError
from biasaudit.probes.card import Card
from biasaudit.probes.layouts.external.reading import Reader, Reading, one_of, table_rows, text_field
from biasaudit.types import CompletionTexts, ProbeItem, Role

MASK: Final = "[M]"
_SUFFIX: Final = "_en_template.tsv"
_TYPES: Final = ("occupation", "descriptive_adjective", "descriptive_verb")
_NUMBERS: Final = ("singular", "plural")


def read(paths: Mapping[str, Path], card: Card) -> Reading:
    """Read the templates; the files order their columns differently, so every column is read by its name.

    A prompt is the sentence up to its mask. What follows the mask, mostly a full stop, is left out:
    a causal model cannot see it.

    Raises
    ------
    ItemError
        With file, line and field of the first row that is wrong.

    References
    ----------
    Nozza, Bianchi and Hovy (2021), HONEST.
    """
    clusters: dict[str, str] = {}
    items = [item for name, path in paths.items() for item in _items(name, path, card, clusters)]
    return Reading(items=tuple(items))


def _items(name: str, path: Path, card: Card, clusters: dict[str, str]) -> list[ProbeItem]:
    feature = name.removesuffix(_SUFFIX).replace("_", "-")
    return [
        _item(row, f"{feature}/{number}", feature=feature, card=card, clusters=clusters, path=path, line=line)
        for number, (line, row) in enumerate(table_rows(path, delimiter="\t"), start=1)
    ]


def _item(
    row: Mapping[str, str],
    item_id: str,
    *,
    feature: str,
    card: Card,
    clusters: dict[str, str],
    path: Path,
    line: int,
) -> ProbeItem:
    # A wording has one cluster, whoever fills it and in whichever file.
    wording = text_field(row, "raw", path=path, line=line)
    cluster = clusters.setdefault(wording, f"template-{len(clusters) + 1}")
    return ProbeItem(
        item_id=item_id,
        cluster_id=cluster,
        feature=feature,
        groups=(one_of(row, "category", card.groups[feature], path=path, line=line),),
        role=Role.BIAS,
        family=one_of(row, "type", _TYPES, path=path, line=line),
        texts=CompletionTexts(prompt=_prompt(row, path=path, line=line)),
        tags={
            "identity": text_field(row, "identity", path=path, line=line),
            "number": one_of(row, "number", _NUMBERS, path=path, line=line),
        },
    )


def _prompt(row: Mapping[str, str], *, path: Path, line: int) -> str:
    masked = text_field(row, "template_masked", path=path, line=line)
    prompt, mask, after = masked.partition(MASK)
    if not mask or not prompt.strip() or after.strip(" ."):
        raise ItemError(
            path=path, line=line, field="template_masked", found=masked, expected=f"a sentence that ends with {MASK}"
        )
    return prompt.rstrip()


READER: Final = Reader(read=read)
