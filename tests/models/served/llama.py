"""A real llama.cpp server in this process, and GGUF files for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PACKAGE = "xllamacpp"


@contextmanager
def llama_server(
    path: Path, *, n_ctx: int = 512, n_parallel: int = 2, keys: str = "f32", port: int = 0
) -> Iterator[str]:
    """Serve a GGUF file on this machine, and give the address with ``/v1``.

    Parameters
    ----------
    path : Path
    n_ctx : int
        Tokens of a text.
    n_parallel : int
        Texts at once.
    keys : {"f32", "f16"}
        In which keys and values are kept; the server's own default is f16.
    port : int
        0 takes a free one.
    """
    import xllamacpp

    asked: Any = xllamacpp.CommonParams()
    asked.model.path = str(path)
    asked.model_alias = {path.stem}
    asked.n_ctx, asked.n_parallel, asked.n_gpu_layers = n_ctx * n_parallel, n_parallel, 0
    asked.hostnames, asked.port, asked.ui, asked.warmup = ["127.0.0.1"], port, False, False
    # Threads that wait for each other by spinning take minutes where other work runs.
    asked.cpuparams.n_threads = asked.cpuparams_batch.n_threads = 1
    asked.verbosity = -1
    # Gemma looks at a window: without its whole cache no prefix could be used again.
    asked.swa_full = True
    if keys == "f32":
        asked.cache_type_k = asked.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        asked.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    server: Any = xllamacpp.Server(asked)
    try:
        yield f"{server.listening_address}/v1"
    finally:
        del server


def in_float32(source: Path, target: Path) -> Path:
    """Write a GGUF file again with every tensor in float32, and all else as it is."""
    import gguf
    from gguf.quants import dequantize

    reader: Any = gguf.GGUFReader(source)
    architecture = reader.get_field("general.architecture").contents()
    writer: Any = gguf.GGUFWriter(target, architecture)
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in {"general.architecture", "general.file_type"}:
            continue
        inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=inner)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, dequantize(tensor.data, tensor.tensor_type).astype("float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target
