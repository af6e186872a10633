"""UnQover: underspecified questions about two subjects, drawn from templates and word lists."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from biasaudit.errors import ProbeError
from biasaudit.probes.card import Card
from biasaudit.probes.layouts.external.reading import Reader, Reading, sense_and_nonsense
from biasaudit.probes.layouts.external.unqover_lists import (
    Attribute,
    Subject,
    Template,
    attributes_of,
    subjects_of,
    templates_of,
)
from biasaudit.types import ChoiceTexts, PairTexts, ProbeItem, Role

_Entry = TypeVar("_Entry")

QUESTIONS: Final = 3000
TEMPLATES: Final = 4
"""Templates in which one pair of subjects meets one attribute: eta needs several."""

_PER_GROUP: Final = 4
"""Both orders of the subjects, the question and its negation."""

_VOWELS: Final = frozenset("aeiou")

_LISTS: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "gender": ("gender_noact", "occupation_rev1", ("female", "male")),
    "nationality": ("country_noact", "biased_country", ("country",)),
    "ethnicity": ("ethnicity_noact", "biased_ethnicity", ("ethnicity",)),
    "religion": ("religion_noact", "biased_religion", ("religion",)),
}
"""Feature -> its templates, attributes and subjects; of two lists, one subject of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lists:
    """What the questions of one feature are made from."""

    feature: str
    templates: tuple[Template, ...]
    attributes: tuple[Attribute, ...]
    subjects: tuple[tuple[Subject, ...], ...]

    def fitting(self, attribute: Attribute) -> tuple[Template, ...]:
        """Return the templates that take an attribute."""
        return tuple(template for template in self.templates if template.slot in attribute.forms)

    @property
    def n_pairs(self) -> int:
        """Number of unordered pairs of subjects."""
        sizes = [len(subjects) for subjects in self.subjects]
        return math.comb(sizes[0], 2) if len(sizes) == 1 else math.prod(sizes)

    @property
    def n_questions(self) -> int:
        """Number of all questions."""
        return _PER_GROUP * self.n_pairs * sum(len(self.fitting(attribute)) for attribute in self.attributes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draw:
    """How much is drawn."""

    questions: int
    templates: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """One pair of subjects and one attribute, in some templates."""

    pair: tuple[Subject, Subject]
    attribute: Attribute
    templates: tuple[Template, ...]


def read(paths: Mapping[str, Path], card: Card) -> Reading:
    """Read the word lists, and draw questions from them.

    There are over ten million questions. The card's options say how many are drawn
    (``questions``), in how many templates a pair of subjects meets an attribute (``templates``) and by
    which ``seed``. Attributes and subjects come up about equally often. Both orders of the subjects and
    both polarities of a question are drawn together, under one tag ``group``.

    Biased is the subject that comes first in the alphabet, or the female name; for the negated question
    the other one: so the signed index is the mean of the paper's comparative score, and has
    no stereotype's direction.

    Raises
    ------
    ItemError
        With file, line and field of the first entry that is wrong.
    ProbeError
        If an option is not a whole number, or lists that belong together differ in length.

    References
    ----------
    Li et al. (2020), UnQover; `templates/` of the authors' repository for how slots are filled.
    """
    draw = _Draw(
        questions=_option(card, "questions", QUESTIONS, at_least=_PER_GROUP * len(_LISTS)),
        templates=_option(card, "templates", TEMPLATES, at_least=1),
        seed=_option(card, "seed", 0, at_least=0),
    )
    items: list[ProbeItem] = []
    n_drawn, n_all = 0, 0
    for feature in _LISTS:
        lists = _lists(feature, paths)
        of_feature = [_of_block(feature, block) for block in _blocks(lists, draw)]
        n_drawn += sum(len(questions) for questions in of_feature)
        n_all += lists.n_questions
        for questions in of_feature:
            items += [*questions, _competence(questions[0])]
    notice = (
        f"{n_drawn:,} of {n_all:,} questions were drawn (seed {draw.seed}), each pair of subjects and attribute in up "
        f"to {draw.templates} templates, with both orders and the negated question."
    )
    return Reading(items=tuple(items), notices=(notice,))


def _option(card: Card, name: str, default: int, *, at_least: int) -> int:
    found = card.data.options.get(name, str(default))
    if not found.isdecimal() or len(found) > 9 or int(found) < at_least:
        raise ProbeError(
            f"probe {card.id!r}: the option {name!r} is {found!r}; expected a whole number of at least {at_least}.",
            fix="Correct data.options in its card.yaml.",
        )
    return int(found)


def _lists(feature: str, paths: Mapping[str, Path]) -> _Lists:
    slots, activities, subjects = _LISTS[feature]
    attributes = attributes_of(paths[f"word_lists/activities/{activities}"])
    return _Lists(
        feature=feature,
        templates=templates_of(paths[f"word_lists/slots/{slots}"]),
        attributes=attributes,
        subjects=tuple(subjects_of(paths[f"word_lists/nouns/subjects/{name}"]) for name in subjects),
    )


def _blocks(lists: _Lists, draw: _Draw) -> Iterator[_Block]:
    rng = random.Random(f"{draw.seed}/{lists.feature}")  # noqa: S311  # a reproducible draw, no secret
    attributes = _shuffled([one for one in lists.attributes if lists.fitting(one)], rng)
    pairs = list(_pairs([_shuffled(subjects, rng) for subjects in lists.subjects]))
    budget, n_questions = draw.questions // len(_LISTS), 0
    for number in range(len(attributes) * len(pairs)):
        if n_questions >= budget:
            return
        attribute = attributes[number % len(attributes)]
        # Both counters run round together; one step aside after each full turn meets every combination once.
        turn = number // math.lcm(len(attributes), len(pairs))
        fitting = lists.fitting(attribute)
        templates = sorted(rng.sample(fitting, min(draw.templates, len(fitting))), key=lambda one: one.number)
        yield _Block(pair=pairs[(number + turn) % len(pairs)], attribute=attribute, templates=tuple(templates))
        n_questions += _PER_GROUP * len(templates)


def _shuffled(entries: Sequence[_Entry], rng: random.Random) -> list[_Entry]:
    return rng.sample(entries, len(entries))


def _pairs(subjects: Sequence[Sequence[Subject]]) -> Iterator[tuple[Subject, Subject]]:
    """Yield every pair once, each subject about equally often in any run of them."""
    if len(subjects) == 2:
        first, second = subjects
        for turn, number in itertools.product(range(len(second)), range(len(first))):
            yield first[number], second[(number + turn) % len(second)]
        return
    [alone] = subjects
    # A round-robin: one seat stays, the others move on by one each round; an empty seat makes them even.
    seats: list[Subject | None] = [*alone, *([None] * (len(alone) % 2))]
    for _ in range(len(seats) - 1):
        for one, other in zip(seats[: len(seats) // 2], reversed(seats), strict=False):
            if one is not None and other is not None:
                yield (one, other) if one.name < other.name else (other, one)
        seats = [seats[0], seats[-1], *seats[1:-1]]


def _of_block(feature: str, block: _Block) -> list[ProbeItem]:
    return [
        _item(feature, block, template, first_named=first_named, polarity=polarity)
        for template in block.templates
        for first_named in (0, 1)
        for polarity in ("asked", "negated")
    ]


def _item(feature: str, block: _Block, template: Template, *, first_named: int, polarity: str) -> ProbeItem:
    named = (block.pair[first_named], block.pair[1 - first_named])
    forms = [subject.forms[slot] for subject, slot in zip(named, template.subject_slots, strict=True)]
    texts = (forms[first_named], forms[1 - first_named])
    negated = polarity == "negated"
    one, other = block.pair
    group = f"{feature}/{block.attribute.name}/{one.name}-{other.name}/template-{template.number}"
    groups = (one.group, other.group)
    tags = {
        "group": group,
        "polarity": polarity,
        "named_first": str(first_named + 1),
        "attribute": block.attribute.name,
        "subject_1": one.name,
        "subject_2": other.name,
        "group_1": groups[0],
        "group_2": groups[1],
    }
    return ProbeItem(
        item_id=f"{group}/{tags['named_first']}-{polarity}",
        cluster_id=f"{feature}/{block.attribute.name}",
        feature=feature,
        groups=groups,
        role=Role.BIAS,
        family=f"{feature}/template-{template.number}",
        texts=ChoiceTexts(
            context=_with_articles(template.context_with(*forms)),
            question=template.question_with(block.attribute, negated=negated),
            biased=texts[1 if negated else 0],
            counter=texts[0 if negated else 1],
            unknown=None,
            reading="texts",
        ),
        tags=tags if block.attribute.topic is None else {**tags, "class": block.attribute.topic},
    )


def _with_articles(context: str) -> str:
    """Return the context with "an" before vowels: by the letter, as the authors' generator does."""
    words = context.split(" ")
    for number, word in enumerate(words[1:]):
        if words[number] in {"a", "A"} and word[:1].lower() in _VOWELS:
            words[number] += "n"
    return " ".join(words)


def _competence(item: ProbeItem) -> ProbeItem:
    if not isinstance(item.texts, ChoiceTexts):  # narrowed by the caller
        msg = "only a choice has a context"
        raise TypeError(msg)
    return sense_and_nonsense(replace(item, texts=PairTexts(context="", first=item.texts.context, second="")))


READER: Final = Reader(read=read)
