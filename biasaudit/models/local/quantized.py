"""Weights that stand in memory in fewer bits: which scheme it is, and which library it needs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from biasaudit.errors import MissingExtraError, ModelFilesError

if TYPE_CHECKING:
    from transformers import BitsAndBytesConfig

Quantize = Literal["nf4", "int8"]
"""Schemes in which plain weights can be put when they are loaded, by bitsandbytes."""

QUANTIZE: Final[tuple[Quantize, ...]] = ("nf4", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What computes with the weights of a method: as Python imports it, and as pip installs it."""

    module: str
    package: str


LIBRARIES: Final[Mapping[str, Library]] = {
    "bitsandbytes": Library(module="bitsandbytes", package="bitsandbytes"),
    "torchao": Library(module="torchao", package="torchao"),
    "gptq": Library(module="gptqmodel", package="gptqmodel"),
    "awq": Library(module="gptqmodel", package="gptqmodel"),
    "compressed-tensors": Library(module="compressed_tensors", package="compressed-tensors"),
    "hqq": Library(module="hqq", package="hqq"),
    "quanto": Library(module="optimum.quanto", package="optimum-quanto"),
    "aqlm": Library(module="aqlm", package="aqlm"),
    "eetq": Library(module="eetq", package="eetq"),
    "vptq": Library(module="vptq", package="vptq"),
    "auto-round": Library(module="auto_round", package="auto-round"),
    "quark": Library(module="quark", package="amd-quark"),
}
"""Method of a ``quantization_config`` -> library. Of others transformers itself says what it needs."""

EXTRA: Final = frozenset({"bitsandbytes", "torchao"})
"""Packages of the extra ``quantized``."""

_DETAILS: Final = (
    ("bits", "{} bits"),
    ("w_bit", "{} bits"),
    ("group_size", "groups of {}"),
    ("q_group_size", "groups of {}"),
    ("desc_act", "by order of activations {}"),
    ("sym", "symmetric {}"),
    ("zero_point", "zero point {}"),
    ("version", "kernel {}"),
    ("format", "format {}"),
    ("fmt", "format {}"),
    ("weights", "weights {}"),
    ("activations", "activations {}"),
    ("activation_scheme", "activations {}"),
    ("weight_block_size", "blocks of {}"),
    ("nbits", "{} bits"),
    ("kv_cache_scheme", "keys and values {}"),
)
"""Settings that change numbers, of whichever method has them."""
_LONGEST: Final = 300


def quantization_config(config: Mapping[str, object]) -> Mapping[str, Any] | None:  # Any: JSON values
    """Return what a model's configuration says of the scheme of its weights, or None where they are plain."""
    for part in (config, config.get("text_config")):
        found = part.get("quantization_config") if isinstance(part, Mapping) else None
        if isinstance(found, Mapping):
            return found
    return None


def quantization_of(model: Any) -> Mapping[str, Any] | None:  # PreTrainedModel in, JSON values out
    """Return the same of a loaded model."""
    found = getattr(model.config, "quantization_config", None)
    return found if found is None or isinstance(found, Mapping) else dict(found.to_dict())


def scheme_of(found: Mapping[str, Any] | None) -> str | None:  # Any: JSON values
    """Return a quantisation scheme in words: the method, and all settings of it that change numbers.

    Parameters
    ----------
    found : mapping or None
        The ``quantization_config`` of a model.

    Examples
    --------
    >>> scheme_of({"quant_method": "gptq", "bits": 4, "group_size": 128, "sym": True})
    'gptq, 4 bits, groups of 128, symmetric True'
    >>> scheme_of({"quant_method": "bitsandbytes", "load_in_8bit": True, "llm_int8_threshold": 6.0})
    'bitsandbytes int8, outliers from 6.0'
    >>> scheme_of(None) is None
    True
    """
    if found is None:
        return None
    method = method_of(found)
    parts = list(_of_bitsandbytes(found)) if method == "bitsandbytes" else [method, *_of_others(found)]
    kept = found.get("modules_to_not_convert") or found.get("llm_int8_skip_modules") or found.get("ignore")
    if isinstance(kept, list) and kept:
        parts.append(f"without {', '.join(sorted(map(str, kept)))}")
    return ", ".join(parts)[:_LONGEST]


def method_of(found: Mapping[str, Any]) -> str:  # Any: JSON values
    """Return the name of a method as transformers knows it."""
    if found.get("load_in_4bit") or found.get("load_in_8bit"):
        return "bitsandbytes"  # files of its first versions do not name it
    return str(found.get("quant_method", "unknown")).lower()


def in_one_batch(found: Mapping[str, Any] | None) -> bool:  # Any: JSON values
    """Tell whether a text is computed otherwise beside others: LLM.int8 looks for outliers over a whole batch.

    References
    ----------
    Dettmers et al. (2022), LLM.int8(), section 3.2.
    """
    if found is None or method_of(found) != "bitsandbytes" or not found.get("load_in_8bit"):
        return False
    return float(found.get("llm_int8_threshold", 6.0)) > 0


