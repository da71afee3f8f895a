"""An open model."""

from __future__ import annotations

import ctypes
import os
import warnings as _warnings
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, NoReturn, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from . import _interrupts, _library
from ._arguments import PathLike, Tokens, count, option_bytes, path_bytes, text_bytes, token_array
from .errors import ClosedError, InvalidError, LongLensError, LongLensWarning
from .scores import Scores

Compute = Literal["auto", "f32", "int8", "bf16"]
Boundary = Literal["auto", "always", "never"]
ProgressCallback = Callable[[float], object] | None
"""Called now and then with the share of the work that is done, from 0 to 1. What it raises ends the work."""

_COMPUTES: tuple[Compute, ...] = ("auto", "f32", "int8", "bf16")
_BOUNDARIES: tuple[Boundary, ...] = ("auto", "always", "never")
_MOST_SIZE = 2**63 - 1


@dataclass(frozen=True)
class ModelInfo:
    """What is known of an open model."""

    vocabulary_size: int
    """Tokens are 0 … vocabulary_size - 1."""
    context_length: int
    """Tokens; what the model was made for."""
    parameter_count: int
    layer_count: int
    hidden_size: int
    bos_token: int | None
    """The token that begins a document."""
    eos_token: int | None
    """The token that ends one."""
    has_tokenizer: bool
    adds_bos: bool
    """Whether text gets BOS by itself."""
    adds_eos: bool
    compute: Compute
    """What losses are computed in, never "auto"."""
    threads: int
    family: str
    """Such as "llama"."""
    instruction_set: str
    """Such as "avx512+bf16": what the bits of losses may depend on."""


@dataclass(frozen=True)
class Opening:
    """How a model is opened: the arguments of `Model`."""

    path: PathLike
    threads: int = 0
    compute: Compute = "auto"
    low_memory: bool = False
    map_file: bool = False
    tokenizer: PathLike | None = None
    instruction_set: str | None = None


