"""Matrix products of a model's linear maps in three directions: LongLens, BLIS, OpenBLAS and PyTorch, in GFLOP/s.

Called by `products`, which installs what it needs. Each round runs each library in a process of its own; BLIS is told to
use its AVX-512 kernels. Writes results/products-DATE-MACHINE.json and prints a Markdown table of medians.
"""

import argparse
import ctypes
import glob
import json
import os
import re
import statistics
import sys
import time

from common import output_of, save, stamp

REPEATS = 3
LIBRARIES = {
    "BLIS": ("/usr/lib/*/blis-pthread/libblas.so.3", {"BLIS_ARCH_TYPE": "skx", "BLIS_NUM_THREADS": "{threads}"}),
    "OpenBLAS": ("/usr/lib/*/openblas-pthread/libblas.so.3", {"OPENBLAS_NUM_THREADS": "{threads}"}),
}


def directions(t, n, k):
    """(name, rows, columns, inner, transpose of A, transpose of B, adds) of y = x Wᵀ, dx = dy W and dW += dyᵀ x."""
    return [
        ("product forward", t, n, k, False, True, False),
        ("product input gradient", t, k, n, False, False, False),
        ("product weight gradient", n, k, t, True, False, True),
    ]


def median_seconds(work):
    work()
    seconds = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def measure_library(library, shapes, threads):
    """Run in a process of its own: GFLOP/s of each kernel and shape."""
    import numpy as np

    if library == "PyTorch":
        import torch

        torch.set_num_threads(threads)
        product = torch_product(torch)
    else:
        [path] = glob.glob(LIBRARIES[library][0])[:1]
        product = blas_product(ctypes.CDLL(path, mode=ctypes.RTLD_LOCAL), np)
    results = {}
    for t, n, k in shapes:
        for name, *sizes in directions(t, n, k):
            rows, columns, inner = sizes[:3]
            work = product(np, *sizes)
            results[f"{name} T={t} N={n} K={k}"] = 2 * rows * columns * inner / median_seconds(work) / 1e9
    print(json.dumps(results))


def operands(np, rows, columns, inner, transpose_a, transpose_b):
    a = np.ones((inner, rows) if transpose_a else (rows, inner), np.float32)
    b = np.ones((columns, inner) if transpose_b else (inner, columns), np.float32)
    return a, b, np.zeros((rows, columns), np.float32)


def torch_product(torch):
    def make(np, rows, columns, inner, transpose_a, transpose_b, adds):
        a, b, c = map(torch.from_numpy, operands(np, rows, columns, inner, transpose_a, transpose_b))
        a, b = a.T if transpose_a else a, b.T if transpose_b else b
        return (lambda: c.addmm_(a, b)) if adds else (lambda: torch.mm(a, b, out=c))

    return make


def blas_product(library, np):
    row_major, plain, transposed = 101, 111, 112

    def make(np, rows, columns, inner, transpose_a, transpose_b, adds):
        a, b, c = operands(np, rows, columns, inner, transpose_a, transpose_b)
        pointer = lambda x: x.ctypes.data_as(ctypes.c_void_p)
        one, beta = ctypes.c_float(1), ctypes.c_float(1 if adds else 0)

        def work():
            library.cblas_sgemm(
                row_major, transposed if transpose_a else plain, transposed if transpose_b else plain, rows, columns, inner,
                one, pointer(a), a.shape[1], pointer(b), b.shape[1], beta, pointer(c), columns)  # fmt: skip

        work.operands = a, b, c
        return work

    return make


def longlens(options):
    report = json.loads(output_of([
        options.longlens, "bench", "kernels", "--context", options.contexts, "--shape", options.shape, "--quiet", "--json",
        "--threads", str(options.threads)]))  # fmt: skip
    return report["machine"], report["rows"]


def compare(options):
    speeds, machine, shapes = {}, None, []
    for _ in range(options.rounds):
        machine, rows = longlens(options)
        for row in rows:
            speeds.setdefault(f"{row['kernel']} {row['shape']}", {}).setdefault("LongLens", []).append(row["gflops"])
        shapes = [list(map(int, re.findall(r"=(\d+)", row["shape"]))) for row in rows if row["kernel"] == "product forward"]
        for library in (*LIBRARIES, "PyTorch"):
            settings = LIBRARIES.get(library, (None, {}))[1]
            environment = os.environ | {key: value.format(threads=options.threads) for key, value in settings.items()}
            command = [sys.executable, __file__, "--library", library, "--of", json.dumps(shapes)]
            results = json.loads(output_of([*command, "--threads", str(options.threads)], environment))
            for name, speed in results.items():
                if name in speeds:
                    speeds[name].setdefault(library, []).append(speed)
    return machine, {
        name: {library: round(statistics.median(values), 1) for library, values in row.items()}
        for name, row in speeds.items()
    }


def table(machine, rows):
    print("| kernel and shape | LongLens | of peak | " + " | ".join([*LIBRARIES, "PyTorch"]) + " |")
    print("|---" * (4 + len(LIBRARIES)) + "|")
    for name, row in rows.items():
        others = [f"{row[library]:.0f}" if library in row else "" for library in (*LIBRARIES, "PyTorch")]
        own = row["LongLens"]
        print(f"| {name} | {own:.0f} | {own / machine['peak_gflops']:.0%} | " + " | ".join(others) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--longlens")
    parser.add_argument("--contexts", default="1k,4k")
    parser.add_argument("--shape", default="smollm2-135m")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--library", help=argparse.SUPPRESS)
    parser.add_argument("--of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.library:
        return measure_library(options.library, json.loads(options.of), options.threads)
    machine, rows = compare(options)
    save("products", stamp() | {"rounds": options.rounds, "machine": machine, "gflops": rows}, options.shape)
    table(machine, rows)


main()
