"""What single records did: slopes that are exact, the audit's own index, and refusals with a reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import biasaudit
from biasaudit.align import SftSettings, sft
from biasaudit.align.folder import CARD, CHECKPOINTS
from biasaudit.align.influence.attribute import InfluenceSettings, RecordInfluence, record_influences
from biasaudit.errors import TrainingDataError, UsageError
from biasaudit.framing import NEUTRAL_REQUESTS, PLAIN, framings
from biasaudit.models import ModelShelf, locate, parse_reference
from biasaudit.models.text.chat import chat_frame
from biasaudit.probes import Probe, load_probe
from biasaudit.types import AssociationTexts
from tests.align.recipe import tune
from tests.models.architectures import ARCHITECTURES, save_architecture
from tests.tiny import TURNS, instruction, item, save_instructions, save_probe

if TYPE_CHECKING:
    import torch

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A finished training, and what is asked of it."""

    reference: str
    adapter: Path
    data: Path
    probe: Probe


def association(number: int, *, feature: str = "gender", cluster: int = 0) -> dict[str, object]:
    groups = {"gender": ("woman", "man"), "age": ("old", "young")}[feature]
    return {
        "id": f"{feature}-{number}",
        "cluster": f"{feature}-c{cluster}",
        "feature": feature,
        "groups": list(groups),
        "contexts": [f"the {one} is" for one in groups],
        "continuations": [f" a nurse {number}", f" a pilot {number}"],
        "group_in_context": True,
    }


def probe_of(folder: Path, *, clusters: str = "designed") -> Probe:
    """Return 14 associations of two features in clusters of unequal size."""
    rows = [association(number, cluster=number % 6 if number < 6 else 0) for number in range(9)]
    rows += [association(number, feature="age", cluster=number) for number in range(5)]
    declared = {"gender": ["woman", "man"], "age": ["old", "young"]}
    saved = save_probe(folder, rows, kind="association", clusters=clusters, groups=declared)
    return load_probe(str(saved))


def save_rows(path: Path, n: int = 24) -> Path:
    rows = [instruction(number, source=("web", "forum")[number % 3 == 0]) for number in range(n)]
    return save_instructions(path, [*rows, instruction(n, response=" ", source="web")])


