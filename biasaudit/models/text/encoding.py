"""Requests as tokens: which are given, and which are scored.

**Which text is scored.** The continuation, and before it what cannot be told apart from it:

1. White space at the end of the context, which most tokenizers join to the word that follows. In a chat a line break
   stays where it is: the template ends with it, and the model's turn begins after it.
2. Where a token reaches over the border, the context is shortened to where that token begins. All requests with one
   context are cut at the same place, so that the sides of an item are asked for the same text: what is before the
   border is then equal in all of them and cancels in every difference.

The tokens are those of context and continuation read as one text, as in running text. A request of which some letter
has no token, or only the one for "unknown", has failed: what is scored would not be what was asked.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.framing import request_key
from biasaudit.models.text.beginning import Beginning, own_beginning
from biasaudit.types import Failed, Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from transformers import PreTrainedTokenizerBase

_CHUNK: Final = 4096
_LINE_BREAKS: Final = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A request as tokens.

    Attributes
    ----------
    key : str
        Of the request.
    context_ids, continuation_ids : tuple of int
        Neither is empty. `continuation_ids` are scored.
    moved : str
        The end of the context that is scored with the continuation; mostly empty.
    scored_key : str
        Hash of what is scored: the request's own, or of the request with its border where it was cut.
    """

    key: str
    context_ids: tuple[int, ...]
    continuation_ids: tuple[int, ...]
    moved: str
    scored_key: str

    @property
    def n_tokens(self) -> int:
        """Tokens in all."""
        return len(self.context_ids) + len(self.continuation_ids)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as tokens, none of them put there by the tokenizer.

    Attributes
    ----------
    ids : list of int
    spans : list of (int, int)
        Where each begins and ends in the text, in characters. Tokens that share the bytes of one character have
        its span.
    """

    ids: list[int]
    spans: list[tuple[int, int]]

    def clean_border(self, border: int) -> int:
        """Return the last place up to `border` over which no token reaches."""
        moved = True
        while moved:
            moved = False
            for start, end in reversed(self.spans):
                if start < border < end:
                    border, moved = start, True
                elif end <= border and not moved:
                    break
        return border

    def n_before(self, border: int) -> int:
        """Return how many tokens end at or before `border`, which is clean."""
        n_tokens = len(self.spans)
        while n_tokens and self.spans[n_tokens - 1][1] > border:
            n_tokens -= 1
        return n_tokens


def encode(
    tokenizer: PreTrainedTokenizerBase, request: Request, *, beginning: Beginning | None = None
) -> Encoded | Failed:
    """Encode one request that shares its context with no other; see :func:`encode_all`."""
    return encode_all(tokenizer, [request], beginning=beginning)[request.key]


def encode_all(
    tokenizer: PreTrainedTokenizerBase, requests: Sequence[Request], *, beginning: Beginning | None = None
) -> dict[str, Encoded | Failed]:
    """Split requests into context and continuation tokens.

    Without a context the continuation follows one beginning token. With one, context and continuation are tokenized
    as one text and cut at the border; see the head of this module for where that is.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerBase
    requests : sequence of Request
        With distinct keys.
    beginning : Beginning, optional
        What stands before a text; None takes the tokenizer's own.

    Returns
    -------
    dict
        Key -> Encoded, or Failed with the reason.

    References
    ----------
    lm-evaluation-harness 0.4.13, `lm_eval/api/model.py`, `_encode_pair`: the same tokens wherever no token reaches
    over the border, line breaks before a chat's reply aside.
    """
    speaks = own_beginning(tokenizer) if beginning is None else beginning
    cutter = _Cutter(tokenizer, speaks)
    found: dict[str, Encoded | Failed] = {}
    askable = []
    for request in requests:
        reason = _unaskable(request)
        if reason:
            found[request.key] = Failed(key=request.key, reason=reason)
        else:
            askable.append(request)
    crossed: set[tuple[str, bool]] = set()
    for request, tokens in _tokenized(tokenizer, askable):
        if isinstance(tokens, str):
            found[request.key] = Failed(key=request.key, reason=tokens)
            continue
        border = _border(request, len(request.context))
        clean = _clean(request, tokens, border)
        if clean < border:
            crossed.add((request.context, request.templated))
        found[request.key] = cutter.cut(request, tokens, clean)
    if crossed:
        again = [request for request in askable if (request.context, request.templated) in crossed]
        found.update(_cut_alike(cutter, _tokenized(tokenizer, again)))
    return {request.key: found[request.key] for request in requests}


def _unaskable(request: Request) -> str:
    if not request.continuation:
        return "empty continuation"
    try:
        (request.context + request.continuation).encode()
    except UnicodeEncodeError:
        return "half of a surrogate pair is no text"
    return ""


def _border(request: Request, border: int) -> int:
    """Return where the white space before `border` begins that moves to the continuation."""
    context = request.context[:border]
    if not request.templated:
        return len(context.rstrip())
    while border and context[border - 1].isspace() and context[border - 1] not in _LINE_BREAKS:
        border -= 1
    return border


def _clean(request: Request, tokens: Tokens, border: int) -> int:
    """Return the last place up to `border` that no token reaches over, nor joins to the white space before it."""
    found = tokens.clean_border(border)
    while found < border:
        border = found
        found = tokens.clean_border(_border(request, border))
    return found


def _cut_alike(cutter: _Cutter, pairs: Iterable[tuple[Request, Tokens | str]]) -> dict[str, Encoded | Failed]:
    """Cut the requests of one context at the last place that is clean in all of them."""
    groups: defaultdict[tuple[str, bool], list[tuple[Request, Tokens]]] = defaultdict(list)
    for request, tokens in pairs:
        if isinstance(tokens, Tokens):
            groups[request.context, request.templated].append((request, tokens))
    found: dict[str, Encoded | Failed] = {}
    for group in groups.values():
        border, before = _border(group[0][0], len(group[0][0].context)), -1
        while border != before:
            before = border
            for request, tokens in group:
                border = _clean(request, tokens, border)
        found.update((request.key, cutter.cut(request, tokens, border)) for request, tokens in group)
    return found


class _Cutter:
    """Cuts tokens at a border, and puts the beginning before them."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, beginning: Beginning) -> None:
        self._beginning = beginning
        self._unknown = tokenizer.unk_token_id
        self._unknown_token = str(tokenizer.unk_token)
        self._begins = {tokenizer.bos_token_id, beginning.token_id} - {None}
        self._known: dict[tuple[int, ...], tuple[int, ...]] = {}

    def cut(self, request: Request, tokens: Tokens, border: int) -> Encoded | Failed:
        n_before = tokens.n_before(border) if border else 0
        text = request.context + request.continuation
        reason = self._unread(text, tokens, n_before, border)
        if reason:
            return Failed(key=request.key, reason=reason)
        context_ids, ids = tokens.ids[:n_before], tokens.ids[n_before:]
        begins_with = self._beginning.token_id
        if begins_with is None and (border == 0 or (self._beginning.refused and not request.templated)):
            return Failed(key=request.key, reason=self._beginning.why_not)
        if border == 0:
            ids = ids[1:] if ids[:1] == [begins_with] else ids
            context_ids = [] if begins_with is None else [begins_with]
        elif not request.templated and context_ids[:1] != [begins_with]:
            context_ids = [*self._beginning.before_context, *context_ids]
        if len(context_ids) > 1 and context_ids[0] == context_ids[1] and context_ids[0] in self._begins:
            return Failed(key=request.key, reason="two beginning tokens")
        if not ids or not context_ids:
            return Failed(key=request.key, reason="no token of its own after the context")
        given = tuple(context_ids)
        moved = request.context[border:]
        return Encoded(
            key=request.key,
            context_ids=self._known.setdefault(given, given),
            continuation_ids=tuple(ids),
            moved=moved,
            scored_key=request_key(text[:border], text[border:], templated=request.templated) if moved else request.key,
        )

    def _unread(self, text: str, tokens: Tokens, n_before: int, border: int) -> str:
        """Say which of the text to be scored the tokens leave out, if any."""
        read = border
        for (start, end), number in zip(tokens.spans[n_before:], tokens.ids[n_before:], strict=True):
            if start > read and not _silent(text[read:start]):
                return f"the tokenizer has no token for {text[read:start]!r}"
            if number == self._unknown and text[start:end] != self._unknown_token:
                return f"unknown to the tokenizer: {text[start:end]!r}"
            read = max(read, end)
        return "" if _silent(text[read:]) else f"the tokenizer has no token for {text[read:]!r}"


