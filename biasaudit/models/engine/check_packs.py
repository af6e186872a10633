"""Whether packs of a model are to be believed: a few sequences packed, against the same one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.models.engine.memory import is_out_of_memory
from biasaudit.models.engine.output_layer import OutputLayer, output_layer
from biasaudit.models.engine.packed import ATTENTIONS, Checked, MaskForm, PackedModel
from biasaudit.models.engine.tree import TokenSequence, packs
from biasaudit.models.local.placement import devices_of, is_spread
from biasaudit.models.local.quantized import in_one_batch, quantization_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from biasaudit.models.local.loaded import LoadedModel

TOLERANCES_NATS: Final = {"float32": 5e-4, "bfloat16": 0.25, "float16": 0.05}
"""Largest difference between packed and plain that the arithmetic alone explains.

Of gemma-3-270m in single precision and its two adapters, with the sequences of this check and two more draws of them,
plain was up to 1.5e-4 and packed up to 2.6e-4 from the same in double precision, and both up to 2.1e-4 from each other,
on one processor; a bound of 2e-4 refused packs of one adapter there, which took ten times as long without."""

_READ: Final = 8


def checked(loaded: LoadedModel, longest: int) -> Checked:
    """Score a few sequences packed and plain, and return how to go on.

    Parameters
    ----------
    loaded : LoadedModel
    longest : int
        Length of the longest sequence that will be asked for: masks that are wrong only beyond a
        window are wrong only there.
    """
    model = loaded.causal_model
    if in_one_batch(quantization_of(model)):
        reason = "texts side by side change each other's outliers in this scheme: one text at a time"
        return Checked(packed=None, longest=longest, largest_difference_nats=None, reason=reason, padded=False)
    decoder, output = model.base_model, output_layer(model)
    apart = is_spread(model)
    if apart or decoder is model or output is None:
        lie = f"its layers lie in several places ({', '.join(devices_of(model))})"
        return _without_packs(loaded, longest, lie if apart else "no separable output layer")
    return _with_packs(loaded, longest, decoder, output)


def _with_packs(loaded: LoadedModel, longest: int, decoder: Any, output: OutputLayer) -> Checked:  # Any: a module
    model = loaded.causal_model
    sequences = _check_sequences(output.weight.shape[0], longest)
    rows = [(one.token_ids[: one.n_context], one.token_ids[one.n_context :]) for one in sequences]
    # One at a time: rows side by side share their earliest read position, and with a vocabulary of 262,144 words the
    # logits from there on were the peak of a whole run's memory.
    plain = [values for row in rows for values in loaded.continuation_logprobs([row])]
    tolerance = TOLERANCES_NATS[loaded.fingerprint.dtype]
    reason, smallest = "the model does not take a mask of four dimensions", None
    for attention, form in itertools.product(ATTENTIONS, _forms(model)):
        candidate = PackedModel(decoder=decoder, output=output, attention=attention, form=form, window=_window(model))
        try:
            difference = _difference(candidate, sequences, plain)
        except (MemoryError, RuntimeError):  # out of memory; all else was a refusal
            if attention != ATTENTIONS[-1]:
                continue
            raise
        if difference is None:
            continue
        if difference <= tolerance:
            reason = "packed and plain agree" if attention == "blocks" else "packed, through a mask, and plain agree"
            return Checked(packed=candidate, longest=longest, largest_difference_nats=difference, reason=reason)
        if smallest is None or difference < smallest:
            smallest, reason = difference, "packed and plain differ"
    padded = _padded_agrees(loaded, rows, plain, tolerance)
    if not padded:
        reason += "; padded and plain differ: one text at a time"
    return Checked(packed=None, longest=longest, largest_difference_nats=smallest, reason=reason, padded=padded)


def _without_packs(loaded: LoadedModel, longest: int, why: str) -> Checked:
    sequences = _check_sequences(loaded.vocabulary_size, min(longest, 16))
    rows = [(one.token_ids[: one.n_context], one.token_ids[one.n_context :]) for one in sequences]
    plain = [values for row in rows for values in loaded.continuation_logprobs([row])]
    padded = _padded_agrees(loaded, rows, plain, TOLERANCES_NATS[loaded.fingerprint.dtype])
    reason = why + ("" if padded else "; padded and plain differ: one text at a time")
    return Checked(packed=None, longest=longest, largest_difference_nats=None, reason=reason, padded=padded)


def _padded_agrees(
    loaded: LoadedModel,
    rows: Sequence[tuple[tuple[int, ...], tuple[int, ...]]],
    plain: Sequence[Sequence[float]],
    tolerance: float,
) -> bool:
    """Tell whether short rows are scored beside longer ones as they are alone; not beside the longest, for memory."""
    few = range(len(rows) - 1)
    together = loaded.continuation_logprobs([rows[place] for place in few])
    differences = [
        abs(ours - theirs)
        for place, found in zip(few, together, strict=True)
        for ours, theirs in zip(found, plain[place], strict=True)
    ]
    return bool(float(np.max(differences)) <= tolerance)  # NaN is not


def _difference(
    candidate: PackedModel, sequences: Sequence[TokenSequence], plain: Sequence[Sequence[float]]
) -> float | None:
    [pack] = packs(sequences, sum(len(one.token_ids) for one in sequences))
    try:
        [found] = candidate.logprobs([pack])
    # Each architecture refuses in its own words what it does not take.
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError, KeyError) as exc:
        if is_out_of_memory(exc):
            raise
        return None
    differences = [
        abs(ours - theirs)
        for member, values in zip(pack.members, found, strict=True)
        for ours, theirs in zip(values, plain[member], strict=True)
    ]
    largest = float(np.max(differences))  # NaN stays NaN, and is not within any tolerance
    return largest if np.isfinite(largest) else None


def _check_sequences(n_words: int, longest: int) -> list[TokenSequence]:
    """Return branches at several depths of two trees, and one sequence as long as the longest."""
    draw = np.random.default_rng(0)

    def tokens(number: int) -> tuple[int, ...]:
        return tuple(draw.integers(0, n_words, number).tolist())

    limit = max(longest, 2)
    root, branch, other = tokens(4), tokens(5), tokens(3)
    wholes = [
        (*root, *branch, *tokens(6)),
        (*root, *branch, *tokens(3)),
        (*root, *branch[:3], *tokens(7)),
        (*root, *tokens(2)),
        (*other, *tokens(9)),
        (*other, *tokens(4)),
        (*root, *branch, *tokens(max(0, limit - 9))),
    ]
    cut = [whole[:limit] for whole in wholes]
    return [TokenSequence(whole, max(1, len(whole) - _READ)) for whole in cut]


def _forms(model: PreTrainedModel) -> Iterator[MaskForm]:
    if getattr(model.config.get_text_config(), "layer_types", None):
        yield "by layer type"
    yield "one"


def _window(model: PreTrainedModel) -> int | None:
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    # An architecture without windows keeps whatever its configuration says there.
    return window if type(window) is int and window > 0 and getattr(config, "use_sliding_window", True) else None
