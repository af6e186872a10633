"""Predictions from a file in place of a model: items with what somebody's model made of them."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from biasaudit import kinds
from biasaudit.benchmarks.answered import REFUSED, UNPARSED, Answered
from biasaudit.errors import ItemError, PredictionsError
from biasaudit.kinds.choice import Option
from biasaudit.plain_files import excerpt, found_value, json_value, lines_of, plain_text
from biasaudit.probes import Probe
from biasaudit.types import Failed, ProbeItem, Response, Scored

_LETTERS: Final = "ABC"
_CHOSEN: Final = re.compile(r"[(\[]?\s*([abc]|\d)(?:\.0+)?\s*[)\]]?\s*[.:]?")
_FORMS: Final = "Give JSON lines (.jsonl), a table (.csv), or StereoSet's .json."
_PERPLEXITIES: Final = frozenset({"redditbias", "holistic-bias"})
"""Formats whose scores are made of perplexities: a score is the mean over the tokens."""


def read_predictions(path: Path, probe: Probe) -> tuple[Answered, ...]:
    """Read what a model made of a probe's items.

    Parameters
    ----------
    path : Path
        ``.jsonl`` or ``.csv``, one row per item and part (``item_id``, ``part``, ``score``: a
        log-probability in nats, its mean over the tokens where the score is made of perplexities; where
        sentences are only compared, anything that grows with it), or per
        choice (``item_id``, ``answer``: an option's text, its letter or number from 0 in the order of the
        source, ``biased``, ``counter``, ``unknown`` or ``refused``; anything else is unparsed). ``.json``:
        StereoSet's own form, scores by sentence id.
    probe : Probe

    Returns
    -------
    tuple of Answered
        Every item of the probe; those without a prediction have no response, and a part that lacks one
        beside others that have it has failed.

    Raises
    ------
    PredictionsError, ItemError
        If the file cannot be read, or a row is not of this form, repeats another, or names an item that
        the probe does not have.
    """
    if path.suffix == ".json":
        return _of_sentences(path, probe)
    items = {item.item_id: item for item in probe.items}
    responses: dict[str, dict[str, Response]] = {}
    answers: dict[str, str] = {}
    as_probability = kinds.KINDS[probe.card.kind].scores_are_probabilities or probe.card.data.format in _PERPLEXITIES
    parts = {item.item_id: {prompt.part for prompt in kinds.prompts(item)} for item in probe.items}
    for line, row in _rows(path):
        name = _named(row.get("item_id"))
        if name not in items:
            raise ItemError(path=path, line=line, field="item_id", found=name, expected="an item of the probe")
        if row.get("part") is None and "answer" in row:
            _check_new(name in answers, name, path=path, line=line)
            answers[name] = _answer(row["answer"], items[name], path=path, line=line)
            continue
        part = _named(row.get("part"))
        if part not in parts[name]:
            expected = "one of " + ", ".join(sorted(parts[name])) + "; or give an answer"
            raise ItemError(path=path, line=line, field="part", found=part, expected=expected)
        _check_new(part in responses.get(name, {}), f"{name}, {part}", path=path, line=line)
        found = _score(row.get("score"), highest=0.0 if as_probability else math.inf, path=path, line=line)
        responses.setdefault(name, {})[part] = found
    _refuse_none(path, n_found=len(responses) + len(answers))
    for name, given in responses.items():
        # What was not predicted is missing: the parts that were must not decide alone.
        given |= {part: Failed(key="", reason="no prediction") for part in parts[name] - set(given)}
    return tuple(answered(item, responses.get(item.item_id, {}), answers.get(item.item_id)) for item in probe.items)


def answered(item: ProbeItem, responses: Mapping[str, Response], answer: str | None = None) -> Answered:
    """Return an item with what a model made of it."""
    return Answered(
        item_id=item.item_id,
        cluster_id=item.cluster_id,
        feature=item.feature,
        family=item.family,
        role=item.role,
        tags=item.tags,
        responses=responses,
        answer=answer,
    )


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    text = plain_text(path, error=PredictionsError, fix=_FORMS)
    if path.suffix == ".csv":
        yield from _table_rows(text, path)
        return
    for number, line in lines_of(text):
        if line.strip():
            try:
                row = json_value(line)
            except ValueError as exc:
                raise PredictionsError(f"{path}:{number}: is no JSON object: {exc}.", fix=_FORMS) from exc
            if not isinstance(row, dict):
                raise ItemError(
                    path=path, line=number, field="(the whole line)", found=line, expected="one JSON object"
                )
            yield number, row


def _table_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            yield reader.line_num, {key: value for key, value in row.items() if value != "" or key == "answer"}
    except csv.Error as exc:
        raise PredictionsError(f"{path}:{reader.line_num}: is no row of a table: {exc}.", fix=_FORMS) from exc


def _check_new(known: bool, name: str, *, path: Path, line: int) -> None:  # noqa: FBT001  # a condition, no option
    if known:
        raise ItemError(path=path, line=line, field="item_id", found=name, expected="each prediction once")


def _score(value: object, *, highest: float, path: Path, line: int) -> Scored:
    try:
        # Python counts True as 1, and reads 1_000 as a number.
        odd = isinstance(value, bool) or (isinstance(value, str) and "_" in value)
        number = math.nan if odd else float(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not (math.isfinite(number) and number <= highest):
        expected = "a finite number" if math.isinf(highest) else "a log-probability: a finite number of at most 0"
        raise ItemError(path=path, line=line, field="score", found=found_value(value), expected=expected)
    return Scored(key="", token_ids=(), token_logprobs_nats=(number,))


def _answer(value: object, item: ProbeItem, *, path: Path, line: int) -> str:
    options = kinds.kind_of(item).options
    if options is None:
        raise ItemError(path=path, line=line, field="answer", found=found_value(value), expected="a part and a score")
    said = str(value).strip().lower() if isinstance(value, (str, int, float)) else ""
    order = item.tags.get("options", "biased counter unknown").split()
    by_name: dict[str, str] = {**{option: option for option in Option}, REFUSED: REFUSED}
    by_name |= {str(number): role for number, role in enumerate(order)}
    by_name |= {letter.lower(): role for letter, role in zip(_LETTERS, order, strict=False)}
    by_name |= {text.lower(): name for name, text in options(item.texts).items()}
    # An option's own text comes first: it may itself be written as "(b)".
    for written in (said, said.rstrip("."), _bare(said)):
        if written in by_name:
            return str(by_name[written])
    return str(UNPARSED)


def _bare(said: str) -> str:
    """Return the letter or number that an answer consists of, without what stands around it.

    Examples
    --------
    >>> [_bare(said) for said in ("(b)", "b.", "[ c ]", "a)", "1.0", "(2)", "1.5", "(b", "b or c")]
    ['b', 'b', 'c', 'a', '1', '2', '1.5', 'b', 'b or c']
    """
    found = _CHOSEN.fullmatch(said)
    return said if found is None else found[1]


def _named(value: object) -> str:
    return value if isinstance(value, str) else excerpt(value)


def _of_sentences(path: Path, probe: Probe) -> tuple[Answered, ...]:
    """Read StereoSet's own form: {task: [{id, score}, ...], ...}."""
    try:
        content = json_value(plain_text(path, error=PredictionsError, fix=_FORMS))
        scores = {entry["id"]: float(entry["score"]) for task in content.values() for entry in task}
    except (ValueError, AttributeError, KeyError, TypeError, OverflowError) as exc:
        raise PredictionsError(
            f"{path}: is not a file of scores by sentence: {excerpt(exc, 200)}.",
            fix='It reads {"intrasentence": [{"id": ..., "score": ...}, ...], "intersentence": [...]}.',
        ) from exc
    found = []
    for item in probe.items:
        ids = {part: item.tags.get(f"sentence {item.tags.get(part)}") for part in ("first", "second")}
        responses: dict[str, Response] = {
            part: Scored(key="", token_ids=(), token_logprobs_nats=(scores[name],))
            for part, name in ids.items()
            if name is not None and math.isfinite(scores.get(name, math.nan))
        }
        found.append(answered(item, responses))
    _refuse_none(path, n_found=sum(bool(item.responses) for item in found))
    return tuple(found)


def _refuse_none(path: Path, *, n_found: int) -> None:
    if not n_found:
        raise PredictionsError(f"{path}: no row is a prediction for an item of this probe.", fix="Name its own probe.")