def _silent(text: str) -> bool:
    """Whether normalisation may drop a text: spaces, control and format characters, marks on letters."""
    return not text or text.isspace() or all(unicodedata.category(letter)[0] in "ZCM" for letter in text)


def _tokenized(
    tokenizer: PreTrainedTokenizerBase, requests: Sequence[Request]
) -> Iterator[tuple[Request, Tokens | str]]:
    texts = [request.context + request.continuation for request in requests]
    backend = tokenizer.backend_tokenizer if tokenizer.is_fast and _alike(tokenizer, texts) else None
    for start in range(0, len(texts), _CHUNK):
        chunk = texts[start : start + _CHUNK]
        if backend is not None:
            found: Iterable[Tokens | str] = (
                Tokens(one.ids, one.offsets) for one in backend.encode_batch(chunk, add_special_tokens=False)
            )
        else:
            found = (tokens_of(tokenizer, text) for text in chunk)
        yield from zip(requests[start : start + _CHUNK], found, strict=True)


def _alike(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> bool:
    """Whether the library under a tokenizer gives what the tokenizer gives: some classes do more than call it.

    The call also takes off the truncation and padding that a tokenizer's file may ask for.
    """
    for text in {texts[0], texts[-1], max(texts, key=len)} if texts else ():
        given = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        if list(given) != tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids:
            return False
    return True


def tokens_of(tokenizer: PreTrainedTokenizerBase, text: str) -> Tokens | str:
    """Tokenize one text; a string says why it cannot be done."""
    if tokenizer.is_fast:
        found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return Tokens(list(found["input_ids"]), list(found["offset_mapping"]))
    ids = list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
    return _spans_by_decoding(tokenizer, ids, text)


def _spans_by_decoding(tokenizer: PreTrainedTokenizerBase, ids: list[int], text: str) -> Tokens | str:
    """Find where tokens stand by what the text is from each of them on."""
    starts: list[int | None] = []
    for number in range(len(ids)):
        rest = str(tokenizer.decode(ids[number:], skip_special_tokens=False, clean_up_tokenization_spaces=False))
        starts.append(_start_of(rest, text))
    if ids and (starts[0] is None or text[: starts[0]].strip()):
        return "the tokens of this tokenizer do not decode to the text"
    spans: list[tuple[int, int]] = []
    for number, start in enumerate(starts):
        known = [place for place in starts[: number + 1] if place is not None]
        later = [place for place in starts[number + 1 :] if place is not None and place > known[-1]]
        spans.append((known[-1] if start is None else start, later[0] if later else len(text)))
    return Tokens(ids, spans)


def _start_of(rest: str, text: str) -> int | None:
    """Return where `rest` begins in the text that it ends, or None where it does not end it."""
    if rest and text.endswith(rest):
        return len(text) - len(rest)
    letters = rest.lstrip()
    if not letters or not text.endswith(letters):
        return None
    # The space before a word is part of its token, and not written where the word comes first.
    return len(text[: len(text) - len(letters)].rstrip())


def token_ends(tokenizer: PreTrainedTokenizerBase, request: Request, token_ids: Sequence[int]) -> list[int] | None:
    """Return where each token of a continuation ends, in characters of the continuation.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerBase
    request : Request
    token_ids : sequence of int
        The tokens of the continuation, as they were scored.

    Returns
    -------
    list of int or None
        Not falling. White space of the context that was scored with the continuation counts with its first token.
        None where the tokenizer does not say, splits the text into other tokens, or has a token that reaches over the
        border of context and continuation.
    """
    return token_ends_all(tokenizer, [(request, token_ids)])[0]


def token_ends_all(
    tokenizer: PreTrainedTokenizerBase, scored: Sequence[tuple[Request, Sequence[int]]]
) -> list[list[int] | None]:
    """Return :func:`token_ends` of many responses, in their order."""
    if not tokenizer.is_fast:
        return [None] * len(scored)
    pairs = _tokenized(tokenizer, [request for request, _ in scored])
    return [
        _ends(request, tokens, token_ids) if isinstance(tokens, Tokens) else None
        for (request, tokens), (_, token_ids) in zip(pairs, scored, strict=True)
    ]


def _ends(request: Request, tokens: Tokens, token_ids: Sequence[int]) -> list[int] | None:
    n_before = len(tokens.ids) - len(token_ids)
    if not token_ids or n_before < 0 or tokens.ids[n_before:] != list(token_ids):
        return None
    border = len(request.context)
    if request.context and request.context[tokens.spans[n_before][0] :].strip():
        return None
    ends = [end - border for _, end in tokens.spans[n_before:]]
    first = next((end for end in ends if end > 0), None)
    if first is None or (n_before and tokens.spans[n_before - 1][1] > border):
        return None
    ends = [max(end, first) for end in ends]
    return ends if sorted(ends) == ends and ends[-1] <= len(request.continuation) else None
