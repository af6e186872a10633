"""How much each checkpoint of an audit would be asked, and about how long that takes, before one is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from biasaudit.models import speeds
from biasaudit.models.cache import ResponseCache
from biasaudit.models.cache_place import cache_folder
from biasaudit.models.engine.tree import TokenSequence
from biasaudit.models.forecast import (
    Size,
    Work,
    encoded_once,
    identity_before_loading,
    known_of,
    memory_bytes,
    size_of_files,
    work_of,
)
from biasaudit.models.likelihood import identity_of
from biasaudit.models.local.placement import planned
from biasaudit.models.local.quantized import scheme_before_loading
from biasaudit.models.shards.outlook import outlook_of
from biasaudit.models.text.tokenizer import shared_tokenizer
from biasaudit.models.workers.processes import n_cores

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from biasaudit.models.likelihood import Encoded
    from biasaudit.models.local.loading import Dtype
    from biasaudit.models.local.located import Located
    from biasaudit.models.local.placement import DeviceMap, Share
    from biasaudit.models.local.quantized import Quantize
    from biasaudit.models.shards.outlook import ShardOutlook
    from biasaudit.models.speeds import Speed
    from biasaudit.models.text.beginning import Beginning
    from biasaudit.types import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointForecast:
    """One checkpoint of an audit that was not run.

    Attributes
    ----------
    reference, weights : str
    adapter : str or None
    dtype, device : str
    size : Size
    work : Work
    memory_bytes : int
    speed : Speed
    quantization : str or None
        Scheme in which the weights will stand in memory; None where they are as `dtype` says.
    placement : tuple of Share
        Where its parts would lie, where weights are spread over devices.
    shards : ShardOutlook or None
        What several workers would be given; None where this process scores.
    """

    reference: str
    weights: str
    adapter: str | None
    dtype: str
    device: str
    size: Size
    work: Work
    memory_bytes: int
    speed: Speed
    quantization: str | None = None
    placement: tuple[Share, ...] = ()
    shards: ShardOutlook | None = None

    @property
    def seconds(self) -> float:
        """About how long scoring takes."""
        return self.work.n_nodes / self.speed.tokens_per_second if self.shards is None else self.shards.seconds

    @property
    def n_processes(self) -> int:
        """How many hold the weights at one time."""
        return 1 if self.shards is None else self.shards.n_workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Checkpoints that can be counted for.

    Attributes
    ----------
    places : mapping
        Checkpoint -> where its files lie.
    beginnings : mapping
        Checkpoint -> what stands before its texts.
    dtype, device, trust_remote_code, quantize, device_map
        See :class:`biasaudit.models.ModelShelf`.
    workers : int or None
        That will score; None is this process.
    on_cluster : bool
        Whether they have other processors than this machine's.
    """

    places: Mapping[str, Located]
    beginnings: Mapping[str, Beginning]
    dtype: Dtype
    device: str | None
    trust_remote_code: bool
    quantize: Quantize | None = None
    device_map: DeviceMap | None = None
    workers: int | None = None
    on_cluster: bool = False

    def of(self, requests: Sequence[Request]) -> dict[str, CheckpointForecast]:
        """Count what each checkpoint would be asked, and how long that takes."""
        path = cache_folder() / "responses.sqlite"
        if not path.is_file():  # opening it would make it
            return self._of_checkpoints(requests, None)
        with ResponseCache(path) as cache:
            return self._of_checkpoints(requests, cache)

    def _of_checkpoints(
        self, requests: Sequence[Request], cache: ResponseCache | None
    ) -> dict[str, CheckpointForecast]:
        encoded: dict[tuple[int, Beginning], dict[str, Encoded | None]] = {}
        found = {}
        for name, place in self.places.items():
            tokenizer = shared_tokenizer(place, trust_remote_code=self.trust_remote_code)
            beginning = self.beginnings[name]
            key_of = (id(tokenizer), beginning)
            if key_of not in encoded:
                encoded[key_of] = encoded_once(tokenizer, requests, longest=longest_of(place), beginning=beginning)
            model, dtype, device = identity_before_loading(
                place, dtype=self.dtype, device=self.device, quantize=self.quantize
            )
            identity = identity_of(model, tokenizer, beginning)
            size, work = size_of_files(place), work_of(requests, encoded[key_of], identity=identity, cache=cache)
            key = self._speed_key(size.n_parameters, dtype=dtype, device=device, adapted=place.adapter is not None)
            share = work.n_read / max(work.n_nodes, 1)
            speed = speeds.speed_of(key, size, read_share=share, dtype=dtype, device=device)
            known = known_of(encoded[key_of], identity=identity, cache=cache)
            found[name] = CheckpointForecast(
                reference=place.spec.reference,
                weights=place.weights,
                adapter=place.adapter,
                dtype=dtype,
                device=device,
                size=size,
                work=work,
                memory_bytes=memory_bytes(size, place, dtype=dtype, quantize=self.quantize),
                speed=speed,
                shards=None if self.workers is None else self._shared(encoded[key_of], known, self.workers, speed),
                quantization=scheme_before_loading(place.config, self.quantize, dtype=dtype),
                placement=() if self.device_map is None else planned(place.files, place.spec.base, dtype=dtype),
            )
        return found

    def _speed_key(self, n_parameters: int, *, dtype: str, device: str, adapted: bool) -> str:
        key = speeds.machine(n_parameters, dtype=dtype, device=device, adapted=adapted)
        return key if self.workers is None else speeds.shared(key, self.workers)

    def _shared(
        self, encoded: Mapping[str, Encoded | None], known: Collection[str], n_workers: int, speed: Speed
    ) -> ShardOutlook:
        """Count what workers would be given.

        What is known of so many workers is of all of them together; else they have this machine's processors among
        them, or each of a cluster's as many as it would have here.
        """
        alike = self.on_cluster and speed.known_from != "the last run"
        n_together = min(n_workers, n_cores()) if alike else n_workers
        texts = list({one.scored_key: one for one in encoded.values() if one is not None}.values())
        return outlook_of(
            [TokenSequence((*one.context_ids, *one.continuation_ids), len(one.context_ids)) for one in texts],
            {place for place, one in enumerate(texts) if one.key not in known},
            n_workers=n_workers,
            tokens_per_second=speed.tokens_per_second / n_together,
        )


def longest_of(place: Located) -> int | None:
    """Return the tokens of the longest text that a checkpoint takes, or None where it does not say."""
    found = place.config.get("max_position_embeddings")
    return found if isinstance(found, int) else None
