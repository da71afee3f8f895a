"""Matrix products of a model's linear maps in three directions: LongLens and the strongest libraries, in GFLOP/s.

Called by `products`, which installs what it needs. Each round runs each side in a process of its own. Writes
results/products-DATE-MACHINE-SHAPE.json and prints a Markdown table of medians, what is faster than LongLens in bold.
"""

import argparse
import ctypes
import glob
import json
import os
import re
import statistics
import sys
import sysconfig
import time

from common import output_of, save, stamp

REPEATS = 3
ENVIRONMENT = sys.prefix
PACKAGES = sysconfig.get_path("platlib")

# name: file, its cblas_sgemm, environment. OpenBLAS and MKL choose their kernels themselves (MKL none of its AVX-512 ones on
# AMD's processors, whatever it is told); Debian's BLIS knows no Zen 4, and would choose AVX2 there. oneDNN is PyTorch's own.
LIBRARIES = {
    "OpenBLAS": (
        f"{PACKAGES}/scipy_openblas32/lib/libscipy_openblas.so",
        "scipy_cblas_sgemm",
        {"OPENBLAS_NUM_THREADS": "{threads}"},
    ),
    "oneDNN": (None, None, {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}),
    "BLIS": (
        "/usr/lib/*/blis-pthread/libblis.so.4",
        "cblas_sgemm",
        {"BLIS_ARCH_TYPE": "skx", "BLIS_NUM_THREADS": "{threads}"},
    ),
    "MKL": (f"{ENVIRONMENT}/lib/libmkl_rt.so.*", "cblas_sgemm", {"MKL_NUM_THREADS": "{threads}"}),
}
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # either makes OpenBLAS choose worse


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


def measure_library(name, shapes, threads):
    """Run in a process of its own: GFLOP/s of each kernel and shape."""
    import numpy as np

    file, symbol, _ = LIBRARIES[name]
    library = ctypes.CDLL(glob.glob(file)[0]) if file else None
    product = blas_product(getattr(library, symbol), np) if library else onednn_product(threads, np)
    speeds = {}
    for t, n, k in shapes:
        for kernel, *sizes in directions(t, n, k):
            rows, columns, inner = sizes[:3]
            speeds[f"{kernel} T={t} N={n} K={k}"] = 2 * rows * columns * inner / median_seconds(product(*sizes)) / 1e9
    print(json.dumps({"version": version(name, library), "speeds": speeds}))


def version(name, library):
    """What the library says of itself, and the kernels that it chose."""

    def said(function, *arguments):
        getattr(library, function).restype = ctypes.c_char_p
        return getattr(library, function)(*arguments).decode()

    if name == "OpenBLAS":
        return said("scipy_openblas_get_config")
    if name == "BLIS":
        return f"BLIS {said('bli_info_get_version_str')} {said('bli_arch_string', library.bli_arch_query_id())}"
    if name == "MKL":
        text = ctypes.create_string_buffer(200)
        library.mkl_get_version_string(text, len(text))
        kernels = re.search(r"libmkl_(def|mc3|avx\w*)\.so", open("/proc/self/maps").read())
        return f"{text.value.decode().strip()}, kernels of {kernels[0] if kernels else 'an unknown library'}"
    import torch

    return "oneDNN " + re.search(r"MKL-DNN v([\d.]+)", torch.__config__.show())[1] + f" of PyTorch {torch.__version__}"


def operands(np, rows, columns, inner, transpose_a, transpose_b):
    a = np.ones((inner, rows) if transpose_a else (rows, inner), np.float32)
    b = np.ones((columns, inner) if transpose_b else (inner, columns), np.float32)
    return a, b, np.zeros((rows, columns), np.float32)


