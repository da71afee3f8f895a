"""The tests are of the installed package: run them by pytest outside of its sources, see Tests/CommandLine/wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import longlens

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "recall-1m"


def pytest_configure() -> None:
    where = Path(longlens.__file__).resolve()
    if ROOT in where.parents:
        raise pytest.UsageError(f"these tests are of the installed package, and not of {where}")


def run(*arguments: object, program: str | None = None) -> str:
    """What the program prints; that of the package, or another."""
    command = [program] if program else [sys.executable, "-m", "longlens"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def program_losses(folder: Path, model: Path, documents: Path, *options: object) -> list[NDArray[np.float32]]:
    """The losses that `longlens score` gives, of the package's program and of the one in LONGLENS_PROGRAM."""
    results = []
    for program in {None, os.environ.get("LONGLENS_PROGRAM")}:
        lines = run("score", "--quiet", "--model", model, *options, documents, program=program).splitlines()
        results.append([np.array(json.loads(line)["nll"], np.float64).astype(np.float32) for line in lines])
    for result in results[1:]:
        assert [losses.tobytes() for losses in result] == [losses.tobytes() for losses in results[0]]
    return results[0]


@pytest.fixture(scope="session")
def model_path() -> Path:
    return MODEL


@pytest.fixture(scope="session")
def quantized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model as a GGUF file with quantized weights."""
    path = tmp_path_factory.mktemp("quantized") / "recall.gguf"
    run("quantize", "--quiet", MODEL, path, "--type", "q4_0")
    return path


@pytest.fixture(scope="session")
def text() -> str:
    """A document of some 3,000 tokens."""
    line: str = json.loads(run("generate", "--documents", 1, "--words", 1500, "--seed", 3))["text"]
    return line


@pytest.fixture()
def model() -> Iterator[longlens.Model]:
    with longlens.Model(MODEL) as opened:
        yield opened


@pytest.fixture(scope="session")
def ids(text: str) -> NDArray[np.int32]:
    with longlens.Model(MODEL) as opened:
        return opened.tokenize(text)
