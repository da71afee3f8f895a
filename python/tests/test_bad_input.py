"""Bad input is an exception with a message, whatever it is; the model can be used afterwards."""

from __future__ import annotations

import ctypes
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import longlens
from longlens import ClosedError, DataError, InvalidError, LongLensError, MachineError, MissingError, Model, Status, errors


def use(action: Callable[[Model], object], kind: type[Exception], model: Model) -> None:
    with pytest.raises(kind) as caught:
        action(model)
    assert str(caught.value).strip()
    assert model.score([1, 2, 3], 8).losses.size == 2


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        (TypeError, lambda m: m.score(5)),
        (TypeError, lambda m: m.score(None)),
        (TypeError, lambda m: m.score(b"text")),
        (TypeError, lambda m: m.score([1.0, 2.0])),
        (TypeError, lambda m: m.score(np.ones(4, np.float32))),
        (TypeError, lambda m: m.score(np.ones(4, bool))),
        (TypeError, lambda m: m.score(np.array([1, "a"], object))),
        (TypeError, lambda m: m.score(["a", "b"])),
        (InvalidError, lambda m: m.score(np.ones((2, 2), np.int32))),
        (InvalidError, lambda m: m.score([[1, 2], [3]])),
        (TypeError, lambda m: m.score(np.int32(3))),
        (InvalidError, lambda m: m.score([])),
        (InvalidError, lambda m: m.score(np.empty(0, np.int32))),
        (DataError, lambda m: m.score([1, -1])),
        (DataError, lambda m: m.score([1, 5 - 2**32])),
        (DataError, lambda m: m.score([1, 1024])),
        (DataError, lambda m: m.score([1, 2**31])),
        (DataError, lambda m: m.score([1, 2**64 - 1])),
        (DataError, lambda m: m.score([1, 2**100])),
        (DataError, lambda m: m.score("\ud800")),
        (InvalidError, lambda m: m.score([1, 2], 1)),
        (InvalidError, lambda m: m.score([1, 2], 0)),
        (InvalidError, lambda m: m.score([1, 2], -5)),
        (InvalidError, lambda m: m.score([1, 2], 2**63)),
        (InvalidError, lambda m: m.score([1, 2], 2**64 + 8)),
        (TypeError, lambda m: m.score([1, 2], 8.0)),
        (TypeError, lambda m: m.score([1, 2], "8")),
        (InvalidError, lambda m: m.score([1, 2], 8, 8)),
        (InvalidError, lambda m: m.score([1, 2], 8, 0)),
        (InvalidError, lambda m: m.score([1, 2], 8, 2**64 + 1)),
        (InvalidError, lambda m: m.score([1, 2], 8, batch=0)),
        (TypeError, lambda m: m.tokenize(b"text")),
        (TypeError, lambda m: m.tokenize(None)),
        (DataError, lambda m: m.tokenize("a\udfff")),
        (InvalidError, lambda m: m.tokenize("a", bos="sometimes")),
        (DataError, lambda m: m.detokenize([5000])),
        (TypeError, lambda m: m.detokenize("abc")),
        (InvalidError, lambda m: longlens.score(m, [1, 2], threads=2)),
        (TypeError, pickle.dumps),
    ],
)
def test_arguments(kind: type[Exception], action: Callable[[Any], object], model: Model) -> None:
    use(action, kind, model)


def test_absurd_lengths_need_no_memory(model: Model) -> None:
    expected = model.score([1, 2, 3], 1024).losses
    try:
        losses = model.score([1, 2, 3], 2**62).losses
    except (InvalidError, MachineError):
        return
    assert losses.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (MissingError, {"path": "no/such/model.gguf"}),
        (FileNotFoundError, {"path": "no/such/model.gguf"}),
        (InvalidError, {"path": "a\0b"}),
        (LongLensError, {"path": ""}),
        (TypeError, {"path": 5}),
        (TypeError, {"path": None}),
        (InvalidError, {"threads": -1}),
        (InvalidError, {"threads": 2**40}),
        (TypeError, {"threads": 1.5}),
        (InvalidError, {"compute": "f16"}),
        (InvalidError, {"compute": "int8"}),
        (InvalidError, {"compute": "bf16"}),
        (InvalidError, {"low_memory": True}),
        (MissingError, {"tokenizer": "no/such/tokenizer.json"}),
        (InvalidError, {"tokenizer": "a\0b"}),
        (LongLensError, {"instruction_set": "quantum"}),
        (InvalidError, {"instruction_set": "avx2\0"}),
    ],
)
def test_opening(kind: type[Exception], arguments: dict[str, Any], model_path: Path) -> None:
    with pytest.raises(kind) as caught:
        Model(**{"path": model_path, **arguments})
    assert str(caught.value)


def test_damaged_files(tmp_path: Path, model_path: Path, quantized: Path) -> None:
    data = quantized.read_bytes()
    for size in (0, 3, 100, 5000, len(data) // 2, len(data) - 1):
        (tmp_path / "half.gguf").write_bytes(data[:size])
        with pytest.raises(DataError, match="half.gguf"):
            Model(tmp_path / "half.gguf")
    shutil.copytree(model_path, tmp_path / "folder")
    weights = (tmp_path / "folder" / "model.safetensors").read_bytes()
    for size in (0, 7, 1000, len(weights) // 2):
        (tmp_path / "folder" / "model.safetensors").write_bytes(weights[:size])
        with pytest.raises(DataError):
            Model(tmp_path / "folder")
    (tmp_path / "folder" / "model.safetensors").unlink()
    with pytest.raises(LongLensError):
        Model(tmp_path / "folder")
    (tmp_path / "text.txt").write_text("Call me Ishmael.")
    with pytest.raises(DataError):
        Model(tmp_path / "text.txt")


def test_without_tokenizer(tmp_path: Path, model_path: Path) -> None:
    shutil.copytree(model_path, tmp_path / "folder", ignore=shutil.ignore_patterns("tokenizer*"))
    with Model(tmp_path / "folder") as model:
        assert not model.info.has_tokenizer
        with pytest.raises(MissingError):
            model.tokenize("text")
        assert model.score([1, 2, 3]).losses.size == 2
    with Model(tmp_path / "folder", tokenizer=model_path / "tokenizer.json") as model:
        assert model.tokenize("text").size > 0


def test_closed(model_path: Path) -> None:
    model = Model(model_path)
    model.close()
    model.close()
    for action in (lambda: model.score([1, 2]), lambda: model.tokenize("a"), lambda: model.detokenize([1])):
        with pytest.raises(ClosedError):
            action()


def test_statuses_are_the_classes() -> None:
    assert isinstance(errors.error_of(Status.MISSING, "x"), FileNotFoundError)
    assert errors.error_of(Status.DATA, "x").status is Status.DATA
    assert type(errors.error_of(77, "x")) is longlens.InternalError
    for status in Status:
        if status not in (Status.OK, Status.CANCELLED):
            assert errors.error_of(status, "x").status is status
    name = longlens._library._library["longlens_status_name"]
    name.restype = ctypes.c_char_p
    assert [name(int(status)).decode() for status in Status] == [status.name.lower() for status in Status]
    assert name(len(Status)) == b"unknown"
