"""Models as asked for and as loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from biasaudit.types.vocabulary import Reading
from biasaudit.visible import in_short


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model as asked for: the parsed reference.

    Attributes
    ----------
    reference : str
        As written.
    base : str
        Hub id, folder or ``.gguf`` file, without revision and adapter.
    revision : str or None
        Hub revision of the base.
    adapter : str or None
        Folder or hub id of a PEFT adapter on the base.
    adapter_revision : str or None
    """

    reference: str
    base: str
    revision: str | None = None
    adapter: str | None = None
    adapter_revision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFingerprint:
    """A model as loaded: everything that its log-probabilities depend on.

    Attributes
    ----------
    reference : str
        As asked for.
    weights : str
        ``sha256:…`` of the weight files, or ``revision:…`` of a hub snapshot.
    adapter : str or None
        The same of the adapter.
    dtype : str
        Of the computation.
    device : str
        Kind of device: cpu, cuda or mps.
    tokenizer_sha256, chat_template_sha256 : str or None
    architecture : str
        Name of the model class.
    n_parameters, vocabulary_size, hidden_size, n_layers : int or None
        None where whoever answers does not say.
    libraries : mapping of str to str
        Versions of the libraries that compute.
    text_files_sha256 : str or None
        Of every file that decides what the model is given to read; None where it has none.
    beginning_token, beginning_id : str and int, or None
        What its texts without a context begin with in this audit, as the tokenizer that chose it writes it; None
        where nothing was chosen.
    engine : str or None
        Program and build that computes, as far as it says; None is transformers in this process.
    quantization : str or None
        Scheme in which the weights stand in memory; None where they are as `dtype` says, or nobody says.
    kv_dtype : str or None
        Of the keys and values that are kept of a text; None is `dtype`.
    reading : Reading or None
        How log-probabilities are got out of a server; None where the model is in this process.
    """

    reference: str
    weights: str
    adapter: str | None = None
    dtype: str
    device: str
    tokenizer_sha256: str
    chat_template_sha256: str | None = None
    architecture: str
    n_parameters: int | None = None
    vocabulary_size: int | None = None
    hidden_size: int | None = None
    n_layers: int | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)
    text_files_sha256: str | None = None
    beginning_token: str | None = None
    beginning_id: int | None = None
    engine: str | None = None
    quantization: str | None = None
    kv_dtype: str | None = None
    reading: Reading | None = None

    def __repr__(self) -> str:
        """Return which model it is, how large, and the beginning of its checksum."""
        size = "" if self.n_parameters is None else f", {self.n_parameters:,} parameters"
        adapter = "" if self.adapter is None else f", adapter {in_short([self.adapter], limit=24)}"
        name, weights = in_short([self.reference]), in_short([self.weights], limit=24)
        return f"ModelFingerprint({name}: {self.architecture}{size}, {self.dtype} on {self.device}, {weights}{adapter})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringFacts:
    """How a model's log-probabilities were computed.

    Attributes
    ----------
    path : {"packed", "padded", "engine"}
        Packs of a prefix tree, padded batches, or whatever another program does.
    reason : str
        Why.
    largest_difference_nats : float or None
        Between packed and plain in the check; None where nothing could be compared.
    batch_tokens : int
        Tokens that run at once.
    pack_nodes : int or None
        Nodes of a pack; None for padded batches.
    """

    path: Literal["packed", "padded", "engine"]
    reason: str
    largest_difference_nats: float | None
    batch_tokens: int
    pack_nodes: int | None
