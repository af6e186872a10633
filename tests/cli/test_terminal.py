"""Nothing foreign acts on a terminal, and no terminal ends a verb with another code than its own."""

from __future__ import annotations

import ast
import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from biasaudit.cli import terminal
from biasaudit.cli.main import main
from tests.cli.test_shell import Shell, shell
from tests.scripted_audits import save_audit
from tests.tiny import item, save_probe

__all__ = ["shell"]

PACKAGE = Path(terminal.__file__).resolve().parents[1]
ATTACK = "\x1b]0;owned\x07\x1b]52;c;aGk=\x07\x1b[2J\x9b31m\x90q\x9c\x08\x7f\u202egnp.exe\u2066[red][/bold]:smile:"
"""Window title, clipboard, clear screen, C1 codes, backspace, direction, rich's markup."""
NAME = ATTACK.replace("/", "")
"""The same as the name of a file."""
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
LIMIT = "version: 1\nrules:\n  - {id: r, max_index: %s}\n"


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("terminal")
    save_audit(folder)
    return folder / "audit"


def rules(folder: Path, limit: float, name: str = "policy.yaml") -> Path:
    path = folder / name
    path.write_text(LIMIT % limit, encoding="utf-8")
    return path


def hostile_probe(folder: Path) -> Path:
    """A probe in which every text that may be free is an attack."""
    rows = [
        item(number, first=f"she {ATTACK} is  a nurse", second=f"he {ATTACK} is a a nurse", family=ATTACK)
        for number in range(12)
    ]
    free = ("name", "version", "construct", "harm", "positive_index", "licence", "citation", "not_shown")
    card: dict[str, Any] = {name: f"{name} {ATTACK}" for name in free}
    return save_probe(folder / f"probe{NAME}", rows, **card, known_defects=[ATTACK])


def safe(*texts: str) -> None:
    for text in texts:
        assert not ACTS.search(text), ascii(text[:2000])


@pytest.mark.parametrize("verb", ["show", "check", "power"])
def test_a_probe_from_strangers_acts_on_no_terminal(shell: Shell, tmp_path: Path, verb: str) -> None:
    code, out, err = shell.run("probes", verb, hostile_probe(tmp_path))
    safe(out, err)
    assert code in {0, 2}
    assert verb == "power" or "\\x1b]0;owned" in out + err


def test_a_list_of_probes_acts_on_no_terminal(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = hostile_probe(tmp_path)
    monkeypatch.setattr("biasaudit.probes.available", lambda: {ATTACK: probe})
    code, out, err = shell.run("probes", "list")
    safe(out, err)
    assert (code, "<U+202E>" in out) == (0, True)


def test_a_model_from_strangers_acts_on_no_terminal(shell: Shell, models: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(models / "base", tmp_path / f"model{NAME}")
    shell.run("--version")  # forget what was written before
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "architectures": [ATTACK]}), encoding="utf-8")
    safe(*shell.run("model", folder)[1:])
    (folder / "config.json").unlink()
    code, out, err = shell.run("audit", folder, folder, "-p", hostile_probe(tmp_path), "-o", tmp_path / "out")
    safe(out, err)
    assert code == 2
    assert "\\x1b]0;owned" in err


@pytest.mark.parametrize("form", ["text", "json", "junit", "markdown", "github"])
def test_a_check_of_hostile_names_acts_on_no_terminal(shell: Shell, audit: Path, tmp_path: Path, form: str) -> None:
    folder = shutil.copytree(audit, tmp_path / f"audit{NAME}\n::error::x")
    policy = tmp_path / f"p{NAME}.yaml"
    policy.write_text(json.dumps({"version": 1, "rules": [{"id": ATTACK, "max_index": 1.0}]}), encoding="utf-8")
    code, out, err = shell.run("check", folder, "--policy", policy, "--format", form)
    safe(out, err)
    assert code == 0, err
    if form != "github":
        assert not re.search(r"^\s*::", out + err, re.MULTILINE)


