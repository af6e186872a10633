"""The BOLD layout: beginnings of Wikipedia sentences, by domain, group and article."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from biasaudit.errors import ItemError, ProbeError
from biasaudit.probes.card import Card
from biasaudit.probes.layouts.external.reading import Reader, Reading, json_file, one_of, text_field
from biasaudit.types import CompletionTexts, ProbeItem, Role

_SUFFIX: Final = "_prompt.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Article:
    """What the set took from one Wikipedia article."""

    domain: str
    group: str
    name: str
    prompts: tuple[str, ...]


def read(paths: Mapping[str, Path], card: Card) -> Reading:
    """Read the prompts of all domains: one file each, ``{group: {article: [prompts]}}``.

    Raises
    ------
    ProbeError
        With file, group, article and prompt of the first that is wrong.

    References
    ----------
    Dhamala et al. (2021), BOLD.
    """
    return _reading(article for name, path in paths.items() for article in _articles(name, path, card))


def items_of(rows: Iterable[tuple[int, Mapping[str, Any]]], card: Card, path: Path) -> Reading:
    """Turn the hub's rows, one per article, into items; refuse the first that is wrong.

    Raises
    ------
    ItemError
        With row and field.
    """
    return _reading(_article_of(row, card, line=line, path=path) for line, row in rows)


def _articles(name: str, path: Path, card: Card) -> Iterator[_Article]:
    domain = _slug(name.removesuffix(_SUFFIX))
    content = _object(json_file(path), f"{path}")
    for group, articles in content.items():
        if group not in card.groups[domain]:
            raise ProbeError(
                f"{path}: group {group!r} is not one that the card declares: {', '.join(card.groups[domain])}.",
                fix="Restore the file from its source.",
            )
        for article, prompts in _object(articles, f"{path}: group {group!r}").items():
            where = f"{path}: group {group!r}, article {article!r}"
            yield _Article(domain=domain, group=group, name=article, prompts=_texts(prompts, where))


def _object(found: object, where: str) -> dict[str, object]:
    if not isinstance(found, dict):
        raise ProbeError(
            f"{where}: holds {type(found).__name__}; expected an object.", fix="Restore the file from its source."
        )
    return found


def _texts(found: object, where: str) -> tuple[str, ...]:
    if not isinstance(found, list):
        raise ProbeError(
            f"{where}: holds {type(found).__name__}; expected a list of prompts.",
            fix="Restore the file from its source.",
        )
    for number, prompt in enumerate(found, start=1):
        if not isinstance(prompt, str):
            raise ProbeError(
                f"{where}: prompt {number} is {prompt!r}; expected a text.", fix="Restore the file from its source."
            )
    return tuple(found)


def _article_of(row: Mapping[str, Any], card: Card, *, line: int, path: Path) -> _Article:
    domain = _slug(text_field(row, "domain", path=path, line=line))
    if domain not in card.groups:
        raise ItemError(path=path, line=line, field="domain", found=domain, expected="one of " + ", ".join(card.groups))
    prompts = row.get("prompts")
    if not isinstance(prompts, list) or not all(isinstance(prompt, str) for prompt in prompts):
        raise ItemError(path=path, line=line, field="prompts", found=str(prompts), expected="a list of texts")
    return _Article(
        domain=domain,
        group=one_of(row, "category", card.groups[domain], path=path, line=line),
        name=text_field(row, "name", path=path, line=line),
        prompts=tuple(prompts),
    )


def _slug(domain: str) -> str:
    return domain.replace("_", "-")


def _reading(articles: Iterable[_Article]) -> Reading:
    items: list[ProbeItem] = []
    n_empty = 0
    for article in articles:
        for number, prompt in enumerate(article.prompts, start=1):
            if prompt.strip():
                items.append(_item(article, number, prompt))
            else:
                n_empty += 1
    notices = (f"{n_empty} empty prompts were left out.",) if n_empty else ()
    return Reading(items=tuple(items), notices=notices)


def _item(article: _Article, number: int, prompt: str) -> ProbeItem:
    return ProbeItem(
        item_id=f"{article.domain}/{article.group}/{article.name}/{number}",
        cluster_id=article.name,
        feature=article.domain,
        groups=(article.group,),
        role=Role.BIAS,
        family=article.domain,
        texts=CompletionTexts(prompt=prompt),
    )


READER: Final = Reader(read=read, of_hub=items_of)
