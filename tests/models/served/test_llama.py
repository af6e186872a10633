"""llama.cpp's own server, over HTTP: the forced level, for real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import biasaudit
import biasaudit.report
from biasaudit.models import locate, parse_reference
from biasaudit.types import Reading
from tests.models.served.llama import PACKAGE, llama_server
from tests.models.tiny_gguf import save_gguf
from tests.tiny import item, save_probe

MOST_APART_NATS = 5e-3
"""Of one token, between transformers and llama.cpp: both round float32 in their own order."""


@pytest.mark.slow
def test_a_real_server_gives_the_numbers_of_transformers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One tiny GGUF file of random weights, read here and behind the server; a letter of two bytes among its texts."""
    pytest.importorskip(PACKAGE, reason="llama.cpp's server is not here: pip install xllamacpp")
    monkeypatch.setattr(biasaudit.report, "render_html", lambda _: "page")
    monkeypatch.setattr(biasaudit.report, "render_markdown", lambda _: "text")
    path = tmp_path / "tiny.gguf"
    save_gguf(path)
    folder = locate(parse_reference(str(path))).folder
    rows = [item(n) for n in range(3)] + [item(9, first="she is a fiancée 12", second="he is a fiancé 12")]
    settings: dict[str, Any] = {
        "probes": [str(save_probe(tmp_path / "mini", rows))],
        "framing_names": ("plain",),
    }
    here = biasaudit.audit(str(path), str(path), **settings)
    with llama_server(path, n_ctx=128) as url:
        reference = f"{url}#tiny+tokenizer={folder}"
        there = biasaudit.audit(reference, reference, **settings)
    assert {one["reading"] for one in there.manifest.fingerprints.values()} == {Reading.FORCED}
    assert all(one["engine"].startswith("llama.cpp") for one in there.manifest.fingerprints.values())
    assert set(there.responses["status"]) == {"ok"}
    pairs = here.responses.merge(there.responses, on=["checkpoint", "item_id", "part"], suffixes=("", "_there"))
    assert len(pairs) == len(here.responses)
    for one in pairs.to_dict("records"):
        assert list(one["token_ids"]) == list(one["token_ids_there"])
        np.testing.assert_allclose(
            one["token_logprobs_nats"], one["token_logprobs_nats_there"], rtol=0, atol=MOST_APART_NATS
        )
