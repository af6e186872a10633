"""What a method tunes on: sentences that differ only in the group that they name, what must be kept, neutral text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from biasaudit.align.contrasts.form import PLAIN, SLOT, Order, Split
from biasaudit.align.overlap import Line
from biasaudit.errors import UsageError
from biasaudit.types import AssociationTexts, PairTexts
from biasaudit.visible import in_short

ARTICLE: Final = re.compile(r"^(?:an?|the) ")
CONTROL: Final = "control"
"""What stands for the feature of a pair of words that name no group."""
_MASK: Final = "_"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPair:
    """Words for two groups of one feature.

    Attributes
    ----------
    feature : str
    a, b : str
        As they fill a slot in mid-sentence: "the woman", "the man".
    form : str
        What a template must take for the pair to fit it: "one", "many"; "plain" where the file says nothing.
    line : int
        In its file, from 1; 0 where it comes from none.
    """

    feature: str
    a: str
    b: str
    form: str = PLAIN
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WordPair:
    """Two words that go with either group. No direction is meant.

    Attributes
    ----------
    feature : str
    first, second : str
        With their article, where they have one.
    split : {"train", "development"}
    form : str
        As of :class:`GroupPair`.
    line : int
    """

    feature: str
    first: str
    second: str
    split: Split = "train"
    form: str = PLAIN
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A sentence with a slot for the group and one for the word.

    Attributes
    ----------
    id : str
    order : {"group_first", "word_first"}
        The sentence form: which slot comes first.
    split : {"train", "development"}
    text : str
        With ``{group}`` and ``{word}``, or ``{word_bare}`` for the word without its article.
    features : tuple of str
        Those that it fits.
    groups : tuple of GroupPair
        Its own, such as she and he, in place of the file's; empty where it takes those.
    group_forms, word_forms : tuple of str
        Forms of pairs that fit it.
    line : int
    """

    id: str
    order: Order
    split: Split
    text: str
    features: tuple[str, ...]
    groups: tuple[GroupPair, ...] = ()
    group_forms: tuple[str, ...] = (PLAIN,)
    word_forms: tuple[str, ...] = (PLAIN,)
    line: int = 0

    def parts(self, group: str, word: str) -> tuple[str, str]:
        """Return context and continuation with both slots filled; the space between goes with the latter.

        Examples
        --------
        >>> text = "{group} is {word}, I hear."
        >>> desk = Template(id="desk", order="group_first", split="train", text=text, features=("gender",))
        >>> desk.parts("the woman", "a welder")
        ('The woman is', ' a welder, I hear.')
        """
        before, after = SLOT.finditer(self.text)
        fillers = [self._filler(slot, group, word) for slot in (before, after)]
        context = self.text[: before.start()] + fillers[0] + self.text[before.end() : after.start()]
        return context.rstrip(), " " + fillers[1] + self.text[after.end() :]

    def texts(self, groups: GroupPair, words: WordPair) -> AssociationTexts:
        """Return the 2 x 2 table that an audit makes of such an item: groups A and B, words first and second.

        Its d is positive where A goes with the first word.
        """
        table = [[self.parts(group, word) for word in (words.first, words.second)] for group in (groups.a, groups.b)]
        if self.order == "group_first":
            contexts, continuations = (table[0][0][0], table[1][0][0]), (table[0][0][1], table[0][1][1])
        else:
            contexts, continuations = (table[0][0][0], table[0][1][0]), (table[0][0][1], table[1][0][1])
        return AssociationTexts(
            contexts=contexts, continuations=continuations, group_in_context=self.order == "group_first"
        )

    def _filler(self, slot: re.Match[str], group: str, word: str) -> str:
        filler = group if slot[1] == "group" else word
        if slot[1] == "word_bare":
            filler = ARTICLE.sub("", filler)
        before = self.text[: slot.start()].rstrip("\"'\u201c\u2018 ")
        return filler[0].upper() + filler[1:] if not before or before[-1] in ".!?" else filler


@dataclass(frozen=True, slots=True, kw_only=True)
class Licensed:
    """A contrast that a good model keeps: which of two words is right after a context.

    Attributes
    ----------
    feature : str
    context : str
    first, second : str
        The right and the wrong continuation, each with its space before it.
    line : int
    """

    feature: str
    context: str
    first: str
    second: str
    line: int = 0

    @property
    def texts(self) -> PairTexts:
        """The item that an audit makes of it: d is positive where the right word is the likelier."""
        return PairTexts(context=self.context, first=self.first, second=self.second)


