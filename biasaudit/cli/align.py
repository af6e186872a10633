"""`biasaudit align`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biasaudit.cli import terminal

app = typer.Typer(help="Tune a base model, to audit what that does.", no_args_is_help=True)


@app.callback()
def _methods() -> None:
    """Tune a base model, to audit what that does."""


@app.command()
def sft(
    base: Annotated[str, typer.Argument(help="Pretrained model: hub id[@revision], folder or .gguf file.")],
    data: Annotated[Path, typer.Option("--data", help="JSON Lines with the fields prompt and response.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the adapter.")],
    data_license: Annotated[
        str | None, typer.Option(help="Licence of the data, for the card; else from FILE.license.")
    ] = None,
    chat_template: Annotated[
        str | None, typer.Option(help="Jinja file or shipped name (gemma); default the base's own.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="How often each record is seen.")] = 2,
    learning_rate: Annotated[float, typer.Option(help="Its highest value.")] = 3e-4,
    warmup_fraction: Annotated[float, typer.Option(help="Share of the updates in which it rises.")] = 0.03,
    batch_size: Annotated[int, typer.Option(help="Records of one update.")] = 8,
    micro_batch_size: Annotated[
        int | None, typer.Option(help="Records computed at once: fewer need less memory; default up to 4.")
    ] = None,
    lora_rank: Annotated[int, typer.Option(help="Rank of the adapter.")] = 8,
    lora_alpha: Annotated[int, typer.Option(help="Its change is scaled by alpha / rank.")] = 16,
    max_length: Annotated[int, typer.Option(help="Longest record in tokens; longer ones are left out.")] = 512,
    seed: Annotated[int, typer.Option(help="Seed of the adapter's first weights and the order of records.")] = 0,
    checkpoint_every: Annotated[int, typer.Option(help="Updates between two checkpoints.")] = 25,
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "float32",
    device: Annotated[str | None, typer.Option(help="cpu, cuda or mps; default the best there is.")] = None,
    trust_remote_code: Annotated[bool, typer.Option(help="Let code that comes with a model run.")] = False,
) -> None:
    """Tune an adapter on instructions and responses. Again: goes on from the last checkpoint."""
    from biasaudit.cli import choices

    chosen_dtype = choices.dtype(dtype)
    from biasaudit import align
    from biasaudit.cli.console import Shown

    settings = align.SftSettings(
        n_epochs=epochs,
        learning_rate=learning_rate,
        warmup_fraction=warmup_fraction,
        batch_size=batch_size,
        micro_batch_size=micro_batch_size,
        lora_rank=lora_rank,
        lora_alpha=lora_alpha,
        max_length_tokens=max_length,
        seed=seed,
        checkpoint_every_steps=checkpoint_every,
        dtype=chosen_dtype,
        device=device,
        trust_remote_code=trust_remote_code,
    )
    with Shown() as shown:
        tuned = align.sft(
            base,
            data,
            out,
            settings=settings,
            chat_template=chat_template,
            data_license=data_license,
            progress=shown,
        )
    used, loss = tuned.card.instructions, tuned.card.loss_nats
    terminal.say(
        f"{used['n_used']} of {used['n_records']} records used; {used['n_without_response']} have no response, "
        f"{used['n_too_long']} are too long."
    )
    terminal.say_line(f"Loss {loss[0][1]:.3f} to {loss[-1][1]:.3f} nats per token in {tuned.card.n_steps} updates.")
    terminal.say_line(f"Adapter: {tuned.folder} (audit it as {base}+{tuned.folder})")
