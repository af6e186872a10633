"""The token that a text begins with: one for all checkpoints of an audit.

A model that never saw a text begin with another token finds the same sentence nats less likely. Two checkpoints whose
tokenizers name other beginning tokens would differ by that, and it would look like an effect of the weights. So the
base's tokenizer says, by its BOS token, else by its EOS token, and every checkpoint is given the token of that id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from transformers import PreTrainedTokenizerBase

NO_BEGINNING: Final = "the tokenizer has no beginning token"
_ONE_VOCABULARY: Final = 0.5
"""From this share of equal token-to-id entries on, two tokenizers have one vocabulary with changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What stands before a text.

    Attributes
    ----------
    token_id : int or None
        The token that a text without a context follows; None where there is none to be had.
    token : str or None
        How the tokenizer that chose it writes it.
    before_context : tuple of int
        The special tokens before a context in plain framing: what the tokenizer puts before a text by default.
        What it puts after one (EOS, SEP) is left out: no text ends where it is asked for.
    why_not : str
        Why there is none.
    """

    token_id: int | None
    token: str | None
    before_context: tuple[int, ...] = ()
    why_not: str = NO_BEGINNING

    @property
    def refused(self) -> bool:
        """Whether no plain text may be asked for, not even after a context."""
        return self.token_id is None and self.why_not != NO_BEGINNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """A checkpoint's tokenizer, and how many ids its weights have a row for.

    Attributes
    ----------
    tokenizer : of transformers
    n_ids : int or None
        None where the configuration does not say.
    """

    tokenizer: PreTrainedTokenizerBase
    n_ids: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The beginnings of an audit.

    Attributes
    ----------
    beginnings : mapping of str to Beginning
        Checkpoint -> what stands before its texts.
    notes : mapping of str to str
        Checkpoint -> what is to be said of it; absent where its tokenizer begins as the base's does.
    """

    beginnings: Mapping[str, Beginning]
    notes: Mapping[str, str]


def own_beginning(tokenizer: PreTrainedTokenizerBase) -> Beginning:
    """Return the beginning that a tokenizer itself names: its BOS token, else its EOS token."""
    found = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    if not isinstance(found, int):
        return Beginning(token_id=None, token=None, before_context=_leading(tokenizer))
    return Beginning(
        token_id=found, token=_name(tokenizer, found) or None, before_context=_leading(tokenizer), why_not=""
    )


def shared_beginning(speakers: Mapping[str, Speaker]) -> Chosen:
    """Choose the beginning of every checkpoint of an audit.

    The base's, by id, for all of them; the first tuned checkpoint's where the base has none. A checkpoint that has no
    row for that id is given none, so that its plain texts are not scored: another token would be measured as if it
    were the weights. A checkpoint of another vocabulary, which only an audit of different lineage admits, keeps its
    own, for the id means another word there.

    Parameters
    ----------
    speakers : mapping of str to Speaker
        The base first, unless another way reaches it: then the first tuned checkpoint chooses.
    """
    own = {name: own_beginning(speaker.tokenizer) for name, speaker in speakers.items()}
    order = sorted(speakers, key=lambda name: name != "base")
    chooser = next((name for name in order if own[name].token_id is not None), order[0])
    shared = own[chooser]
    beginnings: dict[str, Beginning] = {}
    notes: dict[str, str] = {}
    for name, speaker in speakers.items():
        beginnings[name], note = _of_one(own[name], shared, speaker, speakers[chooser].tokenizer)
        if note:
            notes[name] = note
    return Chosen(beginnings=beginnings, notes=notes)


def _of_one(
    own: Beginning, shared: Beginning, speaker: Speaker, chooser: PreTrainedTokenizerBase
) -> tuple[Beginning, str]:
    if shared.token_id is None or own == shared:
        return own if shared.token_id is None else shared, ""
    ids = {shared.token_id, *shared.before_context}
    if speaker.n_ids is not None and max(ids) >= speaker.n_ids:
        why_not = f"the audit's beginning token {_shown(shared)} is not in this model's vocabulary"
        return Beginning(token_id=None, token=None, why_not=why_not), f"{why_not}: its plain texts are not scored"
    if _name(speaker.tokenizer, shared.token_id) != shared.token and not _one_vocabulary(speaker.tokenizer, chooser):
        return own, f"another vocabulary: its texts begin with {_shown(own)}, the base's with {_shown(shared)}"
    return shared, f"its tokenizer would begin texts with {_written(own)}; all checkpoints are given {_written(shared)}"


def _one_vocabulary(tokenizer: PreTrainedTokenizerBase, chooser: PreTrainedTokenizerBase) -> bool:
    here, there = tokenizer.get_vocab(), chooser.get_vocab()
    equal = sum(there.get(token) == number for token, number in here.items())
    return equal >= _ONE_VOCABULARY * min(len(here), len(there))


def _leading(tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """Return the ids that a tokenizer puts before a text."""
    text = "a"
    bare: Sequence[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    whole: Sequence[int] = tokenizer(text, add_special_tokens=True)["input_ids"]
    for start in range(len(whole) - len(bare) + 1):
        if bare and list(whole[start : start + len(bare)]) == list(bare):
            return tuple(whole[:start])
    return ()


def _name(tokenizer: PreTrainedTokenizerBase, number: int) -> str:
    try:
        return str(tokenizer.convert_ids_to_tokens(number))
    except (IndexError, KeyError, OverflowError, ValueError):
        return ""


def _shown(beginning: Beginning) -> str:
    return f"{beginning.token!r} (id {beginning.token_id})"


def _written(beginning: Beginning) -> str:
    if beginning.token_id is None:
        return "nothing"
    return _shown(beginning) + ("" if beginning.before_context else ", and contexts with nothing")
