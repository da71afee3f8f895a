"""Losses are those of `longlens score` to the bit, however they are asked for."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from conftest import program_losses, run
from numpy.typing import NDArray

import longlens

Tokens = NDArray[np.int32]


def same(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    return one.dtype == other.dtype == np.float32 and one.tobytes() == other.tobytes()


@pytest.mark.parametrize("options", [(512, None), (512, 100), (1024, None), (2, 1)])
def test_text_scores_as_the_program_does(
    tmp_path: Path, model: longlens.Model, text: str, options: tuple[int, int | None]
) -> None:
    context, stride = options
    short = text if context > 2 else text[:200]
    (tmp_path / "document.txt").write_text(short)
    flags = ["--context", context] + ([] if stride is None else ["--stride", stride])
    [expected] = program_losses(tmp_path, Path(model.path), tmp_path / "document.txt", *flags)
    scores = model.score(short, context, stride)
    assert same(scores.losses, expected)
    assert scores.tokens.dtype == np.int32
    assert scores.losses.shape == (scores.tokens.size - 1,)


@pytest.mark.parametrize("compute", ["auto", "f32", "int8"])
@pytest.mark.parametrize("low_memory", [False, True])
def test_quantized_files_score_as_the_program_does(
    tmp_path: Path, quantized: Path, ids: Tokens, compute: longlens.Compute, low_memory: bool
) -> None:
    if compute == "f32" and low_memory:
        with pytest.raises(longlens.InvalidError):
            longlens.Model(quantized, compute=compute, low_memory=True)
        return
    (tmp_path / "documents.jsonl").write_text(json.dumps({"tokens": ids.tolist()}) + "\n")
    [expected] = program_losses(
        tmp_path, quantized, tmp_path / "documents.jsonl", "--context", 512, "--compute", compute)
    scores = longlens.score(quantized, ids, 512, compute=compute, low_memory=low_memory, threads=3)
    assert same(scores.losses, expected)


def test_however_tokens_are_given(model: longlens.Model, ids: Tokens) -> None:
    some = ids[:300]
    expected = model.score(some, 128).losses
    wide = np.empty((300, 2), np.int64)
    wide[:, 0] = some
    for tokens in (some.tolist(), tuple(some.tolist()), some.astype(np.uint16), some.astype(">i8"), wide[:, 0]):
        assert same(model.score(tokens, 128).losses, expected)
    assert same(model.score(some, 128, batch=7).losses, expected)
    assert same(longlens.score(model.path, some, 128, threads=1).losses, expected)
    assert same(longlens.score(model, some, 128).losses, expected)


def test_means(model: longlens.Model, ids: Tokens) -> None:
    scores = model.score(ids, 512)
    assert scores.mean_loss == pytest.approx(scores.losses.astype(np.float64).mean(), rel=1e-12)
    assert scores.perplexity == pytest.approx(math.exp(scores.mean_loss), rel=1e-12)
    assert longlens.perplexity(model, ids, 512) == scores.perplexity
    assert longlens.perplexity(model.path, ids, 512) == scores.perplexity


def test_one_token_predicts_nothing(model: longlens.Model) -> None:
    scores = model.score([5], 16)
    assert scores.losses.shape == (0,)
    with pytest.raises(longlens.InvalidError):
        scores.mean_loss


def test_tokens_there_and_back(tmp_path: Path, model: longlens.Model, text: str) -> None:
    ids = model.tokenize(text)
    (tmp_path / "text").write_text(text)
    printed = json.loads(run("tokenize", "--json", "--model", model.path, "--file", tmp_path / "text"))
    assert ids.tolist() == printed
    assert model.detokenize(ids).decode() == text
    assert model.detokenize([]) == b""
    assert model.tokenize("").dtype == np.int32
    assert not model.tokenize("a\0b", bos="never").tolist() == model.tokenize("a", bos="never").tolist()
    ids[0] = 1  # it is the caller's own


def test_what_is_known_of_a_model(model_path: Path, quantized: Path) -> None:
    with longlens.Model(model_path, threads=2, instruction_set="scalar") as model:
        info = model.info
        assert (info.vocabulary_size, info.context_length, info.layer_count, info.hidden_size) == (1024, 1024, 4, 128)
        assert (info.family, info.threads, info.compute, info.instruction_set) == ("llama", 2, "f32", "scalar")
        assert info.has_tokenizer and info.parameter_count > 1_000_000
        assert not model.closed and model.path == str(model_path)
    assert model.closed and "closed" in repr(model)
    assert model.info == info
    with longlens.Model(quantized) as model:
        assert model.info.compute == "int8"


def test_a_context_past_the_models_is_told_once(model: longlens.Model) -> None:
    tokens = np.arange(1200) % 1000
    with pytest.warns(longlens.LongLensWarning, match="1024"):
        model.score(tokens, 1200)
    model.score(tokens, 1200)