class Model:
    """A model with its tokenizer: a GGUF file, a Hugging Face folder or a llama2.c file.

    Use it in a `with` statement, or `close()` it. Any Python thread may call it; scoring by several threads takes turns,
    all else runs side by side. A process that was forked from this one must open models of its own.
    """

    def __init__(
        self,
        path: PathLike,
        *,
        threads: SupportsIndex = 0,
        compute: Compute = "auto",
        low_memory: bool = False,
        map_file: bool = False,
        tokenizer: PathLike | None = None,
        instruction_set: str | None = None,
        progress: ProgressCallback = None,
    ) -> None:
        """Reads the model.

        - threads: 0 takes the physical cores that the process may use.
        - compute: what losses are computed in; "auto" is int8 where weights are quantized, bf16 where they are F16 or
          BF16, else f32.
        - low_memory: compute from the file's own weights, without a packed copy: slower, to the same bits. The file is
          mapped.
        - map_file: map the file in place of reading it into memory. A mapped file must not change while the model is
          open: whoever cuts it short makes the system end this process.
        - tokenizer: a tokenizer's file, for formats without one or in place of the model's.
        - instruction_set: lowers it, as the environment variable LONGLENS_ISA does: "avx2", "scalar".

        Raises `MissingError`, `ReadError`, `DataError` (half-written, malformed), `MachineError` (too little memory),
        `InvalidError`. What the user should know of the files is a `LongLensWarning`.
        """
        options = _library.OpenOptions()
        _library.default(options)
        options.threads = count(threads, "threads", 0)
        options.compute = _choice(compute, _COMPUTES, "compute")
        options.low_memory = int(bool(low_memory))
        options.map_file = int(bool(map_file))
        if tokenizer is not None:
            options.tokenizer = path_bytes(tokenizer, "The path of the tokenizer")
        if instruction_set is not None:
            options.instruction_set = option_bytes(instruction_set, "instruction_set")
        self.opening = Opening(
            path, options.threads, compute, bool(low_memory), bool(map_file), tokenizer, instruction_set)
        name = path_bytes(path, "The path of the model")
        handle = ctypes.c_void_p()

        def work(function: _library.ProgressFunction) -> None:
            options.progress = function
            _library.call("open", name, ctypes.byref(options), ctypes.byref(handle))

        try:
            _interrupts.run(work, progress)
        except BaseException:
            # Interrupted when it was all but open.
            if handle:
                _close(handle)
            raise
        self._handle = handle
        self._closing = weakref.finalize(self, _close, handle)
        self._closing.atexit = False  # the process's end gives everything back
        self.info = self._info()
        self.warnings = self._warnings()
        """What the user should know of the model's files and its tokenizer: a paragraph each."""
        self._warned_of_context = False
        for paragraph in self.warnings:
            _warnings.warn(paragraph, LongLensWarning, stacklevel=2)

    @property
    def path(self) -> str:
        """The path that it was opened from."""
        return os.fspath(self.opening.path)

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""
        return not self._closing.alive

    def close(self) -> None:
        """Gives its memory back; calls on other threads end with `ClosedError`. Once more it does nothing."""
        try:
            _library.call("close", self._handle)
        except ClosedError:
            pass
        self._closing.detach()

    def __enter__(self) -> Model:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<longlens.Model {self.path!r}{' (closed)' if self.closed else ''}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A longlens.Model cannot be pickled: give its path to the other process, which opens it.")

    # ---- Tokens

    def tokenize(
        self, text: str, *, bos: Boundary = "auto", eos: Boundary = "auto", special: bool = False
    ) -> NDArray[np.int32]:
        """The tokens of a text, shape [n].

        - bos, eos: whether the token that begins or ends a document is added; "auto" as the model has it.
        - special: text that spells a special token becomes it.
        """
        if not isinstance(text, str):
            raise TypeError(f"The text must be a str, not {type(text).__name__}.")
        data = text_bytes(text)
        options = _library.TextOptions()
        _library.default(options)
        options.bos = _choice(bos, _BOUNDARIES, "bos")
        options.eos = _choice(eos, _BOUNDARIES, "eos")
        options.special = int(bool(special))
        memory, size = ctypes.c_void_p(), ctypes.c_size_t()
        _library.call(
            "tokenize", self._handle, data, len(data), ctypes.byref(options), ctypes.byref(memory), ctypes.byref(size))
        return np.frombuffer(bytearray(_library.taken(memory, 4 * size.value)), np.int32)

    def detokenize(self, tokens: Tokens, *, special: bool = False) -> bytes:
        """The text of tokens in UTF-8; bytes, since a token may be a part of a character. `special` spells special tokens."""
        ids = token_array(tokens)
        memory, size = ctypes.c_void_p(), ctypes.c_size_t()
        _library.call(
            "detokenize", self._handle, ids.ctypes.data, ids.size, int(bool(special)), ctypes.byref(memory),
            ctypes.byref(size))
        return _library.taken(memory, size.value)

    # ---- Losses

    def score(
        self,
        tokens_or_text: str | Tokens,
        context: SupportsIndex = 2048,
        stride: SupportsIndex | None = None,
        *,
        batch: SupportsIndex | None = None,
        progress: ProgressCallback = None,
    ) -> Scores:
        """The loss of every token but the first, each under the tokens before it in its window.

        The losses are those of `longlens score`, to the bit. Ctrl-C ends the work within a layer of the model.

        - tokens_or_text: text gets the tokens that the model begins or ends documents with; tokens, shape [n], are taken
          as they are.
        - context: most tokens of a window, at least 2. More tokens than that are scored by overlapping windows.
        - stride: tokens from one window to the next, below `context`. By default context - context²/n where that is
          whole, else 3/4 of the context.
        - batch: most tokens of windows computed together: speed and memory, no bits.

        Raises `DataError` for tokens outside the vocabulary, `InvalidError`, `MachineError`, `ClosedError`.
        """
        options = _library.ScoreOptions()
        _library.default(options)
        options.context = count(context, "context", 2, _MOST_SIZE)
        if stride is not None:
            options.stride = count(stride, "stride", 1, _MOST_SIZE)
        if batch is not None:
            options.batch = count(batch, "batch", 1, _MOST_SIZE)
        ids = self.tokenize(tokens_or_text) if isinstance(tokens_or_text, str) else token_array(tokens_or_text)
        if ids.size == 0:
            raise InvalidError("There are no tokens to score.")
        self._warn_of_context(min(options.context, ids.size))
        losses = np.empty(ids.size - 1, np.float32)

        def work(function: _library.ProgressFunction) -> None:
            options.progress = function
            _library.call(
                "score_tokens", self._handle, ids.ctypes.data, ids.size, ctypes.byref(options), losses.ctypes.data)

        _interrupts.run(work, progress)
        return Scores(ids, losses)

    def _warn_of_context(self, length: int) -> None:
        if length > self.info.context_length and not self._warned_of_context:
            self._warned_of_context = True
            _warnings.warn(
                f"{self.path} was made for {self.info.context_length} tokens of context; losses under {length} may be "
                "worse than they could be.", LongLensWarning, stacklevel=3)

    def _info(self) -> ModelInfo:
        data = _library.Info(size=ctypes.sizeof(_library.Info))
        _library.call("describe", self._handle, ctypes.byref(data))
        return ModelInfo(
            vocabulary_size=data.vocabulary_size, context_length=data.context_length,
            parameter_count=data.parameter_count, layer_count=data.layer_count, hidden_size=data.hidden_size,
            bos_token=data.bos_token if data.bos_token >= 0 else None,
            eos_token=data.eos_token if data.eos_token >= 0 else None, has_tokenizer=bool(data.has_tokenizer),
            adds_bos=bool(data.adds_bos), adds_eos=bool(data.adds_eos), compute=_COMPUTES[data.compute],
            threads=data.threads, family=data.family.decode(), instruction_set=data.instruction_set.decode())

    def _warnings(self) -> list[str]:
        memory = ctypes.c_void_p()
        _library.call("warnings", self._handle, ctypes.byref(memory))
        return _library.taken_text(memory).splitlines()


def _close(handle: ctypes.c_void_p) -> None:
    """For a model that nobody has any more."""
    try:
        _library.call("close", handle)
    except LongLensError:
        pass  # in a forked process it is not there


def _choice(value: str, values: tuple[str, ...], what: str) -> int:
    if value not in values:
        raise InvalidError(f"{what} is {value!r}; it must be one of {', '.join(values)}.")
    return values.index(value)
