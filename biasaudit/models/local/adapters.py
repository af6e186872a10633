"""Adapters: whether one can be audited and fits its base, what it brings, putting it on and taking it off."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import LineageError, ModelFilesError
from biasaudit.models.hashes import sha256_of
from biasaudit.models.local import adapter_fit
from biasaudit.models.local.adapter_config import CONFIG, WEIGHTS, check_sizes, read_adapter_config
from biasaudit.models.local.embedded import ADAPTERS
from biasaudit.models.local.files import check_weights

if TYPE_CHECKING:
    from torch import Tensor

    from biasaudit.models.local.located import Located
    from biasaudit.types import ModelSpec

_PREFIX: Final = "base_model.model."
_LARGEST_TOKENIZER: Final = 200_000_000
_ROWS: Final[Mapping[str, int]] = {
    ".weight": 0,
    ".base_layer.weight": 0,
    ".token_adapter.base_layer.weight": 0,
    ".lora_embedding_A": 1,
    ".lora_B.weight": 0,
}
"""Of which tensors which side is as long as the vocabulary, where the embeddings are changed."""


def adapter_hash(folder: Path, base: Path, spec: ModelSpec) -> str:
    """Return the hash of an adapter that fits its base, of the two files that are read.

    Parameters
    ----------
    folder, base : Path
    spec : ModelSpec

    Raises
    ------
    ModelFilesError
        If a file of the adapter is absent or cannot be used.
    LineageError
        If it is of a kind that is not audited, or does not fit `base`.
    """
    settings = read_adapter_config(folder)
    if not (folder / WEIGHTS).exists():
        others = check_weights(folder, "the adapter folder")
        raise ModelFilesError(
            f"the adapter folder {str(folder)!r} has no {WEIGHTS}, but {others[0].name}.",
            fix=f"Weights of an adapter are read from {WEIGHTS} only.",
        )
    shapes = adapter_fit.shapes_of(folder)
    check_sizes(folder / CONFIG, settings, sum(_product(shape) for shape in shapes.values()))
    if spec.adapter not in ADAPTERS:  # they come with the package, and are known by their hashes
        _check_named_base(folder, settings, base, spec)
        _check_fits(folder, settings, shapes, base)
    return "sha256:" + sha256_of([folder / WEIGHTS, folder / CONFIG])


def put_on(model: Any, folder: Path, say: Callable[[str], None]) -> Any:  # PreTrainedModel in, PeftModel out
    """Put the adapter in `folder` on a base, whose embeddings are resized if the adapter's were.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Changed in place; of no use after an error.
    folder : Path
    say : callable

    Raises
    ------
    ModelFilesError, LineageError
    """
    import torch  # noqa: PLC0415  # slow to import

    say(f"adding the adapter {folder.name}")
    settings = read_adapter_config(folder)
    state = adapter_fit.read_weights(folder)
    before = _tried(model)
    rows = _rows_brought(model, {name: tuple(tensor.shape) for name, tensor in state.items()}, folder)
    resized = rows is not None and rows != _n_rows(model)
    if resized:
        say(f"the adapter changed the number of embeddings from {_n_rows(model):,} to {rows:,}")
        _resize(model, int(rows or 0))
    put = adapter_fit.put_on(model, folder=folder, settings=settings, state=state)
    after = _tried(put)
    _check_effect(put, folder, before, after, resized=resized)
    if before.shape == after.shape and torch.equal(before, after) and not _of_single_tokens(settings):
        say(f"the adapter {folder.name} changes nothing: with it the model gives the base's numbers")
    return put


def take_off(model: Any) -> Any:  # PeftModel in, PreTrainedModel out
    """Return the base without its adapter; whether that left a trace is for the caller to find out."""
    return model.unload()


def notices_of(located: Located) -> tuple[str, ...]:
    """Return what is to be said aloud about a checkpoint: an adapter whose card names another base.

    Only names that can be compared are: quantised copies, conversions and copies of one name count as that model, and
    a folder of any name may hold what a hub id names only if that is said in the folder's own configuration.
    """
    if located.adapter_folder is None or located.spec.adapter in ADAPTERS:
        return ()
    named = read_adapter_config(located.adapter_folder).get("base_model_name_or_path")
    if not isinstance(named, str) or not named.strip():
        return ()
    own = [located.spec.base, str(located.folder), located.config.get("_name_or_path")]
    known = {_plain_name(one) for one in own if isinstance(one, str)} - {""}
    if _plain_name(named) in known or _same_folder(named, located.folder):
        return ()
    said = (
        f"the adapter {located.adapter_folder.name} says that it was made for {_last(named)!r}, "
        f"and was put on {_last(located.spec.base)!r}: its shapes fit, whether the weights are those is not known"
    )
    return (said,)


def _check_named_base(folder: Path, settings: Mapping[str, object], base: Path, spec: ModelSpec) -> None:
    """Refuse an adapter that names a folder which is here, and which holds other weights than `base`."""
    named = settings.get("base_model_name_or_path")
    if not isinstance(named, str) or not named or "\0" in named or len(named) > 4096:
        return
    path = Path(named)
    if not path.is_absolute() or not (path / "config.json").is_file() or _same_folder(named, base):
        return
    theirs, ours = sorted(path.glob("*.safetensors")), sorted(base.glob("*.safetensors"))
    # Files of other names may hold the same weights, cut otherwise.
    if [one.name for one in theirs] == [one.name for one in ours] and sha256_of(theirs) != sha256_of(ours):
        raise LineageError(
            f"the adapter {str(folder)!r} was made for another base: for {named!r}, whose weights are not those of "
            f"{spec.base!r}.",
            fix="Name the base that the adapter was trained on.",
        )


def _check_fits(folder: Path, settings: dict[str, object], shapes: Mapping[str, tuple[int, ...]], base: Path) -> None:
    """Put the adapter on a base of shapes without weights.

    Where no such base can be made (code of its own, an unknown architecture), loading it will tell.
    """
    import torch  # noqa: PLC0415

    if settings["peft_type"] in adapter_fit.NEEDS_WEIGHTS:
        return
    model = _hollow(base)
    if model is None:
        return
    rows = _rows_brought(model, shapes, folder) or _n_rows(model)
    _check_added_tokens(folder, rows)
    if rows != _n_rows(model):
        with torch.device("meta"):
            model.resize_token_embeddings(rows, mean_resizing=False)
    state = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    adapter_fit.put_on(model, folder=folder, settings=settings, state=state, shapes_only=True)


def _check_added_tokens(folder: Path, rows: int) -> None:
    """Refuse a tokenizer whose added tokens have embeddings neither in the adapter nor in its base.

    A tokenizer that cannot be read is refused where it is loaded.
    """
    path = folder / "tokenizer.json"
    if not path.is_file() or path.stat().st_size > _LARGEST_TOKENIZER:
        return
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return
    added = content.get("added_tokens") if isinstance(content, dict) else None
    beyond = [
        str(one.get("content"))
        for one in (added if isinstance(added, list) else ())
        if isinstance(one, dict) and isinstance(one.get("id"), int) and one["id"] >= rows
    ]
    if beyond:
        raise LineageError(
            f"the adapter folder {str(folder)!r} adds tokens ({', '.join(beyond[:3])}) for which neither it nor the "
            f"base, with {rows:,} embeddings, has an embedding: they were not saved.",
            fix="Save the adapter with save_embedding_layers=True, or take the tokenizer's files out of the folder if "
            "no text needs these tokens.",
        )


def _hollow(base: Path) -> Any | None:
    import torch  # noqa: PLC0415
    from transformers import AutoConfig, AutoModelForCausalLM  # noqa: PLC0415

    try:
        config = AutoConfig.from_pretrained(base, local_files_only=True, trust_remote_code=False)
        n_tensors = sum(len(adapter_fit.header(path)) for path in base.glob("*.safetensors"))
        if config.get_text_config().num_hidden_layers > n_tensors:
            return None
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, trust_remote_code=False).eval()  # type: ignore[no-untyped-call]
    except adapter_fit.FOREIGN:
        return None


def _rows_brought(model: Any, shapes: Mapping[str, tuple[int, ...]], folder: Path) -> int | None:
    """Return how many embeddings an adapter's file goes by; None where it does not touch them.

    Raises
    ------
    LineageError
        If its tensors do not agree.
    """
    ends = {id(model.get_input_embeddings()), id(model.get_output_embeddings())} - {id(None)}
    places = [name for name, module in model.named_modules() if id(module) in ends]
    found = {
        place + suffix: shape[side]
        for place in places
        for suffix, side in _ROWS.items()
        if len(shape := shapes.get(f"{_PREFIX}{place}{suffix}", ())) == 2
    }
    if len(set(found.values())) > 1:
        given = ", ".join(f"{name} for {rows:,}" for name, rows in found.items())
        raise LineageError(
            f"the tensors of the adapter {str(folder)!r} are for vocabularies of several sizes: {given}.",
            fix="Restore the adapter from its source.",
        )
    return next(iter(found.values()), None)


def _n_rows(model: Any) -> int:
    return int(model.get_input_embeddings().weight.shape[0])


def _resize(model: Any, rows: int) -> None:
    """Give the base as many embeddings as the adapter has; new ones are NaN, until the adapter brings them."""
    import torch  # noqa: PLC0415

    before = _n_rows(model)
    model.resize_token_embeddings(rows, mean_resizing=False)
    with torch.no_grad():
        for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
            for tensor in () if layer is None else (layer.weight, getattr(layer, "bias", None)):
                if tensor is not None:
                    tensor[before:] = float("nan")


def _tried(model: Any) -> Tensor:
    """Return the logits after a few tokens."""
    import torch  # noqa: PLC0415

    n_words = model.get_input_embeddings().weight.shape[0]
    ids = torch.arange(min(8, n_words), device=model.device)[None]
    with torch.inference_mode(), warnings.catch_warnings():
        # Of torch, once: SHiRA's matrices are sparse.
        warnings.filterwarnings("ignore", message="Sparse invariant checks", category=UserWarning)
        logits: Tensor = model(input_ids=ids, use_cache=False, logits_to_keep=1).logits
    return logits


def _of_single_tokens(settings: Mapping[str, object]) -> bool:
    """Whether an adapter may change nothing but the embeddings of tokens that were not among those tried."""
    return settings["peft_type"] == "TRAINABLE_TOKENS" or bool(settings.get("trainable_token_indices"))


def _check_effect(put: Any, folder: Path, before: Tensor, after: Tensor, *, resized: bool) -> None:
    """Look at what a few tokens gave without and with the adapter, which must be numbers.

    Raises
    ------
    LineageError
        If it gives what is no number.
    """
    import torch  # noqa: PLC0415

    embeddings = put.get_base_model().get_input_embeddings()
    with torch.inference_mode():
        new = torch.arange(min(before.shape[-1], after.shape[-1]), after.shape[-1], device=after.device)
        words = embeddings(new) if resized else after
    if resized and not (bool(torch.isfinite(words).all()) and not bool(torch.isnan(after).any())):
        raise LineageError(
            f"the adapter {str(folder)!r} was trained with {after.shape[-1]:,} embeddings, where the base has "
            f"{before.shape[-1]:,}, and does not bring all of the new ones: they were not saved.",
            fix="Save it with save_embedding_layers=True, or audit the merged model.",
        )
    if not bool(torch.isfinite(after).any()):
        raise LineageError(
            f"the adapter {str(folder)!r} gives numbers that are not finite.",
            fix="Use a checkpoint from before it diverged.",
        )


_COPIES: Final = re.compile(
    r"(?i)(\.gguf$|unsloth|bnb|[48]-?bit|gguf|gptq|awq|[-_.]hf$|bf16|fp16|fp32|float16|float32|[-_.](i?q\d\w*|f16|f32))"
)


def _plain_name(name: str) -> str:
    """Return a model's name without owner, path and what copies of it are called."""
    return re.sub(r"[^a-z0-9]", "", _COPIES.sub("", _last(name).partition("@")[0]).lower())


def _last(name: str) -> str:
    return name.rstrip("/\\").replace("\\", "/").rpartition("/")[2]


def _same_folder(named: str, folder: Path) -> bool:
    try:
        return Path(named).is_dir() and Path(named).resolve() == folder.resolve()
    except (OSError, ValueError):
        return False


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for side in shape:
        product *= side
    return product
