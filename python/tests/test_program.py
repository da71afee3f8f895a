"""`python -m longlens` and the console script are the program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import longlens

SCRIPT = str(Path(sys.executable).parent / "longlens")


@pytest.mark.parametrize("command", [[sys.executable, "-m", "longlens"], [SCRIPT]])
def test_it_is_the_program(command: list[str], model_path: Path) -> None:
    def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *arguments], input=given, capture_output=True, text=True, check=False)

    assert run("--version").stdout == longlens.__version__ + "\n"
    missing = run("score", "--model", "no/such", "--context", "8", "-")
    assert (missing.returncode, missing.stdout) == (66, "") and missing.stderr.startswith("longlens: ")
    assert run("no-such-command").returncode == 64
    scored = run("score", "--quiet", "--model", str(model_path), "--context", "8", "-", given='{"tokens": [1, 2, 3]}\n')
    assert scored.returncode == 0 and '"nll"' in scored.stdout
    assert run("inspect", str(model_path)).returncode == 0


def test_training_is_in_it(tmp_path: Path, model_path: Path) -> None:
    """The program is the whole tool, recipes and all."""
    (tmp_path / "t.jsonl").write_text('{"tokens": [' + ", ".join(str(n % 1000) for n in range(128)) + "]}\n")
    done = subprocess.run(
        [sys.executable, "-m", "longlens", "train", "--model", str(model_path), "--data", "t.jsonl", "--output", "out",
         "--context", "64", "--steps", "1", "--scheme", "uniform"],
        cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "recipe.yaml").exists() and (tmp_path / "out" / "model" / "config.json").exists()
