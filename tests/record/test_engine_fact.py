"""Whether checkpoints were computed alike is read from their fingerprints, in one place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from biasaudit.record.engine_fact import of_different_engines
from biasaudit.record.marks import marks_of
from tests.report.factory import manifest

PLAIN = {
    "engine": None,
    "dtype": "float32",
    "kv_dtype": None,
    "quantization": None,
    "reading": None,
    "libraries": {"torch": "2.9", "peft": "0.21"},
}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ""),
        ({"device": "cuda", "weights": "others", "adapter": "one"}, ""),
        ({"dtype": "bfloat16"}, "number format float32 in the one and bfloat16 in the other"),
        ({"kv_dtype": "float32"}, ""),
        ({"kv_dtype": "fp8"}, "number format of keys and values float32 in the one and fp8 in the other"),
        ({"quantization": "gptq, 4 bits"}, "quantisation scheme none in the one and gptq, 4 bits in the other"),
        ({"libraries": {"torch": "2.8", "peft": "0.21"}}, "version of torch 2.9 in the one and 2.8 in the other"),
        (
            {"engine": "vllm 0.11", "libraries": {"vllm": "0.11"}},
            "engine transformers in this process in the one and vllm 0.11 in the other",
        ),
    ],
)
def test_what_changes_numbers_is_told_and_nothing_else(changes: dict[str, Any], told: str) -> None:
    """Weights are what is compared; another engine has other libraries, which are not told besides."""
    found = of_different_engines({"base": PLAIN, "tuned": {**PLAIN, **changes}})
    assert found == ({"tuned": told} if told else {})


@pytest.mark.parametrize("fingerprints", [{}, {"tuned": PLAIN}, {"base": None, "tuned": PLAIN}, {"base": PLAIN}])
def test_where_no_two_can_be_compared_nothing_is_told(fingerprints: dict[str, Any]) -> None:
    """A manifest of other hands may lack what ours have."""
    assert of_different_engines(fingerprints) == {}


def test_both_marks_of_an_audit_stand_side_by_side() -> None:
    found = replace(
        manifest(),
        lineage={"tuned": "DIFFERENT LINEAGE (other sizes): …"},
        fingerprints={"base": PLAIN, "tuned": {**PLAIN, "dtype": "bfloat16"}},
    )
    lineage, engines = marks_of(found)
    assert lineage.startswith("tuned: DIFFERENT LINEAGE")
    assert engines.startswith("tuned: DIFFERENT ENGINES (number format float32")
    assert marks_of(manifest()) == ()
