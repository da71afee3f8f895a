"""A column of weights for a table of Hugging Face's `datasets` package, which need not be there to import this."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, SupportsIndex, TypeVar

import numpy as np
from numpy.typing import NDArray

from ._arguments import PathLike, count
from .errors import InvalidError
from .model import Model, Opening
from .weighting import Scheme, weights


class Table(Protocol):
    """`Dataset`, `DatasetDict`, `IterableDataset` or `IterableDatasetDict`."""

    def map(self, function: Any, **options: Any) -> Any: ...


TableType = TypeVar("TableType", bound=Table)


def add_weights(
    dataset: TableType,
    model: Model | PathLike,
    short_context: SupportsIndex,
    *,
    scheme: str = "dense:lambda=0.75",
    context: SupportsIndex | None = None,
    stride: SupportsIndex | None = None,
    scorer: Model | PathLike | None = None,
    tokens: str = "input_ids",
    text: str | None = None,
    column: str = "weights",
    losses: bool = False,
    seed: SupportsIndex = 0,
    batch_size: SupportsIndex = 16,
    num_proc: SupportsIndex | None = None,
    **map_options: Any,
) -> TableType:
    """The table with a weight for every token of its rows, each row a sequence by itself.

    All columns that are added have as many entries as the row has tokens: entry i is of token i as what is predicted.
    The first one is 0, for nothing predicts the first token; the others are `longlens.weights` of the row's losses. So
    they can be cut, joined and padded (by 0) beside the tokens.

    - model: gives the losses, the long ones under `context` tokens (by default the whole row).
    - short_context: most tokens of the short losses' windows; `stride` tokens from one to the next, as `Model.score`.
    - scorer: the model of the short losses, where it is another one; it must have the same tokens.
    - tokens: the column of token ids. Where `text` names a column of text, its rows are tokenized into this one.
    - losses: adds the columns "long_losses" and "short_losses" (nats), the latter where the scheme needs them.
    - seed: of the choice among equal scores, which is drawn for each row by its number.
    - batch_size: rows that are computed and written at a time.
    - num_proc: processes, each of which opens the models for itself; the threads of a model that is given as a path are
      then shared among them. One process with all threads is faster but for very short rows.
    - map_options: more arguments of the table's `map`.

    `datasets` takes a result from its cache where the rows, all of these arguments and the models' files (by time and
    size) are the same.
    """
    read = Scheme.read(scheme)
    processes = None if num_proc is None else count(num_proc, "num_proc", 1)
    weigher = _Weigher(
        model=_Source.of(model, processes),
        scorer=None if scorer is None else _Source.of(scorer, processes),
        scheme=read,
        context=None if context is None else count(context, "context", 2),
        short_context=count(short_context, "short_context", 2),
        stride=None if stride is None else count(stride, "stride", 1),
        tokens=tokens,
        text=text,
        column=column,
        losses=losses,
        seed=count(seed, "seed", 0, 2**64 - 1),
    )
    if weigher.stride is not None and weigher.stride >= weigher.short_context:
        raise InvalidError(f"A stride of {weigher.stride} does not go with a context of {weigher.short_context}: it must be less.")
    if processes is not None:
        map_options["num_proc"] = processes
    result: TableType = dataset.map(
        weigher, with_indices=True, batched=True, batch_size=count(batch_size, "batch_size", 1), **map_options)
    return result


@dataclass
class _Source:
    """A model that every process opens for itself, but for the one that has it open."""

    opening: Opening
    files: list[tuple[str, int, int]]
    """Name, size and time of change of its files: another model under the same path is not the same to the cache."""
    opened: Model | None = field(default=None, compare=False)

    @staticmethod
    def of(model: Model | PathLike, processes: int | None) -> _Source:
        opening = model.opening if isinstance(model, Model) else Opening(model)
        if not isinstance(model, Model) and processes is not None and processes > 1:
            opening = replace(opening, threads=max(1, len(os.sched_getaffinity(0)) // processes))
        path = os.path.abspath(os.fspath(opening.path))
        tokenizer = None if opening.tokenizer is None else os.path.abspath(os.fspath(opening.tokenizer))
        opening = replace(opening, path=path, tokenizer=tokenizer)
        names = [path] + ([] if tokenizer is None else [tokenizer])
        files = [entry for name in names for entry in _stamps(name)]
        return _Source(opening, files, model if isinstance(model, Model) else None)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "opened": None}

    def get(self) -> Model:
        if self.opened is None:
            opening = self.opening
            self.opened = Model(
                opening.path, threads=opening.threads, compute=opening.compute, low_memory=opening.low_memory,
                map_file=opening.map_file, tokenizer=opening.tokenizer, instruction_set=opening.instruction_set)
        return self.opened


def _stamps(path: str) -> list[tuple[str, int, int]]:
    try:
        names = sorted(os.path.join(path, name) for name in os.listdir(path)) if os.path.isdir(path) else [path]
        stats = [(name, os.stat(name)) for name in names]
    except OSError:
        return []  # opening it tells what is wrong
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


@dataclass
class _Weigher:
    """What `map` calls for a few rows at a time."""

    model: _Source
    scorer: _Source | None
    scheme: Scheme
    context: int | None
    short_context: int
    stride: int | None
    tokens: str
    text: str | None
    column: str
    losses: bool
    seed: int

    def __call__(self, batch: Mapping[str, Sequence[Any]], indices: Sequence[int]) -> dict[str, list[NDArray[Any]]]:
        names = [self.column] if self.text is None else [self.tokens, self.column]
        if self.losses:
            names += ["long_losses"] + (["short_losses"] if self.scheme.needs_short else [])
        columns: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
        for row, index in zip(batch[self.tokens if self.text is None else self.text], indices):
            for name, values in self.weigh(row, index).items():
                if name in columns:
                    columns[name].append(values)
        return columns

    def weigh(self, row: Any, index: int) -> dict[str, NDArray[Any]]:
        """Every column of one row."""
        ids = self.model.get().tokenize(row) if self.text is not None else np.asarray(row)
        if ids.size < 2:
            nothing = np.zeros(ids.size, np.float32)
            return {self.tokens: ids, self.column: nothing, "long_losses": nothing, "short_losses": nothing}
        short = None
        if not self.scheme.needs_short and not self.losses:
            long = np.zeros(ids.size - 1, np.float32)  # the scheme looks at none
        else:
            long = self.model.get().score(ids, ids.size if self.context is None else self.context).losses
        if self.scheme.needs_short:
            short = (self.scorer or self.model).get().score(ids, self.short_context, self.stride).losses
        found = weights(long, short, self.scheme.specification, seed=self.seed, sequence=index)
        return {
            self.tokens: ids,
            self.column: _aligned(found),
            "long_losses": _aligned(long),
            "short_losses": _aligned(long if short is None else short),
        }


def _aligned(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values of predictions, as many as tokens."""
    return np.concatenate([np.zeros(1, np.float32), values])
