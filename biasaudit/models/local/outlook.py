"""How much each checkpoint of an audit would be asked, and about how long that takes, before one is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from biasaudit.models import speeds
from biasaudit.models.cache import ResponseCache
from biasaudit.models.cache_place import cache_folder
from biasaudit.models.forecast import (
    Size,
    Work,
    encoded_once,
    identity_before_loading,
    memory_bytes,
    size_of_files,
    work_of,
)
from biasaudit.models.likelihood import identity_of
from biasaudit.models.local.placement import planned
from biasaudit.models.local.quantized import scheme_before_loading
from biasaudit.models.text.tokenizer import shared_tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from biasaudit.models.likelihood import Encoded
    from biasaudit.models.local.loading import Dtype
    from biasaudit.models.local.located import Located
    from biasaudit.models.local.placement import DeviceMap, Share
    from biasaudit.models.local.quantized import Quantize
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

    @property
    def seconds(self) -> float:
        """About how long scoring takes."""
        return self.work.n_nodes / self.speed.tokens_per_second


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
    """

    places: Mapping[str, Located]
    beginnings: Mapping[str, Beginning]
    dtype: Dtype
    device: str | None
    trust_remote_code: bool
    quantize: Quantize | None = None
    device_map: DeviceMap | None = None

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
            key = speeds.machine(size.n_parameters, dtype=dtype, device=device, adapted=place.adapter is not None)
            share = work.n_read / max(work.n_nodes, 1)
            found[name] = CheckpointForecast(
                reference=place.spec.reference,
                weights=place.weights,
                adapter=place.adapter,
                dtype=dtype,
                device=device,
                size=size,
                work=work,
                memory_bytes=memory_bytes(size, place, dtype=dtype, quantize=self.quantize),
                speed=speeds.speed_of(key, size, read_share=share, dtype=dtype, device=device),
                quantization=scheme_before_loading(place.config, self.quantize, dtype=dtype),
                placement=() if self.device_map is None else planned(place.files, place.spec.base, dtype=dtype),
            )
        return found


def longest_of(place: Located) -> int | None:
    """Return the tokens of the longest text that a checkpoint takes, or None where it does not say."""
    found = place.config.get("max_position_embeddings")
    return found if isinstance(found, int) else None
