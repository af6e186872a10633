"""`biasaudit probes`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from biasaudit.cli import terminal

app = typer.Typer(help="List, show and check probes.", no_args_is_help=True)

Margin = Annotated[float, typer.Option(min=0.001, max=1.0, help="Largest change that counts as none, in index points.")]
Spread = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        max=1.0,
        help="Standard deviation of an item's change on the graded index; default: usual for the kind.",
    ),
]
Cells = Annotated[
    int | None, typer.Option(min=1, help="Cells that the audit tests together; default: those of this probe.")
]
Correlation = Annotated[float, typer.Option(min=0.0, max=1.0, help="Of differences within a cluster.")]
DataDir = Annotated[Path | None, typer.Option(help="Folder with published data sets.")]


@app.command("list")
def list_() -> None:
    """List the suites, our own probes, which need no network, and the published sets that can be read."""
    from biasaudit.probes import available, suites
    from biasaudit.probes.card import Card, read_card

    def print_cards(heading: str, cards: list[Card]) -> None:
        terminal.say(f"\n{heading}")
        for card in cards:
            terminal.say_line(f"  {card.id:<27} {card.kind:<12} {card.name}")

    terminal.say_line("Suites (biasaudit audit BASE TUNED --suite NAME):")
    for name, suite in suites().items():
        terminal.say_line(f"  {name:<10} {suite.says}")
    cards = [read_card(folder / "card.yaml") for folder in available().values()]
    print_cards("Our own, which come with the package:", [card for card in cards if not card.data.published])
    print_cards("Published sets, read from your --data-dir:", [card for card in cards if card.data.published])


@app.command()
def show(name: str, data_dir: DataDir = None) -> None:
    """Show a probe's card, and its data where they are at hand."""
    from biasaudit.errors import ProbeError
    from biasaudit.probes import load_probe
    from biasaudit.probes.registry import card_of
    from biasaudit.types import Role

    card = card_of(name)
    terminal.say_line(f"{card.id}: {card.name}, version {card.version}, {card.kind}, {card.language}")
    terminal.say(f"\nMeasures: {card.measures}\nHarm: {card.harm}\nPositive index: {card.positive_index}")
    terminal.say(f"Features: {', '.join(card.features)}\nLicence: {card.licence}\nCitation: {card.citation}")
    terminal.say_line("Known defects:")
    for defect in card.known_defects:
        terminal.say_line(f"  - {defect}")
    terminal.say_line(f"Not shown: {card.not_shown}")
    try:
        probe = load_probe(name, data_dir=data_dir)
    except ProbeError as error:
        terminal.say(f"\nData: {error}")
        return
    terminal.say(f"\nData: {len(probe.items)} items from {probe.origin}, sha256 {probe.sha256}")
    n_licensed = sum(item.role is Role.LICENSED for item in probe.items)
    if n_licensed:
        terminal.say_line(f"Of them licensed (what a good model keeps): {n_licensed}")
    for notice in probe.notices:
        terminal.say_line(f"Notice: {notice}")


@app.command()
def items(
    name: Annotated[str, typer.Argument(help="Probe, or a folder with one.")],
    csv: Annotated[Path, typer.Option(help="File for the texts; - is standard output.")],
    data_dir: DataDir = None,
) -> None:
    """Write a probe's ids and texts as CSV, one row per item and part, in plain framing.

    Put what your own model makes of each continuation after its context into a column `score`, and `biasaudit score`
    computes the published scores of it. Texts stand as they are, for programs: not made safe for spreadsheets.
    """
    from biasaudit.audits.item_table import item_csv, item_table
    from biasaudit.outputs import check_outputs, is_stream, write_output
    from biasaudit.probes import load_probe
    from biasaudit.probes.files import files_of

    inputs = files_of(name, data_dir=data_dir)
    check_outputs([csv], inputs=inputs)
    probe = load_probe(name, data_dir=data_dir)
    table = item_table(probe)
    write_output(csv, item_csv(table), inputs=inputs)
    for notice in probe.notices:
        terminal.tell(f"{probe.card.id}: {notice}")
    terminal.tell(f"{probe.card.id}: licence of the texts: {probe.card.licence}")
    if probe.card.data.published:
        terminal.tell("They are a published set's: keep the file to yourself unless that licence lets you pass it on.")
    if not is_stream(csv):
        terminal.say_line(f"{csv}: {len(table):,} texts of {len(probe.items):,} items.")