@pytest.fixture(scope="module")
def case(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("influence")
    data = save_rows(folder / "rows.jsonl")
    done = tune(base, data, folder / "adapter", lora_rank=2, lora_alpha=4)
    return Case(reference=f"{base}+{done.folder}", adapter=done.folder, data=data, probe=probe_of(folder / "probe"))


def asked(case: Case, **options: Any) -> RecordInfluence:
    return record_influences(case.reference, case.data, **{"probe": case.probe, "framings": (PLAIN,), **options})


def weights_at(case: Case, step: int) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    kept = load_file(case.adapter / CHECKPOINTS)
    return {name.partition("/")[2]: one for name, one in kept.items() if name.startswith(f"{step}/")}


class ByHand:
    """The same in plain torch and transformers: one text at a time, every gradient whole.

    As audits ask: this tokenizer puts nothing before a text.
    """

    def __init__(self, case: Case, step: int) -> None:
        from peft import set_peft_model_state_dict

        self.loaded = ModelShelf(device="cpu").open(locate(parse_reference(case.reference)))
        self.model: Any = self.loaded.model  # PeftModel
        set_peft_model_state_dict(self.model, weights_at(case, step))
        self.weights = [one for name, one in self.model.named_parameters() if "lora_" in name]
        for one in self.weights:
            one.requires_grad_(True)

    def ids(self, text: str) -> list[int]:
        return list(self.loaded.tokenizer(text, add_special_tokens=False)["input_ids"])

    def nats(self, before: Sequence[int], after: Sequence[int]) -> torch.Tensor:
        import torch

        logprobs = self.model(torch.tensor([[*before, *after]])).logits[0].log_softmax(-1)
        return torch.stack([logprobs[len(before) + at - 1, token] for at, token in enumerate(after)])

    def loss(self, row: dict[str, str]) -> torch.Tensor:
        prompt = self.ids(f"<bos><user> {row['prompt']} <model>")
        return -self.nats(prompt, self.ids(row["response"] + "<eos>")).mean()

    def index(self, probe: Probe, feature: str) -> torch.Tensor:
        """Return the mean over clusters of cluster means."""
        import torch

        by_cluster: dict[str, list[torch.Tensor]] = {}
        for one in (one for one in probe.items if feature in ("all", one.feature)):
            if not isinstance(one.texts, AssociationTexts):
                continue
            contexts, ends = one.texts.contexts, one.texts.continuations
            cells = [self.nats(self.ids(a), self.ids(b)).sum() for a in contexts for b in ends]
            value = torch.tanh((cells[0] - cells[1] - cells[2] + cells[3]) / 4)
            by_cluster.setdefault(one.cluster_id, []).append(value)
        return torch.stack([torch.stack(several).mean() for several in by_cluster.values()]).mean()

    def gradient(self, value: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.cat([one.flatten() for one in torch.autograd.grad(value, self.weights)])

    def step(self, along: torch.Tensor, size: float) -> None:
        """Take a plain step against a gradient."""
        import torch

        parts = torch.split(along, [one.numel() for one in self.weights])
        with torch.no_grad():
            for weight, part in zip(self.weights, parts, strict=True):
                weight.sub_(size * part.view_as(weight))


def test_influences_are_the_sums_of_products_of_whole_gradients(case: Case) -> None:
    """Each record's own gradient, one text at a time, at every checkpoint, by the learning rate of its stretch."""
    found = asked(case)
    noted = json.loads((case.adapter / CARD).read_text(encoding="utf-8"))["checkpoints"]
    rows = [json.loads(line) for line in case.data.read_text(encoding="utf-8").splitlines()][:24]
    wanted = dict.fromkeys(("all", "gender", "age"), np.zeros(24))
    for step, rate in zip(noted["steps"], noted["learning_rates"], strict=True):
        by_hand = ByHand(case, step)
        losses = [by_hand.gradient(by_hand.loss(row)) for row in rows]
        for feature, before in wanted.items():
            along = by_hand.gradient(by_hand.index(case.probe, feature))
            wanted[feature] = before - rate * np.array([float(one @ along) for one in losses])
    for feature, values in wanted.items():
        here = found.records[found.records["feature"] == feature]
        assert here["line"].tolist() == list(range(1, 25))
        np.testing.assert_allclose(here["influence"], values, atol=1e-6 * np.abs(values).max() + 1e-9, rtol=2e-3)


def test_a_step_on_a_record_moves_the_index_by_its_influence(case: Case) -> None:
    """A small plain step on one record's loss, and the index asked again: the sign is that of the change."""
    rows = [json.loads(line) for line in case.data.read_text(encoding="utf-8").splitlines()]
    by_hand = ByHand(case, 12)
    before, size = by_hand.index(case.probe, "gender").item(), 1e-4
    last_alone = json.loads((case.adapter / CARD).read_text(encoding="utf-8"))
    out = shutil.copytree(case.adapter, case.adapter.parent / "last-alone")
    _keep_last(out, last_alone)
    rate = last_alone["checkpoints"]["learning_rates"][-1]
    reference = case.reference.replace(str(case.adapter), str(out))
    found = asked(replace(case, reference=reference, adapter=out)).records
    here = found[found["feature"] == "gender"]["influence"].to_numpy()
    chosen = [int(np.argmax(here)), int(np.argmin(here))]
    assert here[chosen[0]] > 0 > here[chosen[1]]
    for number in chosen:
        along = by_hand.gradient(by_hand.loss(rows[number]))
        by_hand.step(along, size)
        moved = by_hand.index(case.probe, "gender").item() - before
        by_hand.step(along, -size)
        assert moved == pytest.approx(size / rate * here[number], rel=0.05, abs=1e-6)


def _keep_last(folder: Path, card: dict[str, Any]) -> None:  # Any: JSON
    import hashlib

    from safetensors.torch import load_file, save_file

    kept = {name: one for name, one in load_file(folder / CHECKPOINTS).items() if name.startswith("12/")}
    save_file(kept, folder / CHECKPOINTS)
    noted = card["checkpoints"]
    noted.update(
        steps=noted["steps"][-1:],
        learning_rates=noted["learning_rates"][-1:],
        sha256=hashlib.sha256((folder / CHECKPOINTS).read_bytes()).hexdigest(),
    )
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")


@pytest.mark.parametrize("framing", ["plain", "chat"])
def test_the_last_index_is_the_audits(case: Case, base: Path, tmp_path: Path, framing: str) -> None:
    """What is differentiated is what was audited: items, clusters, wordings of a chat, competence aside."""
    options: dict[str, Any] = {"framing_names": (framing,), "device": "cpu", "out": tmp_path / "audit"}
    biasaudit.audit(str(base), case.reference, probes=[str(case.data.parent / "probe")], **options)
    estimates = pd.read_parquet(tmp_path / "audit" / "estimates.parquet")
    graded = estimates[(estimates["metric"] == "graded") & (estimates["checkpoint"] == "tuned")]
    loaded = ModelShelf(device="cpu").open(locate(parse_reference(case.reference)))
    chat = chat_frame(loaded.tokenizer, str(loaded.chat_template)) if framing == "chat" else None
    found = asked(case, framings=framings((framing,), NEUTRAL_REQUESTS), chat=chat)  # type: ignore[arg-type]
    for feature in ("all", "gender", "age"):
        (row,) = graded[graded["feature"] == feature].to_dict("records")
        assert found.facts["index"][feature][-1] == pytest.approx(row["value"], abs=1e-5)


def test_items_that_are_the_sample_weigh_alike(case: Case, tmp_path: Path) -> None:
    """Of a nuisance, the mean is over items: with clusters of unequal size it is another index."""
    other = asked(replace(case, probe=probe_of(tmp_path / "probe", clusters="nuisance")))
    assert other.facts["index"]["age"] == pytest.approx(asked(case).facts["index"]["age"])
    assert other.facts["index"]["gender"] != pytest.approx(asked(case).facts["index"]["gender"], abs=1e-4)


def test_facts_say_what_was_asked(case: Case) -> None:
    facts = asked(case).facts
    assert (facts["n_records"], facts["n_used"], facts["n_asked"]) == (25, 24, 24)
    assert facts["n_items"] == {"all": 14, "gender": 9, "age": 5}
    assert facts["n_clusters"] == {"all": 11, "gender": 6, "age": 5}
    assert facts["n_parts"] == {"all": 8, "gender": 6, "age": 5}
    assert [one["step"] for one in facts["checkpoints"]] == [4, 8, 12]
    assert all(-1 <= value <= 1 for value in facts["agreement"].values())
    assert json.loads(json.dumps(facts)) == facts


def test_groups_are_told_by_the_field_that_is_there_or_named(case: Case) -> None:
    found = asked(case)
    assert (found.facts["group_field"], found.facts["no_groups"]) == ("source", "")
    gender = found.records[found.records["feature"] == "gender"]
    means = gender.groupby("group")["influence"].mean()
    groups = found.groups[found.groups["feature"] == "gender"].set_index("group")
    assert groups["n_records"].to_dict() == {"forum": 8, "web": 16}
    assert groups["influence"].to_dict() == pytest.approx(means.to_dict())
    named = asked(case, settings=InfluenceSettings(group_by="prompt"))
    assert len(named.groups) == 0
    assert named.facts["no_groups"].startswith("0 groups have 5 records or more")
    with pytest.raises(TrainingDataError, match=r"no record of rows\.jsonl has a text in the field 'topic'"):
        asked(case, settings=InfluenceSettings(group_by="topic"))


def test_of_more_records_some_are_drawn_and_the_rest_is_counted(case: Case) -> None:
    whole, few = asked(case), asked(case, settings=InfluenceSettings(max_records=7))
    assert (few.facts["n_used"], few.facts["n_asked"]) == (24, 7)
    both = few.records.merge(whole.records, on=["feature", "line"], suffixes=("", "_whole"))
    assert len(both) == len(few.records) == 3 * 7
    np.testing.assert_allclose(both["influence"], both["influence_whole"], rtol=1e-3, atol=1e-9)
    with pytest.raises(UsageError, match="max_records is 0"):
        InfluenceSettings(max_records=0)


def test_nothing_of_the_model_is_left_changed(case: Case) -> None:
    """Asked twice, it says the same."""
    first, again = asked(case), asked(case)
    pd.testing.assert_frame_equal(first.records, again.records)


@pytest.mark.parametrize("kind", ["gpt2", "gemma3_text", "opt", "qwen2_moe"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_batches_say_what_single_records_say(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of layers that keep their weights the other way round, and where a layer sees the tokens of all rows at once."""
    from biasaudit.align.influence import slopes

    base = save_architecture(tmp_path / "base", kind, ARCHITECTURES[kind])
    template = tmp_path / "turns.jinja"
    template.write_text(TURNS, encoding="utf-8")
    data = save_rows(tmp_path / "rows.jsonl", n=8)
    settings = SftSettings(learning_rate=1e-2, lora_rank=2, device="cpu", batch_size=4)
    done = sft(str(base), data, tmp_path / "out", settings=settings, chat_template=str(template))
    one = Case(reference=f"{base}+{done.folder}", adapter=done.folder, data=data, probe=probe_of(tmp_path / "probe"))
    together = asked(one).records
    monkeypatch.setattr(slopes, "_PASS_TOKENS", 1)
    alone = asked(one).records
    largest = float(alone["influence"].abs().max())
    assert largest > 0
    np.testing.assert_allclose(together["influence"], alone["influence"], rtol=1e-2, atol=1e-4 * largest)


def spoil(case: Case, out: Path, **card: Any) -> str:  # Any: JSON
    """Copy the adapter with another card; a value of None takes the field away."""
    shutil.copytree(case.adapter, out)
    content = {**json.loads((out / CARD).read_text(encoding="utf-8")), **card}
    (out / CARD).write_text(
        json.dumps({name: one for name, one in content.items() if one is not None}), encoding="utf-8"
    )
    return case.reference.replace(str(case.adapter), str(out))


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ({"checkpoints": None}, "kept no weights on its way"),
        ({"checkpoints": {"sha256": "0" * 64}}, "was altered"),
        ({"method": "constraint"}, "was trained by 'constraint'"),
        ({"identity": {}}, "trained on another base"),
        ({"schema_version": 9}, "is not known: its training card cannot be used"),
        ({"libraries": None}, "is no whole training card"),
    ],
    ids=["none kept", "altered", "method", "base", "version", "torn"],
)
def test_trainings_of_which_nothing_can_be_asked_are_refused(
    case: Case, tmp_path: Path, card: dict[str, Any], said: str
) -> None:
    reference = spoil(case, tmp_path / "out", **card)
    with pytest.raises(TrainingDataError, match=said) as caught:
        asked(replace(case, reference=reference))
    assert caught.value.fix


@pytest.mark.parametrize(
    ("noted", "said"),
    [
        ({"steps": [4, 8]}, "does not say which checkpoints"),
        ({"steps": [4, "8", 12]}, "does not say which checkpoints"),
        ({"steps": [4, 8, 11]}, "does not hold the checkpoints"),
    ],
    ids=["lengths", "types", "others"],
)
def test_checkpoints_that_are_not_those_of_the_card_are_refused(
    case: Case, tmp_path: Path, noted: dict[str, Any], said: str
) -> None:
    content = json.loads((case.adapter / CARD).read_text(encoding="utf-8"))["checkpoints"]
    reference = spoil(case, tmp_path / "out", checkpoints={**content, **noted})
    with pytest.raises(TrainingDataError, match=said):
        asked(replace(case, reference=reference))


def test_other_data_and_models_without_a_training_are_refused(case: Case, base: Path, tmp_path: Path) -> None:
    other = save_rows(tmp_path / "other.jsonl", n=23)
    with pytest.raises(TrainingDataError, match="is not the file that the adapter") as caught:
        asked(replace(case, data=other))
    assert "rows.jsonl" in str(caught.value.fix)
    with pytest.raises(TrainingDataError, match="is no adapter on a base"):
        asked(replace(case, reference=str(base)))
    out = shutil.copytree(case.adapter, tmp_path / "out")
    (out / CARD).unlink()
    with pytest.raises(TrainingDataError, match="there is no training card"):
        asked(replace(case, reference=f"{base}+{out}"))
    shutil.copyfile(case.adapter / CARD, out / CARD)
    (out / CHECKPOINTS).unlink()
    with pytest.raises(TrainingDataError, match=r"checkpoints\.safetensors"):
        asked(replace(case, reference=f"{base}+{out}"))


def test_another_template_than_the_trainings_is_noticed(case: Case, tmp_path: Path) -> None:
    """It renders longer prompts: of as many records as before, fewer fit."""
    content = json.loads((case.adapter / CARD).read_text(encoding="utf-8"))
    reference = spoil(case, tmp_path / "out", settings={**content["settings"], "max_length_tokens": 30})
    with pytest.raises(TrainingDataError, match="the training card says 24"):
        asked(replace(case, reference=reference))


def test_a_probe_of_another_kind_is_refused(case: Case, tmp_path: Path) -> None:
    pairs = load_probe(str(save_probe(tmp_path / "pairs", [item(number) for number in range(12)])))
    with pytest.raises(TrainingDataError, match="no mean of associations"):
        asked(case, probe=pairs)
