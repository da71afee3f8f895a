"""The C library of this package, through ctypes: its structures and functions as `longlens.h` declares them.

ctypes gives the interpreter's lock away during every call, so that other Python threads run meanwhile.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import Status, error_of

Progress = ctypes.CFUNCTYPE(c_int32, c_void_p, c_double)
"""Told what share of a call is done; ends the call by a result other than 0."""

if TYPE_CHECKING:
    ProgressFunction = ctypes._FuncPointer


class Error(ctypes.Structure):
    """`longlens_error`."""

    size: int
    status: int
    message: bytes
    _fields_ = [("size", c_size_t), ("status", c_int32), ("reserved", c_int32), ("message", c_char * 2032)]


class OpenOptions(ctypes.Structure):
    """`longlens_open_options`."""

    _fields_ = [
        ("size", c_size_t), ("threads", c_int32), ("compute", c_int32), ("low_memory", c_int32), ("map_file", c_int32),
        ("tokenizer", c_char_p), ("instruction_set", c_char_p), ("progress", Progress), ("user", c_void_p),
    ]


class Info(ctypes.Structure):
    """`longlens_info`."""

    vocabulary_size: int
    context_length: int
    parameter_count: int
    layer_count: int
    hidden_size: int
    bos_token: int
    eos_token: int
    has_tokenizer: int
    adds_bos: int
    adds_eos: int
    compute: int
    threads: int
    family: bytes
    instruction_set: bytes
    _fields_ = [
        ("size", c_size_t), ("vocabulary_size", c_int64), ("context_length", c_int64), ("parameter_count", c_int64),
        ("layer_count", c_int32), ("hidden_size", c_int32), ("bos_token", c_int32), ("eos_token", c_int32),
        ("has_tokenizer", c_int32), ("adds_bos", c_int32), ("adds_eos", c_int32), ("compute", c_int32),
        ("threads", c_int32), ("reserved", c_int32), ("family", c_char * 32), ("instruction_set", c_char * 32),
    ]


class TextOptions(ctypes.Structure):
    """`longlens_text_options`."""

    bos: int
    eos: int
    special: int
    _fields_ = [("size", c_size_t), ("bos", c_int32), ("eos", c_int32), ("special", c_int32), ("reserved", c_int32)]


class ScoreOptions(ctypes.Structure):
    """`longlens_score_options`."""

    _fields_ = [
        ("size", c_size_t), ("context", c_size_t), ("stride", c_size_t), ("batch", c_size_t), ("chunk", c_size_t),
        ("progress", Progress), ("user", c_void_p),
    ]


class WeightOptions(ctypes.Structure):
    """`longlens_weight_options`."""

    _fields_ = [
        ("size", c_size_t), ("seed", c_uint64), ("sequence", c_uint64), ("document_starts", c_void_p),
        ("document_count", c_size_t),
    ]


# What follows `longlens_` in the name, the types of the arguments without the error at the end.
_CALLS: dict[str, list[Any]] = {
    "open": [c_char_p, POINTER(OpenOptions), POINTER(c_void_p)],
    "close": [c_void_p],
    "describe": [c_void_p, POINTER(Info)],
    "warnings": [c_void_p, POINTER(c_void_p)],
    "tokenize": [c_void_p, c_char_p, c_size_t, POINTER(TextOptions), POINTER(c_void_p), POINTER(c_size_t)],
    "detokenize": [c_void_p, c_void_p, c_size_t, c_int32, POINTER(c_void_p), POINTER(c_size_t)],
    "score_tokens": [c_void_p, c_void_p, c_size_t, POINTER(ScoreOptions), c_void_p],
    "mean_loss": [c_void_p, c_size_t, POINTER(c_double), POINTER(c_double)],
    "scheme": [c_char_p, POINTER(c_int32), POINTER(c_void_p)],
    "weights": [c_char_p, c_void_p, c_void_p, c_size_t, POINTER(WeightOptions), c_void_p],
}


def _load() -> ctypes.CDLL:
    path = Path(__file__).parent / "lib" / "liblonglens.so.1"
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ImportError(
            f"The C library of LongLens cannot be loaded: {error}. It is a part of the wheel, for Linux on x86-64; "
            "the folder of the sources does not have it: scripts/build-wheel makes the wheel."
        ) from None
    for name, arguments in _CALLS.items():
        function = getattr(library, f"longlens_{name}")
        function.argtypes = [*arguments, POINTER(Error)]
        function.restype = c_int32
    for structure in (OpenOptions, TextOptions, ScoreOptions, WeightOptions):
        function = getattr(library, initializer(structure))
        function.argtypes = [POINTER(structure)]
        function.restype = None
    library.longlens_free.argtypes = [c_void_p]
    library.longlens_free.restype = None
    library.longlens_version.argtypes = []
    library.longlens_version.restype = c_char_p
    return library


def initializer(structure: type[ctypes.Structure]) -> str:
    """The name of the function that fills a structure of options with its defaults."""
    words = {OpenOptions: "open", TextOptions: "text", ScoreOptions: "score", WeightOptions: "weight"}
    return f"longlens_{words[structure]}_options_init"


_library = _load()
_functions = {name: getattr(_library, f"longlens_{name}") for name in _CALLS}


def call(name: str, *arguments: Any) -> None:
    """Calls `longlens_NAME`; raises what it says went wrong."""
    error = Error(size=ctypes.sizeof(Error))
    status = _functions[name](*arguments, ctypes.byref(error))
    if status != Status.OK:
        raise error_of(status, error.message.decode("utf-8", "replace"))


def default(options: ctypes.Structure) -> None:
    """Sets the defaults of a structure of options."""
    getattr(_library, initializer(type(options)))(ctypes.byref(options))


def taken(memory: c_void_p, size: int) -> bytes:
    """A copy of memory that the library handed out, which is given back to it."""
    try:
        return ctypes.string_at(memory, size) if memory else b""
    finally:
        _library.longlens_free(memory)


def taken_text(memory: c_void_p) -> str:
    """The same of text that a zero ends."""
    try:
        return ctypes.string_at(memory).decode("utf-8", "replace") if memory else ""
    finally:
        _library.longlens_free(memory)


def version() -> str:
    """The version of the library."""
    text: bytes = _library.longlens_version()
    return text.decode()
