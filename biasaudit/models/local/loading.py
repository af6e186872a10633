"""Loading a checkpoint; base weights stay loaded while adapters on them come and go."""

from __future__ import annotations

import copy
import gc
import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from biasaudit.errors import ModelFilesError, UsageError
from biasaudit.framing import template_hash
from biasaudit.models.hashes import file_sha256, sha256_of
from biasaudit.models.local import adapters, embedded
from biasaudit.models.local.architecture import refuse_other_kinds
from biasaudit.models.local.checkpoint import ModelFiles, model_files
from biasaudit.models.local.files import hub_folder
from biasaudit.models.local.gguf import converted_files, converted_folder, gguf_size
from biasaudit.models.local.headers import ModelSize
from biasaudit.models.local.loaded import LoadedModel
from biasaudit.models.local.located import Located
from biasaudit.models.local.placement import DeviceMap, MaxMemory, devices_of, input_device
from biasaudit.models.local.quantized import (
    Quantize,
    library_versions_of,
    refuse_two_schemes,
    require_library,
    scheme_before_loading,
)
from biasaudit.models.local.trace import trace_of
from biasaudit.models.local.weights import check_tensors, load_weights
from biasaudit.models.text.tokenizer import default_template_of, shared_tokenizer, text_files_sha256, tokenizer_sha256
from biasaudit.types import ModelFingerprint, ModelSpec

if TYPE_CHECKING:
    from transformers import PreTrainedModel


Dtype = Literal["auto", "float32", "bfloat16"]
_TOKENIZERS: Final = (
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "tekken.json",
    "spiece.model",
    "sentencepiece.bpe.model",
)

LIBRARIES: Final = ("torch", "transformers", "tokenizers", "peft", "safetensors", "gguf")


def locate(spec: ModelSpec, say: Callable[[str], None] = lambda _: None) -> Located:
    """Find, download or convert the files that `spec` names, and hash them.

    Raises
    ------
    ModelReferenceError, ModelFilesError
        If something is absent or cannot be used.
    LineageError
        If the adapter does not fit the base.
    """
    base, weights = _locate_base(spec, say)
    refuse_other_kinds(base.config, spec.base)
    adapter_folder, adapter = None, None
    if spec.adapter is not None:
        if spec.adapter in embedded.ADAPTERS:
            adapter_folder = embedded.adapter_folder(spec.adapter)
        else:
            adapter_folder = _local_or_hub(spec.adapter, spec.adapter_revision, say)
        adapter = adapters.adapter_hash(adapter_folder, base.folder, spec)
    _require_tokenizer(base.folder, adapter_folder)
    return Located(
        spec=spec,
        folder=base.folder,
        adapter_folder=adapter_folder,
        weights=weights,
        adapter=adapter,
        config=base.config,
        files=base,
    )


def _locate_base(spec: ModelSpec, say: Callable[[str], None]) -> tuple[ModelFiles, str]:
    if spec.base == embedded.BASE:
        folder, weights = embedded.base_folder(say)
        return converted_files(folder), weights
    path = Path(spec.base)
    if path.exists() and not path.is_dir():
        if path.suffix != ".gguf":
            raise ModelFilesError(f"{path} is a file, but not a .gguf file.", fix="Name the folder of the model.")
        return converted_files(converted_folder(path, say)), f"sha256:{file_sha256(path)}"
    files = model_files(_local_or_hub(spec.base, spec.revision, say))
    return files, "sha256:" + sha256_of(files.paths)


def _require_tokenizer(*folders: Path | None) -> None:
    """Refuse weights that nothing can be read into: transformers would make an empty tokenizer of nothing."""
    if not any((folder / name).is_file() for folder in folders if folder is not None for name in _TOKENIZERS):
        raise ModelFilesError(
            f"the folder {str(folders[0])!r} holds a model without a tokenizer.",
            fix="Copy the tokenizer of the base into it (tokenizer.json, tokenizer_config.json; or tokenizer.model).",
        )


