"""Words for groups, and sentences that take them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from biasaudit.errors import ProbeError
from biasaudit.plain_files import excerpt
from biasaudit.probes.card import Card, Text
from biasaudit.types import ProbeItem

MOST_ITEMS: Final = 200_000
PERSON_SLOT: Final = re.compile(r"\{(one|many|One|Many)\}")


class Strict(BaseModel):
    """A part of a file that people write: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GroupWords(Strict):
    """Words for a group.

    Attributes
    ----------
    one : str
        A person of it, with the article: "a woman".
    many : str
        Such persons: "women".
    """

    one: Text
    many: Text

    def form(self, slot: str) -> str:
        """Return the words as `slot` wants them: one, many, and both with a capital for a sentence's beginning.

        Examples
        --------
        >>> GroupWords(one="a woman", many="women").form("Many")
        'Women'
        """
        words = self.one if slot.lower() == "one" else self.many
        return words[0].upper() + words[1:] if slot[0].isupper() else words


def slug(group: str) -> str:
    """Return a group's name as it stands in ids.

    Examples
    --------
    >>> slug("Wheelchair user")
    'wheelchair-user'
    """
    return group.replace(" ", "-").lower()


def repeated(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once, sorted."""
    return sorted(name for name, count in Counter(names).items() if count > 1)


def bounded(path: Path, *parts: Iterable[ProbeItem]) -> tuple[ProbeItem, ...]:
    """Return the items that a file expands to.

    Raises
    ------
    ProbeError
        If there are more than `MOST_ITEMS`: lists that are crossed multiply, and a small file can ask for billions.
    """
    items = tuple(islice(chain(*parts), MOST_ITEMS + 1))
    if len(items) > MOST_ITEMS:
        raise ProbeError(
            f"{path}: expands to more than {MOST_ITEMS:,} items.", fix="Cross fewer words, templates or groups."
        )
    return items


def same_groups(path: Path, groups: Mapping[str, Iterable[str]], card: Card) -> None:
    """Check that a file names the features and groups of its card, in their order.

    Raises
    ------
    ProbeError
    """
    if list(groups) != list(card.features):
        raise ProbeError(
            f"{path}: field 'groups' has the features {excerpt(list(groups), 300)}; card.yaml declares "
            f"{excerpt(list(card.features), 300)}.",
            fix="Name the same features in the same order.",
        )
    for feature, words in groups.items():
        if tuple(words) != card.groups[feature]:
            raise ProbeError(
                f"{path}: field 'groups.{feature}' has {excerpt(list(words), 300)}; card.yaml declares "
                f"{excerpt(list(card.groups[feature]), 300)}.",
                fix="Name the same groups in the same order; the first is the reference.",
            )
