"""Weights of tokens from their losses under a long and a short context."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _library
from ._arguments import count, loss_array, option_bytes
from .errors import InvalidError

_MOST = 2**64 - 1


@dataclass(frozen=True)
class Scheme:
    """A weighting scheme, as `longlens weigh --scheme` takes it."""

    specification: str
    """With every setting spelled out."""
    needs_short: bool
    """Whether weights need the losses under a short context."""

    @staticmethod
    def read(specification: str) -> Scheme:
        """Reads NAME[:key=value,…]; `InvalidError` for what is no scheme."""
        short, memory = ctypes.c_int32(), ctypes.c_void_p()
        _library.call(
            "scheme", option_bytes(specification, "The scheme"), ctypes.byref(short), ctypes.byref(memory))
        return Scheme(_library.taken_text(memory), bool(short.value))


def weights(
    long: ArrayLike,
    short: ArrayLike | None = None,
    scheme: str = "dense:lambda=0.75",
    *,
    seed: SupportsIndex = 0,
    sequence: SupportsIndex = 0,
    document_starts: Sequence[int] | None = None,
) -> NDArray[np.float32]:
    """The weights of the predictions of one sequence, as `longlens weigh` gives them and training uses them.

    - long: shape [n], nats: losses under the long context.
    - short: shape [n], nats: losses of the same tokens under the short context, or by the reference model of "rho".
      None is for schemes that need none.
    - scheme: NAME[:key=value,…], see docs/schemes.md.
    - seed, sequence: of the choice among equal scores, where a scheme keeps a share of the tokens.
    - document_starts: the tokens with which documents begin, ascending from 0. Nothing of their document predicts them:
      they weigh 0, and their losses are not looked at. The scheme "exact" counts contexts from them.

    Returns shape [n], of mean 1 for schemes that normalize. Raises `InvalidError` for a scheme that is none and for
    lengths that differ, `DataError` where a loss is not finite.
    """
    name = option_bytes(scheme, "The scheme")
    longs = loss_array(long, "Long losses")
    shorts = None if short is None else loss_array(short, "Short losses")
    if shorts is not None and shorts.size != longs.size:
        raise InvalidError(f"There are {longs.size} long losses and {shorts.size} short ones; they must be of the same tokens.")
    options = _library.WeightOptions()
    _library.default(options)
    options.seed = count(seed, "seed", 0, _MOST)
    options.sequence = count(sequence, "sequence", 0, _MOST)
    starts = None
    if document_starts is not None:
        starts = np.array([count(start, "A document's start", 0) for start in document_starts], np.uintp)
        options.document_starts = starts.ctypes.data
        options.document_count = starts.size
    result = np.empty(longs.size, np.float32)
    _library.call(
        "weights", name, longs.ctypes.data, None if shorts is None else shorts.ctypes.data, longs.size,
        ctypes.byref(options), result.ctypes.data)
    return result
