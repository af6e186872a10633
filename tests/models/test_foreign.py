from __future__ import annotations

import logging
import warnings
from pathlib import Path

import pytest

from biasaudit.models.foreign import foreign_collected, no_bars


def test_what_the_libraries_log_and_warn_is_told_once_in_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    with foreign_collected(told.append):
        for _ in range(3):
            logging.getLogger("transformers.modeling_utils").warning("weights of %s\nwere newly initialized", "lm_head")
            warnings.warn("something is odd", UserWarning, stacklevel=1)
    assert told == [
        "transformers says: weights of lm_head were newly initialized",
        "UserWarning says: something is odd",
    ]
    assert capfd.readouterr().err == ""


def test_what_says_nothing_of_the_weights_is_not_told() -> None:
    told: list[str] = []
    with foreign_collected(told.append):
        logging.getLogger("transformers").warning("`torch_dtype` is deprecated! Use `dtype` instead!")
        logging.getLogger("peft").info("for authors")
        warnings.warn("of another version", DeprecationWarning, stacklevel=1)
    assert told == []


def test_what_was_said_before_an_error_is_told_all_the_same() -> None:
    """It may be the reason."""
    told: list[str] = []

    def broken() -> None:
        with foreign_collected(told.append):
            logging.getLogger("peft").warning("keys are missing")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert told == ["peft says: keys are missing"]


def test_the_libraries_have_their_own_back_afterwards() -> None:
    import transformers
    from tqdm.std import tqdm  # type: ignore[import-untyped]

    logger = logging.getLogger(transformers.__name__)
    before = (list(logger.handlers), tqdm.__init__, logger.propagate)
    with foreign_collected(lambda _: None):
        assert logger.handlers != before[0]
    assert (list(logger.handlers), tqdm.__init__, logger.propagate) == before


def test_no_bar_is_drawn_while_a_model_loads(models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """transformers draws one a model; without the collector it is drawn, so that this can fail."""
    from transformers import AutoModelForCausalLM

    with foreign_collected(lambda _: None):
        AutoModelForCausalLM.from_pretrained(models / "base")
    assert capfd.readouterr().err == ""
    AutoModelForCausalLM.from_pretrained(models / "base")
    assert "Loading weights" in capfd.readouterr().err


class Moved:
    """What a bar of ours was told."""

    def __init__(self) -> None:
        self.bars: list[list[object]] = []

    def say(self, text: str) -> None:
        raise AssertionError(text)

    def begin(self, label: str, total: int) -> None:
        self.bars.append([label, total, 0])

    def advance(self, n_requests: int, n_tokens: int) -> None:
        assert n_tokens == 0
        self.bars[-1][2] = int(str(self.bars[-1][2])) + n_requests


def test_the_bars_of_the_libraries_move_one_of_ours(models: Path) -> None:
    """The tiny Llama has 21 tensors: embedding, head, norm, and nine in each of two layers."""
    from transformers import AutoModelForCausalLM

    ours = Moved()
    with foreign_collected(lambda _: None, progress=ours, label="loading base"), no_bars():
        AutoModelForCausalLM.from_pretrained(models / "base")
    assert ours.bars == [["loading base", 21, 21]]


def test_a_bar_within_another_or_of_no_known_length_moves_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    ours = Moved()
    with foreign_collected(lambda _: None, progress=ours):
        for _ in tqdm(range(3)):
            for _ in tqdm(range(100)):
                pass
        for _ in tqdm(iter("ab")):
            pass
        for _ in tqdm(range(9), disable=True):  # nobody was to see it
            pass
        with tqdm(total=5) as bar:
            bar.update(2)
            bar.update(9)  # more than it said
        broken_off = iter(tqdm(range(4)))
        next(broken_off), next(broken_off)
        del broken_off
        for _ in tqdm(range(2)):
            pass
    assert ours.bars == [["loading", 3, 3], ["loading", 5, 5], ["loading", 4, 1], ["loading", 2, 2]]
    assert capfd.readouterr().err == ""
