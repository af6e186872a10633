"""What all tuning methods have in common: the base, its template, the folder with identity and resume, the card.

Which methods there are is not known here.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biasaudit.align import folder
from biasaudit.align.card import NOT_STATED, CardWords, TrainingCard, to_markdown
from biasaudit.align.method import Base, Checkpoints, Chosen, Content, Given, Job, Method, Rows, Trained
from biasaudit.align.overlap import Overlap, facts, refuse_overlap
from biasaudit.align.settings import Settings
from biasaudit.errors import ChatTemplateError, MissingExtraError, ModelReferenceError, UsageError
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

    from biasaudit.types import ModelSpec


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


def run(
    method: Method[Chosen, Content, Rows],
    base: str,
    data: str | Path | None,
    out: str | Path,
    *,
    settings: Chosen | None = None,
    chat_template: str | None = None,
    data_license: str | None = None,
    allow_overlap: bool = False,
    progress: Progress | None = None,
) -> TunedAdapter:
    """Tune a LoRA adapter on `base` by a method.

    Called again after an interruption, it goes on from the last checkpoint; called again after the
    end, it returns what is there.

    Parameters
    ----------
    method : Method
    base : str
        Model reference: hub id with optional @revision, folder, or .gguf file; without +adapter.
    data : path or None
        What the method reads; None only for one that needs no file.
    out : path
        Folder for the adapter: new, empty, or left by this function.
    settings : Settings, optional
        Of the method.
    chat_template : str, optional
        A shipped template's name or a Jinja file; else the base's own.
    data_license : str, optional
        Licence of `data`, for the card; else what the method finds beside it, else "not stated".
    allow_overlap : bool
        Train on data that hold templates of a shipped probe all the same; the card says which.
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
    _require_libraries(method.needs)
    told = progress or Silence()
    out = Path(out).expanduser()
    spec = _base_spec(base)
    asked = _resolved(_of_method(method, settings))
    read = _data(method, data)
    given = method.read(read, asked)
    compared = refuse_overlap(given.lines, source="" if read is None else read.name, allowed=allow_overlap)
    licence = data_license or given.licence or NOT_STATED
    located = locate(spec, told.say)
    tokenizer = load_tokenizer(located, trust_remote_code=asked.trust_remote_code)
    template = _template(located, tokenizer, chat_template, needed=method.needs_template)
    identity = {
        **given.identity,
        "recipe": method.recipe,
        "base_weights": located.weights,
        "tokenizer_sha256": tokenizer_sha256(located),
        "licence": licence,
        "chat_template_sha256": None if template is None else template_hash(template),
        "settings": asked.that_matter(),
    }
    finished = folder.finished_card(out, identity)
    if finished is not None:
        folder.clear(out)
        told.say(f"{out} holds this adapter already, finished; nothing was trained")
        return TunedAdapter(folder=out, card=TrainingCard.from_dict(finished), was_there=True)
    material = method.prepare(given, Base(located=located, tokenizer=tokenizer, template=template), asked)
    work = folder.begin(out, identity)
    loaded = _opened(located, asked, told)
    trained = method.train(
        Job(
            loaded=loaded,
            rows=material.rows,
            settings=asked,
            base_name=_public_name(spec),
            base_revision=spec.revision,
            work=work,
            progress=told,
        )
    )
    card = TrainingCard(
        method=method.name,
        identity=identity,
        settings=asked.as_dict(),
        base=_base_facts(spec, loaded),
        instructions={**material.facts, "licence": licence, **_exposure(given, compared)},
        end_of_turn=material.end_of_turn,
        target_modules=trained.target_modules,
        n_weights=trained.n_weights,
        n_steps=len(trained.loss_nats),
        loss_nats=trained.loss_nats,
        seconds=round(trained.seconds, 1),
        libraries=_versions(method.needs),
        files={},
        facts=trained.facts,
        curves=trained.curves,
    )
    return TunedAdapter(folder=out, card=_written(out, trained, template, card, method.says), was_there=False)


def _exposure(given: Given[Any], compared: Mapping[str, Overlap]) -> dict[str, object]:  # whatever was read
    """Return what the card says of the probes in the data; nothing of data that were not compared."""
    said: dict[str, object] = {"overlap": facts(compared)} if compared else {}
    return said if given.trained is None else {**said, "trained": given.trained.as_dict()}


def _require_libraries(names: Iterable[str]) -> None:
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError(f"tuning needs {name}, which is not installed: pip install 'biasaudit[align]'")


def _of_method(method: Method[Chosen, Any, Any], settings: Chosen | None) -> Chosen:  # whatever it reads
    if settings is None:
        return method.settings()
    if not isinstance(settings, method.settings):
        raise UsageError(
            f"the settings of the method {method.name!r} are {method.settings.__name__}, not {type(settings).__name__}."
        )
    return settings


def _data(method: Method[Any, Any, Any], data: str | Path | None) -> Path | None:  # whatever it reads
    if data is None and method.needs_data:
        raise UsageError(f"the method {method.name!r} needs data: {method.data}", fix="Name them with --data.")
    return None if data is None else Path(data).expanduser()


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


def _resolved(settings: Chosen) -> Chosen:
    """Return `settings` with the device and dtype that they come to on this machine."""
    device = found_device(settings.device)
    dtype: Dtype = "bfloat16" if resolve_dtype(settings.dtype, device) == "bfloat16" else "float32"
    return type(settings)(**{**settings.as_dict(), "device": device, "dtype": dtype})


def _template(
    located: Located, tokenizer: PreTrainedTokenizerBase, asked_for: str | None, *, needed: bool
) -> str | None:
    named = None if asked_for is None else read_template(asked_for)
    if named is not None and not named.startswith(":"):
        return named
    template = chat_template_of(located, tokenizer, name=None if named is None else named[1:])
    if template is None and needed:
        raise ChatTemplateError(
            f"the base {located.spec.base!r} has no chat template, and tuning needs one.",
            fix="Name one with --chat-template: a Jinja file, or one of: " + ", ".join(named_templates()) + ".",
        )
    return template


def _opened(located: Located, settings: Settings, told: Progress) -> LoadedModel:
    from biasaudit.align.training import quiet  # noqa: PLC0415  # imports torch and trl

    shelf = ModelShelf(
        dtype=settings.dtype, device=settings.device, trust_remote_code=settings.trust_remote_code, say=told.say
    )
    with quiet():
        return shelf.open(located)


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


def _versions(names: Iterable[str]) -> dict[str, str]:
    more = {name: importlib.metadata.version(name) for name in names}
    return {"biasaudit": __version__, **library_versions(), **more}


def _written(out: Path, trained: Trained, template: str | None, card: TrainingCard, says: CardWords) -> TrainingCard:
    files = {
        "adapter_model.safetensors": trained.weights,
        "adapter_config.json": trained.config,
        "README.md": to_markdown(card, says).encode("utf-8"),
    }
    if template is not None:
        files["chat_template.jinja"] = template.encode("utf-8")
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    kept = trained.checkpoints
    beside = {} if kept is None else {folder.CHECKPOINTS: kept.content}
    whole = replace(card, files=hashes, checkpoints={} if kept is None else _kept_facts(kept))
    folder.finish(out, {**files, **beside}, whole.as_dict())
    return whole


def _kept_facts(kept: Checkpoints) -> dict[str, object]:
    return {
        "file": folder.CHECKPOINTS,
        "sha256": hashlib.sha256(kept.content).hexdigest(),
        "steps": list(kept.steps),
        "learning_rates": list(kept.learning_rates),
    }
