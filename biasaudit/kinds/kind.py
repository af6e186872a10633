"""What a kind of item is to the rest of the house: one object, which owns all that its kind needs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from biasaudit.framing import Prompt
from biasaudit.kinds._value import ItemValue
from biasaudit.kinds.segments import Piece, Segment
from biasaudit.kinds.written import ItemRow
from biasaudit.languages import Language
from biasaudit.types import Ability, ItemTexts, ProbeItem, Response, Role

Texts = TypeVar("Texts", bound=ItemTexts)

Value: TypeAlias = Callable[[Mapping[str, Response], frozenset[str], Mapping[str, str]], ItemValue]
"""From the responses by part, the parts that were asked, and the item's tags, to the item's value."""

Probabilities: TypeAlias = Callable[[Mapping[str, Response], frozenset[str]], Mapping[str, float]]
"""From the responses by part, and the parts that were asked, to what each answer got; empty where a part failed."""

Segments: TypeAlias = Callable[[Mapping[str, Sequence[Piece]]], tuple[Segment, ...]]
"""From the tokens of each part to the places at which the item's value comes about."""


@dataclass(frozen=True, slots=True)
class Variants:
    """Two texts of one item that are set against each other."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A text as a model reads it.

    Attributes
    ----------
    text : str
    whole : bool
        Whether it begins a sentence; the options of a choice do not.
    """

    text: str
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Written(Generic[Texts]):
    """How an item of a kind is written in ``items.jsonl``.

    Attributes
    ----------
    row : type
        Fields of a line, and what each may hold.
    texts : callable
        From a line to the texts.
    tags : callable
        From a line to the item's tags.
    """

    row: type[ItemRow]
    texts: Callable[[Any], Texts]  # Any: a row of that type
    tags: Callable[[Any], Mapping[str, str]] = lambda row: row.tags


