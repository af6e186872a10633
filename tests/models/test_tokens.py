"""Which tokens are given and which are scored, for every request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit.models import ResponseCache, cache_identity, score
from biasaudit.models.text.encoding import Encoded, encode, encode_all, token_ends, tokens_of
from biasaudit.types import Failed, Scored
from tests.models.worded import asked, by_hand, opened, save, tokenizer_of

SHE = (("Ġ", "S"), ("ĠS", "h"), ("ĠSh", "e"))
"""' She' is one token; ' He' is three."""


def ids(tokenizer: Any, *tokens: str) -> tuple[int, ...]:
    return tuple(tokenizer.convert_tokens_to_ids(list(tokens)))


def nats(model: Any, *requests: Any) -> list[float]:
    found = []
    for response in score(model, requests):
        assert isinstance(response, Scored), response
        found.append(response.logprob_nats)
    return found


@pytest.mark.parametrize("templated", [False, True], ids=["plain", "chat"])
@pytest.mark.parametrize("space", [" ", "  ", " \t"], ids=["one", "two", "tab"])
def test_white_space_at_the_end_of_a_context_goes_with_the_word_after_it(
    tmp_path: Path, space: str, *, templated: bool
) -> None:
    """' She' is one token and ' He' is not: both are asked for with the space, or one side has no token of its own."""
    tokenizer = tokenizer_of(*SHE)
    model = opened(save(tmp_path / "m", tokenizer))
    context = "<user>x" if templated else "x"
    she, he = nats(
        model, asked(context + space, "She", templated=templated), asked(context + space, "He", templated=templated)
    )
    given_ids = ids(tokenizer, *(("<user>", "x") if templated else ("x",)))
    spaces = {" ": (), "  ": ("Ġ",), " \t": ("Ġ", "ĉ")}[space]
    of_she = (*spaces, "ĠShe") if space != " \t" else (*spaces, "S", "h", "e")
    of_he = (*spaces, "Ġ", "H", "e") if space != " \t" else (*spaces, "H", "e")
    assert she == pytest.approx(by_hand(tmp_path / "m", given_ids, ids(tokenizer, *of_she)), abs=1e-5)
    assert he == pytest.approx(by_hand(tmp_path / "m", given_ids, ids(tokenizer, *of_he)), abs=1e-5)


def test_a_line_break_before_the_reply_of_a_chat_stays_where_the_template_wrote_it(tmp_path: Path) -> None:
    """The model is given it when it answers; in plain text it moves, as in lm-evaluation-harness."""
    tokenizer = tokenizer_of()
    model = opened(save(tmp_path / "m", tokenizer))
    chat, plain = nats(model, asked("<model>\n", "a", templated=True), asked("x\n", "a"))
    after_template = by_hand(tmp_path / "m", ids(tokenizer, "<model>", "Ċ"), ids(tokenizer, "a"))
    assert chat == pytest.approx(after_template, abs=1e-5)
    assert plain == pytest.approx(by_hand(tmp_path / "m", ids(tokenizer, "x"), ids(tokenizer, "Ċ", "a")), abs=1e-5)


@pytest.mark.parametrize("begins", [False, True], ids=["ends", "begins-and-ends"])
def test_what_a_tokenizer_puts_after_a_text_is_not_scored(tmp_path: Path, *, begins: bool) -> None:
    """EOS stood in place of the first word: of context + EOS one token more was cut off than the context has."""
    tokenizer = tokenizer_of(ends_texts=True, begins_texts=begins)
    model = opened(save(tmp_path / "m", tokenizer))
    found, alone = nats(model, asked("the", " cat"), asked("", "cat"))
    before = ids(tokenizer, *(["<bos>"] if begins else []), "t", "h", "e")
    assert found == pytest.approx(by_hand(tmp_path / "m", before, ids(tokenizer, "Ġ", "c", "a", "t")), abs=1e-5)
    assert alone == pytest.approx(by_hand(tmp_path / "m", (0,), ids(tokenizer, "c", "a", "t")), abs=1e-5)


def test_a_token_over_the_border_moves_it_for_both_sides_of_an_item(tmp_path: Path) -> None:
    """'xb' + 'c' is 'x', 'bc'; 'xb' + 'd' is not joined. Both are asked for from the 'b' on."""
    tokenizer = tokenizer_of(("b", "c"))
    model = opened(save(tmp_path / "m", tokenizer))
    joined, apart = nats(model, asked("xb", "c"), asked("xb", "d"))
    assert joined == pytest.approx(by_hand(tmp_path / "m", ids(tokenizer, "x"), ids(tokenizer, "bc")), abs=1e-5)
    assert apart == pytest.approx(by_hand(tmp_path / "m", ids(tokenizer, "x"), ids(tokenizer, "b", "d")), abs=1e-5)


def test_what_else_is_asked_of_a_context_changes_no_difference(tmp_path: Path) -> None:
    """'d' and 'e' join nothing; beside 'c', which does, both are asked for with the 'b', which cancels."""
    model = opened(save(tmp_path / "m", tokenizer_of(("b", "c"))))
    d_alone, e_alone = nats(model, asked("xb", "d"), asked("xb", "e"))
    d_beside, e_beside, _ = nats(model, asked("xb", "d"), asked("xb", "e"), asked("xb", "c"))
    assert d_beside < d_alone
    assert d_beside - e_beside == pytest.approx(d_alone - e_alone, abs=1e-5)


def test_a_border_inside_the_bytes_of_a_letter_moves_before_the_letter() -> None:
    """The last byte of 'é' joins the first of 'è': neither letter can be given alone."""
    last, first = (tokens_of(tokenizer_of(), letter) for letter in "éè")
    assert not isinstance(last, str)
    assert not isinstance(first, str)
    plain = tokenizer_of()
    tokenizer = tokenizer_of((plain.convert_ids_to_tokens(last.ids[1]), plain.convert_ids_to_tokens(first.ids[0])))
    found = encode(tokenizer, asked("aé", "è"))
    assert isinstance(found, Encoded)
    assert found.moved == "é"
    assert tokenizer.decode(found.continuation_ids) == "éè"
    assert found.context_ids == ids(tokenizer, "a")


WORDS = st.text(alphabet="abS he\n\tçé医\u00a0", max_size=8)


@settings(max_examples=150, deadline=None)
@given(context=WORDS, sides=st.lists(WORDS.filter(bool), min_size=1, max_size=3, unique=True), templated=st.booleans())
def test_the_scored_tokens_decode_to_exactly_the_text_that_was_asked_for(
    context: str, sides: list[str], *, templated: bool
) -> None:
    """And together with the given ones they are the tokens of the whole; every side is cut at one place."""
    tokenizer = tokenizer_of(*SHE, ("a", "b"), ("Ġ", "Ġ"), ("Ċ", "a"), ("e", "Ċ"))
    requests = [asked("<bos>" * templated + context, side, templated=templated) for side in sides]
    moved = set()
    for request, found in zip(requests, encode_all(tokenizer, requests).values(), strict=True):
        if isinstance(found, Failed):
            assert found.reason == "no token of its own after the context"
            assert templated
            continue
        moved.add(found.moved)
        assert tokenizer.decode(found.continuation_ids) == found.moved + request.continuation
        whole = tokenizer(request.context + request.continuation, add_special_tokens=False)["input_ids"]
        together = [*found.context_ids, *found.continuation_ids]
        assert together in (whole, [tokenizer.bos_token_id, *whole])
        assert request.context.endswith(found.moved)
    assert len(moved) <= 1


def test_a_letter_that_has_no_token_is_a_failure_and_not_left_out() -> None:
    """A tokenizer of words drops what it does not know, or gives all of it one token: the sides would look alike."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    def of_words(unknown: str | None) -> Any:
        vocabulary = {"<bos>": 0, "she": 1, "sings": 2, **({unknown: 3} if unknown else {})}
        made = Tokenizer(
            models.WordLevel(vocabulary, unk_token=unknown) if unknown else models.BPE(vocabulary, merges=[])
        )
        made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
            tokenizer_object=made, bos_token="<bos>", unk_token=unknown
        )

    known, other = encode_all(of_words("<unk>"), [asked("", "she sings"), asked("", "she mends")]).values()
    assert isinstance(known, Encoded)
    assert isinstance(other, Failed)
    assert "unknown to the tokenizer: 'mends'" in other.reason
    dropped = encode(of_words(None), asked("", "é"))
    assert isinstance(dropped, Failed)


