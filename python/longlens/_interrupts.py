"""Long calls of the library that Ctrl-C ends."""

from __future__ import annotations

import threading
from collections.abc import Callable

from . import _library
from .errors import LongLensError, MachineError


class _Control:
    """What the library asks during a call: whether it is to end."""

    def __init__(self, progress: Callable[[float], object] | None) -> None:
        self.progress = progress
        self.stopped = False
        self.failure: BaseException | None = None

    def __call__(self, user: int | None, done: float) -> int:
        if not self.stopped and self.progress is not None:
            try:
                self.progress(done)
            except BaseException as failure:
                self.failure = failure
                self.stopped = True
        return int(self.stopped)

    def run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except LongLensError:
            if self.failure is not None:
                raise self.failure from None
            raise


def run(
    work: Callable[[_library.ProgressFunction], None], progress: Callable[[float], object] | None = None
) -> None:
    """Does `work`, which hands the progress function it is given to a call of the library.

    What `progress` raises ends the call and is raised here. In the main thread, where Python handles signals, the call
    is made by another thread, while this one waits for it: a handler's exception, such as `KeyboardInterrupt`, could be
    lost in a function that C calls.
    """
    control = _Control(progress)
    function = _library.Progress(control)
    if threading.current_thread() is not threading.main_thread():
        control.run(lambda: work(function))
        return
    failures: list[BaseException] = []
    ended = threading.Event()

    def call() -> None:
        try:
            control.run(lambda: work(function))
        except BaseException as failure:
            failures.append(failure)
        finally:
            ended.set()

    try:
        try:
            threading.Thread(target=call, name="longlens").start()
        except RuntimeError as error:
            raise MachineError(f"No thread can be started for the call: {error}.") from None
        ended.wait()
    except BaseException as failure:
        control.stopped = True
        if not isinstance(failure, MachineError):
            ended.wait()  # for a layer of the model at most; a second Ctrl-C does not wait
        raise
    if failures:
        raise failures[0]