def onednn_product(threads, np):
    """PyTorch's fp32 `mm` and `linear` are MKL's; this operator is oneDNN's inner product, as ONEDNN_VERBOSE=1 shows.

    It makes a new C and does not add; the allocator is told to keep freed memory, so that C costs no page faults. The weight
    gradient's A, which is transposed, would be copied by PyTorch: it is copied before the clock runs, in oneDNN's favour.
    """
    import torch

    torch.set_num_threads(threads)

    def make(rows, columns, inner, transpose_a, transpose_b, adds):
        a, b, _ = map(torch.from_numpy, operands(np, rows, columns, inner, transpose_a, transpose_b))
        a, b = a.T.contiguous() if transpose_a else a, b if transpose_b else b.T
        return lambda: torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")

    return make


def blas_product(sgemm, np):
    row_major, plain, transposed = 101, 111, 112

    def make(rows, columns, inner, transpose_a, transpose_b, adds):
        a, b, c = operands(np, rows, columns, inner, transpose_a, transpose_b)
        pointer = lambda x: x.ctypes.data_as(ctypes.c_void_p)
        one, beta = ctypes.c_float(1), ctypes.c_float(1 if adds else 0)

        def work():
            sgemm(
                row_major, transposed if transpose_a else plain, transposed if transpose_b else plain, rows, columns, inner,
                one, pointer(a), a.shape[1], pointer(b), b.shape[1], beta, pointer(c), columns)  # fmt: skip

        work.operands = a, b, c
        return work

    return make


def longlens(options, shape):
    report = json.loads(output_of([
        *options.under, options.longlens, "bench", "kernels", "--context", options.contexts, "--shape", shape, "--only",
        "products", "--quiet", "--json", "--threads", str(options.threads)]))  # fmt: skip
    return report["machine"], report["rows"]


def library(options, name, shapes):
    environment = {key: value for key, value in os.environ.items() if key not in UNSET}
    environment |= {key: value.format(threads=options.threads) for key, value in LIBRARIES[name][2].items()}
    command = [*options.under, sys.executable, __file__, "--library", name, "--of", json.dumps(shapes)]
    return json.loads(output_of([*command, "--threads", str(options.threads)], environment))


def compare(options, shape):
    speeds, versions, machine = {}, {}, None
    kernels = [direction[0] for direction in directions(1, 1, 1)]
    for _ in range(options.rounds):
        machine, rows = longlens(options, shape)
        rows = [row for row in rows if row["kernel"] in kernels]
        for row in rows:
            kernel = speeds.setdefault(f"{row['kernel']} {row['shape']}", {})
            kernel.setdefault("LongLens", []).append(row["gflops"])
        shapes = [list(map(int, re.findall(r"=(\d+)", row["shape"]))) for row in rows if row["kernel"] == kernels[0]]
        for name in LIBRARIES:
            result = library(options, name, shapes)
            versions[name] = result["version"]
            for kernel, speed in result["speeds"].items():
                if kernel in speeds:
                    speeds[kernel].setdefault(name, []).append(speed)
    return stamp() | {
        "rounds": options.rounds, "machine": machine, "libraries": versions,
        "gflops": {
            kernel: {name: round(statistics.median(values), 1) for name, values in row.items()}
            for kernel, row in speeds.items()
        },
    }  # fmt: skip


def table(results):
    print("| kernel and shape | LongLens | of peak | " + " | ".join(LIBRARIES) + " |")
    print("|---" * (3 + len(LIBRARIES)) + "|")
    for kernel, row in results["gflops"].items():
        own = row["LongLens"]
        others = [f"**{row[name]:.0f}**" if row[name] > own else f"{row[name]:.0f}" for name in LIBRARIES]
        print(f"| {kernel} | {own:.0f} | {own / results['machine']['peak_gflops']:.0%} | " + " | ".join(others) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--longlens")
    parser.add_argument("--contexts", default="1k,4k")
    parser.add_argument("--shapes", default="smollm2-135m", help="of `bench --shape`, such as smollm2-135m,qwen3-0.6b")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--under", default="", help="a command that each process runs under, such as `flock FILE`")
    parser.add_argument("--library", help=argparse.SUPPRESS)
    parser.add_argument("--of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.under = options.under.split()
    if options.library:
        return measure_library(options.library, json.loads(options.of), options.threads)
    for shape in options.shapes.split(","):
        results = compare(options, shape)
        save("products", results, shape)
        table(results)


main()
