"""The objective of tuning by reward, against a plain computation: it hangs on no piece of an update and no filling."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch

from biasaudit import align
from biasaudit.align.methods.reward import RewardSettings
from tests.align.contrast_file import save_contrasts
from tests.tiny import save_tokenizer

pytestmark = pytest.mark.slow

BETA, ANCHOR = 0.3, 0.7


def save_base(folder: Path, *, learned: bool) -> Path:
    """Save a tiny model that knows no word for sure; to one with learned positions it matters where a text begins."""
    from transformers import GPTNeoConfig, GPTNeoForCausalLM, LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    size = save_tokenizer(folder, chat_template=None)
    torch.manual_seed(3)
    common: dict[str, Any] = {"vocab_size": size, "bos_token_id": 0, "eos_token_id": 1, "initializer_range": 0.1}
    if learned:
        sizes: dict[str, Any] = {
            "hidden_size": 32,
            "num_layers": 2,
            "num_heads": 4,
            "attention_types": [[["global"], 2]],
        }
        GPTNeoForCausalLM(GPTNeoConfig(**sizes, max_position_embeddings=256, **common)).save_pretrained(folder)
    else:
        sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
        LlamaForCausalLM(LlamaConfig(**sizes, **common)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bases")
    return {name: save_base(folder / name, learned=name == "learned") for name in ("rotary", "learned")}


class FirstUpdate:
    """One update from an adapter that has left its base already, so that every term of the objective has a gradient."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from biasaudit.align.methods import policy

        accelerator = importlib.import_module("accelerate").Accelerator
        made: Any = policy.policy_trainer  # whose model is only known by its use
        generated = policy._OverSets._generate_and_score_completions
        clipped = accelerator.clip_grad_norm_

        def make(*given: Any) -> Any:
            self.trainer = made(*given)
            torch.manual_seed(11)
            for name, weight in self.trainer.model.named_parameters():
                if "lora_B" in name:
                    torch.nn.init.normal_(weight, std=0.05)
            torch.manual_seed(0)
            return self.trainer

        def generate(trainer: Any, inputs: Any) -> dict[str, Any]:
            done = generated(trainer, inputs)
            self.advantages = done["advantages"].clone()
            self.texts = [
                (prompt.context_ids, ids)
                for row in trainer.rollouts.now[::2]
                for prompt in [trainer.rollouts.prompts[row]]
                for ids in prompt.option_ids
            ]
            return done

        def clip(of: Any, *given: Any) -> Any:
            self.gradient = self._flat([weight.grad for weight in self._weights()])
            return clipped(of, *given)

        monkeypatch.setattr(policy, "policy_trainer", make)
        monkeypatch.setattr(policy._OverSets, "_generate_and_score_completions", generate)
        monkeypatch.setattr(accelerator, "clip_grad_norm_", clip)

    def run(self, base: Path, contrasts: Path, out: Path, **more: Any) -> torch.Tensor:
        """Return the gradient of the update, of all weights in a row."""
        settings = RewardSettings(
            n_steps=1,
            warmup_fraction=0.0,
            # No update: the plain computation sees the weights that the gradient was taken at.
            learning_rate=1e-30,
            sets_per_update=2,
            licensed_per_update=1,
            num_generations=8,
            neutral_per_update=2,
            beta=BETA,
            anchor=ANCHOR,
            device="cpu",
            contrasts=str(contrasts),
            **more,
        )
        align.tune("reward", str(base), None, out, settings=settings)
        return self.gradient

    def by_hand(self, *, estimator: str) -> torch.Tensor:
        """Return the gradient of the objective, each text alone in its row."""
        objective = torch.zeros(())
        for (context, ids), advantage in zip(self.texts, self.advantages.tolist(), strict=True):
            now, base = self._token_logprobs(context, ids)
            # GRPO has the divergence in the loss of each token, RLOO in the advantage.
            of_tokens = (base - now).exp() - (base - now) - 1 if estimator == "grpo" else torch.zeros(())
            objective = objective + (-advantage * now.sum() + BETA * of_tokens.sum()) / len(self.texts)
        updates = self.trainer.rollouts.updates
        neutral = [updates.neutral.rows[row] for row in updates.neutral_order[0]]
        parts = [self._divergences(row) for row in neutral]
        objective = objective + ANCHOR * torch.cat(parts).mean()
        return self._flat(list(torch.autograd.grad(objective, self._weights())))

    def _weights(self) -> list[torch.Tensor]:
        return [weight for weight in self.trainer.model.parameters() if weight.requires_grad]

    @staticmethod
    def _flat(several: list[Any]) -> torch.Tensor:
        return torch.cat([one.flatten() for one in several]).clone()

    def _both(self, row: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
        model, ids = self.trainer.model, torch.tensor([row])
        with torch.no_grad(), model.disable_adapter():
            base = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
        return model(input_ids=ids).logits[0, :-1].log_softmax(-1), base

    def _token_logprobs(self, context: tuple[int, ...], ids: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
        both = self._both((*context, *ids))
        places = torch.arange(len(context) - 1, len(context) + len(ids) - 1)
        now, base = (one[places, torch.tensor(ids)] for one in both)
        return now, base

    def _divergences(self, row: tuple[int, ...]) -> torch.Tensor:
        now, base = self._both(row)
        return (base.exp() * (base - now)).sum(-1)


@pytest.mark.parametrize("positions", ["rotary", "learned"])
@pytest.mark.parametrize("estimator", ["grpo", "rloo"])
def test_an_update_has_the_gradient_of_the_objective_in_whatever_pieces_it_is_taken(
    bases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, estimator: str, positions: str
) -> None:
    """12 texts at once, 4 and 1: sums over the tokens of each text, whose mean and the anchor weigh what is asked."""
    contrasts, update = save_contrasts(tmp_path), FirstUpdate(monkeypatch)
    found = []
    for at_once in (12, 4, 1):
        gradient = update.run(
            bases[positions], contrasts, tmp_path / f"{at_once}", estimator=estimator, micro_batch_size=at_once
        )
        assert float(gradient.abs().max()) > 0.1
        torch.testing.assert_close(gradient, update.by_hand(estimator=estimator), rtol=1e-4, atol=1e-5)
        found.append(gradient)
    assert len({len(context) for context, _ in update.texts}) > 1
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-4, atol=1e-5)