@pytest.mark.slow
def test_every_other_verb_says_hostile_paths_visibly(shell: Shell, audit: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(audit, tmp_path / f"audit{NAME}\n::error::x")
    named = tmp_path / NAME
    for arguments, expected in (
        (("compare", folder), 0),
        (("report", folder, "--out", f"{named}.md"), 0),
        (("init", folder, "--out", f"{named}.yaml"), 0),
        (("bundle", folder, "--out", f"{named}.zip"), 0),
        (("verify", f"{named}.zip"), 0),
        (("verify", named), 2),
        (("report", named), 4),
        (("check", folder, "--policy", named), 2),
        (("check", folder, "--policy", "no-regression", "--format", ATTACK), 2),
        (("score", ATTACK, "--predictions", named), 2),
        (("score", "stereoset", "--predictions", named, "--data-dir", named), 2),
        (("model", named), 2),
        (("probes", "new", ATTACK, "--kind", "pair"), 2),
        (("probes", "new", "x", "--kind", ATTACK), 2),
        (("align", "sft", named, "--data", named, "--out", f"{named}-out"), 2),
        ((ATTACK,), 2),
        (("check", f"--{ATTACK}"), 2),
    ):
        code, out, err = shell.run(*arguments)
        safe(out, err)
        assert code == expected, (arguments, out, err)
        assert not re.search(r"^\s*::", out + err, re.MULTILINE)


def test_the_machine_is_described_visibly(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BIASAUDIT_DATA", ATTACK)
    code, out, err = shell.run("doctor")
    safe(out, err)
    assert code == 0
    # A cache that cannot be made is said, and ends nothing: whoever has that trouble runs this verb.
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("BIASAUDIT_CACHE", str(tmp_path / "file" / "cache"))
    code, out, _ = shell.run("doctor")
    assert (code, "probes     " in out) == (0, True)


def test_what_other_libraries_write_passes_the_same_exit(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, audit: Path
) -> None:
    """Warnings, logs, tracebacks and bars quote what lies in foreign files."""
    import logging
    import warnings

    import biasaudit.record.checked

    def loud(_: Path) -> None:
        sys.stderr.write(warnings.formatwarning(ATTACK, UserWarning, "x.py", 1))
        logging.StreamHandler().emit(logging.makeLogRecord({"msg": ATTACK}))
        sys.stdout.write(f"10 %\r20 % {ATTACK}\n")
        raise RuntimeError(ATTACK)

    monkeypatch.setattr(biasaudit.record.checked, "read_checked", loud)
    code, out, err = shell.run("check", audit, "--policy", "no-regression")
    safe(out.replace("\r", ""), err)
    assert code == 4
    assert err.count("\\x1b[2J") == 3
    assert out.startswith("10 %\r20 %")


def test_a_text_outside_of_a_verb_is_made_visible_too(capsys: pytest.CaptureFixture[str]) -> None:
    """The fence in the streams is the second: whoever calls a verb's function has the first."""
    terminal.say(ATTACK)
    terminal.tell(ATTACK)
    terminal.show_text(ATTACK)
    terminal.show_table(title=ATTACK, columns=["a"], rows=[[ATTACK + "\n::error::x"]])
    terminal.say("::error::x\n  ::warning::y")
    terminal.say("::notice::z", commands=True)
    out, err = capsys.readouterr()
    safe(out, err)
    assert "\\::error::x\n  \\::warning::y\n::notice::z\n" in out
    assert "[red]" in out.replace("\n", "")


def in_a_terminal(code: str, *, n_bytes: int = 1 << 16, columns: int = 200, more: dict[str, str] | None = None) -> str:
    """Return what a program writes to a terminal of its own."""
    leader, follower = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "40", **(more or {})}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=follower, stderr=follower, env=env)
    os.close(follower)
    found = b""
    try:
        while chunk := os.read(leader, n_bytes):
            found += chunk
    except OSError:  # Linux ends a terminal so
        pass
    finally:
        os.close(leader)
    assert process.wait() == 0, found
    return found.decode("utf-8")


def test_in_a_terminal_only_our_own_colours_act() -> None:
    """While a bar is drawn, rich takes the standard streams, and would obey colours and markup of other libraries."""
    code = f"""
import sys
from biasaudit.cli import terminal
from biasaudit.cli.progress import Shown
attack = {ATTACK!a}
with terminal.guarded():
    with Shown() as shown:
        shown.say(attack)
        shown.begin(attack, 10)
        print(attack + chr(27) + "[31mforeign")
        sys.stderr.write("[/nothing] " + attack)
        sys.stderr.flush()
        shown.advance(10, 100)
    terminal.say(attack, dim=True)
    terminal.show_table(title=attack, columns=["a"], rows=[[attack]])
"""
    found = in_a_terminal(code)
    # Colours, and what rich moves the cursor with.
    safe(re.sub(r"\x1b\[[0-9;?]*[mKAhlG]|\r", "", found))
    for acting in ("\x1b]", "\x1b[2J", "\x1b[31mforeign", "\x9b", "\x07"):
        assert acting not in found
    assert "\\x1b[31mforeign" in found
    assert "[/nothing]" in found
    assert "\x1b[2m\\x1b]0;owned" in found


