"""Words and layers of association probes: hand-worked values, tiny real models, and planted children."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import biasaudit
from biasaudit.explanations.associations import association_items, laid_out, pieces, without
from biasaudit.explanations.layers import LAYERS, FoundLayers, layers
from biasaudit.explanations.linear_probe import held_out_accuracy
from biasaudit.explanations.words import ALL, EXCHANGED, LEFT_OUT, PATH, SAME_SIDE, SIZE, FoundWords, words
from biasaudit.models.backend import Advance, Backend
from biasaudit.types import (
    Ability,
    AssociationTexts,
    Failed,
    ModelFingerprint,
    ProbeItem,
    Request,
    Response,
    Role,
    Scored,
)
from biasaudit.types.insides import Path as GradientPath
from biasaudit.types.insides import Paths
from tests.align import world
from tests.attacks.scripted import save_crossed
from tests.explanations.doors import asked_in, opened_of
from tests.explanations.planted import base_of
from tests.models.architectures import ARCHITECTURES, perturb, save_architecture
from tests.tiny import save_probe


def associated(first: str, second: str) -> AssociationTexts:
    return AssociationTexts(contexts=(first, second), continuations=(" one", " two"), group_in_context=True)


def test_contexts_fall_into_shared_words_and_what_differs() -> None:
    found = pieces(associated("Over lunch, the nurse said", "Over lunch, the truck driver said"))
    assert [(piece.text, piece.shared) for piece in found] == [
        ("Over", True),
        ("lunch,", True),
        ("the", True),
        ("nurse", False),
        ("said", True),
    ]
    twice = pieces(associated('she sat. "She" is', 'he sat. "He" is'))
    assert [piece.shared for piece in twice] == [False, True, False, True]


def test_what_is_left_has_tidy_spaces() -> None:
    texts = associated("The woman  works\nas", "The man  works\nas")
    shorter = [without(texts, pieces(texts), place) for place in range(4)]
    assert [one.contexts[0] for one in shorter if one] == [
        "woman  works\nas",
        "The  works\nas",
        "The woman\nas",
        "The woman  works",
    ]
    alone = associated("woman", "man")
    assert without(alone, pieces(alone), 0) is None


def test_a_word_that_two_names_share_is_none_of_the_wording() -> None:
    """As in `childcare worker` and `construction worker`: of the other items it is no word."""

    def told(number: int, first: str, second: str) -> ProbeItem:
        return ProbeItem(
            item_id=f"i{number}",
            cluster_id="t",
            feature="gender",
            groups=("woman", "man"),
            role=Role.BIAS,
            family="t",
            texts=associated(*(f"The {name} said that" for name in (first, second))),
            tags={},
        )

    names = [("nurse", "pilot"), ("care worker", "road worker"), ("bank teller", "truck driver"), ("cook", "chef")]
    items = [told(number, *pair) for number, pair in enumerate(names)]
    parts = laid_out(items)
    assert {len(of_item) for of_item in parts.values()} == {4}
    assert parts["i1"][1].text == "care worker"
    assert [piece.text for piece in parts["i1"] if piece.shared] == ["The", "said", "that"]
    # By itself it is as it stands.
    assert len(laid_out(items[1:2])["i1"]) == 5


LETTERS = st.text("ab", min_size=1, max_size=2)


@settings(deadline=None)
@given(st.lists(LETTERS, max_size=4), LETTERS, LETTERS, st.lists(LETTERS, max_size=4))
def test_pieces_put_together_are_the_contexts(before: list[str], one: str, other: str, after: list[str]) -> None:
    texts = associated(" ".join([*before, one, *after]), " ".join([*before, other, *after]))
    found = pieces(texts)
    assert tuple(
        "".join("".join(side) for side in sides) for sides in zip(*((p.a, p.b) for p in found), strict=True)
    ) == (texts.contexts)
    turned = AssociationTexts(contexts=texts.contexts[::-1], continuations=texts.continuations, group_in_context=True)
    if one != other:
        assert sum(not piece.shared for piece in found) >= 1
    assert sum(piece.shared for piece in pieces(turned)) == sum(piece.shared for piece in found)


Carries = dict[str, float]


@dataclass(frozen=True)
class Scripted(Backend):
    """A model whose d is a sum of what the words of a context carry, each pair of words by a factor of its own."""

    carries: Carries
    deaf: str = ""

    @property
    def fingerprint(self) -> ModelFingerprint:
        raise NotImplementedError

    @property
    def can(self) -> frozenset[Ability]:
        return frozenset({Ability.LIKELIHOOD})

    def respond(self, requests: Sequence[Request], *, on_progress: Advance | None = None) -> Iterator[Response]:
        del on_progress
        for request in requests:
            if self.deaf and self.deaf in request.context:
                yield Failed(key=request.key, reason="deaf")
                continue
            sign = 1.0 if "one" in request.continuation else -1.0
            nats = -20 + sign * self.log_odds(request.context, request.continuation) / 2
            yield Scored(key=request.key, token_ids=(1,), token_logprobs_nats=(nats,))

    def log_odds(self, context: str, continuation: str) -> float:
        factor = 1 + int(continuation.strip(" .")[-1]) / 10
        side = 0.5 if "woman" in context else -0.5
        return side * factor * sum(self.carries.get(word, 0.0) for word in [*context.split(), "slot"])

    def paths(self, tables: Sequence[Sequence[Request]]) -> Paths:
        found = []
        for one, _, three, _ in tables:
            a, b = (self.log_odds(cell.context, cell.continuation) for cell in (one, three))
            found.append(
                GradientPath(
                    tokens=(("wo", "m"), ("man", "an")),
                    attributions=np.array([(a - b) / 4, 3 * (a - b) / 4]),
                    log_odds=(a, b),
                    n_steps=8,
                )
            )
        return Paths(paths=tuple(found), read=tuple(range(len(found))), left_out=())


@pytest.fixture(scope="module")
def crossed(models: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return an audit of random weights by a crossed probe, and where the models lie."""
    folder = tmp_path_factory.mktemp("crossed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIASAUDIT_CACHE", str(folder / "cache"))
        probe = save_crossed(folder / "mini")
        biasaudit.audit(
            str(models / "base"),
            str(models / "tuned"),
            probes=[str(probe)],
            out=folder / "audit",
            framing_names=("plain",),
            device="cpu",
        )
    return folder / "audit", models


