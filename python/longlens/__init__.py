"""LongLens: the loss of every token of a long text, and how much each needs the distant past.

    with longlens.Model("SmolLM2-135M-Instruct.Q4_1.gguf") as model:
        long = model.score(text, context=4096)
        short = model.score(text, context=1024)
    weights = longlens.weights(long.losses, short.losses, "dense:lambda=0.75")

`longlens.datasets.add_weights` adds a column of weights to a table of the `datasets` package. Every failure is a
`LongLensError`, but for arguments of a wrong type, which are a `TypeError`. `python -m longlens` is the program.
"""

from __future__ import annotations

from typing import SupportsIndex

from . import _library, datasets
from ._arguments import PathLike, Tokens
from .errors import (
    BusyError,
    ClosedError,
    DataError,
    InternalError,
    InvalidError,
    LongLensError,
    LongLensWarning,
    MachineError,
    MissingError,
    ReadError,
    Status,
)
from .model import Boundary, Compute, Model, ModelInfo, ProgressCallback
from .scores import Scores
from .weighting import Scheme, weights

__all__ = [
    "Boundary",
    "BusyError",
    "ClosedError",
    "Compute",
    "DataError",
    "InternalError",
    "InvalidError",
    "LongLensError",
    "LongLensWarning",
    "MachineError",
    "MissingError",
    "Model",
    "ModelInfo",
    "ProgressCallback",
    "ReadError",
    "Scheme",
    "Scores",
    "Status",
    "datasets",
    "perplexity",
    "score",
    "weights",
]

__version__ = _library.version()


def score(
    model: Model | PathLike,
    tokens_or_text: str | Tokens,
    context: SupportsIndex = 2048,
    stride: SupportsIndex | None = None,
    *,
    threads: SupportsIndex = 0,
    compute: Compute = "auto",
    low_memory: bool = False,
    tokenizer: PathLike | None = None,
    batch: SupportsIndex | None = None,
    progress: ProgressCallback = None,
) -> Scores:
    """The loss of every token but the first: `Model.score`, of a model that is open or is opened for it.

    `threads`, `compute`, `low_memory` and `tokenizer` are those of `Model` and go with a path alone.
    """
    if isinstance(model, Model):
        if (threads, compute, low_memory, tokenizer) != (0, "auto", False, None):
            raise InvalidError("threads, compute, low_memory and tokenizer were chosen when the model was opened.")
        return model.score(tokens_or_text, context, stride, batch=batch, progress=progress)
    with Model(model, threads=threads, compute=compute, low_memory=low_memory, tokenizer=tokenizer) as opened:
        return opened.score(tokens_or_text, context, stride, batch=batch, progress=progress)


def perplexity(
    model: Model | PathLike,
    tokens_or_text: str | Tokens,
    context: SupportsIndex = 2048,
    stride: SupportsIndex | None = None,
    *,
    threads: SupportsIndex = 0,
    compute: Compute = "auto",
    low_memory: bool = False,
    tokenizer: PathLike | None = None,
    batch: SupportsIndex | None = None,
    progress: ProgressCallback = None,
) -> float:
    """exp of the mean loss of the tokens; arguments as `score`."""
    return score(
        model, tokens_or_text, context, stride, threads=threads, compute=compute, low_memory=low_memory,
        tokenizer=tokenizer, batch=batch, progress=progress,
    ).perplexity
