"""What scoring gives."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import _library


@dataclass(frozen=True, eq=False)
class Scores:
    """The losses of a sequence of tokens."""

    tokens: NDArray[np.int32]
    """Shape [n], n at least 1: token ids."""
    losses: NDArray[np.float32]
    """Shape [n - 1], nats: `losses[i]` is the negative log-likelihood of `tokens[i + 1]`."""

    @property
    def mean_loss(self) -> float:
        """Nats a token; `InvalidError` where nothing was predicted."""
        return self._means()[0]

    @property
    def perplexity(self) -> float:
        """exp(mean_loss), as `longlens` prints it."""
        return self._means()[1]

    def _means(self) -> tuple[float, float]:
        losses = np.ascontiguousarray(self.losses, np.float32)
        mean, perplexity = ctypes.c_double(), ctypes.c_double()
        _library.call(
            "mean_loss", losses.ctypes.data, losses.size, ctypes.byref(mean), ctypes.byref(perplexity))
        return mean.value, perplexity.value
