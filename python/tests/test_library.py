"""The structures that ctypes is told of are those of the header."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

from conftest import ROOT

import longlens
from longlens import _library

STRUCTURES = {
    "longlens_error": _library.Error,
    "longlens_open_options": _library.OpenOptions,
    "longlens_info": _library.Info,
    "longlens_text_options": _library.TextOptions,
    "longlens_score_options": _library.ScoreOptions,
    "longlens_weight_options": _library.WeightOptions,
}


def test_structures(tmp_path: Path) -> None:
    lines = []
    expected = [f"LONGLENS_VERSION {longlens.__version__}"]
    for name, structure in STRUCTURES.items():
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        expected.append(f"{name} {ctypes.sizeof(structure)}")
        # Fields one after the other without a gap are all of them.
        end = 0
        for field in structure._fields_:
            place = getattr(structure, field[0])
            assert place.offset == end
            end += place.size
            member = f"{name}.{field[0]}"
            lines.append(f'printf("{member} %zu\\n", offsetof({name}, {field[0]}));')
            expected.append(f"{member} {place.offset}")
        assert end == ctypes.sizeof(structure)
    (tmp_path / "main.c").write_text(
        "#include <longlens.h>\n#include <stdio.h>\n"
        'int main(void) { printf("LONGLENS_VERSION %s\\n", LONGLENS_VERSION);\n' + "\n".join(lines) + "\nreturn 0; }\n")
    compiler = shutil.which("cc") or shutil.which("clang")
    assert compiler, "there is no compiler of C"
    header = ROOT / "CSources" / "liblonglens" / "include"
    subprocess.run([compiler, "-I", header, "-o", tmp_path / "main", tmp_path / "main.c"], check=True)
    printed = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert printed == expected