def _nothing(*_: object) -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts(Generic[Texts]):
    """What stands before the words that an item of a kind is about, on either side of it.

    Attributes
    ----------
    of : callable
        The contexts of the first and of the second side; equal where both share one.
    put : callable
        From texts and two contexts to the texts with these.
    about : callable
        Further texts whose words no context may gain or lose, such as a question.
    """

    of: Callable[[Texts], tuple[str, str]]
    put: Callable[[Texts, str, str], Texts]
    about: Callable[[Texts], tuple[str, ...]] = _nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks(Generic[Texts]):
    """What the check of a probe reads in items of a kind.

    Attributes
    ----------
    variants : callable
        What an item sets against each other.
    passages : callable
        From texts and role to what is meant to be good sentences: all but deliberate nonsense.
    seams : callable
        The places where two texts are joined: what stands before, and after.
    content : callable
        What two items that ask the same have in common, also with their variants exchanged.
    shown : callable
        The item in one text, for a message.
    one_way : callable
        From the bias items of one feature and the groups that the card declares, to what runs one way only among
        them; no groups where the form of the data has both in every item.
    minimal : bool
        Whether variants may differ in one place only.
    crossed : bool
        Whether a designed probe holds as many items in every cluster.
    competence : str
        A competence item, in words; empty where an audit asks for none.
    competence_beside : str
        What each competence item stands beside, cluster or wording.
    """

    variants: Callable[[Texts], tuple[Variants, ...]] = _nothing
    passages: Callable[[Texts, Role], tuple[Passage, ...]] = _nothing
    seams: Callable[[Texts], tuple[tuple[str, str], ...]] = _nothing
    content: Callable[[Texts], Hashable] = lambda texts: texts
    shown: Callable[[Texts], str] = str
    one_way: Callable[[Sequence[ProbeItem], Sequence[str]], Iterable[str]] = _nothing
    minimal: bool = True
    crossed: bool = False
    competence: str = ""
    competence_beside: Literal["cluster", "wording"] = "wording"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a page says of a kind.

    Attributes
    ----------
    asks_by : str
        How such a probe asks, after "By"; empty where nothing is said of it.
    would_say : str
        What such a probe would say of a model, for audits without one; empty where that goes without saying.
    labels : mapping of str to str or tuple of str
        Field of the texts -> its label, or those of its members.
    shaded : tuple of str, or empty
        Labels of the two texts that are shown shaded.
    answers : mapping of str to str
        Name of an option, as :attr:`ItemKind.option_of` and :attr:`ItemKind.probabilities` have it -> its label.
    lean_means : callable or None
        From a lean, the mean of the graded item values, to what it means in parts of 100; None where nothing short is
        right.
    """

    asks_by: str = ""
    would_say: str = ""
    labels: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    shaded: tuple[str, str] | tuple[()] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    lean_means: Callable[[float], str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What the index of a kind is, and what is to be expected of it.

    Attributes
    ----------
    averages : str
        Which value of an item the published index averages, sign or graded.
    spread : float
        Standard deviation of the change of an item's graded value between two checkpoints, to plan with.
    per_token : bool
        Whether the sign is given per token, too.
    equal_lengths : bool
        Whether it is given over the items alone whose texts have as many tokens.
    """

    averages: Literal["sign", "graded"]
    spread: float
    per_token: bool = False
    equal_lengths: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemKind(Generic[Texts]):
    """A kind of item.

    Attributes
    ----------
    name : str
        As on a card.
    texts : type
        Of the texts of such an item; of no two kinds do they have the same fields.
    prompts : callable
        From the texts and the language of the probe to what is asked.
    owns : callable
        Whether these are the parts of such an item; of no two kinds are the same.
    needs : Ability
        What a model must be able to do to be asked.
    drawn : callable or None
        From the texts and the language to what is asked of a model that gives text alone; its prompts have options, and
        their parts are such as `owns` knows. None where such a model cannot be asked.
    value : callable or None
        None where an item by itself has no value.
    index : Index or None
        None where a probe of the kind sets no group against another.
    pull : callable
        From item and part to the share of d by which a part's log-probability rises so that the item's value is d:
        how a model whose answers are set gives an item any value.
    probabilities : callable or None
        What a report shows of single items; None where it shows the texts shaded.
    segments : callable or None
        How the texts are shaded; None where they are not.
    disparity : str or None
        What is said of groups beside the index: the mean probability of an attribute, from the four cells of a
        table, or how the cases of each group are decided.
    options : callable or None
        From the texts to what an answer in words may be: name -> text. None where there is no such answer.
    option_of : callable
        From a part to the name of the option that it belongs to.
    frames_question : bool
        Whether words of the probe's language stand around the texts in plain framing, too.
    scores_are_probabilities : bool
        Whether a score that somebody else gives must be the logarithm of a probability.
    sampled : str
        What a sample keeps together: each item by itself, all items of one question, or of one case.
    contexts : Contexts or None
        None where an item has no two sides.
    written, checks, words
        See there.
    """

    name: str
    texts: type[Texts]
    prompts: Callable[[Texts, Language], tuple[Prompt, ...]]
    owns: Callable[[frozenset[str]], bool]
    needs: Ability = Ability.LIKELIHOOD
    drawn: Callable[[Texts, Language], tuple[Prompt, ...]] | None = None
    value: Value | None = None
    index: Index | None = None
    pull: Callable[[ProbeItem, str], float] = lambda item, part: 0.0  # noqa: ARG005  # the signature of every kind
    probabilities: Probabilities | None = None
    segments: Segments | None = None
    disparity: Literal["attributes", "decisions"] | None = None
    options: Callable[[Texts], Mapping[str, str]] | None = None
    option_of: Callable[[str], str] = str
    frames_question: bool = False
    scores_are_probabilities: bool = False
    sampled: Literal["alone", "variants", "cases"] = "alone"
    contexts: Contexts[Texts] | None = None
    written: Written[Texts] | None = None
    checks: Checks[Texts] = field(default_factory=Checks)
    words: Words = field(default_factory=Words)
