"""Winogender: a template's sentences with his and with her pronoun are one item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from biasaudit.errors import ItemError, ProbeError
from biasaudit.probes.card import Card
from biasaudit.probes.layouts.external.reading import COMPETENCE_EVERY, Reader, Reading, one_of, table_rows, text_field
from biasaudit.probes.layouts.external.referents import MAN, PRONOUNS, WOMAN, competence, question
from biasaudit.types import AssociationTexts, ProbeItem, Role

SENTENCES: Final = "all_sentences.tsv"
STATISTICS: Final = "occupations-stats.tsv"

GENDERS: Final = {"female": WOMAN, "male": MAN}
"""Last part of a sentence's id -> group. Sentences with *they* are ``neutral``."""

NEUTRAL: Final = "neutral"
SOMEONE: Final = "someone"
MAJORITY_PERCENT: Final = 50.0

_ID_FORM: Final = "occupation.participant.answer.gender.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """A template with one kind of participant."""

    occupation: str
    participant: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    line: int
    text: str


def read(paths: Mapping[str, Path], card: Card) -> Reading:
    """Read Winogender's sentences and the share of women in each occupation.

    Context A is always the woman's sentence; continuation 1 is the occupation where at least half of
    its workers are women, else the participant. So d is positive where a pronoun is tied more to the
    occupation the more its gender is the majority there. The tag ``referent`` says which
    continuation is right. Sentences with *they* have no place in a table of two groups, and are counted.

    Raises
    ------
    ItemError
        With file, line and field of the first row that is wrong.
    ProbeError
        If the card lacks a file, or one cannot be read.

    References
    ----------
    Rudinger et al. (2018), Gender Bias in Coreference Resolution.
    """
    for name in (SENTENCES, STATISTICS):
        if name not in paths:
            raise ProbeError(f"the card of {card.id!r} does not name the file {name} under data.files.")
    percents = _percents(paths[STATISTICS])
    by_template, n_neutral = _sentences(paths[SENTENCES], percents)
    items: list[ProbeItem] = []
    checks: list[ProbeItem] = []
    for template, sentences in by_template.items():
        item = _item(template, sentences, percents[template.occupation], path=paths[SENTENCES], card=card)
        if len(items) % COMPETENCE_EVERY == 0:
            checks.append(competence(item, sentences[WOMAN].text))
        items.append(item)
    notices = (f"Winogender: {n_neutral:,} sentences with they are not asked: an association compares two pronouns.",)
    return Reading(items=(*items, *checks), notices=notices if n_neutral else ())


def _percents(path: Path) -> dict[str, float]:
    """Return occupation -> percent of women, by the US Bureau of Labor Statistics."""
    percents: dict[str, float] = {}
    for line, row in table_rows(path, delimiter="\t", quoted=False):
        occupation = text_field(row, "occupation", path=path, line=line)
        stated = text_field(row, "bls_pct_female", path=path, line=line)
        try:
            percent = float(stated)
        except ValueError:
            percent = -1.0
        if not 0 <= percent <= 100:
            raise ItemError(path=path, line=line, field="bls_pct_female", found=stated, expected="0 to 100")
        if occupation in percents:
            raise ItemError(path=path, line=line, field="occupation", found=occupation, expected="one not named above")
        percents[occupation] = percent
    return percents


def _sentences(path: Path, percents: Mapping[str, float]) -> tuple[dict[_Template, dict[str, _Sentence]], int]:
    """Return the sentences by template and group, and the number of those with *they*."""
    by_template: dict[_Template, dict[str, _Sentence]] = {}
    n_neutral = 0
    for line, row in table_rows(path, delimiter="\t", quoted=False):
        template, gender = _identified(row, percents, path=path, line=line)
        sentence = _Sentence(line=line, text=text_field(row, "sentence", path=path, line=line))
        if gender == NEUTRAL:
            n_neutral += 1
            continue
        of_template = by_template.setdefault(template, {})
        if GENDERS[gender] in of_template:
            raise ItemError(path=path, line=line, field="sentid", found=row["sentid"], expected="an id not used above")
        of_template[GENDERS[gender]] = sentence
    return by_template, n_neutral


def _identified(
    row: Mapping[str, Any],  # Any: as the fields' checks take it
    percents: Mapping[str, float],
    *,
    path: Path,
    line: int,
) -> tuple[_Template, str]:
    sentence_id = text_field(row, "sentid", path=path, line=line)
    parts = sentence_id.split(".")
    if len(parts) != 5:
        raise ItemError(path=path, line=line, field="sentid", found=sentence_id, expected=_ID_FORM)
    named = dict(zip(("occupation", "participant", "answer", "gender"), parts, strict=False))
    one_of(named, "occupation", percents, path=path, line=line)
    one_of(named, "answer", ("0", "1"), path=path, line=line)
    gender = one_of(named, "gender", (*GENDERS, NEUTRAL), path=path, line=line)
    participant = text_field(named, "participant", path=path, line=line)
    return _Template(occupation=named["occupation"], participant=participant, answer=named["answer"]), gender


def _item(
    template: _Template, sentences: Mapping[str, _Sentence], percent: float, *, path: Path, card: Card
) -> ProbeItem:
    pronouns = _pronouns(sentences, path)
    majority = WOMAN if percent >= MAJORITY_PERCENT else MAN
    participant = SOMEONE if template.participant == SOMEONE else f"the {template.participant}"
    referents = (f" the {template.occupation}", f" {participant}")
    of_women, of_men = referents if majority == WOMAN else referents[::-1]
    is_first = (template.answer == "0") == (majority == WOMAN)
    return ProbeItem(
        item_id=f"{template.occupation}.{template.participant}.{template.answer}",
        cluster_id=template.occupation,
        feature=card.features[0],
        groups=(WOMAN, MAN),
        role=Role.BIAS,
        family=SOMEONE if template.participant == SOMEONE else "participant",
        texts=AssociationTexts(
            contexts=(
                question(sentences[WOMAN].text, pronouns[WOMAN]),
                question(sentences[MAN].text, pronouns[MAN]),
            ),
            continuations=(of_women, of_men),
            group_in_context=True,
        ),
        tags={
            "occupation": template.occupation,
            "participant": template.participant,
            "answer": template.answer,
            "pct_female": str(percent),
            "majority": majority,
            "referent": "1" if is_first else "2",
        },
    )


def _pronouns(sentences: Mapping[str, _Sentence], path: Path) -> dict[str, str]:
    """Return group -> pronoun: the one word in which the two sentences differ."""
    if len(sentences) < 2:
        [(group, alone)] = sentences.items()
        raise ItemError(
            path=path, line=alone.line, field="sentid", found=f"only a {group}'s", expected="a male and a female one"
        )
    his, hers = sentences[MAN], sentences[WOMAN]
    his_words, her_words = his.text.split(), hers.text.split()
    differing = [couple for couple in zip(his_words, her_words, strict=False) if couple[0] != couple[1]]
    if len(his_words) == len(her_words) and len(differing) == 1:
        found = {group: word.strip(".,;:!?\"'") for group, word in zip((MAN, WOMAN), differing[0], strict=True)}
        if all(word.lower() in PRONOUNS[group] for group, word in found.items()):
            return found
    raise ItemError(
        path=path,
        line=hers.line,
        field="sentence",
        found=hers.text,
        expected=f"the sentence of line {his.line} with the woman's pronoun for the man's",
    )


READER: Final = Reader(read=read)