def scripted_words(audit: Path, base: Scripted, tuned: Scripted, *, n_items: int, n_paths: int = 6) -> FoundWords:
    @contextmanager
    def opened(name: str) -> Iterator[Scripted]:
        yield base if name == "base" else tuned

    return words(asked_in(audit, "mini"), opened, n_items=n_items, n_paths=n_paths)


def rows_of(found: FoundWords, evidence: str, checkpoint: str = "base", **where: object) -> pd.DataFrame:
    table = found.table
    chosen = (table["evidence"] == evidence) & (table["checkpoint"] == checkpoint)
    for name, value in where.items():
        chosen &= table[name] == value
    return table[chosen]


def test_the_influence_of_a_word_is_what_it_was_made_to_carry(crossed: tuple[Path, Path]) -> None:
    """Contexts are "3: the woman is", continuations " one w4.": pairs 0 to 9 have factors 1.0 to 1.9, mean 1.45."""
    base = Scripted({"the": 1.0, "is": -0.4, "slot": 2.0})
    found = scripted_words(crossed[0], base, Scripted({"slot": 1.0}), n_items=120, n_paths=24)
    assert found.facts["status"] == "ok"
    assert (found.facts["n_items"], found.facts["n_there"]) == (120, 120)
    by_word = {word: rows_of(found, LEFT_OUT, word=word)["effect"].to_numpy() for word in ("the", "is", "3:")}
    np.testing.assert_allclose(by_word["the"], 1.45, atol=1e-9)
    np.testing.assert_allclose(by_word["is"], -0.4 * 1.45, atol=1e-9)
    np.testing.assert_allclose(by_word["3:"], 0.0, atol=1e-9)
    assert len(by_word["the"]) == 12
    (whole,) = rows_of(found, EXCHANGED, wording=ALL).to_dict("records")
    assert whole["effect"] == pytest.approx(2.6 * 1.45)
    assert whole["effect_ci_low"] < whole["effect"] < whole["effect_ci_high"]
    assert rows_of(found, EXCHANGED, "tuned", wording=ALL)["effect"].iloc[0] == pytest.approx(1.45)
    # All items of a wording have the same two words, so that there is no other of the same side.
    assert rows_of(found, SAME_SIDE).empty
    shares = rows_of(found, PATH).set_index("place")["effect"]
    assert shares[1] == pytest.approx(3 * shares[0])
    assert found.facts["paths"]["base"]["largest_error_nats"] == pytest.approx(0.0, abs=1e-12)


def test_turned_round_the_sign_of_every_word_is(crossed: tuple[Path, Path]) -> None:
    one, other = (Scripted({"the": sign, "slot": 2 * sign}) for sign in (1.0, -1.0))
    found = scripted_words(crossed[0], one, other, n_items=60)
    for evidence, sign in ((LEFT_OUT, -1.0), (EXCHANGED, -1.0), (SIZE, 1.0)):
        base, tuned = (rows_of(found, evidence, name)["effect"].to_numpy() for name in ("base", "tuned"))
        np.testing.assert_allclose(tuned, sign * base, atol=1e-9)


