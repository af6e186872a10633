"""Contrasts as probes: which templates, words and groups of a training are asked about, and what was seen of them.

A part of the contrasts is a probe in memory, whose clusters are the templates and whose features are those of the
contrasts. No direction is meant by a pair of words, so that an index of theirs would be about nothing: each pair is
turned the way in which the base leans in the templates of the *other* split, and the index says how far it leans that
way in these. Nothing is turned by the numbers that it is judged by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from statistics import fmean
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from biasaudit.probes import Probe
from biasaudit.probes.card import Card
from biasaudit.probes.registry import content_sha256
from biasaudit.probes.units import place
from biasaudit.types import ProbeItem, Role

if TYPE_CHECKING:
    from biasaudit.align.contrasts.sets import Contrasts, GroupPair, Template, WordPair

Split: TypeAlias = Literal["train", "development"]
Pairing: TypeAlias = tuple[str, str, str, str, str]
"""Feature, groups A and B, first and second word."""

SPLITS: Final[tuple[Split, Split]] = ("train", "development")
_OTHER: Final[Mapping[Split, Split]] = {"train": "development", "development": "train"}
TAG: Final = "words"
"""Tag of the pair of words, which crosses the templates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of the contrasts is asked about; which it is follows from the seed and the names alone.

    Attributes
    ----------
    templates : int
        Of each feature and split, half of each sentence form where there are both.
    words : int
        Pairs of words of each feature, split and form of words.
    """

    templates: int = 8
    words: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a training card says was trained on.

    Attributes
    ----------
    features, groups : frozenset of str
    """

    features: frozenset[str]
    groups: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the contrasts.

    Attributes
    ----------
    name : str
        Id of its probe.
    says : str
        What it is, in words.
    templates, words : {"train", "development"}
    order : {"group_first", "word_first"} or None
        Only templates of this sentence form.
    new_groups : bool
        Pairs of groups that were not trained, instead of those that were.
    of_untrained : bool
        Whether features that were not trained have it, too.
    """

    name: str
    says: str
    templates: Split
    words: Split
    order: Literal["group_first", "word_first"] | None = None
    new_groups: bool = False
    of_untrained: bool = False


BOTH_NEW: Final = "new-templates-new-words"
"""The part that stands for all: nothing of it was trained on."""
PARTS: Final = (
    Part(
        name="trained-templates-trained-words",
        says="trained templates, trained words",
        templates="train",
        words="train",
    ),
    Part(
        name="new-templates-trained-words",
        says="held-out templates, trained words",
        templates="development",
        words="train",
    ),
    Part(
        name="trained-templates-new-words",
        says="trained templates, held-out words",
        templates="train",
        words="development",
    ),
    Part(
        name=BOTH_NEW,
        says="held-out templates, held-out words",
        templates="development",
        words="development",
        of_untrained=True,
    ),
    Part(
        name="new-group-first",
        says="both held out, group before word",
        templates="development",
        words="development",
        order="group_first",
    ),
    Part(
        name="new-word-first",
        says="both held out, word before group",
        templates="development",
        words="development",
        order="word_first",
    ),
    Part(
        name="new-groups",
        says="pairs of groups that were not trained",
        templates="development",
        words="development",
        new_groups=True,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One 2 x 2 table of the contrasts, before it is known which way it is turned."""

    feature: str
    template: Template
    groups: GroupPair
    words: WordPair
    is_new: bool

    @property
    def pairing(self) -> Pairing:
        """Groups and words, which stand in several templates."""
        return self.feature, self.groups.a, self.groups.b, self.words.first, self.words.second

    def item(self, *, turned: bool) -> ProbeItem:
        """Return it as an item; turned, group A goes with the second word where d is positive."""
        words = replace(self.words, first=self.words.second, second=self.words.first) if turned else self.words
        return ProbeItem(
            item_id="/".join((self.template.id, *self.pairing)),
            cluster_id=self.template.id,
            feature=self.feature,
            groups=(self.groups.a, self.groups.b),
            role=Role.BIAS,
            family=self.template.id,
            texts=self.template.texts(self.groups, words),
            tags={
                TAG: f"{self.words.first}, {self.words.second}",
                "attribute_1": words.first,
                "attribute_2": words.second,
            },
        )


def drawn(contrasts: Contrasts, *, seen: Seen | None, size: Size, seed: int) -> tuple[Drawn, ...]:
    """Return the tables that are asked about, each template with each pair of words that it takes.

    Parameters
    ----------
    contrasts : Contrasts
    seen : Seen or None
        None where no card says what was trained: then no group counts as new.
    size : Size
    seed : int
    """
    return tuple(one for feature in contrasts.features for one in _of_feature(contrasts, feature, seen, size, seed))


def _of_feature(contrasts: Contrasts, feature: str, seen: Seen | None, size: Size, seed: int) -> Iterator[Drawn]:
    words = _words(contrasts, feature, size, seed)
    known = None if seen is None or feature not in seen.features else seen.groups
    for template in _templates(contrasts, feature, size, seed):
        fitting = contrasts.groups_of(template, feature)
        new = [pair for pair in fitting if known is not None and not {pair.a, pair.b} & known]
        trained = [pair for pair in fitting if pair not in new]
        for one in contrasts.words_of(template, feature):
            if one in words:
                for is_new, groups in ((False, trained), (True, new)):
                    # The same groups with the same words in every template that takes both.
                    chosen = min(
                        groups, key=lambda pair: place(seed, one.first, one.second, pair.a, pair.b), default=None
                    )
                    if chosen is not None:
                        yield Drawn(feature=feature, template=template, groups=chosen, words=one, is_new=is_new)


