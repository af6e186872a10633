"""Supervised instruction tuning of a LoRA adapter."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.align import folder
from biasaudit.align.card import NOT_STATED, TrainingCard, to_markdown
from biasaudit.align.examples import Examples, encode_instructions, end_of_turn
from biasaudit.align.instructions import InstructionFile, read_instructions
from biasaudit.align.order import training_order
from biasaudit.align.settings import SftSettings
from biasaudit.errors import ChatTemplateError, InstructionError, MissingExtraError, ModelReferenceError
from biasaudit.framing import template_hash
from biasaudit.models import Located, ModelShelf, locate, parse_reference
from biasaudit.models.local.loaded import LoadedModel
from biasaudit.models.local.loading import Dtype, found_device, library_versions, resolve_dtype
from biasaudit.models.reference import is_local
from biasaudit.models.text.templates import named_templates, read_template
from biasaudit.models.text.tokenizer import chat_template_of, load_tokenizer, tokenizer_sha256
from biasaudit.types.progress import Progress, Silence
from biasaudit.version import __version__

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from biasaudit.align.trainer import Trained
    from biasaudit.types import ModelSpec

_RECIPE: Final = 1
"""Version of what the settings mean; another version is another training."""

_LIBRARIES: Final = ("trl", "accelerate")


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedAdapter:
    """An adapter that is finished.

    Attributes
    ----------
    folder : Path
        Name it after the base in a model reference: ``BASE+FOLDER``.
    card : TrainingCard
    was_there : bool
        Whether it was finished before, so that nothing was trained.
    """

    folder: Path
    card: TrainingCard
    was_there: bool


def sft(
    base: str,
    data: str | Path,
    out: str | Path,
    *,
    settings: SftSettings | None = None,
    chat_template: str | None = None,
    data_license: str | None = None,
    progress: Progress | None = None,
) -> TunedAdapter:
    """Tune a LoRA adapter on `base` to give the responses of a file of instructions.

    Called again after an interruption, it goes on from the last checkpoint; called again after the
    end, it returns what is there.

    Parameters
    ----------
    base : str
        Model reference: hub id with optional @revision, folder, or .gguf file; without +adapter.
    data : path
        JSON Lines with the fields ``prompt`` and ``response``.
    out : path
        Folder for the adapter: new, empty, or left by this function.
    settings : SftSettings, optional
    chat_template : str, optional
        A shipped template's name or a Jinja file; else the base's own.
    data_license : str, optional
        Licence of `data`, for the card; else that of ``<data>.license``, else "not stated".
    progress : Progress, optional
        Told what happens.

    Returns
    -------
    TunedAdapter

    Raises
    ------
    UsageError
        If the call, the data, the base, the template or the folder cannot be used.
    TuningError
        If the training breaks off.
    """
    _require_trl()
    told = progress or Silence()
    out = Path(out).expanduser()
    spec = _base_spec(base)
    asked = _resolved(settings or SftSettings())
    given = read_instructions(Path(data).expanduser())
    licence = data_license or given.licence or NOT_STATED
    located = locate(spec, told.say)
    tokenizer = load_tokenizer(located, trust_remote_code=asked.trust_remote_code)
    template = _template(located, tokenizer, chat_template)
    identity = {
        "recipe": _RECIPE,
        "base_weights": located.weights,
        "tokenizer_sha256": tokenizer_sha256(located),
        "instructions_sha256": given.sha256,
        "licence": licence,
        "chat_template_sha256": template_hash(template),
        "settings": asked.that_matter(),
    }
    finished = folder.finished_card(out, identity)
    if finished is not None:
        folder.clear(out)
        told.say(f"{out} holds this adapter already, finished; nothing was trained")
        return TunedAdapter(folder=out, card=TrainingCard.from_dict(finished), was_there=True)
    ending = end_of_turn(tokenizer, template)
    examples = _examples(given, located, tokenizer, template, asked)
    work = folder.begin(out, identity)
    loaded = _opened(located, asked, told)
    trained = _trained(loaded, examples, settings=asked, spec=spec, work=work, told=told)
    card = TrainingCard(
        method="sft",
        identity=identity,
        settings=asked.as_dict(),
        base=_base_facts(spec, loaded),
        instructions=_instruction_facts(given, licence, examples),
        end_of_turn=ending,
        target_modules=trained.target_modules,
        n_weights=trained.n_weights,
        n_steps=len(trained.loss_nats),
        loss_nats=trained.loss_nats,
        seconds=round(trained.seconds, 1),
        libraries=_versions(),
        files={},
    )
    return TunedAdapter(folder=out, card=_written(out, trained, template, card), was_there=False)


def _require_trl() -> None:
    if importlib.util.find_spec("trl") is None:
        raise MissingExtraError("tuning needs trl, which is not installed: pip install 'biasaudit[align]'")


def _base_spec(base: str) -> ModelSpec:
    spec = parse_reference(base)
    if spec.adapter is not None:
        raise ModelReferenceError(
            f"the base {base!r} has an adapter on it, and one adapter cannot be trained on top of another: "
            "no model reference could name both.",
            fix="Name the base alone, or merge that adapter into it first (peft: merge_and_unload) and name the "
            "merged folder.",
        )
    return spec


def _resolved(settings: SftSettings) -> SftSettings:
    """Return `settings` with the device and dtype that they come to on this machine."""
    device = found_device(settings.device)
    dtype: Dtype = "bfloat16" if resolve_dtype(settings.dtype, device) == "bfloat16" else "float32"
    return replace(settings, device=device, dtype=dtype)


def _template(located: Located, tokenizer: PreTrainedTokenizerBase, asked_for: str | None) -> str:
    named = None if asked_for is None else read_template(asked_for)
    if named is not None and not named.startswith(":"):
        return named
    template = chat_template_of(located, tokenizer, name=None if named is None else named[1:])
    if template is None:
        raise ChatTemplateError(
            f"the base {located.spec.base!r} has no chat template, and tuning needs one.",
            fix="Name one with --chat-template: a Jinja file, or one of: " + ", ".join(named_templates()) + ".",
        )
    return template


def _examples(
    given: InstructionFile,
    located: Located,
    tokenizer: PreTrainedTokenizerBase,
    template: str,
    settings: SftSettings,
) -> Examples:
    of_model = located.config.get("max_position_embeddings")
    limit = min(settings.max_length_tokens, of_model) if isinstance(of_model, int) else settings.max_length_tokens
    found = encode_instructions(given.instructions, tokenizer=tokenizer, template=template, max_length_tokens=limit)
    if not found.examples:
        raise InstructionError(
            f"none of the {len(given.instructions)} records of {given.name} can be used: {found.n_too_long} are longer "
            f"than {limit} tokens, {found.n_without_response} have no response.",
            fix="Give a larger --max-length, or other data.",
        )
    return found


def _opened(located: Located, settings: SftSettings, told: Progress) -> LoadedModel:
    from biasaudit.align.trainer import quiet  # noqa: PLC0415  # imports torch and trl

    shelf = ModelShelf(
        dtype=settings.dtype, device=settings.device, trust_remote_code=settings.trust_remote_code, say=told.say
    )
    with quiet():
        return shelf.open(located)


def _trained(
    loaded: LoadedModel, found: Examples, *, settings: SftSettings, spec: ModelSpec, work: Path, told: Progress
) -> Trained:
    from biasaudit.align.trainer import train_sft  # noqa: PLC0415  # imports torch and trl

    order = training_order(
        [len(example.token_ids) for example in found.examples],
        n_epochs=settings.n_epochs,
        batch_size=settings.batch_size,
        rng=np.random.default_rng(settings.seed),
    )
    return train_sft(
        loaded,
        found.examples,
        order=order,
        settings=settings,
        base_name=_public_name(spec),
        base_revision=spec.revision,
        work=work,
        progress=told,
    )


def _public_name(spec: ModelSpec) -> str:
    """Return the hub id, or the bare name of a file or folder: no path of this machine."""
    return Path(spec.base).resolve().name if is_local(spec.base) else spec.base


def _base_facts(spec: ModelSpec, loaded: LoadedModel) -> dict[str, object]:
    return {
        "name": _public_name(spec),
        "on_hub": not is_local(spec.base),
        "revision": spec.revision,
        "architecture": loaded.fingerprint.architecture,
        "n_parameters": loaded.fingerprint.n_parameters,
    }


def _instruction_facts(given: InstructionFile, licence: str, found: Examples) -> dict[str, object]:
    return {
        "file": given.name,
        "licence": licence,
        "n_records": len(given.instructions),
        "n_used": len(found.examples),
        "n_without_response": found.n_without_response,
        "n_too_long": found.n_too_long,
    }


def _versions() -> dict[str, str]:
    more = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {"biasaudit": __version__, **library_versions(), **more}


def _written(out: Path, trained: Trained, template: str, card: TrainingCard) -> TrainingCard:
    files = {
        "adapter_model.safetensors": trained.weights,
        "adapter_config.json": trained.config,
        "chat_template.jinja": template.encode("utf-8"),
        "README.md": to_markdown(card).encode("utf-8"),
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    whole = replace(card, files=hashes)
    folder.finish(out, files, whole.as_dict())
    return whole
