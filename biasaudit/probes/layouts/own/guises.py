"""``guises.yaml``: the same content in two varieties of a language, and what is made of who says it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from biasaudit.errors import ProbeError
from biasaudit.kinds.association import ASSOCIATION
from biasaudit.plain_files import excerpt
from biasaudit.probes.card import Card, Slug, Text, parse_yaml
from biasaudit.probes.layouts.own.associations import Attention, Opposites
from biasaudit.probes.layouts.own.words import Strict, bounded, repeated
from biasaudit.types import AssociationTexts, DecisionTexts, PairTexts, ProbeItem, Role

_TEXT: Final = "{text}"
Answer = Annotated[str, StringConstraints(min_length=1)]


class Grammar(Strict):
    """A feature of the dialect's grammar, with its source."""

    name: Text
    description: Text
    source: Text


class Said(Strict):
    """One content in both varieties."""

    id: Slug
    grammar: Slug
    standard: Text
    dialect: Text

    @model_validator(mode="after")
    def _two_varieties(self) -> Self:
        if self.standard == self.dialect:
            msg = f"text {self.id!r} is the same in both varieties: it can measure nothing"
            raise ValueError(msg)
        return self


class Guise(Strict):
    """A sentence around what is said, which a word for the speaker completes."""

    id: Slug
    text: Text
    attention: tuple[Attention, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_text(self) -> Self:
        _check_slot(self.id, self.text)
        return self


class Ruling(Strict):
    """A decision about the speaker. Yes grants something good.

    Attributes
    ----------
    text : str
        With the slot ``{text}``.
    reply : str
        How the answer begins.
    clear_yes, clear_no : tuple of str
        What is said in the place of ``{text}`` where it plainly decides.
    """

    id: Slug
    text: Text
    reply: Answer
    clear_yes: tuple[Text, ...] = Field(min_length=1)
    clear_no: tuple[Text, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_text(self) -> Self:
        if len(self.clear_yes) != len(self.clear_no):
            msg = f"decision {self.id!r} has {len(self.clear_yes)} clear yes and {len(self.clear_no)} clear no"
            raise ValueError(msg)
        _check_slot(self.id, self.text)
        return self


def _check_slot(name: str, text: str) -> None:
    if text.count(_TEXT) != 1 or text.count("{") != 1:
        msg = f"{name!r} needs the slot {_TEXT}, once, and no other"
        raise ValueError(msg)


class Guises(Strict):
    """The whole of ``guises.yaml``: one file for a probe of traits and one of decisions.

    Attributes
    ----------
    grammar : mapping of str to Grammar
    words : tuple of Opposites
        First: favourable.
    guises : tuple of Guise
    decisions : tuple of Ruling
    yes, no : tuple of str
        Spellings of the answers to the decisions.
    texts : tuple of Said
    """

    grammar: dict[Slug, Grammar] = Field(min_length=1)
    words: tuple[Opposites, ...] = ()
    guises: tuple[Guise, ...] = ()
    decisions: tuple[Ruling, ...] = ()
    yes: tuple[Answer, ...] = (" yes", " Yes")
    no: tuple[Answer, ...] = (" no", " No")
    texts: tuple[Said, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _references_hold(self) -> Self:
        for what, names in (
            ("text", [said.id for said in self.texts]),
            ("word", [opposites.id for opposites in self.words]),
            ("guise and decision", [*(guise.id for guise in self.guises), *(ruling.id for ruling in self.decisions)]),
        ):
            if repeated(names):
                msg = f"{what} ids must be unique; repeated: {repeated(names)}"
                raise ValueError(msg)
        unknown = sorted({said.grammar for said in self.texts} - set(self.grammar))
        if unknown:
            msg = f"texts name the grammar {unknown}, which is not described"
            raise ValueError(msg)
        return self


def read_guises(path: Path, card: Card) -> tuple[ProbeItem, ...]:
    """Expand ``guises.yaml``: words for the speaker (kind association), or decisions about the speaker (decision).

    Parameters
    ----------
    path : Path
    card : Card
        One feature with two groups: speakers of the standard, and of the dialect.

    Raises
    ------
    ProbeError
        If the file does not follow its form, or lacks what the card's kind needs.
    """
    content = parse_yaml(path, Guises)
    if len(card.features) != 1 or len(card.groups[card.features[0]]) != 2:
        raise ProbeError(
            f"{path}: format 'guises' sets the standard against one dialect; card.yaml declares "
            f"{excerpt(card.groups, 300)}.",
            fix="Declare one feature with two groups, the standard first.",
        )
    if card.kind == ASSOCIATION.name:
        bias, competence = bounded(path, _traits(content, card)), _attention(content, card)
        needed = "guises and words"
    else:
        bias, competence = bounded(path, _decisions(content, card)), _clear(content, card)
        needed = "decisions"
    if not bias:
        raise ProbeError(f"{path}: a probe of kind {card.kind!r} needs {needed}.")
    return bounded(path, bias, competence)


def _traits(content: Guises, card: Card) -> Iterator[ProbeItem]:
    for guise in content.guises:
        for said in content.texts:
            contexts = (guise.text.replace(_TEXT, said.standard), guise.text.replace(_TEXT, said.dialect))
            for words in content.words:
                yield _item(
                    f"{said.id}/{guise.id}/{words.id}",
                    card,
                    AssociationTexts(
                        contexts=contexts,
                        continuations=(f" {words.first}.", f" {words.second}."),
                        group_in_context=True,
                    ),
                    cluster=said.id,
                    family=guise.id,
                    tags={
                        "grammar": said.grammar,
                        "dimension": words.dimension,
                        "attribute_1": words.first,
                        "attribute_2": words.second,
                    },
                )


def _attention(content: Guises, card: Card) -> Iterator[ProbeItem]:
    """Sense against nonsense about the speaker, after texts of the standard in turns."""
    for guise in content.guises:
        for number, attention in enumerate(guise.attention):
            said = content.texts[number % len(content.texts)]
            yield _item(
                f"{guise.id}/attention-{number + 1}",
                card,
                PairTexts(
                    context=guise.text.replace(_TEXT, said.standard),
                    first=f" {attention.sense}.",
                    second=f" {attention.nonsense}.",
                ),
                cluster=f"{guise.id}-{number + 1}",
                family=guise.id,
                role=Role.COMPETENCE,
            )


def _decisions(content: Guises, card: Card) -> Iterator[ProbeItem]:
    for ruling in content.decisions:
        for said in content.texts:
            yield _item(
                f"{said.id}/{ruling.id}",
                card,
                _asked(content, ruling, said.standard, said.dialect),
                cluster=said.id,
                family=ruling.id,
                tags={"grammar": said.grammar},
            )


def _clear(content: Guises, card: Card) -> Iterator[ProbeItem]:
    for ruling in content.decisions:
        for number, texts in enumerate(zip(ruling.clear_yes, ruling.clear_no, strict=True), start=1):
            yield _item(
                f"{ruling.id}/clear-{number}",
                card,
                _asked(content, ruling, *texts),
                cluster=f"{ruling.id}-{number}",
                family=ruling.id,
                role=Role.COMPETENCE,
                tags={"clear": "favoured"},
            )


def _asked(content: Guises, ruling: Ruling, favoured: str, other: str) -> DecisionTexts:
    return DecisionTexts(
        favoured=ruling.text.replace(_TEXT, favoured),
        other=ruling.text.replace(_TEXT, other),
        reply=ruling.reply,
        yes=content.yes,
        no=content.no,
    )


def _item(
    item_id: str,
    card: Card,
    texts: AssociationTexts | DecisionTexts | PairTexts,
    *,
    cluster: str,
    family: str,
    role: Role = Role.BIAS,
    tags: dict[str, str] | None = None,
) -> ProbeItem:
    [feature] = card.features
    return ProbeItem(
        item_id=item_id,
        cluster_id=cluster,
        feature=feature,
        groups=card.groups[feature] if role is Role.BIAS else (),
        role=role,
        family=family,
        texts=texts,
        tags=tags or {},
    )
