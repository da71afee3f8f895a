"""What can go wrong: an exception for each status of the C library, all below `LongLensError`.

An argument of a type that nothing can be done with, such as an array of floats in the place of tokens, is Python's own
`TypeError`.
"""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """How a call of the C library ended, as `longlens.h` has it."""

    OK = 0
    INVALID = 1
    DATA = 2
    MISSING = 3
    MACHINE = 4
    IO = 5
    CLOSED = 6
    CANCELLED = 7
    BUSY = 8
    INTERNAL = 9


class LongLensError(Exception):
    """Any failure of LongLens. Its message is a paragraph: what was wrong, where, what was expected, what to do."""

    status: Status = Status.INTERNAL
    """The kind of failure; it belongs to the class."""


class InvalidError(LongLensError, ValueError):
    """An argument outside its range, or arguments that do not go together."""

    status = Status.INVALID


class DataError(LongLensError, ValueError):
    """A malformed model or tokenizer, a token outside the vocabulary, losses that are not finite."""

    status = Status.DATA


class MissingError(LongLensError, FileNotFoundError):
    """A file that is not there, or a tokenizer that the model does not have."""

    status = Status.MISSING


class MachineError(LongLensError, RuntimeError):
    """The machine cannot: memory, address space, threads, instruction set."""

    status = Status.MACHINE


class ReadError(LongLensError, OSError):
    """Reading failed: a missing permission, an error of the disk."""

    status = Status.IO


class ClosedError(LongLensError, ValueError):
    """The model was closed, before the call or during it."""

    status = Status.CLOSED


class BusyError(LongLensError, RuntimeError):
    """A model was called from within a progress function of its own."""

    status = Status.BUSY


class InternalError(LongLensError, RuntimeError):
    """A mistake of LongLens itself; please report it."""

    status = Status.INTERNAL


class LongLensWarning(UserWarning):
    """What the user should know of a model though it can be used."""


_KINDS: dict[int, type[LongLensError]] = {
    kind.status: kind
    for kind in (
        InvalidError, DataError, MissingError, MachineError, ReadError, ClosedError, BusyError, InternalError,
    )
}


def error_of(status: int, message: str) -> LongLensError:
    """The exception of a status that is not `Status.OK`."""
    return _KINDS.get(status, InternalError)(message)