ContrastSet: TypeAlias = tuple[str, Template, GroupPair, WordPair]
"""Feature, template, groups and words: one 2 x 2 table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrasts:
    """What a method tunes on.

    Attributes
    ----------
    templates : tuple of Template
    groups : tuple of GroupPair
        Without those that belong to one template.
    words : tuple of WordPair
    licensed : tuple of Licensed
    controls : tuple of GroupPair
        Words for two of no group, such as the guests at two tables; their feature is :data:`CONTROL`.
    neutral : tuple of str
        Sentences about nobody.
    sha256 : str
        Of the file's bytes.
    name : str
        Of the file, without its folder.
    neutral_lines : tuple of int
        Where the sentences stand in the file; empty where they come from none.
    licence : str or None
        Of the file: ours, or what ``<file>.license`` names; None where there is neither.
    """

    templates: tuple[Template, ...]
    groups: tuple[GroupPair, ...]
    words: tuple[WordPair, ...]
    licensed: tuple[Licensed, ...] = ()
    controls: tuple[GroupPair, ...] = ()
    neutral: tuple[str, ...] = ()
    sha256: str = ""
    name: str = ""
    neutral_lines: tuple[int, ...] = ()
    licence: str | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Features of which there are words, in the file's order."""
        return tuple(dict.fromkeys(pair.feature for pair in self.words))

    def of(self, features: Iterable[str]) -> Contrasts:
        """Return what is there of some features; neutral sentences stay.

        Raises
        ------
        UsageError
            If there is none of one of them.
        """
        wanted = tuple(features)
        unknown = [feature for feature in wanted if feature not in self.features]
        if unknown or not wanted:
            raise UsageError(
                f"{self.name or 'the contrasts'}: there are no words of {in_short(unknown or ['no feature'])}; "
                f"expected some of {', '.join(self.features)}.",
                fix="Name features of the file, or give a file that has them with --contrasts.",
            )
        templates = [
            replace(
                one,
                features=tuple(feature for feature in one.features if feature in wanted),
                groups=tuple(pair for pair in one.groups if pair.feature in wanted),
            )
            for one in self.templates
        ]
        return replace(
            self,
            templates=tuple(one for one in templates if one.features),
            groups=tuple(pair for pair in self.groups if pair.feature in wanted),
            words=tuple(pair for pair in self.words if pair.feature in wanted),
            licensed=tuple(one for one in self.licensed if one.feature in wanted),
        )

    def sets(self, split: Split, *, words: Split | None = None) -> Iterator[ContrastSet]:
        """Yield every 2 x 2 table of one split, in the file's order.

        Parameters
        ----------
        split : {"train", "development"}
            Of the templates.
        words : {"train", "development"}, optional
            Of the words; that of the templates unless said.
        """
        for feature in self.features:
            for template in self.templates:
                if template.split == split and feature in template.features:
                    fitting = self.words_of(template, feature, words or split)
                    for groups in self.groups_of(template, feature):
                        yield from ((feature, template, groups, pair) for pair in fitting)

    def controls_of(self, template: Template) -> tuple[GroupPair, ...]:
        """Return the controls with a form that a template takes; they stand in the place of its groups.

        One with groups of its own takes none unless it says which: where "her" stands no other words fit.
        """
        if template.groups and template.group_forms == (PLAIN,):
            return ()
        return tuple(pair for pair in self.controls if pair.form in template.group_forms)

    def groups_of(self, template: Template, feature: str) -> tuple[GroupPair, ...]:
        """Return the group pairs that fill a template: its own, or those of the file with a form that it takes."""
        if template.groups:
            return tuple(pair for pair in template.groups if pair.feature == feature)
        return tuple(pair for pair in self.groups if pair.feature == feature and pair.form in template.group_forms)

    def words_of(self, template: Template, feature: str, split: Split | None = None) -> tuple[WordPair, ...]:
        """Return the word pairs that fill a template; those of both splits unless one is named."""
        return tuple(
            pair
            for pair in self.words
            if pair.feature == feature and pair.form in template.word_forms and split in {None, pair.split}
        )

    def lines(self) -> tuple[Line, ...]:
        """Return what is trained on as the overlap detector reads it.

        Each template once for every frame that its pairs make, such as "my _": what a template exchanges is masked, as
        what a probe exchanges is. Then the groups and words themselves, what is licensed, and neutral text.
        """
        found = [Line(number=one.line, text=text) for one in self.templates for text in self._frames(one)]
        pairs = [
            *((pair.line, (pair.a, pair.b)) for one in self.templates for pair in one.groups),
            *((pair.line, (pair.a, pair.b)) for pair in (*self.groups, *self.controls)),
            *((pair.line, (pair.first, pair.second)) for pair in self.words),
        ]
        found += [Line(number=number, text=f"{words}.") for number, pair in pairs for words in pair]
        found += [
            Line(number=one.line, text=f"{one.context}{words}")
            for one in self.licensed
            for words in (one.first, one.second)
        ]
        numbers = self.neutral_lines or (0,) * len(self.neutral)
        found += [Line(number=number, text=text) for number, text in zip(numbers, self.neutral, strict=True)]
        return tuple(found)

    def _frames(self, template: Template) -> list[str]:
        of_features = [pair for feature in template.features for pair in self.groups_of(template, feature)]
        groups = [(pair.a, pair.b) for pair in (*of_features, *self.controls_of(template))]
        words = [
            (pair.first, pair.second) for feature in template.features for pair in self.words_of(template, feature)
        ]
        # Each frame of either slot in one line at least, not all with all: three words in a row hardly reach over both.
        sides = _masked(groups), _masked(words)
        longest = range(max(map(len, sides)))
        frames = ["".join(template.parts(*(side[n % len(side)] for side in sides))) for n in longest]
        return list(dict.fromkeys(frames))


def _masked(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return each frame that pairs make, once: their first word where both sides share it, and a mask for the rest.

    Examples
    --------
    >>> _masked([("my mother", "my father"), ("my sister in law", "my brother in law"), ("she", "he")])
    ['my _', '_']
    """
    starts = [{side.partition(" ")[0] if " " in side else "" for side in pair} for pair in pairs]
    shared = ["" if len(start) > 1 else start.pop() for start in starts]
    return list(dict.fromkeys(f"{word} {_MASK}".lstrip() for word in shared))
