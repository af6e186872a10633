"""What the package ships as `demo:tuned`: whole, small, and with its terms."""

from __future__ import annotations

import hashlib
import json

from biasaudit.models.local.embedded import SHA256, adapter_folder


def test_the_adapter_is_the_one_that_its_card_describes() -> None:
    card = json.loads((adapter_folder() / "training_card.json").read_text(encoding="utf-8"))
    assert card["identity"]["base_weights"] == f"sha256:{SHA256}"
    for name, sha256 in card["files"].items():
        assert hashlib.sha256((adapter_folder() / name).read_bytes()).hexdigest() == sha256, name


def test_the_adapter_is_small_and_in_bfloat16() -> None:
    path = adapter_folder() / "adapter_model.safetensors"
    assert path.stat().st_size <= 5_000_000
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    assert {entry["dtype"] for name, entry in header.items() if name != "__metadata__"} == {"BF16"}


def test_the_notice_of_the_bases_licence_travels_with_it() -> None:
    notice = (adapter_folder() / "NOTICE").read_text(encoding="utf-8")
    assert "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms" in notice
