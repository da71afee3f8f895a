"""`python -m longlens` and the console script: the program `longlens` of this package takes the interpreter's place."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn


def program() -> Path:
    """The path of the program."""
    return Path(__file__).parent / "bin" / "longlens"


def main() -> NoReturn:
    """Runs the program with the arguments of this process, its standard streams and signals; does not return."""
    path = os.fspath(program())
    try:
        os.execv(path, ["longlens", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"longlens: the program cannot be run: {path}: {error.strerror}")


if __name__ == "__main__":
    main()
