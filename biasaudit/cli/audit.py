"""`biasaudit audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from biasaudit.cli import terminal

if TYPE_CHECKING:
    from biasaudit.audits.plan import Plan


def audit(
    base: Annotated[
        str,
        typer.Argument(
            help="Pretrained model: hub id[@revision], folder or .gguf file, [+adapter]; vllm:MODEL; "
            "or http://HOST:PORT/v1#MODEL+tokenizer=PLACE."
        ),
    ],
    tuned: Annotated[list[str], typer.Argument(help="Models tuned from it, in order; NAME=MODEL names a stage.")],
    siblings: Annotated[
        bool, typer.Option(help="Each was tuned from BASE and none from another: compare no steps between them.")
    ] = False,
    probe: Annotated[
        list[str] | None, typer.Option("--probe", "-p", help="Probe id or folder; repeat for more.")
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            help="Our own probes in part or whole: demo, quick, standard (default) or full; with --probe, too."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the audit.")] = Path("reports/audit"),
    framing: Annotated[list[str] | None, typer.Option(help="plain or chat; default both.")] = None,
    request: Annotated[list[str] | None, typer.Option(help="Neutral request of the chat framing; repeat.")] = None,
    chat_template: Annotated[
        str | None, typer.Option(help="Jinja file, shipped name (gemma), or :NAME of a model's own.")
    ] = None,
    template_date: Annotated[
        str | None, typer.Option(help="Date that a dated chat template is told: 2025-12-31; default the day's.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder with published data sets.")] = None,
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    device: Annotated[str | None, typer.Option(help="cpu, cuda or mps; default the best there is.")] = None,
    quantize: Annotated[
        str | None, typer.Option(help="Put plain weights into nf4 or int8 when they are loaded (extra: quantized).")
    ] = None,
    device_map: Annotated[
        str | None, typer.Option(help="auto: spread weights over all GPUs, then memory, then disk.")
    ] = None,
    margin: Annotated[float, typer.Option(help="Largest change of an index that counts as none.")] = 0.05,
    level: Annotated[float, typer.Option(help="Confidence level of the intervals.")] = 0.95,
    seed: Annotated[int, typer.Option(help="Seed of the permutation tests and resamples.")] = 0,
    batch_tokens: Annotated[
        int | None, typer.Option(help="Tokens that run at once; changes the time, not the numbers.")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(help="Requests to a server at once; default 4. The numbers stay.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that score, each with the weights; changes the time alone.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(help="Ray cluster that they run on: HOST:PORT, auto or local; needs the extra ray.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="About so many items of each probe: a seeded sample of whole clusters.")
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(help="Read answers from so many drawn texts a question, not from log-probabilities."),
    ] = None,
    robustness: Annotated[
        str | None,
        typer.Option(help="Ask under perturbations too: quick, standard or a YAML file; does a reduction hold?"),
    ] = None,
    omit_texts: Annotated[bool, typer.Option(help="Leave the texts of published sets out of the audit.")] = False,
    allow_different_lineage: Annotated[bool, typer.Option(help="Compare models of different lineage.")] = False,
    allow_different_engines: Annotated[
        bool,
        typer.Option(help="Compare models that differ in engine, number format or quantisation; the report says so."),
    ] = False,
    allow_implausible: Annotated[
        bool, typer.Option(help="Audit a model that finds shuffled words as likely as sentences; the report says so.")
    ] = False,
    trust_remote_code: Annotated[bool, typer.Option(help="Let code that comes with a model run.")] = False,
    dry_run: Annotated[
        bool, typer.Option(help="Check everything, say what would be asked and how long it takes; score nothing.")
    ] = False,
) -> None:
    """Audit a pretrained model and the models tuned from it."""
    from biasaudit.cli import choices
    from biasaudit.cli.progress import Shown
    from biasaudit.cli.verdicts import print_verdicts

    names = choices.framings(framing)
    chosen_dtype = choices.dtype(dtype)
    from biasaudit import api

    settings: dict[str, Any] = {  # the fields of a plan
        "siblings": siblings,
        "probes": probe or None,
        "suite": suite,
        "chat_template": chat_template,
        "template_date": template_date,
        "data_dir": data_dir,
        "framing_names": names,
        "dtype": chosen_dtype,
        "device": device,
        "quantize": choices.quantize(quantize),
        "device_map": choices.device_map(device_map),
        "margin": margin,
        "level": level,
        "seed": seed,
        "batch_tokens": batch_tokens,
        "concurrency": concurrency,
        "workers": workers,
        "ray": ray,
        "limit": limit,
        "draws": draws,
        "robustness": robustness,
        "omit_texts": omit_texts,
        "allow_different_lineage": allow_different_lineage,
        "allow_different_engines": allow_different_engines,
        "allow_implausible": allow_implausible,
        "trust_remote_code": trust_remote_code,
        **({"requests": tuple(request)} if request else {}),
    }
    if dry_run:
        _dry_run(api.planned(base, tuned, **settings), out)
        return
    with Shown() as shown:
        found = api.audit(base, tuned, out=out, progress=shown, **settings)
    print_verdicts(found)
    terminal.say_line(f"Report: {out / 'report.html'}")


def _dry_run(plan: Plan, out: Path) -> None:
    from biasaudit.audits import dry_run as forecast
    from biasaudit.cli.forecast import print_forecast
    from biasaudit.cli.progress import Shown

    with Shown() as shown:
        found = forecast.dry_run(plan, out=out, progress=shown)
    print_forecast(found)
