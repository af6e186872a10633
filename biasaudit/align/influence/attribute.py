"""Which training records raise an index and which lower it, to first order."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.align.examples import learned_from
from biasaudit.align.influence.asked import asked_index
from biasaudit.align.influence.trained_on import groups_of, trained_on
from biasaudit.align.method import Base
from biasaudit.align.settings import at_least_one, require
from biasaudit.errors import TrainingDataError
from biasaudit.models import ModelShelf, locate, parse_reference
from biasaudit.record.influences import LONGEST_TEXT, RECORD_GROUPS, RECORDS
from biasaudit.record.tables import checked
from biasaudit.stats.attributed import group_means, split_half_agreement, summed_parts
from biasaudit.types.progress import Progress, Silence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from biasaudit.align.examples import Example
    from biasaudit.align.influence.asked import AskedIndex, FeatureParts
    from biasaudit.align.influence.trained_on import Checkpoint, TrainedOn
    from biasaudit.framing import ChatFrame, Framing
    from biasaudit.models import LoadedModel
    from biasaudit.models.local.loading import Dtype
    from biasaudit.probes import Probe

LEAST_RECORDS: Final = 5
"""Of fewer records in a group nothing is said."""
MOST_GROUPS: Final = 100
"""More are no groups: such as a field that has another text in every record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluenceSettings:
    """How influences are asked.

    Attributes
    ----------
    max_records : int
        Of more, so many are drawn at random; how many were left is said.
    group_by : str or None
        Field of a record that says where it comes from; None takes `group`, `source` or `category`.
    level : float
        Of the intervals, in (0, 1).
    seed : int
        Of the draws: records, parts of the items, permutations.

    Raises
    ------
    UsageError
        If a value lies outside of its range.
    """

    max_records: int = 1000
    group_by: str | None = None
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        at_least_one("max_records", self.max_records)
        require("level", self.level, "above 0 and below 1", holds=0 < self.level < 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordInfluence:
    """What single records of a training did to an index, to first order.

    Attributes
    ----------
    records : pandas.DataFrame
        See :data:`biasaudit.record.influences.RECORDS`.
    groups : pandas.DataFrame
        See :data:`biasaudit.record.influences.RECORD_GROUPS`; empty where there are no groups.
    facts : mapping
        How it was asked and how sure it is, JSON-ready: checkpoints, counts, by feature the index at each checkpoint
        and the agreement of two halves of the items.
    """

    records: pd.DataFrame
    groups: pd.DataFrame
    facts: Mapping[str, Any]  # Any: JSON values


def record_influences(
    reference: str,
    data: Path,
    *,
    probe: Probe,
    framings: Sequence[Framing],
    chat: ChatFrame | None = None,
    settings: InfluenceSettings | None = None,
    dtype: Dtype = "auto",
    device: str | None = None,
    trust_remote_code: bool = False,
    progress: Progress | None = None,
) -> RecordInfluence:
    """Say which records of a training raise the index of a probe, and which lower it.

    The influence of a record is the sum over the kept checkpoints of -(learning rate) (gradient of the record's
    loss) . (gradient of the index), over the adapter's weights: by how much a plain gradient step on this record alone
    would move the index, at each. The training itself took steps of Adam on batches, so that the order of the records
    says something, and the absolute size little.

    Parameters
    ----------
    reference : str
        Model reference of the tuned model: BASE+ADAPTER.
    data : Path
        The file that the adapter was trained on.
    probe : Probe
        Its bias items are asked; associations.
    framings : sequence of Framing
        The wordings of one framing.
    chat : ChatFrame, optional
        What the chat template puts around a turn; needed for ``chat``.
    settings : InfluenceSettings, optional
    dtype : {"auto", "float32", "bfloat16"}
        Of the base's weights. The gradients of the adapter's are in float32.
    device : str, optional
    trust_remote_code : bool
    progress : Progress, optional

    Returns
    -------
    RecordInfluence

    Raises
    ------
    TrainingDataError
        If it cannot be asked: no kept checkpoints, no card, another method, other data, no associations.
    BiasauditError
        If models or data cannot be read.

    References
    ----------
    Pruthi et al. (2020), Estimating training data influence by tracing gradient descent, arXiv 2002.08484, TracInCP.
    """
    told, chosen = progress or Silence(), settings or InfluenceSettings()
    located = locate(parse_reference(reference), told.say)
    training = trained_on(located, data)
    group_field, groups = groups_of(data, chosen.group_by)
    shelf = ModelShelf(dtype=dtype, device=device, trust_remote_code=trust_remote_code, say=told.say)
    loaded = shelf.open(located)
    base = Base(located=located, tokenizer=loaded.tokenizer, template=loaded.chat_template)
    limit = int(training.card.settings["max_length_tokens"])  # type: ignore[call-overload]  # of a card that was read
    examples = learned_from(training.records, base, max_length_tokens=limit).examples
    _require_same_records(training, len(examples))
    drawn = _drawn(examples, chosen)
    asked = asked_index(loaded, probe, framings, chat, seed=chosen.seed)
    found = _over_checkpoints(loaded, training, drawn, asked, told)
    said = {line: group for line, group in groups.items() if line in {one.line for one in drawn}}
    labels, why_none = _usable_groups(said)
    parts = {one.feature: found.parts[:, found.columns[one.feature]] for one in asked.features}
    facts = {
        "checkpoints": [{"step": one.step, "learning_rate": one.learning_rate} for one in training.checkpoints],
        "file": training.records.name,
        "n_records": len(training.records.instructions),
        "n_used": len(examples),
        "n_asked": len(drawn),
        "n_items": {one.feature: one.n_items for one in asked.features},
        "n_items_left_out": asked.n_left_out,
        "n_clusters": {one.feature: one.n_clusters for one in asked.features},
        "n_parts": {one.feature: one.n_parts for one in asked.features},
        "index": found.index,
        "loss_nats": found.loss_nats,
        "agreement": {one.feature: split_half_agreement(parts[one.feature], one.shares) for one in asked.features},
        "group_field": group_field,
        "no_groups": why_none,
        "n_in_no_group": len(drawn) - len(labels),
        **asdict(chosen),
    }
    return RecordInfluence(
        records=_records(training, drawn, asked.features, parts, said, level=chosen.level),
        groups=_groups(drawn, asked.features, parts, labels, chosen),
        facts=facts,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What all checkpoints gave.

    Attributes
    ----------
    parts : array of float, shape (n_records, n_directions)
    columns : mapping
        Feature -> its directions.
    index : mapping
        Feature -> index at each checkpoint.
    loss_nats : list of float
        Mean loss of the records at each checkpoint.
    """

    parts: NDArray[np.float64]
    columns: Mapping[str, slice]
    index: Mapping[str, list[float]]
    loss_nats: list[float]


def _require_same_records(training: TrainedOn, n_used: int) -> None:
    noted = training.card.instructions.get("n_used")
    if n_used != noted:
        raise TrainingDataError(
            f"{n_used:,} records can be read here, and the training card says {noted}: the tokenizer or the chat "
            "template is another than it was.",
            fix="Restore the adapter's folder as the training wrote it.",
        )


def _drawn(examples: Sequence[Example], settings: InfluenceSettings) -> list[Example]:
    if len(examples) <= settings.max_records:
        return list(examples)
    rng = np.random.default_rng([settings.seed, 15])
    chosen = rng.choice(len(examples), size=settings.max_records, replace=False)
    return [examples[number] for number in sorted(chosen.tolist())]


def _over_checkpoints(
    loaded: LoadedModel, training: TrainedOn, drawn: Sequence[Example], asked: AskedIndex, told: Progress
) -> _Found:
    from biasaudit.align.influence.slopes import Table, index_gradients, record_slopes  # noqa: PLC0415  # imports torch

    columns: dict[str, slice] = {}
    first = 0
    for one in asked.features:
        columns[one.feature] = slice(first, first + one.n_parts)
        first += one.n_parts
    tables = [Table(cells=cells.cells, weights=_weights(cells.item, asked, columns)) for cells in asked.cells]
    parts = np.zeros((len(drawn), first))
    index: dict[str, list[float]] = {one.feature: [] for one in asked.features}
    loss: list[float] = []
    n_checkpoints = len(training.checkpoints)
    told.begin(f"reading {len(drawn):,} records at {n_checkpoints} checkpoints", n_checkpoints * len(drawn))
    for checkpoint in training.checkpoints:
        _put(loaded, checkpoint)
        directions, values = index_gradients(loaded, tables, n_directions=first)
        for one in asked.features:
            weights = [one.weights[cells.item] / asked.n_wordings for cells in asked.cells]
            index[one.feature].append(float(np.dot(weights, values)))
        found = record_slopes(loaded, drawn, directions, done=told.advance)
        parts -= checkpoint.learning_rate * found.slopes
        loss.append(float(found.loss_nats.mean()))
    return _Found(parts=parts, columns=columns, index=index, loss_nats=loss)


def _weights(item: int, asked: AskedIndex, columns: Mapping[str, slice]) -> dict[int, float]:
    return {
        columns[one.feature].start + int(one.part[item]): float(one.weights[item]) / asked.n_wordings
        for one in asked.features
        if one.part[item] >= 0
    }


def _put(loaded: LoadedModel, checkpoint: Checkpoint) -> None:
    """Give the adapter the weights that it had after some updates.

    Raises
    ------
    TrainingDataError
        If they are not those of this adapter.
    """
    from peft import get_peft_model_state_dict, set_peft_model_state_dict  # noqa: PLC0415  # imports torch

    model: Any = loaded.model  # PeftModel around a PreTrainedModel
    own = get_peft_model_state_dict(model, save_embedding_layers=False)
    shapes = [{name: tuple(one.shape) for name, one in some.items()} for some in (own, checkpoint.weights)]
    if shapes[0] != shapes[1]:
        raise TrainingDataError(
            f"the weights that were kept after {checkpoint.step} updates are not those of this adapter.",
            fix="Restore the adapter's folder as the training wrote it.",
        )
    set_peft_model_state_dict(model, dict(checkpoint.weights))


def _usable_groups(said: Mapping[int, str]) -> tuple[dict[int, str], str]:
    """Return the records of groups that are large enough, by line, and why there are none."""
    sizes = Counter(said.values())
    large = {name for name, size in sizes.items() if size >= LEAST_RECORDS}
    if not said:
        return {}, "no record says where it comes from"
    if not 2 <= len(large) <= MOST_GROUPS:
        return {}, f"{len(large):,} groups have {LEAST_RECORDS} records or more; expected 2 to {MOST_GROUPS}"
    return {line: group for line, group in said.items() if group in large}, ""


def _records(
    training: TrainedOn,
    drawn: Sequence[Example],
    features: Sequence[FeatureParts],
    parts: Mapping[str, NDArray[np.float64]],
    said: Mapping[int, str],
    *,
    level: float,
) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  # slow to import

    texts = {one.line: one for one in training.records.instructions}
    lines = [one.line for one in drawn]
    frames = []
    for one in features:
        found = summed_parts(parts[one.feature], one.shares, level=level)
        frame = pd.DataFrame(
            {
                "feature": one.feature,
                "line": lines,
                "group": pd.Series([said.get(line) for line in lines], dtype=object),
                "prompt": [texts[line].prompt[:LONGEST_TEXT] for line in lines],
                "response": [texts[line].response[:LONGEST_TEXT] for line in lines],
                "n_response_tokens": [len(record.token_ids) - record.n_prompt_tokens for record in drawn],
                "influence": found.values,
                "influence_ci_low": found.low,
                "influence_ci_high": found.high,
            }
        )
        frames.append(frame)
    return checked(pd.concat(frames, ignore_index=True), RECORDS)


def _groups(
    drawn: Sequence[Example],
    features: Sequence[FeatureParts],
    parts: Mapping[str, NDArray[np.float64]],
    labels: Mapping[int, str],
    settings: InfluenceSettings,
) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  # slow to import

    rows = [number for number, one in enumerate(drawn) if one.line in labels]
    names, index = np.unique([labels[drawn[number].line] for number in rows], return_inverse=True)
    frames = []
    for one in features if rows else ():
        found = group_means(
            parts[one.feature].sum(axis=1)[rows],
            index,
            n_groups=len(names),
            rng=np.random.default_rng([settings.seed, 15, 4]),
            level=settings.level,
        )
        frame = {
            "feature": one.feature,
            "group": names.astype(object),
            "n_records": np.bincount(index),
            "influence": found.means,
            "chance_low": found.chance_low,
            "chance_high": found.chance_high,
            "p": found.p,
            "p_adjusted": found.p_adjusted,
        }
        frames.append(pd.DataFrame(frame))
    if not frames:
        return checked(_empty_groups(), RECORD_GROUPS)
    return checked(pd.concat(frames, ignore_index=True), RECORD_GROUPS)


def _empty_groups() -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  # slow to import

    columns = RECORD_GROUPS.columns.items()
    return pd.DataFrame({name: pd.Series(dtype=str(column.dtype)) for name, column in columns})
