from __future__ import annotations

import re

import pytest

from biasaudit.align import METHODS, SftSettings
from biasaudit.align.settings import description_of
from biasaudit.errors import UsageError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_epochs", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("warmup_fraction", 1.0),
        ("warmup_fraction", -0.1),
        ("batch_size", 0),
        ("micro_batch_size", 0),
        ("micro_batch_size", 3),
        ("micro_batch_size", 16),
        ("lora_rank", 0),
        ("lora_alpha", 0),
        ("max_length_tokens", 0),
        ("seed", -1),
        ("seed", 2**32),
        ("checkpoint_every_steps", 0),
        ("dtype", "float16"),
        ("device", "tpu"),
    ],
)
def test_a_value_out_of_its_range_is_named(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"^{name} is "):
        SftSettings(**{name: value})  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(("batch_size", "expected"), [(1, 1), (2, 2), (6, 2), (7, 1), (8, 4), (12, 4)])
def test_up_to_four_records_are_computed_at_once(batch_size: int, expected: int) -> None:
    assert SftSettings(batch_size=batch_size).records_at_once == expected


def test_every_option_that_is_named_to_whoever_has_too_little_memory_is_one_of_the_method() -> None:
    """And those that change no adapter go on with the training that they are given to."""
    same = " With a smaller --micro-batch-size it needs less memory, and goes on likewise."
    for method in METHODS.values():
        settings = method.settings()
        named = set(re.findall(r"--([a-z-]+)", settings.to_need_less_memory()))
        options = {(description_of(one).option or one.name).replace("_", "-"): one.name for one in settings.in_order()}
        assert named <= set(options)
        assert named
        assert (settings.to_need_less_memory() == same) == ("micro-batch-size" in options)
