"""Loading weights, and believing nothing that the loader did not report as whole."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from biasaudit.errors import ModelFilesError
from biasaudit.models.foreign import no_bars
from biasaudit.models.local.architecture import causal_class, refuse_two_sided
from biasaudit.models.local.checkpoint import ModelFiles, alone
from biasaudit.models.local.placement import kept_with, spread_options
from biasaudit.models.local.quantized import config_for, quantization_config, refuse_two_schemes, require_library

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

    from biasaudit.models.local.placement import DeviceMap, MaxMemory
    from biasaudit.models.local.quantized import Quantize

FOREIGN: Final = (
    OSError,
    ValueError,
    KeyError,
    RuntimeError,
    ImportError,
    AttributeError,
    TypeError,
    IndexError,
    NotImplementedError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    MemoryError,
    SafetensorError,
    StrictDataclassError,
)
"""What transformers raises over a configuration or a file that it does not like; each class in its own words."""

_ABOUT_WEIGHTS: Final = (
    "transformers.modeling_utils",
    "transformers.core_model_loading",
    "transformers.modeling_gguf_pytorch_utils",
)
"""Loggers whose warnings say that weights are not what they should be."""

_BUFFERS: Final = re.compile(
    r"(^|\.)(rotary_emb\.inv_freq|position_ids|attn\.(masked_)?bias|attention\.(masked_)?bias|embed_positions)$"
)
_MOST_BUFFERS: Final = 2 * 1024**3
_SHOWN: Final = 5


def check_tensors(files: ModelFiles, reference: str, *, trust_remote_code: bool = False) -> None:
    """Compare what the files hold with what the architecture needs, without reading a weight.

    The model is built without memory, and the loader is given tensors without content: it renames, merges and
    ties as it will, and its report names what would be missing, left over or of another shape. A second where the
    library is loaded already.

    Parameters
    ----------
    files : ModelFiles
    reference : str
        How messages name the model.
    trust_remote_code : bool
        Code that comes with a model is not run for this; such models are checked when they are loaded.

    Raises
    ------
    ModelFilesError
        If it is no causal language model, or if tensors are missing, left over or of another shape.
    """
    if "auto_map" in files.config and trust_remote_code:
        return
    with alone(files) as folder, listening() as heard:
        config = _config(folder, reference)
        cls = causal_class(config, files.config, reference)
        if getattr(config, "quantization_config", None) is not None:
            return  # its layers are made by the library of its method, when it is loaded
        found = _dry_run(cls, config, files, reference)
    heard.clear()  # a report of what is raised here
    refuse_incomplete(found, files, reference)


def load_weights(
    files: ModelFiles,
    reference: str,
    *,
    dtype: torch.dtype,
    device: str,
    trust_remote_code: bool = False,
    quantize: Quantize | None = None,
    spread: DeviceMap | None = None,
    max_memory: MaxMemory | None = None,
) -> PreTrainedModel:
    """Load a causal language model, whole or not at all.

    Parameters
    ----------
    files : ModelFiles
    reference : str
        How messages name the model.
    dtype : torch.dtype
    device : str
        cpu, cuda or mps.
    trust_remote_code : bool
        Whether code that comes with the model may run.
    quantize : {"nf4", "int8"}, optional
        Scheme in which plain weights are put.
    spread : {"auto"}, optional
        Over all devices, memory and disk instead of `device`.
    max_memory : mapping, optional
        What may be taken of each; None is what there is.

    Returns
    -------
    PreTrainedModel
        In evaluation mode.

    Raises
    ------
    ModelFilesError
        If anything is missing, left over, of another shape or not finite, if the loader warns about weights, or if
        the model sees words before their turn.
    """
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    check_tensors(files, reference, trust_remote_code=trust_remote_code)
    require_library(files.config, reference, quantize)
    refuse_two_schemes(files.config, reference, quantize)
    quantised = quantize is not None or quantization_config(files.config) is not None
    with ExitStack() as stack, listening() as heard:
        folder = stack.enter_context(alone(files))
        options: dict[str, Any] = {"device_map": {"": device}} if quantised else {}  # Any: of several types
        if quantize is not None and quantization_config(files.config) is None:
            options["quantization_config"] = config_for(quantize, dtype=str(dtype).removeprefix("torch."))
        if spread is not None:
            options |= spread_options(stack, max_memory)
        try:
            loader: Any = AutoModelForCausalLM  # Any: with output_loading_info it returns a pair
            model, found = loader.from_pretrained(
                folder,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=trust_remote_code,
                local_files_only=not trust_remote_code,  # a model may name code of another repository
                output_loading_info=True,
                **options,
            )
        except FOREIGN as exc:
            raise _cannot(reference, exc) from exc
        if spread is not None:
            kept_with(model, stack)
    refuse_incomplete(found, files, reference)
    if heard:
        raise ModelFilesError(
            f"the model {reference!r} was not loaded as it should be: {heard[0]}",
            fix="Save the model again with the library that made it, or restore its files from their source.",
        )
    model.config.name_or_path = model.name_or_path = str(files.folder)
    # Weights in fewer bits, and those in several places, are where they are to be.
    loaded: PreTrainedModel = model.eval() if options else model.to(device).eval()
    refuse_not_finite(loaded, reference)
    try:
        refuse_two_sided(loaded, reference)
    except FOREIGN as exc:  # the first forward: sizes that do not fit one another show here
        raise _cannot(reference, exc) from exc
    return loaded


def refuse_incomplete(found: Mapping[str, Any], files: ModelFiles | None, reference: str) -> None:
    """Turn a loader's report into one error that names what is wrong.

    Parameters
    ----------
    found : mapping
        What ``output_loading_info=True`` gives.
    files : ModelFiles or None
        Tells old buffers, which are computed anew, from weights by their shape.
    reference : str

    Raises
    ------
    ModelFilesError
        If it reports anything.
    """
    left_over = [name for name in sorted(found["unexpected_keys"]) if not _is_buffer(name, files)]
    other_shape = sorted(
        f"{name} (is {list(there)}, should be {list(expected)})" for name, there, expected in found["mismatched_keys"]
    )
    reports = [
        f"{len(names)} {what}: {', '.join(names[:_SHOWN])}{', …' if len(names) > _SHOWN else ''}"
        for what, names in (
            ("missing", sorted(found["missing_keys"])),
            ("of another shape", other_shape),
            ("that the architecture has no place for", left_over),
            ("that could not be read", [str(one) for one in found["error_msgs"]]),
        )
        if names
    ]
    if reports:
        raise ModelFilesError(
            f"the weights of {reference!r} are not those of its architecture; {'; '.join(reports)}.",
            fix="Restore the files from their source; config.json must be the one that was saved with the weights.",
        )


def refuse_not_finite(model: PreTrainedModel, reference: str) -> None:
    """Refuse weights that are not numbers or infinite, and name the tensor.

    One sum a tensor: a tensor that holds NaN or infinity has no finite sum. Only where a sum is not finite are
    the numbers looked at one by one.

    Raises
    ------
    ModelFilesError
    """
    import torch  # noqa: PLC0415

    with torch.no_grad():
        for name, tensor in (*model.named_parameters(), *model.named_buffers()):
            if not tensor.is_floating_point() or tensor.is_meta or not _is_plain(tensor):
                continue
            if bool(tensor.sum(dtype=_sum_type(tensor)).isfinite()):
                continue
            bad = int((~tensor.isfinite()).sum())
            if bad and (isinstance(tensor, torch.nn.Parameter) or bool(tensor.isnan().any())):
                raise ModelFilesError(
                    f"the weights of {reference!r} are not all numbers: {bad:,} of {tensor.numel():,} in {name} are "
                    "NaN or infinite.",
                    fix="The training or the conversion that made it failed: use another checkpoint.",
                )


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collect what transformers says about weights, instead of letting it scroll by; no progress bars of its own."""
    heard: list[str] = []
    logger = logging.getLogger("transformers")
    handlers, propagate = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [_Ear(heard)], False
    try:
        with no_bars():
            yield heard
    finally:
        logger.handlers, logger.propagate = handlers, propagate


