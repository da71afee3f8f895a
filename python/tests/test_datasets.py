"""A column of weights in tables of the real `datasets` package."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import longlens
from longlens.datasets import add_weights

datasets = pytest.importorskip("datasets")
LENGTHS = [300, 0, 257, 1, 2, 64, 300, 129, 33, 512]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture(scope="module")
def rows(ids: NDArray[np.int32]) -> list[list[int]]:
    return [ids[7 * n : 7 * n + length].tolist() for n, length in enumerate(LENGTHS)]


def check(table: Any, model: longlens.Model, scheme: str = "dense:lambda=0.75") -> None:
    """Every row's columns are what `score` and `weights` give for it alone."""
    for index, row in enumerate(table):
        ids = np.array(row["input_ids"], np.int32)
        found = [np.array(row[name], np.float32) for name in ("weights", "long_losses", "short_losses")]
        assert all(values.shape == ids.shape for values in found)
        assert all(values[0] == 0 for values in found if values.size > 0)
        if ids.size < 2:
            continue
        weights, long, short = (values[1:] for values in found)
        assert long.tobytes() == model.score(ids, 1024).losses.tobytes()
        assert short.tobytes() == model.score(ids, 64).losses.tobytes()
        assert weights.tobytes() == longlens.weights(long, short, scheme, sequence=index).tobytes()


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
@pytest.mark.parametrize("num_proc", [None, 1, 2])
def test_columns(model: longlens.Model, rows: list[list[int]], batch_size: int, num_proc: int | None) -> None:
    table = datasets.Dataset.from_dict({"input_ids": rows, "name": [str(n) for n in range(len(rows))]})
    scheme = "sparse:kappa=0.25"
    opened = model if batch_size == 3 else model.path
    done = add_weights(table, opened, 64, scheme=scheme, losses=True, batch_size=batch_size, num_proc=num_proc)
    assert done.column_names == ["input_ids", "name", "weights", "long_losses", "short_losses"]
    assert done["input_ids"][:] == rows and done["name"][:] == table["name"][:]
    assert done.features["weights"] == datasets.features.List(datasets.Value("float32"))
    check(done, model, scheme)


def test_text(model: longlens.Model, text: str) -> None:
    table = datasets.Dataset.from_dict({"text": [text[:900], "", text[100:1500]]})
    done = add_weights(table, model, 64, text="text", losses=True, remove_columns=["text"])
    assert done.column_names == ["input_ids", "weights", "long_losses", "short_losses"]
    assert done[2]["input_ids"] == model.tokenize(text[100:1500]).tolist()
    check(done, model)


def test_other_tables(model: longlens.Model, rows: list[list[int]]) -> None:
    table = datasets.Dataset.from_dict({"input_ids": rows})
    both = add_weights(datasets.DatasetDict({"a": table, "b": table.select([0, 2])}), model, 64, losses=True)
    check(both["a"], model)
    check(both["b"], model)
    check(add_weights(table.to_iterable_dataset(), model, 64, losses=True), model)
    check(add_weights(table.with_format("numpy"), model, 64, losses=True), model)
    reference = add_weights(table, model, 64, losses=True, scorer=model.path, column="importance")
    check(reference.rename_column("importance", "weights"), model)


def test_schemes_that_need_no_short_losses(rows: list[list[int]], model_path: Path) -> None:
    table = datasets.Dataset.from_dict({"input_ids": rows})
    done = add_weights(table, "no/such/model", 64, scheme="uniform")
    assert done[0]["weights"] == [0.0] + [1.0] * (LENGTHS[0] - 1)
    assert "short_losses" not in add_weights(table, model_path, 64, scheme="uniform", losses=True).column_names


def test_the_cache_knows_models_and_settings(
    tmp_path: Path, quantized: Path, rows: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets.Dataset.from_dict({"input_ids": rows}).save_to_disk(tmp_path / "table")
    table = datasets.load_from_disk(tmp_path / "table")
    model = tmp_path / "model.gguf"
    shutil.copy(quantized, model)
    calls = []
    weigh = longlens.datasets._Weigher.weigh
    monkeypatch.setattr(
        longlens.datasets._Weigher, "weigh", lambda self, row, index: calls.append(index) or weigh(self, row, index))

    def computed(**options: Any) -> int:
        calls.clear()
        add_weights(table, model, **{"short_context": 64, **options})
        return len(calls)

    every = len(rows)
    assert [computed(), computed(), computed(short_context=32), computed(short_context=32)] == [every, 0, every, 0]
    assert [computed(scheme="longce"), computed(seed=3), computed(losses=True)] == [every] * 3
    with longlens.Model(model) as opened:
        # Whether a model is open already changes nothing that is computed.
        calls.clear()
        add_weights(table, opened, 64)
        assert not calls
    shutil.copy(quantized, model)  # of another time: may be another
    assert computed() == every


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (longlens.InvalidError, {"short_context": 1}),
        (TypeError, {"short_context": "64"}),
        (longlens.InvalidError, {"context": 1}),
        (longlens.InvalidError, {"stride": 64}),
        (longlens.InvalidError, {"scheme": "no-such"}),
        (longlens.InvalidError, {"num_proc": 0}),
        (longlens.InvalidError, {"batch_size": 0}),
        (longlens.MissingError, {"model": "no/such/model"}),
        (longlens.DataError, {"rows": [[1, 5000]]}),
        (TypeError, {"rows": [[1.5, 2.0]]}),
        (longlens.InvalidError, {"rows": [[[1, 2], [3, 4]]]}),
        (KeyError, {"tokens": "ids"}),
    ],
)
def test_bad_input(model_path: Path, kind: type[Exception], options: dict[str, Any]) -> None:
    table = datasets.Dataset.from_dict({"input_ids": options.pop("rows", [[1, 2, 3]])})
    with pytest.raises(kind):
        add_weights(table, **{"model": model_path, "short_context": 64, **options})


def test_a_failing_process_says_why(rows: list[list[int]]) -> None:
    table = datasets.Dataset.from_dict({"input_ids": rows})
    with pytest.raises(longlens.MissingError, match="no/such"):
        add_weights(table, "no/such/model", 64, num_proc=2)
