"""The Python of the READMEs runs as it is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import ROOT, run


@pytest.mark.filterwarnings("ignore::longlens.LongLensWarning")
@pytest.mark.parametrize("page", ["README.md", "python/README.md"])
def test_readme(page: str, tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S)
    assert blocks
    monkeypatch.chdir(tmp_path)
    run("quantize", "--quiet", ROOT / "models" / "recall-1m", "SmolLM2-135M-Instruct.Q4_1.gguf", "--type", "q4_1")
    Path("book.txt").write_text(text)
    for block in blocks:
        exec(block, {"text": text})