def ended(*arguments: object) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["biasaudit", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
    return int(str(caught.value.code or 0))


@pytest.mark.parametrize(("limit", "expected"), [(1.0, 0), (-1.0, 1)])
def test_a_reader_that_goes_does_not_change_what_a_check_says(
    audit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: float, expected: int
) -> None:
    """`biasaudit check DIR … | head -1` ended with 1, which means violated; files are written all the same."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        target = tmp_path / "found.json"
        assert ended("check", audit, "--policy", rules(tmp_path, limit), "--json", target) == expected
        assert ended("probes", "list") == 0
    assert json.loads(target.read_text(encoding="utf-8"))["exit_code"] == expected


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16"])
def test_a_terminal_that_lacks_letters_does_not_change_what_a_verb_says(
    audit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    policy = rules(tmp_path, 1.0, "é–日.yaml")
    assert ended("check", audit, "--policy", policy) == 0
    assert ended("compare", audit) == 0
    assert ended("probes", "show", "crows-pairs-revised-french") == 0
    stream.flush()
    shown = raw.getvalue().decode(encoding)
    assert "PASSED" in shown
    assert ("é" in shown) == (encoding != "ascii")
    assert ("\\u65e5" in shown) == (encoding != "utf-16")


def test_a_full_disk_in_place_of_standard_output_is_not_success(
    audit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    with full.open("w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert ended("check", audit, "--policy", rules(tmp_path, 1.0)) == 4
        assert ended("check", audit, "--policy", rules(tmp_path, -1.0)) == 1
    assert "standard output cannot be written: No space left" in capsys.readouterr().err


def by_shell(command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command line with the package of this checkout and nothing else of this environment."""
    paths = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        ["bash", "-c", f"biasaudit() {{ '{sys.executable}' -m biasaudit \"$@\"; }}\n{command}"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": paths, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_real_pipes_closed_streams_and_no_home(audit: Path, tmp_path: Path) -> None:
    """With the interpreter's end, which flushes once more."""
    violated = rules(tmp_path, -1.0)
    nowhere = "/dev/null/home"
    check = f"biasaudit check '{audit}' --policy '{violated}'"
    done = by_shell(f"{check} | head -c 1; exit ${{PIPESTATUS[0]}}", HOME=nowhere)
    assert (done.returncode, done.stderr) == (1, "")
    done = by_shell(f"{check} | true; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (1, "")
    done = by_shell(f"{check} --json '{tmp_path}/all' --format json <&- >&- 2>&-; exit $?", HOME=nowhere)
    assert done.returncode == 1
    # Nothing was printed into a file that got the number of a closed stream.
    assert json.loads((tmp_path / "all").read_text(encoding="utf-8"))["outcome"] == "violated"
    data = tmp_path / "é–日"
    data.mkdir()
    done = by_shell("biasaudit doctor", LC_ALL="C", PYTHONIOENCODING="ascii", BIASAUDIT_DATA=str(data))
    assert (done.returncode, "\\xe9\\u2013\\u65e5" in done.stdout) == (0, True), done
    for verb in ("probes list", f"report '{audit}' --out '{tmp_path}/page.md'", "doctor", "check --schema"):
        done = by_shell(f"biasaudit {verb}", HOME=nowhere)
        assert done.returncode == 0, (verb, done.stderr)
        assert "Traceback" not in done.stderr


BYPASS = {"echo", "secho", "print", "Console", "print_exc", "input"}
ALLOWED = {"terminal.py": "it is the exit"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "cli").glob("*.py")), ids=lambda path: path.name)
def test_no_verb_goes_round_the_exit(path: Path) -> None:
    """A call that writes by another way, or reaches for a stream below the fence."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        written = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        name = written.rpartition(".")[2]
        if path.name == "terminal.py" or written == ALLOWED.get(path.name):
            continue
        if written != "self._console.print" and name in BYPASS:  # what it prints is made visible there, by test
            pytest.fail(f"{path.name}:{cast('ast.Call', node).lineno}: {written}")
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "sys":
            assert node.attr not in {"stderr", "__stdout__", "__stderr__"}, f"{path.name}:{node.lineno}"


def test_nothing_else_in_the_package_prints() -> None:
    """`print` is banned by the linter; here the ways round it. A page goes to standard output where `-` was named,
    and the process that renders templates answers the one that started it."""
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {ast.unparse(node.func)}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent.name != "cli" and path.name not in {"outputs.py", "template_worker.py"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (
            ast.unparse(node.func)
            in {"print", "traceback.print_exc", "Console", "typer.echo", "typer.secho", "os.write"}
            or ast.unparse(node.func).startswith(("sys.stdout.", "sys.stderr.", "sys.__std"))
        )
    ]
    assert found == []