@app.command()
def check(
    names: Annotated[
        list[str] | None, typer.Argument(help="Probes or folders; without any, all that were written for biasaudit.")
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="Model whose tokenizer compares lengths; else an approximation does.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Check probes: texts, groups, clusters, power, card. Exit code 2 if something must be mended."""
    from biasaudit.cli.console import print_findings
    from biasaudit.probes import load_probe
    from biasaudit.validity import findings, notices, own_probes

    tokens = _tokens_of(tokenizer) if tokenizer is not None else None
    to_mend = 0
    for name in names or own_probes():
        probe = load_probe(name, data_dir=data_dir)
        for notice in (*probe.notices, *notices(probe)):
            terminal.say_line(f"{probe.card.id}: {notice}")
        found = findings(probe, tokens=tokens)
        print_findings(probe.card.id, len(probe.items), found)
        to_mend += len(probe.unexpected) + sum(finding.accepted is None for finding in found)
    if to_mend:
        raise typer.Exit(2)


@app.command()
def perturb(
    name: str,
    chosen: Annotated[str, typer.Option("--set", help="quick, standard or a YAML file.")] = "quick",
    seed: Annotated[int, typer.Option(help="Of what is drawn: typing errors, texts.")] = 0,
    data_dir: DataDir = None,
) -> None:
    """Show what perturbations make of a probe: an item of each, tokens added, or why it is not made."""
    from biasaudit.kinds import kind_of
    from biasaudit.probes import load_probe
    from biasaudit.robustness import added_tokens, perturbation_set, variants_of
    from biasaudit.validity import reference_tokens

    found, probe = perturbation_set(chosen), load_probe(name, data_dir=data_dir)
    variants = variants_of(probe, found, seed=seed)
    made = {variant.perturbation.name: variant.probe for variant in variants.made}
    for one in found.perturbations:
        terminal.say_line(f"{one.name} ({one.family}): {one.summary}")
        if one.name not in made:
            terminal.say_line(f"  not made: {variants.not_made[one.name]}")
            continue
        changed = next(
            new for old, new in zip(probe.items, made[one.name].items, strict=True) if old.texts != new.texts
        )
        contexts = kind_of(changed).contexts
        for context in dict.fromkeys(() if contexts is None else contexts.of(changed.texts)):
            terminal.say_line(f"  {json.dumps(context, ensure_ascii=False)}")
        added = added_tokens(probe, made[one.name], reference_tokens)
        uneven = f"; in {added['uneven']:g} items one side by more than the other" if added["uneven"] else ""
        terminal.say_line(f"  tokens added: {added['min']:g} to {added['max']:g}, median {added['median']:g}{uneven}")
    terminal.say_line(f"{len(made)} of {len(found.perturbations)} are made of {probe.card.id}.")


def _tokens_of(reference: str) -> Callable[[str], int]:
    from biasaudit.models import locate, parse_reference
    from biasaudit.models.text.tokenizer import load_tokenizer

    loaded = load_tokenizer(locate(parse_reference(reference), terminal.tell))
    return lambda text: len(loaded(text, add_special_tokens=False)["input_ids"])


@app.command()
def new(
    name: str,
    kind: Annotated[str, typer.Option(help="pair, association, choice or decision.")],
    folder: Annotated[Path, typer.Option(help="Where the probe's folder is made.")] = Path(),
) -> None:
    """Write a small probe that passes the check, to be changed into one of your own."""
    from biasaudit.probes.starters import write_starter

    written = write_starter(name, kind, folder)
    terminal.say_line(f"{written}: written. It is about gender and hobbies; put your own texts, groups and sources in.")
    terminal.say(
        "Next:\n"
        f"  biasaudit probes check {written}\n"
        f"  biasaudit probes power {written}\n"
        "  and, in Python, an audit whose result is known beforehand:\n"
        "    from biasaudit.testing import always_anti, always_stereotype, scripted_audit\n"
        f'    scripted_audit(always_stereotype(), always_anti(), probes=["{written}"]).estimates'
    )


@app.command()
def power(
    name: str,
    margin: Margin = 0.05,
    spread: Spread = None,
    correlation: Correlation = 0.1,
    cells: Cells = None,
    data_dir: DataDir = None,
) -> None:
    """Say what an audit with a probe can show, before it runs."""
    from biasaudit.analysis.prospects import power_table
    from biasaudit.audits.asked import probes_to_ask
    from biasaudit.cli.console import print_prospects
    from biasaudit.kinds import planned_spread

    [probe] = probes_to_ask([name], data_dir=data_dir)
    table = power_table(probe, margin=margin, spread=spread, correlation=correlation, n_cells=cells)
    print_prospects(table, margin=margin)
    terminal.say(
        "On the graded index, which carries the verdict, if an item changes with a standard deviation of "
        f"{planned_spread(probe.card.kind) if spread is None else spread:g} and changes correlate at {correlation:g} "
        "within a cluster."
    )