def check_before_loading(
    located: Located, *, trust_remote_code: bool = False, quantize: Quantize | None = None
) -> None:
    """Check all that can be known of a model without reading its weights; imports torch.

    Parameters
    ----------
    located : Located
    trust_remote_code : bool
    quantize : {"nf4", "int8"}, optional
        Scheme that plain weights will be put in.

    Raises
    ------
    ModelFilesError
        If it is no causal language model, if its tensors are not those of its architecture, or if they are quantised
        already and are to be put in another scheme.
    MissingExtraError
        If the library that computes with its weights is not installed.
    """
    require_library(located.config, located.spec.base, quantize)
    refuse_two_schemes(located.config, located.spec.base, quantize)
    check_tensors(located.files, located.spec.base, trust_remote_code=trust_remote_code)


def size_of(located: Located) -> ModelSize:
    """Return how large a model is, from the heads of its files; of a GGUF file, the file itself."""
    path = Path(located.spec.base)
    return gguf_size(path) if path.suffix == ".gguf" and path.is_file() else located.files.size


def _local_or_hub(location: str, revision: str | None, say: Callable[[str], None]) -> Path:
    path = Path(location)
    if path.is_dir():
        return path
    say(f"looking up {location}")
    return hub_folder(location, revision)


@dataclass(slots=True)
class ModelShelf:
    """Holds one base at a time, and puts adapters on and takes them off.

    Parameters
    ----------
    dtype : {"auto", "float32", "bfloat16"}
        ``auto`` is float32, except on a GPU that computes in bfloat16.
    device : str or None
        cpu, cuda or mps; None takes the best there is.
    trust_remote_code : bool
        Whether code that comes with a model may run.
    quantize : {"nf4", "int8"} or None
        Scheme in which plain weights are put.
    device_map : {"auto"} or None
        Spread weights over all devices, then memory, then disk.
    max_memory : mapping or None
        What may be taken of each; None is what there is.
    say : callable
        Told what takes long.
    """

    dtype: Dtype = "auto"
    device: str | None = None
    trust_remote_code: bool = False
    quantize: Quantize | None = None
    device_map: DeviceMap | None = None
    max_memory: MaxMemory | None = None
    say: Callable[[str], None] = lambda _: None
    _folder: Path | None = field(default=None, init=False)
    _model: Any = field(default=None, init=False)  # PreTrainedModel, or PeftModel around it: two unrelated types
    _base_trace: str | None = field(default=None, init=False)
    _n_parameters: int = field(default=0, init=False)  # of the base alone
    _wrapped: bool = field(default=False, init=False)
    _opened: LoadedModel | None = field(default=None, init=False)

    def open(self, located: Located) -> LoadedModel:
        """Load a checkpoint; base weights that are on the shelf and untouched are not read again.

        The checkpoint opened before is closed: it can be used no more, whoever holds it, and its weights are let go.
        """
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        if self._folder != located.folder or not self._bare_again():
            held = self._model is not None
            self._clear()
            if held:
                gc.collect()  # modules of an adapter refer to each other in circles
            self._model = self._load_base(located)
            self._folder = located.folder
            self._n_parameters = _n_parameters(self._model)
        if located.adapter_folder is not None:
            self._put_adapter_on(located.adapter_folder)
        tokenizer = shared_tokenizer(located, trust_remote_code=self.trust_remote_code)
        template = default_template_of(located, tokenizer)
        self._opened = LoadedModel(
            model=self._model,
            tokenizer=tokenizer,
            fingerprint=self._fingerprint(located, template),
            chat_template=template,
            max_length=_whole(getattr(self._model.config, "max_position_embeddings", None)),
        )
        return self._opened

    def beside(self) -> ModelShelf:
        """Return a shelf that holds the same base weights once more: modules of its own, tensors in common.

        An adapter put on there takes no second set of weights. Whether it left those here as they are is for the caller
        to find out: some kinds write into the base.
        """
        if self._wrapped or self._model is None:
            raise UsageError("weights with an adapter on them are not held twice.", fix="Load them twice.")
        tensors = (*self._model.parameters(), *self._model.buffers())
        other = ModelShelf(
            dtype=self.dtype,
            device=self.device,
            trust_remote_code=self.trust_remote_code,
            quantize=self.quantize,
            device_map=self.device_map,
            max_memory=self.max_memory,
            say=self.say,
        )
        other._model = copy.deepcopy(self._model, {id(one): one for one in tensors})  # its own kind
        other._folder, other._n_parameters = self._folder, self._n_parameters  # as above
        return other

    def _bare_again(self) -> bool:
        """Take an adapter off, and tell whether the base is as it was loaded."""
        if not self._wrapped:
            return True
        self._model, self._wrapped = adapters.take_off(self._model), False
        unchanged = trace_of(self._model) == self._base_trace
        if not unchanged:
            self.say("the adapter changed the base itself, which is loaded anew")
        return unchanged

    def _put_adapter_on(self, folder: Path) -> None:
        if any(one.is_meta for one in self._model.parameters()):
            raise UsageError(
                f"the adapter {str(folder)!r} is not put on a base whose weights lie in several places "
                f"({', '.join(devices_of(self._model))}).",
                fix="Use a machine on which the base has room, or merge the adapter and name the merged model.",
            )
        if self._base_trace is None:
            self._base_trace = trace_of(self._model)
        model, trace = self._model, self._base_trace
        base_folder = self._folder
        self._clear()  # what an adapter does not fit on is of no use afterwards
        self._model = adapters.put_on(model, folder, self.say)
        self._folder, self._base_trace, self._wrapped = base_folder, trace, True

    def _clear(self) -> None:
        """Let the weights go: two models at once would be twice the memory."""
        self._model, self._folder, self._base_trace, self._wrapped = None, None, None, False

    def _load_base(self, located: Located) -> PreTrainedModel:
        import torch  # noqa: PLC0415  # slow to import

        device = self.device or best_device()
        dtype = resolve_dtype(self.dtype, device)
        scheme = scheme_before_loading(located.config, self.quantize, dtype=dtype)
        self.say(f"loading {located.spec.base} in {dtype}" + ("" if scheme is None else f", weights in {scheme}"))
        return load_weights(
            located.files,
            located.spec.base,
            dtype=getattr(torch, dtype),
            device=device,
            trust_remote_code=self.trust_remote_code,
            quantize=self.quantize,
            spread=self.device_map,
            max_memory=self.max_memory,
        )

    def _fingerprint(self, located: Located, template: str | None) -> ModelFingerprint:
        config = self._model.config.get_text_config()
        device = input_device(self._model).type
        dtype = str(self._model.dtype).removeprefix("torch.")
        return ModelFingerprint(
            reference=located.spec.reference,
            weights=located.weights,
            adapter=located.adapter,
            dtype=dtype,
            device=device,
            tokenizer_sha256=tokenizer_sha256(located),
            chat_template_sha256=template_hash(template),
            architecture=_architecture(located.config),
            n_parameters=self._n_parameters,
            vocabulary_size=int(config.vocab_size),
            hidden_size=int(config.hidden_size),
            n_layers=int(config.num_hidden_layers),
            libraries=library_versions() | library_versions_of(located.config, self.quantize),
            quantization=scheme_before_loading(located.config, self.quantize, dtype=dtype),
            text_files_sha256=text_files_sha256(located),
        )


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that compute log-probabilities."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


def resolve_dtype(dtype: Dtype, device: str) -> str:
    """Return the name of the dtype that `dtype` means on `device`."""
    if dtype != "auto":
        return dtype
    if device == "cuda":
        import torch  # noqa: PLC0415

        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "float32"


def best_device() -> str:
    """Return the best device there is: cuda, mps or cpu."""
    import torch  # noqa: PLC0415

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def found_device(asked_for: str | None) -> str:
    """Return the device asked for, or the best there is.

    Raises
    ------
    UsageError
        If this machine has none of that name.
    """
    import torch  # noqa: PLC0415

    if asked_for is None:
        return best_device()
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(asked_for, False):
        raise UsageError(f"there is no device {asked_for!r} here.", fix="Leave it out to take the best there is.")
    return asked_for


def _n_parameters(model: PreTrainedModel) -> int:
    found = sum(parameter.numel() for parameter in model.parameters())
    return int(model.num_parameters()) if getattr(model, "is_quantized", False) else found


def _architecture(config: Mapping[str, object]) -> str:
    names = config.get("architectures")
    return str(names[0]) if isinstance(names, list) and names else str(config.get("model_type", "unknown"))


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
