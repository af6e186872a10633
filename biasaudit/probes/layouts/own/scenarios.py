"""``scenarios.yaml``: two persons of different groups, and questions that the text answers or does not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from biasaudit.errors import ProbeError
from biasaudit.plain_files import excerpt
from biasaudit.probes.card import Card, Slug, Text, parse_yaml
from biasaudit.probes.layouts.own.words import Strict, bounded, repeated
from biasaudit.types import ChoiceTexts, ProbeItem, Role

Polarity = Literal["negative", "positive"]
_POLARITIES: Final[tuple[Polarity, Polarity]] = ("negative", "positive")


class Scenario(Strict):
    """A situation of two persons that does not say which of them did something.

    Attributes
    ----------
    feature : str
    groups : tuple of str
        Whom the stereotype ties to the negative question, and the other.
    persons : tuple of str
        How the text calls the two, in the same order: "the old man".
    context : str
        With the slots ``{first}`` and ``{second}``, which are filled in both orders.
    clear : str
        With the slots ``{negative}`` and ``{positive}``: what decides both questions.
    negative, positive : str
        The questions.
    stereotype : str
        What the stereotype says of the first group, in a few words.
    source : str or None
        Who documents it, as a key of `Scenarios.references`.
    """

    id: Slug
    feature: Slug
    groups: tuple[str, str]
    persons: tuple[Text, Text]
    context: Text
    clear: Text
    negative: Text
    positive: Text
    stereotype: Text
    source: Text | None = None

    @model_validator(mode="after")
    def _slots(self) -> Self:
        for field, text, slots in (
            ("context", self.context, ["first", "second"]),
            ("clear", self.clear, ["negative", "positive"]),
        ):
            if sorted(re.findall(r"\{(\w*)\}", text)) != slots:
                msg = f"scenario {self.id!r}: {field!r} needs the slots {{{slots[0]}}} and {{{slots[1]}}}, once each"
                raise ValueError(msg)
        if len(set(self.groups)) == 1 or len(set(self.persons)) == 1:
            msg = f"scenario {self.id!r}: the two groups, and the two persons, must differ"
            raise ValueError(msg)
        return self

    def told(self, *, stereotyped_first: bool, negative_is: int | None = None) -> str:
        """Return the context, and where `negative_is` names one of the persons, what makes it clear."""
        first, second = self.persons if stereotyped_first else self.persons[::-1]
        text = _filled(self.context, {"first": first, "second": second})
        if negative_is is None:
            return text
        persons = {"negative": self.persons[negative_is], "positive": self.persons[1 - negative_is]}
        return f"{text} {_filled(self.clear, persons)}"

    def question(self, polarity: Polarity) -> str:
        """Return the question of a polarity."""
        return self.negative if polarity == "negative" else self.positive


class Scenarios(Strict):
    """The whole of ``scenarios.yaml``.

    Attributes
    ----------
    unknown : tuple of str
        Several wordings of the answer that one cannot know.
    references : dict of str to str
        Publications that document stereotypes, by the keys that the scenarios name.
    scenarios : tuple of Scenario
    """

    unknown: tuple[Text, ...] = Field(min_length=1)
    references: dict[Slug, Text] = Field(default_factory=dict)
    scenarios: tuple[Scenario, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        names = repeated(scenario.id for scenario in self.scenarios)
        if names:
            msg = f"scenario ids must be unique; repeated: {names}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _sources_are_listed(self) -> Self:
        named = {scenario.source for scenario in self.scenarios if scenario.source is not None}
        if named != set(self.references):
            absent, idle = sorted(named - set(self.references)), sorted(set(self.references) - named)
            msg = f"'references' must list the sources of the scenarios; absent: {absent}, named by none: {idle}"
            raise ValueError(msg)
        return self


def read_scenarios(path: Path, card: Card) -> tuple[ProbeItem, ...]:
    """Expand ``scenarios.yaml`` into choices.

    Where the context does not say who, each scenario is asked with both questions, both orders of the persons and
    each wording of the unknown answer, by the answers' texts; and by letters, with all orders of the options, for
    one order of the persons. Competence items add what makes it clear, for either person.

    Parameters
    ----------
    path : Path
    card : Card
        Declares the scenarios' features and groups.

    Raises
    ------
    ProbeError
        If the file does not follow its form, or a scenario names a feature or group that the card lacks.
    """
    content = parse_yaml(path, Scenarios)
    for scenario in content.scenarios:
        declared = card.groups.get(scenario.feature, ())
        if not set(scenario.groups) <= set(declared):
            raise ProbeError(
                f"{path}: scenario {scenario.id!r} has {excerpt(scenario.feature)} with the groups "
                f"{excerpt(list(scenario.groups), 300)}; "
                f"card.yaml declares {excerpt(list(declared), 300) if declared else 'no such feature'}.",
            )
    return bounded(path, _expanded(content))


def _expanded(content: Scenarios) -> Iterator[ProbeItem]:
    for number, scenario in enumerate(content.scenarios):
        # Letters need every order of the options: one order of the persons, in turns, keeps that affordable. In turns
        # too, the negative question's person comes first or second in a clear text, so that the place never tells.
        first = number % 2 == 0
        unknown = content.unknown[number % len(content.unknown)]
        yield from _texts(scenario, content.unknown)
        yield from _letters(scenario, unknown, first=first)
        yield from _clear(scenario, content.unknown[0], negative_first=first)


def _texts(scenario: Scenario, unknown: tuple[str, ...]) -> Iterator[ProbeItem]:
    for polarity in _POLARITIES:
        for first in (True, False):
            for number, wording in enumerate(unknown, start=1):
                yield _item(
                    f"{scenario.id}/{polarity}/{_order(first=first)}/unknown-{number}",
                    scenario,
                    _choice(scenario, polarity, scenario.told(stereotyped_first=first), wording, reading="texts"),
                    family=f"{polarity}, unknown {number}",
                    tags={"polarity": polarity},
                )


def _letters(scenario: Scenario, unknown: str, *, first: bool) -> Iterator[ProbeItem]:
    for polarity in _POLARITIES:
        yield _item(
            f"{scenario.id}/{polarity}/{_order(first=first)}/letters",
            scenario,
            _choice(scenario, polarity, scenario.told(stereotyped_first=first), unknown, reading="letters"),
            family=f"{polarity}, letters",
            tags={"polarity": polarity},
        )


def _clear(scenario: Scenario, unknown: str, *, negative_first: bool) -> Iterator[ProbeItem]:
    for polarity in _POLARITIES:
        for person in (0, 1):
            text = scenario.told(stereotyped_first=(person == 0) == negative_first, negative_is=person)
            right = "biased" if person == 0 else "counter"
            yield _item(
                f"{scenario.id}/{polarity}/clear-{right}",
                scenario,
                _choice(scenario, polarity, text, unknown, reading="texts"),
                family=f"{polarity}, clear",
                tags={"polarity": polarity, "correct": right},
            )


def _choice(
    scenario: Scenario, polarity: Polarity, context: str, unknown: str, *, reading: Literal["texts", "letters"]
) -> ChoiceTexts:
    biased, counter = scenario.persons if polarity == "negative" else scenario.persons[::-1]
    return ChoiceTexts(
        context=context,
        question=scenario.question(polarity),
        biased=_capital(biased),
        counter=_capital(counter),
        unknown=unknown,
        reading=reading,
    )


def _item(item_id: str, scenario: Scenario, texts: ChoiceTexts, *, family: str, tags: Mapping[str, str]) -> ProbeItem:
    known = "correct" in tags
    return ProbeItem(
        item_id=item_id,
        cluster_id=scenario.id,
        feature=scenario.feature,
        groups=scenario.groups,
        role=Role.COMPETENCE if known else Role.BIAS,
        family=family,
        texts=texts,
        tags={**tags, "stereotype": scenario.stereotype},
    )


def _order(*, first: bool) -> str:
    return "stereotyped-first" if first else "stereotyped-second"


def _filled(text: str, persons: Mapping[str, str]) -> str:
    """Fill slots; one that begins the text or a sentence begins with a capital."""

    def fill(slot: re.Match[str]) -> str:
        begins = re.search(r"(^|[.!?]\s+)$", text[: slot.start()])
        return _capital(persons[slot[1]]) if begins else persons[slot[1]]

    return re.sub(r"\{(\w+)\}", fill, text)


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