class _Ear(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        # The table of the load report is read as data, from what the loader returns.
        if record.name in _ABOUT_WEIGHTS and "LOAD REPORT" not in record.getMessage():
            plain = re.sub(r"\x1b\[[0-9;]*m", "", record.getMessage())
            self._heard.append(" ".join(plain.split())[:400])


def _config(folder: Path, reference: str) -> PretrainedConfig:
    from transformers import AutoConfig  # noqa: PLC0415

    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except FOREIGN as exc:
        raise _cannot(reference, exc) from exc
    return config


def _dry_run(
    cls: type[PreTrainedModel], config: PretrainedConfig, files: ModelFiles, reference: str
) -> Mapping[str, Any]:
    import torch  # noqa: PLC0415

    try:
        empty = {name: torch.empty(header.shape, device="meta") for name, header in files.tensors.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nothing is loaded here
            loader: Any = cls  # Any: with output_loading_info it returns a pair
            model, found = loader.from_pretrained(
                None,
                config=config,
                state_dict=empty,
                device_map={"": "meta"},
                # Only here, where nothing is loaded: shapes that differ are to be named, all of them.
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except FOREIGN as exc:
        raise _cannot(reference, exc) from exc
    n_bytes = sum(buffer.numel() * buffer.element_size() for buffer in model.buffers())
    if n_bytes > _MOST_BUFFERS + 2 * sum(path.stat().st_size for path in files.weights):
        raise ModelFilesError(
            f"the model {reference!r} would need {n_bytes / 1024**3:,.0f} GiB beside its weights, for tables whose "
            "sizes its config.json names.",
            fix="Restore config.json from its source.",
        )
    report: Mapping[str, Any] = found
    return report


def _is_buffer(name: str, files: ModelFiles | None) -> bool:
    """Tell whether a tensor that the architecture does not take is a table that older versions saved."""
    if not _BUFFERS.search(name):
        return False
    header = None if files is None else files.tensors.get(name)
    if header is None or not name.endswith("bias"):
        return True
    # A mask of positions is square or one number; a bias of a linear layer is a row.
    return len(header.shape) == 4 or header.n_numbers <= 1


def _is_plain(tensor: torch.Tensor) -> bool:
    """Whether the numbers of a tensor are its own: libraries of quantisation bring classes that compute theirs."""
    import torch  # noqa: PLC0415

    return type(tensor) in {torch.Tensor, torch.nn.Parameter}


def _sum_type(tensor: torch.Tensor) -> torch.dtype:
    import torch  # noqa: PLC0415

    return torch.float32 if tensor.element_size() < 4 else tensor.dtype


def _cannot(reference: str, exc: BaseException) -> ModelFilesError:
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    reason = lines[0][:400] if lines else type(exc).__name__
    return ModelFilesError(
        f"the model {reference!r} cannot be loaded as a causal language model: {reason}",
        fix="Check that the folder is whole and that this version of transformers knows the architecture.",
    )
