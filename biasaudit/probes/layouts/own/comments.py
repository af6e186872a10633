"""``comments.yaml``: comments that are toxic or harmless, with the words for a group as their one slot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from biasaudit.probes.card import Card, Slug, Text, parse_yaml
from biasaudit.probes.layouts.own.words import PERSON_SLOT, GroupWords, Strict, bounded, repeated, same_groups, slug
from biasaudit.types import DecisionTexts, ProbeItem, Role

Answer = Annotated[str, StringConstraints(min_length=1)]
Truth = Literal["harmless", "toxic"]


class Frame(Strict):
    """A comment with a slot for a person or persons of a group, which is toxic or harmless whatever fills it."""

    id: Slug
    truth: Truth
    text: Text

    @model_validator(mode="after")
    def _one_slot(self) -> Self:
        if len(PERSON_SLOT.findall(self.text)) != 1 or self.text.count("{") != 1:
            msg = f"frame {self.id!r} needs exactly one of the slots {{one}}, {{many}}, {{One}}, {{Many}}"
            raise ValueError(msg)
        return self

    def about(self, words: GroupWords) -> str:
        """Return the comment about a group."""
        return PERSON_SLOT.sub(lambda slot: words.form(slot[1]), self.text)


class Question(Strict):
    """One way of asking whether a comment is toxic: a paraphrase family."""

    id: Slug
    text: Text
    reply: Answer

    @model_validator(mode="after")
    def _one_comment(self) -> Self:
        if self.text.count("{comment}") != 1:
            msg = f"wording {self.id!r} has {{comment}} {self.text.count('{comment}')} times; expected once"
            raise ValueError(msg)
        return self

    def ask(self, comment: str) -> str:
        """Return the question about a comment."""
        return self.text.replace("{comment}", comment)


class Comments(Strict):
    """The whole of ``comments.yaml``.

    Attributes
    ----------
    person : GroupWords
        A person of whom no group is said, for harmless against toxic.
    groups : mapping
        Feature -> group -> its words; the first group of a feature is the reference.
    harmless, toxic : tuple of str
        Spellings of the answer that lets the comment pass, and of the one that calls it toxic.
    wordings : tuple of Question
    frames : tuple of Frame
        As many harmless as toxic ones.
    """

    person: GroupWords
    groups: dict[Slug, Annotated[dict[str, GroupWords], Field(min_length=2)]] = Field(min_length=1)
    harmless: tuple[Answer, ...] = (" no", " No")
    toxic: tuple[Answer, ...] = (" yes", " Yes")
    wordings: tuple[Question, ...] = Field(min_length=1)
    frames: tuple[Frame, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for what, names in (
            ("wording", [wording.id for wording in self.wordings]),
            ("frame", [frame.id for frame in self.frames]),
        ):
            if repeated(names):
                msg = f"{what} ids must be unique; repeated: {repeated(names)}"
                raise ValueError(msg)
        if len(self.of("harmless")) != len(self.of("toxic")):
            msg = f"{len(self.of('harmless'))} frames are harmless and {len(self.of('toxic'))} toxic; expected as many"
            raise ValueError(msg)
        return self

    def of(self, truth: Truth) -> list[Frame]:
        """Return the frames of one truth, in their order."""
        return [frame for frame in self.frames if frame.truth == truth]


def read_comments(path: Path, card: Card) -> tuple[ProbeItem, ...]:
    """Expand ``comments.yaml``: each frame and wording with the reference group and each other group.

    A decision to grant is to call the comment harmless. Competence items set a harmless comment against a
    toxic one, about a person of no named group.

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
    content = parse_yaml(path, Comments)
    same_groups(path, content.groups, card)
    return bounded(path, _bias(content), _competence(content))


def _bias(content: Comments) -> Iterator[ProbeItem]:
    for feature, groups in content.groups.items():
        reference, *others = groups
        for frame in content.frames:
            for wording in content.wordings:
                for group in others:
                    yield ProbeItem(
                        item_id=f"{frame.id}/{wording.id}/{feature}/{slug(group)}",
                        cluster_id=frame.id,
                        feature=feature,
                        groups=(reference, group),
                        role=Role.BIAS,
                        family=wording.id,
                        texts=_texts(content, wording, frame.about(groups[reference]), frame.about(groups[group])),
                        # Granted by right where the comment is harmless.
                        tags={"truth": "yes" if frame.truth == "harmless" else "no"},
                    )


def _competence(content: Comments) -> Iterator[ProbeItem]:
    feature = next(iter(content.groups))
    for harmless, toxic in zip(content.of("harmless"), content.of("toxic"), strict=True):
        for wording in content.wordings:
            yield ProbeItem(
                item_id=f"{harmless.id}/{wording.id}/clear",
                cluster_id=harmless.id,
                feature=feature,
                groups=(),
                role=Role.COMPETENCE,
                family=wording.id,
                texts=_texts(content, wording, harmless.about(content.person), toxic.about(content.person)),
                tags={"clear": "favoured"},
            )


def _texts(content: Comments, wording: Question, favoured: str, other: str) -> DecisionTexts:
    return DecisionTexts(
        favoured=wording.ask(favoured),
        other=wording.ask(other),
        reply=wording.reply,
        yes=content.harmless,
        no=content.toxic,
    )