def _templates(contrasts: Contrasts, feature: str, size: Size, seed: int) -> list[Template]:
    """Return templates of either split, one of each sentence form in turn."""
    found = []
    for split in SPLITS:
        of_split = [one for one in contrasts.templates if feature in one.features and one.split == split]
        forms = [
            sorted((one for one in of_split if one.order == order), key=lambda one: place(seed, one.id))
            for order in sorted({one.order for one in of_split})
        ]
        in_turn = [one for several in zip_longest(*forms) for one in several if one is not None]
        found += in_turn[: size.templates]
    return found


def _words(contrasts: Contrasts, feature: str, size: Size, seed: int) -> set[WordPair]:
    of_feature = [pair for pair in contrasts.words if pair.feature == feature]
    kinds = {(pair.split, pair.form) for pair in of_feature}
    return {
        pair
        for kind in kinds
        for pair in sorted(
            (one for one in of_feature if (one.split, one.form) == kind),
            key=lambda one: place(seed, one.first, one.second),
        )[: size.words]
    }


def directions(tables: Sequence[Drawn], d_nats: Mapping[str, float]) -> dict[tuple[Pairing, str], bool]:
    """Return (pairing, split of the template) -> whether it is turned, from the base's d in the *other* split.

    Parameters
    ----------
    tables : sequence of Drawn
    d_nats : mapping
        Item id -> d of the base as the file has it, in nats; items that could not be scored are absent.

    Returns
    -------
    dict
        Without pairings that the other split does not have, or in which the base leans neither way there.
    """
    found: dict[tuple[Pairing, Split], list[float]] = {}
    for one in tables:
        if (d := d_nats.get(one.item(turned=False).item_id)) is not None:
            found.setdefault((one.pairing, one.template.split), []).append(d)
    return {
        (pairing, _OTHER[split]): fmean(values) < 0 for (pairing, split), values in found.items() if fmean(values) != 0
    }


def probes(
    tables: Sequence[Drawn],
    turned: Mapping[tuple[Pairing, str], bool],
    *,
    trained: Iterable[str] | None,
    source: str,
    names: Iterable[str] | None = None,
) -> list[Probe]:
    """Return the parts as probes; a part without items has none.

    Parameters
    ----------
    tables : sequence of Drawn
    turned : mapping
        Of :func:`directions`.
    trained : iterable of str or None
        Features that were trained; None where no card says so, so that every feature has every part.
    source : str
        Where the contrasts came from, in words.
    names : iterable of str, optional
        Only these parts.
    """
    known = None if trained is None else frozenset(trained)
    chosen = PARTS if names is None else [part for part in PARTS if part.name in names]
    found = (_probe(part, tables, turned, known, source) for part in chosen)
    return [probe for probe in found if probe is not None]


def _probe(
    part: Part,
    tables: Sequence[Drawn],
    turned: Mapping[tuple[Pairing, str], bool],
    trained: frozenset[str] | None,
    source: str,
) -> Probe | None:
    asked = [one for one in tables if _belongs(one, part, trained)]
    items = tuple(
        one.item(turned=turned[one.pairing, one.template.split])
        for one in asked
        if (one.pairing, one.template.split) in turned
    )
    if not items:
        return None
    n_left_out = len(asked) - len(items)
    notice = (
        f"Of {part.says}, {n_left_out:,} of {len(asked):,} items are left out: their groups and words stand in no "
        "template of the other split, so that no direction could be taken from there."
    )
    return Probe(
        card=_card(part, items),
        items=items,
        origin=f"{source}: {part.says}",
        sha256=content_sha256(items),
        notices=(notice,) if n_left_out else (),
    )


def _belongs(one: Drawn, part: Part, trained: frozenset[str] | None) -> bool:
    return (
        one.template.split == part.templates
        and one.words.split == part.words
        and part.order in {None, one.template.order}
        and one.is_new is part.new_groups
        and (part.of_untrained or trained is None or one.feature in trained)
    )


def _card(part: Part, items: Sequence[ProbeItem]) -> Card:
    groups: dict[str, dict[str, None]] = {}
    for item in items:
        groups.setdefault(item.feature, {}).update(dict.fromkeys(item.groups))
    return Card.model_validate(
        {
            "id": part.name,
            "name": f"Contrasts: {part.says}",
            "version": "1",
            "kind": "association",
            "language": "en",
            "groups": {feature: tuple(names) for feature, names in groups.items()},
            "construct": "How strongly a model ties one of two words to one of two groups, in sentences of a training.",
            "harm": "stereotyping",
            "positive_index": (
                "The way in which the base leans, with the same groups and words, in templates of the other split."
            ),
            "clusters": "designed",
            "also_clustered_by": {"tag": TAG, "what": "pairs of words"},
            "licence": "as the contrasts",
            "citation": "none",
            "known_defects": [
                "No direction is on record: that of each pair of words is the base's own, in other templates.",
                "The base leans less in a second set of templates than in the one that directions are taken from.",
            ],
            "not_shown": "What a model does in other sentences than those of its training's form.",
            "data": {"format": "templates", "file": "contrasts.yaml"},
        }
    )