def test_half_of_a_surrogate_pair_is_a_failure() -> None:
    """The library under the tokenizer would raise for the whole batch."""
    found = encode(tokenizer_of(), asked("", "a\ud800"))
    assert isinstance(found, Failed)
    assert "surrogate" in found.reason


def test_a_tokenizer_in_python_is_cut_by_what_its_tokens_decode_to() -> None:
    """It knows no places; and it ends texts with EOS, which is not scored."""
    from transformers import ByT5Tokenizer

    tokenizer: Any = ByT5Tokenizer()
    assert not tokenizer.is_fast
    found = encode(tokenizer, asked("the ", "çat"))
    assert isinstance(found, Encoded)
    assert tokenizer.decode(found.context_ids) == "the"
    assert tokenizer.decode(found.continuation_ids) == " çat"
    assert token_ends(tokenizer, asked("the ", "çat"), found.continuation_ids) is None


@pytest.mark.parametrize("text", ["<bos>cat", "cat"])
def test_there_is_one_beginning_token_and_never_two(tmp_path: Path, text: str) -> None:
    """A text may bring its own; a template may, while the tokenizer would put one before it too."""
    tokenizer = tokenizer_of(begins_texts=True)
    model = opened(save(tmp_path / "m", tokenizer))
    alone, after, chat = nats(
        model, asked("", text), asked(text, "s"), asked("<bos>" + text.removeprefix("<bos>"), "s", templated=True)
    )
    cat = ids(tokenizer, "c", "a", "t")
    assert alone == pytest.approx(by_hand(tmp_path / "m", (0,), cat), abs=1e-5)
    assert after == chat == pytest.approx(by_hand(tmp_path / "m", (0, *cat), ids(tokenizer, "s")), abs=1e-5)
    doubled = encode(tokenizer, asked("<bos><bos>a", "s", templated=True))
    assert isinstance(doubled, Failed)
    assert doubled.reason == "two beginning tokens"