def config_for(quantize: Quantize, *, dtype: str) -> BitsAndBytesConfig:
    """Return the configuration by which plain weights are quantised when they are loaded.

    int8 is without the search for outliers, which makes a text depend on those beside it.

    Parameters
    ----------
    quantize : {"nf4", "int8"}
    dtype : str
        In which products are computed.
    """
    import torch  # noqa: PLC0415  # slow to import
    from transformers import BitsAndBytesConfig  # noqa: PLC0415

    made: Any = BitsAndBytesConfig  # Any: of a library without types
    if quantize == "int8":
        found: BitsAndBytesConfig = made(load_in_8bit=True, llm_int8_threshold=0.0)
    else:
        found = made(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=getattr(torch, dtype))
    return found


def scheme_for(quantize: Quantize, *, dtype: str) -> str:
    """Return the scheme of :func:`config_for` in words, without importing a library.

    Examples
    --------
    >>> scheme_for("nf4", dtype="float32")
    'bitsandbytes nf4, computed in float32'
    """
    if quantize == "int8":
        found: dict[str, object] = {"load_in_8bit": True, "llm_int8_threshold": 0.0}
    else:
        found = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype}
    return str(scheme_of({"quant_method": "bitsandbytes", **found}))


def scheme_before_loading(config: Mapping[str, object], quantize: Quantize | None, *, dtype: str) -> str | None:
    """Return the scheme that a model will be loaded in: its files' own, else the one that is asked for."""
    own = scheme_of(quantization_config(config))
    return own if own is not None or quantize is None else scheme_for(quantize, dtype=dtype)


def library_versions_of(config: Mapping[str, object], quantize: Quantize | None) -> dict[str, str]:
    """Return the version of the library that computes with quantised weights; empty for plain ones.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    library = _library(config, quantize)
    if library is None:
        return {}
    require_library(config, "the model", quantize)
    return {library.package: importlib.metadata.version(library.package)}


def require_library(config: Mapping[str, object], reference: str, quantize: Quantize | None = None) -> None:
    """Refuse a model whose scheme needs a library that is not here.

    Parameters
    ----------
    config : mapping
        ``config.json``.
    reference : str
        How the message names the model.
    quantize : {"nf4", "int8"}, optional
        Asked for plain weights.

    Raises
    ------
    MissingExtraError
    """
    library = _library(config, quantize)
    if library is None or _is_there(library.module):
        return
    scheme = scheme_before_loading(config, quantize, dtype="float32")
    package = "'biasaudit[quantized]'" if library.package in EXTRA else library.package
    raise MissingExtraError(
        f"the weights of {reference!r} stand in a scheme ({scheme}) that the library {library.package} computes with, "
        "and it is not installed.",
        fix=f"pip install {package}",
    )


def refuse_two_schemes(config: Mapping[str, object], reference: str, quantize: Quantize | None) -> None:
    """Refuse to quantise weights that are quantised already.

    Raises
    ------
    ModelFilesError
    """
    own = scheme_of(quantization_config(config))
    if quantize is not None and own is not None and own.partition(",")[0] != f"bitsandbytes {quantize}":
        raise ModelFilesError(
            f"the weights of {reference!r} are quantised already ({own}), and cannot be put into {quantize}.",
            fix="Leave --quantize out, or name the model with plain weights.",
        )


def _library(config: Mapping[str, object], quantize: Quantize | None) -> Library | None:
    found = quantization_config(config)
    if found is not None:
        return LIBRARIES.get(method_of(found))
    return None if quantize is None else LIBRARIES["bitsandbytes"]


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it would lie in
        return False


def _of_bitsandbytes(found: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON values
    if found.get("load_in_8bit"):
        threshold = found.get("llm_int8_threshold", 6.0)
        yield "bitsandbytes int8"
        if threshold:
            yield f"outliers from {threshold}"
        return
    yield f"bitsandbytes {found.get('bnb_4bit_quant_type', 'fp4')}"
    if found.get("bnb_4bit_use_double_quant"):
        yield "scales quantised too"
    yield f"computed in {str(found.get('bnb_4bit_compute_dtype', 'float32')).removeprefix('torch.')}"


def _of_others(found: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON values
    kind = found.get("quant_type")
    if isinstance(kind, Mapping):
        default = kind.get("default")
        named = default if isinstance(default, Mapping) else kind
        yield str(named.get("_type", "unknown"))
        settings = named.get("_data")
        if isinstance(settings, Mapping) and settings.get("group_size"):
            yield f"groups of {settings['group_size']}"
    elif kind is not None:
        yield str(kind)
    for name, said in _DETAILS:
        value = found.get(name)
        if value is not None and not isinstance(value, Mapping):
            yield said.format(value)
    groups = found.get("config_groups")
    for group in groups.values() if isinstance(groups, Mapping) else ():
        weights = group.get("weights") if isinstance(group, Mapping) else None
        if isinstance(weights, Mapping):
            shown = (str(weights.get(name)) for name in ("num_bits", "type", "strategy", "group_size", "symmetric"))
            yield f"weights {' '.join(shown)}"
        inputs = group.get("input_activations") if isinstance(group, Mapping) else None
        if isinstance(inputs, Mapping):
            yield f"activations {inputs.get('num_bits')} {inputs.get('type')}"
