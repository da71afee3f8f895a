"""What the comparisons share: running a side, reading lengths, keeping results."""

import datetime
import json
import re
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def output_of(command, environment=None):
    print("+", " ".join(map(str, command)), file=sys.stderr, flush=True)
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout


def tokens(text):
    """A length such as 4096 or 4k."""
    return int(text[:-1]) * 1024 if text.endswith("k") else int(text)


def summary(rows):
    speeds = [row["tokens_per_second"] for row in rows]
    return {
        "tokens_per_second": round(statistics.median(speeds), 2),
        "spread": round((max(speeds) - min(speeds)) / statistics.median(speeds), 4),
        "peak_rss_bytes": max(row["peak_rss_bytes"] for row in rows),
    }


def stamp():
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, stdout=subprocess.PIPE, text=True)
    return {"date": datetime.date.today().isoformat(), "commit": commit.stdout.strip()}


def save(kind, results, *names):
    """Writes results/KIND-DATE-MACHINE.json."""
    machine = results["machine"]
    name = re.sub(r"\W+", "-", " ".join([machine["machine"], machine["instruction_set"], *names])).lower()
    path = HERE / "results" / f"{kind}-{results['date']}-{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"wrote {path}", file=sys.stderr)
