"""``cases.yaml`` of a decision probe: cases in which only the person changes, and the items that they expand to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from biasaudit.probes.card import Card, Slug, Text, parse_yaml
from biasaudit.probes.layouts.own.words import Strict, bounded, repeated, same_groups, slug
from biasaudit.types import DecisionTexts, ProbeItem, Role

_PERSON: Final = "{person}"
_SLOTS: Final = ("{facts}", "{who}", "{question}")
Answer = Annotated[str, StringConstraints(min_length=1)]
Words = Annotated[
    tuple[Text, ...], Field(min_length=1), BeforeValidator(lambda words: (words,) if isinstance(words, str) else words)
]


class Wording(Strict):
    """One way of putting a case and asking for the decision: a paraphrase family."""

    id: Slug
    text: Text
    reply: Answer

    @model_validator(mode="after")
    def _each_slot_once(self) -> Self:
        for slot in _SLOTS:
            if self.text.count(slot) != 1:
                msg = f"wording {self.id!r} has {slot} {self.text.count(slot)} times; expected once"
                raise ValueError(msg)
        return self

    def ask(self, facts: str, who: str, question: str) -> str:
        """Return the case in this wording."""
        filled = self.text.replace("{facts}", facts).replace("{who}", who)
        return filled.replace("{question}", question)


class Case(Strict):
    """A case about one person, whose deciding facts do not depend on the group.

    Attributes
    ----------
    id, domain : str
    cluster : str or None
        Cases that share it share their text in part, and are resampled together; else each is its own cluster.
    level : str or None
        How strongly the facts speak for a yes, in the words of the file: "weak", "middling", "strong".
    facts : str
        Neither clearly for nor clearly against a yes.
    who : str
        The sentence with the slot ``{person}``.
    question : str
        Yes grants the person something good.
    clear_yes, clear_no : tuple of str
        Facts in place of `facts` that plainly decide the case: whether the model reads it at all. One of each, or as
        many of the one as of the other, set against each other in their order.
    """

    id: Slug
    domain: Slug
    cluster: Slug | None = None
    level: Slug | None = None
    facts: Text
    who: Text
    question: Text
    clear_yes: Words
    clear_no: Words

    @model_validator(mode="after")
    def _one_person(self) -> Self:
        if self.who.count(_PERSON) != 1:
            msg = f"case {self.id!r}: 'who' has {_PERSON} {self.who.count(_PERSON)} times; expected once"
            raise ValueError(msg)
        elsewhere = (self.facts, self.question, *self.clear_yes, *self.clear_no)
        if any(_PERSON in text for text in elsewhere):
            msg = f"case {self.id!r}: {_PERSON} belongs in 'who' alone, so that nothing else can differ"
            raise ValueError(msg)
        if len(self.clear_yes) != len(self.clear_no):
            n_yes, n_no = len(self.clear_yes), len(self.clear_no)
            msg = f"case {self.id!r} has {n_yes} clear yes and {n_no} clear no; expected as many"
            raise ValueError(msg)
        return self


class Cases(Strict):
    """The whole of ``cases.yaml``."""

    person: Text
    """A person of whom no group is said, for the clear cases."""
    groups: dict[Slug, dict[str, Words]] = Field(min_length=1)
    """Feature -> group -> words for a person of it, or as many for each group, compared in their order.

    The first group is the reference."""
    yes: tuple[Answer, ...] = (" yes", " Yes")
    no: tuple[Answer, ...] = (" no", " No")
    wordings: tuple[Wording, ...] = Field(min_length=1)
    cases: tuple[Case, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        for what, ids in (
            ("wording", [wording.id for wording in self.wordings]),
            ("case", [case.id for case in self.cases]),
        ):
            if repeated(ids):
                msg = f"{what} ids must be unique; repeated: {repeated(ids)}"
                raise ValueError(msg)
        for feature, groups in self.groups.items():
            counts = {name: len(words) for name, words in groups.items()}
            if len(set(counts.values())) != 1:
                listed = ", ".join(f"{count} for {name!r}" for name, count in counts.items())
                msg = f"'groups.{feature}' has words of unequal number ({listed}); expected as many for each group"
                raise ValueError(msg)
        return self


def read_cases(path: Path, card: Card) -> tuple[ProbeItem, ...]:
    """Expand ``cases.yaml`` into items: each case and wording with the reference group and each other group.

    Competence items set the clear yes against the clear no of a case, about a person of no named group.
    Tags: ``domain``, ``level`` where the case has one, and of bias items the words for both persons,
    ``person_favoured`` and ``person_other``, by which names can be told apart and groups crossed.

    Parameters
    ----------
    path : Path
    card : Card
        Declares the same features and groups, in the same order.

    Raises
    ------
    ProbeError
        If the file does not follow its form, or names other features or groups than the card.
    """
    content = parse_yaml(path, Cases)
    same_groups(path, content.groups, card)
    return bounded(path, _bias(content), _competence(content))


def _bias(content: Cases) -> Iterator[ProbeItem]:
    for feature, words in content.groups.items():
        reference, *others = words
        for case in content.cases:
            for wording in content.wordings:
                for group in others:
                    for number, persons in enumerate(zip(words[reference], words[group], strict=True), start=1):
                        yield _item(
                            f"{case.id}/{wording.id}/{feature}/{slug(group)}" + (f"-{number}" if number > 1 else ""),
                            (_about(case, wording, persons[0]), _about(case, wording, persons[1])),
                            content,
                            case=case,
                            wording=wording,
                            feature=feature,
                            groups=(reference, group),
                            role=Role.BIAS,
                            more_tags={"person_favoured": persons[0], "person_other": persons[1]},
                        )


def _competence(content: Cases) -> Iterator[ProbeItem]:
    feature = next(iter(content.groups))
    for case in content.cases:
        who = case.who.replace(_PERSON, content.person)
        for wording in content.wordings:
            for number, facts in enumerate(zip(case.clear_yes, case.clear_no, strict=True), start=1):
                clear_yes, clear_no = (wording.ask(one, who, case.question) for one in facts)
                yield _item(
                    f"{case.id}/{wording.id}/clear" + (f"-{number}" if number > 1 else ""),
                    (clear_yes, clear_no),
                    content,
                    case=case,
                    wording=wording,
                    feature=feature,
                    groups=(),
                    role=Role.COMPETENCE,
                    more_tags={"clear": "favoured"},
                )


def _about(case: Case, wording: Wording, person: str) -> str:
    return wording.ask(case.facts, case.who.replace(_PERSON, person), case.question)


def _item(
    item_id: str,
    texts: tuple[str, str],
    content: Cases,
    *,
    case: Case,
    wording: Wording,
    feature: str,
    groups: tuple[str, ...],
    role: Role,
    more_tags: dict[str, str],
) -> ProbeItem:
    favoured, other = texts
    return ProbeItem(
        item_id=item_id,
        cluster_id=case.cluster or case.id,
        feature=feature,
        groups=groups,
        role=role,
        family=wording.id,
        texts=DecisionTexts(favoured=favoured, other=other, reply=wording.reply, yes=content.yes, no=content.no),
        tags={"domain": case.domain} | ({"level": case.level} if case.level else {}) | more_tags,
    )
