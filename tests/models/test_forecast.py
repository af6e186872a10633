from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit.errors import ModelFilesError
from biasaudit.models import ModelShelf, locate, parse_reference, speeds
from biasaudit.models.cache import cache_identity
from biasaudit.models.forecast import identity_before_loading, memory_bytes, n_nodes, size_of_files


def test_the_size_is_what_the_headers_say(models: Path) -> None:
    """260 words of 32, twice (untied); 2 layers of 4 x 32 x 32, 3 x 32 x 64 and 2 x 32; one norm of 32.

    The input embeddings are looked up and not multiplied with.
    """
    size = size_of_files(locate(parse_reference(str(models / "base"))))
    embeddings = 260 * 32
    assert size.n_parameters == 2 * embeddings + 2 * (4 * 32 * 32 + 3 * 32 * 64 + 2 * 32) + 32
    assert (size.n_layers, size.n_output) == (size.n_parameters - 2 * embeddings, embeddings)
    assert size.stored_as == ("F32",)
    assert size.n_bytes == (models / "base" / "model.safetensors").stat().st_size


def test_memory_is_the_weights_in_their_dtype_and_the_logits(models: Path) -> None:
    place = locate(parse_reference(str(models / "base")))
    size = size_of_files(place)
    logits = 1024 * 260 * 4
    assert memory_bytes(size, place, dtype="float32") == 500_000_000 + 4 * size.n_parameters + logits
    assert memory_bytes(size, place, dtype="bfloat16") == 500_000_000 + 2 * size.n_parameters + logits


@pytest.mark.parametrize("reference", ["base", "base+adapter"])
def test_a_model_is_known_to_the_cache_before_it_is_loaded(models: Path, reference: str) -> None:
    """Else a dry run would say that everything is left to do."""
    place = locate(parse_reference("+".join(str(models / part) for part in reference.split("+"))))
    loaded = ModelShelf().open(place)
    identity, dtype, device = identity_before_loading(place, dtype="auto", device=None)
    assert identity == cache_identity(loaded.fingerprint)
    assert (dtype, device) == (loaded.fingerprint.dtype, loaded.fingerprint.device)


def test_equal_beginnings_are_counted_once() -> None:
    """0; 0 1; 0 1 2; 0 1 3; 4. After contexts of two tokens, the first is not read; 4 is a context of its own."""
    assert n_nodes([((0, 1, 2), 2), ((0, 1, 3), 2), ((4,), 1), ((0, 1, 2), 2)]) == (5, 4)
    assert n_nodes([]) == (0, 0)


def test_a_file_that_is_no_safetensors_file_is_named(models: Path, tmp_path: Path) -> None:
    import dataclasses

    place = locate(parse_reference(str(models / "base")))
    (tmp_path / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ModelFilesError, match=r"model\.safetensors"):
        size_of_files(dataclasses.replace(place, folder=tmp_path))


def test_the_speed_of_a_run_is_remembered_and_else_worked_out(models: Path) -> None:
    size = size_of_files(locate(parse_reference(str(models / "base"))))
    key = speeds.machine(size.n_parameters, dtype="float32", device="cpu", adapted=False)
    first = speeds.speed_of(key, size, read_share=1.0, dtype="float32", device="cpu")
    assert first.known_from == "a product of matrices"
    assert first.tokens_per_second > 0
    speeds.remember(key, 123.4)
    second = speeds.speed_of(key, size, read_share=1.0, dtype="float32", device="cpu")
    assert (second.tokens_per_second, second.known_from) == (123.4, "the last run")


def test_a_damaged_memory_of_speeds_is_no_obstacle(models: Path) -> None:
    from biasaudit.models import cache_folder

    size = size_of_files(locate(parse_reference(str(models / "base"))))
    for damaged in ("{", "[]", '{"a": "b"}', '{"a": -1}'):
        (cache_folder() / "speeds.json").write_text(damaged, encoding="utf-8")
        assert (
            speeds.speed_of("a", size, read_share=1.0, dtype="float32", device="cpu").known_from
            == "a product of matrices"
        )
