"""Threads, Ctrl-C, progress, and processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import longlens

LONG = np.arange(400_000, dtype=np.int32) % 1000
"""So many tokens that scoring them takes long past every signal below."""


def interrupt_soon(number: signal.Signals) -> threading.Timer:
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), number))
    timer.start()
    return timer


def test_threads_on_one_model_and_on_two(model_path: Path, ids: NDArray[np.int32]) -> None:
    parts = [ids[start : start + 400 + start] for start in range(0, 800, 100)]
    with longlens.Model(model_path, threads=2) as one, longlens.Model(model_path, threads=1) as other:
        expected = [one.score(part, 256).losses.tobytes() for part in parts]
        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(model.score, part, 256) for part in parts for model in (one, other, one)]
            texts = [pool.submit(one.tokenize, "Call me Ishmael.") for _ in range(50)]
            got = [job.result().losses.tobytes() for job in jobs]
        assert got == [losses for losses in expected for _ in range(3)]
        assert len({job.result().tobytes() for job in texts}) == 1


def test_other_threads_run_meanwhile(model: longlens.Model) -> None:
    ticks: list[float] = []
    counted = threading.Event()

    def tick() -> None:
        while not counted.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.monotonic()
    model.score(LONG[:30_000], 1024)
    end = time.monotonic()
    counted.set()
    thread.join()
    assert sum(start < when < end for when in ticks) > 10


def test_control_c_ends_a_long_score(model: longlens.Model) -> None:
    expected = model.score(LONG[:500], 256).losses
    timer = interrupt_soon(signal.SIGINT)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.score(LONG, 1024)
    timer.join()
    assert time.monotonic() - start < 15
    assert model.score(LONG[:500], 256).losses.tobytes() == expected.tobytes()


def test_what_a_handler_raises_ends_it_too(model: longlens.Model) -> None:
    class Alarm(Exception):
        pass

    def handler(*_: object) -> None:
        raise Alarm

    before = signal.signal(signal.SIGALRM, handler)
    try:
        timer = interrupt_soon(signal.SIGALRM)
        with pytest.raises(Alarm):
            model.score(LONG, 1024)
        timer.join()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert model.score([1, 2, 3]).losses.size == 2


def test_a_handler_that_returns_does_not_end_it(model: longlens.Model) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    expected = model.score(LONG[:20_000], 1024).losses
    try:
        signal.setitimer(signal.ITIMER_REAL, 0)
        timer = threading.Timer(0.02, lambda: os.kill(os.getpid(), signal.SIGUSR1))
        timer.start()
        assert model.score(LONG[:20_000], 1024).losses.tobytes() == expected.tobytes()
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1]


def in_thread(work: object) -> object:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()  # type: ignore[arg-type]


@pytest.mark.parametrize("main", [True, False])
def test_progress(model: longlens.Model, main: bool) -> None:
    shares: list[float] = []

    def failing(share: float) -> None:
        raise ZeroDivisionError("of the caller")

    def within(share: float) -> None:
        model.score([1, 2])

    def work() -> None:
        model.score(LONG[:5000], 512, progress=shares.append)
        assert shares == sorted(shares) and all(0 <= share <= 1 for share in shares) and len(shares) > 2
        with pytest.raises(ZeroDivisionError, match="of the caller"):
            model.score(LONG[:5000], 512, progress=failing)
        with pytest.raises(longlens.BusyError):
            model.score(LONG[:5000], 512, progress=within)
        with pytest.raises(ZeroDivisionError):
            longlens.Model(model.path, progress=failing)

    if main:
        work()
    else:
        in_thread(work)


def test_closing_ends_the_calls_of_other_threads(model_path: Path) -> None:
    model = longlens.Model(model_path)
    begun = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(model.score, LONG, 1024, progress=lambda share: begun.set())
        assert begun.wait(60)
        model.close()
        with pytest.raises(longlens.ClosedError):
            job.result()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_opens_its_own(model: longlens.Model) -> None:
    expected = model.score([1, 2, 3, 4]).losses.tobytes()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            try:
                model.score([1, 2, 3, 4])
            except longlens.InvalidError:
                with longlens.Model(model.path) as own:
                    status = 0 if own.score([1, 2, 3, 4]).losses.tobytes() == expected else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert model.score([1, 2, 3, 4]).losses.tobytes() == expected


def test_a_model_that_nobody_has_gives_its_threads_back(model_path: Path) -> None:
    def threads() -> int:
        return len(os.listdir("/proc/self/task"))

    before = threads()
    model = longlens.Model(model_path, threads=4)
    model.score([1, 2, 3])
    assert threads() > before
    del model
    end = time.monotonic() + 10
    while threads() > before and time.monotonic() < end:  # Python's own thread of the call may be about to end
        time.sleep(0.01)
    assert threads() == before
