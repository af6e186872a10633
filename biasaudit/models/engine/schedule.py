"""Which packs run when, and how large they are."""

from __future__ import annotations

import ctypes
import itertools
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from biasaudit.errors import OutOfMemoryError
from biasaudit.models.engine.memory import is_out_of_memory
from biasaudit.models.engine.tree import Pack, TokenSequence, packs

if TYPE_CHECKING:
    from biasaudit.models.engine.packed import PackedModel
    from biasaudit.types import ModelFingerprint

CPU_AT_ONCE: Final = 1024
"""Nodes that run at once on a processor, in one pack or several.

Small matrices lose time at the meeting points of the threads: beside a process that kept one of two cores busy,
512 nodes took 6 times as long a node as 2,048, and 1.1 times as long on idle cores.
"""

CPU_NODES: Final = {"blocks": (CPU_AT_ONCE, 512, 2048), "masked": (256, 512, 128)}
"""Sizes of a pack to choose from on a processor, the usual one first: a mask's cost grows with the square."""

GPU_AT_ONCE: Final = 8192
GPU_NODES: Final = {"blocks": GPU_AT_ONCE, "masked": 1024}

WORTHWHILE: Final = 20
"""A calibration is run where the work is at least this many times its cost."""

BETTER: Final = 0.95
"""The usual size stays unless another takes less than this share of its time: timings are noisy."""

Run = Callable[[Sequence[Pack]], list[list[list[float]]]]


def run_packs(
    run: Run, sequences: Sequence[TokenSequence], *, n_nodes: int, n_packs: int = 1
) -> Iterator[tuple[list[tuple[int, list[float]]], int]]:
    """Yield what `run` finds, one batch of packs at a time; out of memory halves it and goes on.

    Parameters
    ----------
    run : callable
        Log-probabilities of a batch of packs.
    sequences : sequence of TokenSequence
    n_nodes : int
        Nodes of a pack.
    n_packs : int
        Packs of a batch.

    Yields
    ------
    list of (position among `sequences`, log-probabilities in nats), number of nodes

    Raises
    ------
    OutOfMemoryError
        If the memory does not suffice for one sequence.
    """
    left = list(range(len(sequences)))
    while left:
        waiting = [
            (pack, [left[member] for member in pack.members]) for pack in packs([sequences[n] for n in left], n_nodes)
        ]
        done: set[int] = set()
        for start in range(0, len(waiting), n_packs):
            batch = waiting[start : start + n_packs]
            try:
                found = run([pack for pack, _ in batch])
            except (MemoryError, RuntimeError) as exc:
                if not is_out_of_memory(exc):
                    raise
                n_nodes, n_packs = _smaller([pack for pack, _ in batch], n_packs, exc)
                break
            positions = [position for _, members in batch for position in members]
            done.update(positions)
            values = (of_member for of_pack in found for of_member in of_pack)
            yield list(zip(positions, values, strict=True)), sum(pack.n_nodes for pack, _ in batch)
        left = [position for position in left if position not in done]


def _smaller(batch: Sequence[Pack], n_packs: int, exc: BaseException) -> tuple[int, int]:
    n_nodes = max(pack.n_nodes for pack in batch)
    if len(batch) > 1:
        return n_nodes, max(1, n_packs // 2)
    if len(batch[0].members) == 1:
        raise OutOfMemoryError(n_nodes) from exc
    return max(1, n_nodes // 2), 1


def calibrated_size(packed: PackedModel, sequences: Sequence[TokenSequence]) -> int:
    """Time one batch of each size of pack and return the size that takes least time a node.

    A size that the memory does not suffice for is out of the question; if that is every one, it is the smallest.
    """
    times: dict[int, float] = {}
    sizes = CPU_NODES[packed.attention]
    for n_nodes in sizes:
        batch = list(itertools.islice(packs(sequences, n_nodes), packs_at_once(packed, n_nodes)))
        started = time.perf_counter()
        try:
            packed.logprobs(batch)
        except (MemoryError, RuntimeError) as exc:
            if not is_out_of_memory(exc):
                raise
            continue
        times[n_nodes] = (time.perf_counter() - started) / sum(pack.n_nodes for pack in batch)
    best = min(times, key=times.__getitem__, default=min(sizes))
    usual = times.get(sizes[0])
    return sizes[0] if usual is not None and times[best] >= BETTER * usual else best


def packs_at_once(packed: PackedModel, n_nodes: int, n_at_once: int = CPU_AT_ONCE) -> int:
    """Return how many packs of a size make a batch: with attention in blocks one."""
    return max(1, n_at_once // n_nodes) if packed.attention == "masked" else 1


def worth_calibrating(packed: PackedModel, sequences: Sequence[TokenSequence]) -> bool:
    """Tell whether there is so much to do that a calibration is small beside it.

    It depends on the requests alone, so that the same requests run in the same packs.
    """
    n_timed = sum(max(CPU_AT_ONCE, n_nodes) for n_nodes in CPU_NODES[packed.attention])
    return sum(len(one.token_ids) - one.n_context for one in sequences) > WORTHWHILE * n_timed


def machine_key(packed: PackedModel, fingerprint: ModelFingerprint) -> str:
    """Return what the best size of a pack depends on: the model's sizes, the processor, the threads."""
    import torch  # noqa: PLC0415

    parts = (
        fingerprint.architecture,
        fingerprint.n_parameters,
        fingerprint.adapter is not None,
        fingerprint.dtype,
        fingerprint.libraries.get("torch"),
        platform.machine(),
        torch.backends.cpu.get_cpu_capability(),
        torch.get_num_threads(),
        packed.attention,
        f"{CPU_AT_ONCE} at once",
    )
    return "|".join(map(str, parts))


def keep_freed_memory() -> None:
    """Tell glibc to keep what is freed, up to 512 MB, for the next tensor.

    It would give tensors of some megabytes back to the system and ask for them anew at each
    layer, and the system would clear every page of them. What loading has freed goes back first: a
    tokenizer of 262,144 words leaves some 50 MB.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    try:
        mallopt, malloc_trim = library.mallopt, library.malloc_trim
    except AttributeError:  # another C library
        return
    malloc_trim(0)
    trim_threshold, mmap_threshold = -1, -3
    mallopt(mmap_threshold, 32 * 1024**2)
    mallopt(trim_threshold, 512 * 1024**2)
