"""What callers give, checked and in the form that the C library takes: ctypes itself would cut numbers and strings."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from typing import SupportsIndex, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import DataError, InvalidError

PathLike = str | os.PathLike[str]
Tokens = Sequence[int] | NDArray[np.integer]
"""Token ids: whole numbers of one dimension, in any array or sequence that numpy reads."""

_LARGEST = 2**31 - 1


def path_bytes(path: PathLike, what: str) -> bytes:
    """A path as the system has it."""
    return _ended(os.fsencode(path), what)


def option_bytes(text: str, what: str) -> bytes:
    """Text of a setting."""
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a str, not {type(text).__name__}.")
    return _ended(text_bytes(text, what), what)


def _ended(data: bytes, what: str) -> bytes:
    if b"\0" in data:
        raise InvalidError(f"{what} contains a zero character.")
    return data


def text_bytes(text: str, what: str = "The text") -> bytes:
    """Text in UTF-8."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{what} has half of a surrogate pair at character {error.start}, which is no text."
        ) from None


def count(value: SupportsIndex, what: str, least: int, most: int = _LARGEST) -> int:
    """A whole number within bounds."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be a whole number, not {type(value).__name__}.") from None
    if not least <= number <= most:
        raise InvalidError(f"{what} is {number}; it must be from {least} to {most}.")
    return number


def token_array(tokens: Tokens) -> NDArray[np.int32]:
    """Tokens as the library takes them, shape [n]: one after the other in memory. Not a copy where they are that already."""
    array = _array(tokens, "Tokens")
    if array.dtype.kind not in "iu":
        if array.size == 0 and isinstance(tokens, Sequence):
            return np.empty(0, np.int32)
        if isinstance(tokens, Sequence) and all(type(token) is int for token in tokens):
            raise DataError("A token is past all vocabularies.")  # numpy has no type for them
        raise TypeError(f"Tokens must be whole numbers, not {array.dtype}.")
    ids = cast(NDArray[np.int64], array)
    if ids.size > 0 and (ids.min() < 0 or ids.max() > _LARGEST):
        wrong = int(np.argmax((ids < 0) | (ids > _LARGEST)))
        raise DataError(f"Token {wrong} is {ids[wrong]}, which no vocabulary has.")
    return np.ascontiguousarray(ids, np.int32)


def loss_array(losses: ArrayLike, what: str) -> NDArray[np.float32]:
    """Losses as the library takes them, shape [n]."""
    array = _array(losses, what)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{what} must be numbers, not {array.dtype}.")
    with np.errstate(over="ignore"):  # the library says which is not finite
        return np.ascontiguousarray(array, np.float32)


def _array(values: object, what: str) -> NDArray[np.generic]:
    if isinstance(values, (str, bytes)):
        raise TypeError(f"{what} must be numbers, not {type(values).__name__}.")
    try:
        array: NDArray[np.generic] = np.asarray(values)
    except (ValueError, OverflowError) as error:
        raise InvalidError(f"{what} are not one row of numbers: {error}.") from None
    if array.ndim == 0:
        raise TypeError(f"{what} must be a row of numbers, not {type(values).__name__}.")
    if array.ndim != 1:
        raise InvalidError(f"{what} must have one dimension, not {array.ndim}.")
    return array