def test_a_kept_response_of_other_tokens_is_scored_again(tmp_path: Path) -> None:
    """An earlier version cut texts otherwise, and kept what it got."""
    model = opened(save(tmp_path / "m", tokenizer_of()))
    one, two = asked("x", "ab"), asked("", "ab")
    right = nats(model, one, two)
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        stale = Scored(key=one.key, token_ids=(7,), token_logprobs_nats=(-1.0,))
        refused = Failed(key=two.key, reason="no token of its own after the context")
        cache.keep(cache_identity(model.fingerprint), [stale, refused])
        found = list(score(model, [one, two], cache=cache))
        assert [response.logprob_nats for response in found if isinstance(response, Scored)] == right
        counted: list[int] = []
        again = list(score(model, [one, two], cache=cache, on_progress=lambda _, n_tokens: counted.append(n_tokens)))
    assert again == found
    assert counted == [0]


def test_a_token_that_the_weights_have_no_row_for_is_a_failure(tmp_path: Path) -> None:
    """A tokenizer with added tokens beside weights that were never grown: the model would break off the whole run."""
    tokenizer = tokenizer_of()
    save(tmp_path / "m", tokenizer)
    tokenizer.add_tokens(["nurse"])
    tokenizer.save_pretrained(tmp_path / "m")
    added, other = score(opened(tmp_path / "m"), [asked("", "nurse"), asked("", "cat")])
    assert isinstance(added, Failed)
    assert "no row" in added.reason
    assert isinstance(other, Scored)


def test_the_ends_of_moved_white_space_count_with_the_first_token() -> None:
    """'ĠShe' ends after three letters of 'She'; of 'x  She' the first space is a token of its own."""
    tokenizer = tokenizer_of(*SHE)
    for context, expected in (("x ", [3, 4]), ("x  ", [3, 3, 4])):
        request = asked(context, "She!")
        found = encode(tokenizer, request)
        assert isinstance(found, Encoded)
        assert token_ends(tokenizer, request, found.continuation_ids) == expected


def test_a_hundred_requests_take_one_call_of_the_library_each_time() -> None:
    """Called text by text, 70,000 requests took four times as long."""
    tokenizer = tokenizer_of()
    plain, calls = type(tokenizer), []

    class Counted(plain):  # type: ignore[misc, valid-type]  # a class that was found
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            calls.append(args)
            return plain.__call__(self, *args, **kwargs)

    tokenizer.__class__ = Counted
    encode_all(tokenizer, [asked("x", f" {number}") for number in range(100)])
    assert len(calls) <= 5
