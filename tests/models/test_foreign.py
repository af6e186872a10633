from __future__ import annotations

import logging
import warnings
from pathlib import Path

import pytest

from biasaudit.models.foreign import foreign_collected


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
