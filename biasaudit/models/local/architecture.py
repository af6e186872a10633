"""What kind of model a configuration describes, and whether that kind can be audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import ModelFilesError

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

OTHER_KINDS: Final[Mapping[str, str]] = {
    "ForMaskedLM": "an encoder, which guesses masked words from both sides",
    "ForPreTraining": "an encoder with the heads of its pretraining",
    "ForNextSentencePrediction": "an encoder with a head for pairs of sentences",
    "ForSequenceClassification": "a classifier or reward model: its head gives a score, not words",
    "ForTokenClassification": "a classifier of tokens",
    "ForQuestionAnswering": "a finder of answers in a text",
    "ForMultipleChoice": "a chooser among answers",
    "ForImageClassification": "a classifier of pictures",
    "ForObjectDetection": "a finder of things in pictures",
    "ForCTC": "a recogniser of speech",
    "ForSpeechSeq2Seq": "a recogniser of speech",
    "RewardModel": "a reward model: its head gives a score, not words",
    "ForReward": "a reward model: its head gives a score, not words",
    "DoubleHeadsModel": "a model with a second head, for choices",
    "WithValueHead": "a model with a value head, as it is left by reinforcement learning",
    "EncoderModel": "an encoder",
    "VisionModel": "a model of pictures",
}
"""Ends of the names of architectures, and what those are."""

AUDITED: Final = (
    "Audited are causal language models, which read from left to right (…ForCausalLM, …LMHeadModel: GPT-2, Llama, "
    "Qwen, Gemma, Mistral, Mamba and some 180 other types)."
)

ALLOWED_MOVE: Final = 1e-3
"""By how much a logit may move, as a share of the largest, when a later word is another one: rounding."""


def refuse_other_kinds(config: Mapping[str, Any], reference: str) -> None:
    """Refuse what is plainly no causal language model, from the configuration alone.

    Raises
    ------
    ModelFilesError
        If it is an encoder, an encoder-decoder, a classifier, a reward model, or says nothing of what it is.
    """
    if not isinstance(config.get("model_type"), str):
        raise ModelFilesError(
            f"the config.json of {reference!r} names no model_type, so that nobody knows what its weights are.",
            fix="Restore the file from its source.",
        )
    name = architecture_name(config)
    if config.get("is_encoder_decoder") is True:
        raise _other(reference, name, "an encoder-decoder, which reads the whole text before it writes")
    for end, kind in OTHER_KINDS.items():
        if name.endswith(end):
            raise _other(reference, name, kind)


def architecture_name(config: Mapping[str, Any]) -> str:
    """Return the first architecture that a configuration names, else its model type."""
    names = config.get("architectures")
    if isinstance(names, list) and names and isinstance(names[0], str):
        return names[0]
    return str(config.get("model_type", "unknown"))


def causal_class(config: PretrainedConfig, raw: Mapping[str, Any], reference: str) -> type[PreTrainedModel]:
    """Return the class that would read these weights as a causal language model.

    Parameters
    ----------
    config : PretrainedConfig
    raw : mapping
        ``config.json``, as it is written: `config` has defaults for what it does not say.
    reference : str

    Raises
    ------
    ModelFilesError
        If transformers knows no such class, or if the weights were saved as something else.
    """
    from transformers import AutoModelForCausalLM  # noqa: PLC0415
    from transformers.models.auto.modeling_auto import (  # noqa: PLC0415
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    name = architecture_name(raw)
    found: Any = AutoModelForCausalLM._model_mapping.get(type(config), None)  # noqa: SLF001  # what from_pretrained asks
    if isinstance(found, Sequence):
        found = next((one for one in found if one.__name__ == name), found[0])
    if found is None:
        raise _other(reference, name, f"a {config.model_type!r} model, which transformers cannot read as one of those")
    known = {one for entry in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values() for one in _several(entry)}
    if raw.get("architectures") and name not in known and not name.endswith(("Model", "ForCausalLM", "LMHeadModel")):
        raise _other(reference, name, f"no causal language model, though others of type {config.model_type!r} are")
    two_sided = config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if two_sided and getattr(config, "is_decoder", None) is False and raw.get("is_decoder") is not True:
        raise _other(
            reference, name, "an encoder, which sees the words on both sides (its config does not say is_decoder)"
        )
    cls: type[PreTrainedModel] = found
    return cls


def refuse_two_sided(model: PreTrainedModel, reference: str) -> None:
    """Make sure by one tiny forward that no word is seen before its turn.

    Two texts that differ in their last words run side by side: what the model expects earlier must not differ.
    Whatever the configuration says, this is what a causal model is.

    Raises
    ------
    ModelFilesError
        If a later word moves what was expected before it.
    """
    import torch  # noqa: PLC0415

    n_words = int(model.config.get_text_config().vocab_size)
    row = [(7 * place + 3) % n_words for place in range(12)]
    other = [*row[:8], *((token + 1 + place) % n_words for place, token in enumerate(row[8:]))]
    # Weights that lie on disk have no device of their own: the loader's hooks move what is given.
    device = "cpu" if model.device.type == "meta" else model.device
    ids = torch.tensor([row, other], device=device)
    keep = torch.tensor([1, 4, 7], device=device)
    with torch.inference_mode():
        logits = model(
            input_ids=ids, attention_mask=torch.ones_like(ids), logits_to_keep=keep, use_cache=False
        ).logits.float()
    if logits.shape[1] != len(keep):  # an architecture that knows no logits_to_keep gives all positions
        logits = logits[:, [1, 4, 7]]
    moved = float((logits[0] - logits[1]).abs().max())
    if not moved <= ALLOWED_MOVE * max(1.0, float(logits.abs().max())):
        raise ModelFilesError(
            f"the model {reference!r} ({type(model).__name__}) sees words before their turn: another last word moves "
            f"what it expects earlier by {moved:.3g}. It is no causal language model, whatever its configuration says.",
            fix=AUDITED,
        )


def _several(entry: object) -> tuple[str, ...]:
    return (entry,) if isinstance(entry, str) else tuple(entry) if isinstance(entry, list | tuple) else ()


def _other(reference: str, name: str, kind: str) -> ModelFilesError:
    return ModelFilesError(f"the model {reference!r} ({name}) is {kind}; it cannot be audited.", fix=AUDITED)