def test_what_is_not_scored_is_counted_and_no_zero(crossed: tuple[Path, Path]) -> None:
    found = scripted_words(crossed[0], Scripted({"slot": 1.0}, deaf="3:"), Scripted({"slot": 1.0}), n_items=120)
    assert found.facts["n_unscored"] == {"base": 10, "tuned": 0}
    assert rows_of(found, EXCHANGED, wording="t3").empty
    assert len(rows_of(found, EXCHANGED, "tuned", wording="t3")) == 1


def test_of_few_items_there_are_fewer_wordings_and_of_still_fewer_no_number(crossed: tuple[Path, Path]) -> None:
    """Five items of a wording are the fewest that have an interval."""
    one = Scripted({"slot": 1.0})
    found = scripted_words(crossed[0], one, one, n_items=24)
    assert (found.facts["n_items"], found.facts["n_wordings"]) == (24, 4)
    assert rows_of(found, LEFT_OUT)["effect"].notna().all()
    few = rows_of(scripted_words(crossed[0], one, one, n_items=4), LEFT_OUT)
    assert (few["n_items"] == 4).all()
    assert few["effect"].isna().all()


def test_a_sample_is_balanced_and_has_the_same_words_in_every_wording(crossed: tuple[Path, Path]) -> None:
    asked = asked_in(crossed[0], "mini")
    items = association_items(asked, n_items=36)
    counts = pd.Series([item.cluster_id for item in items]).value_counts()
    assert (counts == 3).all()
    assert len({item.tags["pair"] for item in items}) == 3
    assert association_items(asked, n_items=36) == items
    few = association_items(asked, n_items=36, least=5)
    assert len({item.cluster_id for item in few}) == 7
    assert len(association_items(asked, n_items=10_000)) == 120


def test_items_of_other_kinds_are_not_measured_and_say_so(tmp_path: Path, models: Path) -> None:
    probe = save_probe(tmp_path / "mini")
    biasaudit.audit(
        str(models / "base"),
        str(models / "tuned"),
        probes=[str(probe)],
        out=tmp_path / "audit",
        framing_names=("plain",),
        device="cpu",
    )
    asked = asked_in(tmp_path / "audit", "mini")
    opened = opened_of({"base": models / "base", "tuned": models / "tuned"})
    for found in (words(asked, opened), layers(asked, opened)):
        assert found.facts["status"].startswith("not measured: ")
        assert found.table.empty


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_words_of_real_weights_are_those_of_asking_one_by_one(crossed: tuple[Path, Path]) -> None:
    audit, models = crossed
    asked = asked_in(audit, "mini")
    opened = opened_of({"base": models / "base", "tuned": models / "tuned"})
    found = words(asked, opened, n_items=60, n_paths=6)
    # Bytes are tokens: a woman is five of them, a man three.
    assert found.facts["paths"]["tuned"] == {
        "n_items": 0,
        "most_steps": 0,
        "largest_error_nats": None,
        "left_out": {"the contexts are not as many tokens": 6},
    }
    audited = pd.read_parquet(audit / "scores.parquet")
    kept = {item.item_id for item in association_items(asked, n_items=60, least=5)}
    here = audited[audited["item_id"].isin(kept) & (audited["checkpoint"] == "tuned") & (audited["role"] == "bias")]
    for wording, d in here.groupby("cluster_id")["d_nats"].mean().items():
        (row,) = rows_of(found, EXCHANGED, "tuned", wording=wording).to_dict("records")
        assert row["effect"] == pytest.approx(d, abs=1e-4)
    assert rows_of(found, LEFT_OUT)["effect"].abs().max() > 1e-3


def layers_of(audit: Path, folders: dict[str, Path], probe: str, *, n_items: int = 240) -> FoundLayers:
    return layers(asked_in(audit, probe), opened_of(folders), n_items=n_items)


def test_a_child_whose_head_was_trained_looks_like_its_base_by_the_bases_head(tmp_path: Path) -> None:
    """By its own it does not: the reason why one head reads both."""
    base = base_of(tmp_path, 0, steps=40)
    child = trained_a_little(tmp_path, base)
    probe = world.save_probe(tmp_path / "probe", features=[world.GENDER])
    biasaudit.audit(str(base), str(child), probes=[str(probe)], framing_names=("plain",), out=tmp_path / "audit")
    found = layers_of(tmp_path / "audit", {"base": base, "tuned": child}, "tiny-world", n_items=10_000)
    LAYERS.validate(found.table)
    assert found.facts["heads"]["base"]["status"] == found.facts["heads"]["tuned"]["status"] == "ok"
    base_rows, tuned_rows = (found.table[found.table["checkpoint"] == name] for name in ("base", "tuned"))
    np.testing.assert_array_equal(base_rows["lens_d"], base_rows["own_d"])
    # The head alone was trained: states are the base's, and so is what its head makes of them.
    for column in ("lens_d", "decodable", "selectivity"):
        np.testing.assert_allclose(base_rows[column], tuned_rows[column], atol=1e-4)
    assert (tuned_rows["own_d"] - tuned_rows["lens_d"]).abs().max() > 1e-3


