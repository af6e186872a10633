"""Responses to perturbed items answer the texts that lie beside them, as those to the items themselves do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import biasaudit
from biasaudit.bundles import verify_bundle, write_bundle
from biasaudit.record import store
from tests.under import audited, model


def verified(folder: Path, table: str = "", change: Callable[[pd.DataFrame], pd.DataFrame] | None = None) -> list[str]:
    """Return what a check finds of an audit whose table was changed, sealed anew and computed again from it."""
    out = folder / "audit"
    audited(folder, model("base", 3.0), model("tuned", 1.0), out=out)
    if change is not None:
        content = store.table_bytes(change(pd.read_parquet(out / f"{table}.parquet")))
        (out / f"{table}.parquet").write_bytes(content)
        manifest = store.read_manifest(out)
        files = {**manifest.files, f"{table}.parquet": hashlib.sha256(content).hexdigest()}
        store.write_manifest(out, replace(manifest, files=files))
        biasaudit.recompute(out)
    write_bundle(out, folder / "audit.zip")
    found = verify_bundle(folder / "audit.zip", recompute=True)
    assert list(found.unchecked) == []
    return list(found.differences)


@pytest.mark.slow
def test_an_audit_under_perturbations_fits_its_texts(tmp_path: Path) -> None:
    assert verified(tmp_path) == []


@pytest.mark.slow
def test_changed_texts_of_perturbed_items_are_found_by_hash_and_by_key(tmp_path: Path) -> None:
    found = verified(
        tmp_path,
        "variant_items",
        lambda frame: frame.assign(texts=frame["texts"].str.replace("the ", "a ", regex=False)),
    )
    assert sum("variant_items.parquet: the items of probe" in said for said in found) == 3
    assert any("variant_responses.parquet" in said and "whose key is not that of the texts" in said for said in found)


@pytest.mark.slow
def test_answers_to_something_else_are_found(tmp_path: Path) -> None:
    found = verified(tmp_path, "variant_responses", lambda frame: frame.assign(key="0" * 64))
    assert any("variant_responses.parquet" in said and "whose key is not that of the texts" in said for said in found)
