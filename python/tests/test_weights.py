"""Weights are those of `longlens weigh`, and of the formulas in docs/schemes.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import run
from numpy.typing import NDArray

import longlens
from longlens import DataError, InvalidError, Scheme, weights

Losses = NDArray[np.float32]


@pytest.fixture(scope="module")
def losses() -> tuple[Losses, Losses]:
    generator = np.random.default_rng(5)
    return (generator.gamma(2, 1, 700).astype(np.float32), generator.gamma(2, 1.2, 700).astype(np.float32))


def test_formulas(losses: tuple[Losses, Losses]) -> None:
    long, short = (values.astype(np.float64) for values in losses)
    d = long - short
    n = d.size

    def near(scheme: str, expected: NDArray[np.float64]) -> None:
        got = weights(*losses, scheme)
        assert got.dtype == np.float32 and got.shape == (n,)
        np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1e-9)

    near("dense:lambda=0.75", 0.75 + 0.25 * n * np.abs(d) / np.abs(d).sum())
    near("dense:lambda=0", n * np.abs(d) / np.abs(d).sum())
    kept = int(0.2 * n)
    mask = np.zeros(n)
    mask[np.argsort(-np.abs(d))[:kept]] = n / kept
    near("sparse:kappa=0.2", mask)
    near("longce:gamma=5", np.minimum(np.exp(short - long), 5))
    assert weights(*losses).tobytes() == weights(*losses, "dense:lambda=0.75").tobytes()
    assert weights(losses[0], None, "uniform").tolist() == [1.0] * n
    assert weights(losses[0], scheme="exact:tau=512").shape == (n,)
    assert weights([1, 2], [2, 2.5], "longce").tolist() == pytest.approx([np.e, np.exp(0.5)])


def test_the_programs_weights(tmp_path: Path, losses: tuple[Losses, Losses]) -> None:
    for name, values in zip(("long", "short"), losses):
        record: dict[str, Any] = {"document": "d", "sequence": 0, "tokens": list(range(701)), "nll": values.tolist()}
        (tmp_path / name).write_text(json.dumps(record) + "\n")
    for scheme in ("dense", "sparse:kappa=0.3", "longce", "longfilter", "ppmi", "rho"):
        printed = json.loads(
            run("weigh", "--long", tmp_path / "long", "--short", tmp_path / "short", "--scheme", scheme))["weights"]
        assert weights(*losses, scheme).tobytes() == np.array(printed, np.float64).astype(np.float32).tobytes()


def test_equal_scores_are_drawn_by_seed_and_sequence() -> None:
    flat = np.ones(200, np.float32)

    def draw(**options: int) -> bytes:
        return weights(flat, flat, "sparse:kappa=0.5", **options).tobytes()

    assert draw() == draw(seed=0, sequence=0) == draw()
    assert len({draw(), draw(seed=1), draw(sequence=1), draw(seed=2**64 - 1)}) == 4


def test_schemes_are_read() -> None:
    assert Scheme.read("dense") == Scheme("dense:lambda=0.75", True)
    assert not Scheme.read("uniform").needs_short
    with pytest.raises(InvalidError, match="dense"):
        Scheme.read("dens")


@pytest.mark.parametrize(
    ("kind", "long", "short", "scheme", "options"),
    [
        (InvalidError, [1.0], [1.0, 2.0], "dense", {}),
        (InvalidError, [1.0], None, "dense", {}),
        (InvalidError, [[1.0]], [[1.0]], "dense", {}),
        (TypeError, 1.0, 1.0, "dense", {}),
        (InvalidError, [1.0], [1.0], "no-such", {}),
        (InvalidError, [1.0], [1.0], "dense:lambda=2", {}),
        (InvalidError, [1.0], [1.0], "dense\0", {}),
        (InvalidError, [1.0], [1.0], "", {}),
        (TypeError, [1.0], [1.0], b"dense", {}),
        (TypeError, [1.0], [1.0], None, {}),
        (TypeError, "12", [1.0], "dense", {}),
        (TypeError, [1j], [1.0], "dense", {}),
        (DataError, [np.nan, 1], [1.0, 1], "dense", {}),
        (DataError, [np.inf, 1], [1.0, 1], "dense", {}),
        (DataError, [1e300, 1], [1.0, 1], "dense", {}),
        (InvalidError, [1.0], [1.0], "dense", {"seed": -1}),
        (InvalidError, [1.0], [1.0], "dense", {"seed": 2**64}),
        (InvalidError, [1.0], None, "exact", {"document_starts": [1]}),
        (InvalidError, [1.0], None, "exact", {"document_starts": [0, 0]}),
        (InvalidError, [1.0], None, "exact", {"document_starts": [-1]}),
        (InvalidError, [1.0], None, "exact", {"document_starts": [0, 2**70]}),
    ],
)
def test_bad_input(kind: type[Exception], long: Any, short: Any, scheme: Any, options: dict[str, Any]) -> None:
    with pytest.raises(kind):
        weights(long, short, scheme, **options)


def test_no_losses() -> None:
    assert longlens.weights([], [], "dense").shape == (0,)