def trained_a_little(work: Path, base: Path) -> Path:
    """Return a child of which the head was trained on a few sentences."""
    from biasaudit.models.tiny import train
    from tests.explanations.planted import TRAINED

    texts = world.sentences(0.5, n=64 * 10, seed=7)
    return train(work / "child", texts, words=world.vocabulary(), seed=7, parent=base, only=TRAINED["head"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_a_head_that_its_model_does_not_use_as_it_is_gives_no_lens(tmp_path: Path) -> None:
    """A soft cap: the probe is asked all the same, and what is not measured is no number."""
    base = save_architecture(tmp_path / "base", "gemma2", ARCHITECTURES["gemma2"])
    tuned = perturb(base, tmp_path / "tuned")
    probe = world.save_probe(tmp_path / "probe", features=[world.GENDER])
    biasaudit.audit(
        str(base), str(tuned), probes=[str(probe)], framing_names=("plain",), out=tmp_path / "audit", device="cpu"
    )
    found = layers_of(tmp_path / "audit", {"base": base, "tuned": tuned}, "tiny-world")
    head = found.facts["heads"]["base"]
    assert "gives other log odds than the model" in head["status"]
    assert head["apart_nats"] > 1e-4
    assert found.table[["lens_d", "own_d"]].isna().all().all()
    assert found.table["decodable"].notna().all()


def pairs(n_words: int, n_wordings: int) -> tuple[list[str], list[str]]:
    crossed = [(word, wording) for word in range(n_words) for wording in range(n_wordings)]
    return [f"w{word}" for word, _ in crossed], [f"t{wording}" for _, wording in crossed]


def test_a_probe_finds_a_side_that_is_there_and_none_that_is_not() -> None:
    rng = np.random.default_rng(0)
    names, wordings = pairs(10, 6)
    noise = rng.normal(size=(2, 60, 8))
    there = noise.copy()
    there[0, :, 3] += 4
    there[1, :, 3] -= 4
    side, control = held_out_accuracy(there, names, wordings, rng=np.random.default_rng(1))
    assert side.mean() > 0.97
    assert abs(control.mean() - 0.5) < 0.1
    side, _ = held_out_accuracy(noise, names, wordings, rng=np.random.default_rng(1))
    assert abs(side.mean() - 0.5) < 0.15
    # The same before and after: undecided is half.
    same = np.stack([noise[0], noise[0]])
    side, control = held_out_accuracy(same, names, wordings, rng=np.random.default_rng(1))
    assert (side == 0.5).all()
    assert (control == 0.5).all()


def test_words_that_were_learnt_by_heart_do_not_count() -> None:
    """Every word has a place of its own that says its side: nothing of it holds for a word that was not seen."""
    names, wordings = pairs(10, 6)
    states = np.zeros((2, 60, 20))
    for at, name in enumerate(names):
        states[0, at, int(name[1:])], states[1, at, 10 + int(name[1:])] = 1.0, 1.0
    side, control = held_out_accuracy(states, names, wordings, rng=np.random.default_rng(1))
    assert np.abs(side - 0.5).max() == 0
    assert np.abs(control - 0.5).max() < 0.3


def test_of_one_word_a_probe_has_nothing_to_learn() -> None:
    states = np.random.default_rng(0).normal(size=(2, 6, 4))
    side, control = held_out_accuracy(states, ["w"] * 6, [f"t{n}" for n in range(6)], rng=np.random.default_rng(1))
    assert np.isnan(side).all()
    assert np.isnan(control).all()


def test_sides_that_are_exchanged_are_told_as_well() -> None:
    states = np.random.default_rng(0).normal(size=(2, 60, 8))
    states[0] += 0.3
    names, wordings = pairs(10, 6)
    found = [held_out_accuracy(one, names, wordings, rng=np.random.default_rng(1)) for one in (states, states[::-1])]
    np.testing.assert_allclose(found[0][0], found[1][0])


@pytest.mark.slow
def test_a_probe_and_a_lens_do_not_tell_masked_from_gone(tmp_path: Path) -> None:
    """The reason why nothing may be concluded from them; figures of more seeds are in docs/validation.md."""
    from tests.explanations.looked_at import planted_layers

    found = planted_layers(tmp_path, 0, ("head", "everything"))
    masked, gone = (found[kind] for kind in ("head", "everything"))
    assert masked["decodable"] > 0.85
    assert masked["lens_d"] > 2 * masked["own_d"]
    # By d the lean is nearly gone in both; the side is told in both.
    assert gone["decodable"] > 0.55
    assert max(masked["own_d"], gone["own_d"]) < found["base"]["own_d"] / 3
