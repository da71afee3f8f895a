"""The context of a model extended by each of three weighting schemes: losses by position before and after.

Called by `extension`, which builds what it needs. Every run takes the same sequences, steps and seed; the trained model is its
own scorer. What is done stays done: a second call goes on.
Writes results/extension-DATE-MACHINE.json and docs/extension.md.
"""

import argparse
import json
import sys
from pathlib import Path

from common import HERE, output_of, save, stamp, tokens

SCHEMES = ["uniform", "dense:lambda=0.75", "sparse:kappa=0.2"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a GGUF file or a Hugging Face folder")
    parser.add_argument("--longlens", required=True)
    parser.add_argument("--train", required=True, help="a folder of documents, or one")
    parser.add_argument("--validation", required=True, nargs="+", help="documents that are not trained on")
    parser.add_argument("--context", default="16k")
    parser.add_argument("--short-context", default="8k", help="of the scorer")
    parser.add_argument("--rope-scaling", default="yarn:factor=2")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--learning-rate", default="2e-5")
    parser.add_argument("--sequences", type=int, default=3, help="of each validation document, from its beginning")
    parser.add_argument("--output", type=Path, default=Path("extension"), help="where models and losses are kept")
    return parser.parse_args()


def run(options, *command):
    return output_of([options.longlens, *map(str, command)])


def train(options, scheme):
    folder = options.output / scheme.split(":")[0]
    if not (folder / "model").exists():
        resume = ["--resume"] if (folder / "checkpoints").exists() else []
        scorer = [] if scheme == "uniform" else ["--scorer", "self", "--scorer-context", options.short_context]
        run(options, "train", "--model", options.model, "--data", options.train, "--output", folder,
            "--context", options.context, "--scheme", scheme, *scorer, "--rope-scaling", options.rope_scaling,
            "--steps", options.steps, "--warmup", options.warmup, "--learning-rate", options.learning_rate,
            "--save-every", 3, "--keep", 1, *resume)  # fmt: skip
    steps = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return folder / "model", steps


def evaluate(options, name, model):
    """Of each document: loss, and loss by position."""
    result = {}
    for document in map(Path, options.validation):
        path = options.output / f"losses-{name}-{document.stem}.json"
        if not path.exists():
            report = run(options, "evaluate", "--model", model, "--context", options.context, "--sequences",
                         options.sequences, "--json", document)  # fmt: skip
            path.write_text(report)
        result[document.stem] = json.loads(path.read_text())
    return result


def original_with_scaling(options):
    """The original under the scaling of the runs, not trained: what the scaling alone does."""
    folder = options.output / "scaled"
    if not folder.exists():
        run(options, "convert", options.model, folder)
        path = folder / "config.json"
        config = json.loads(path.read_text())
        kind, _, values = options.rope_scaling.partition(":")
        scaling = {key: float(value) for key, value in (pair.split("=") for pair in values.split(","))}
        scaling |= {"rope_type": kind, "original_max_position_embeddings": config["max_position_embeddings"]}
        config |= {"rope_scaling": scaling, "max_position_embeddings": tokens(options.context)}
        path.write_text(json.dumps(config, indent=2))
    return folder


def page(results):
    lines = [
        "# A context extended",
        "",
        f"{results['model']} from {results['short_context']} to {results['context']} tokens ({results['rope_scaling']}), "
        f"{results['steps']} updates of one sequence at {results['learning_rate']}, the same sequences for every scheme. Loss "
        f"(nats a token) on the first {results['sequences']} sequences of each document that was not trained on, by position. "
        f"{results['machine']['machine']}, {results['date']}, commit {results['commit']}: `benchmarks/extension`.",
        "",
    ]
    for document in next(iter(results["losses"].values())):
        first = next(iter(results["losses"].values()))[document]
        lines.append(f"| {document} | all | " + " | ".join(f"{b['from']:,}–{b['to']:,}" for b in first["buckets"]) + " |")
        lines.append("|---" * (len(first["buckets"]) + 2) + "|")
        for name, losses in results["losses"].items():
            cells = [losses[document]["loss"]] + [bucket["loss"] for bucket in losses[document]["buckets"]]
            lines.append(f"| {name} | " + " | ".join(f"{cell:.4f}" for cell in cells) + " |")
        lines.append("")
    lines.append("| scheme | seconds a step | loss at step 1, last | nll at step 1, last |")
    lines.append("|---|---|---|---|")
    for scheme, steps in results["training"].items():
        seconds = sum(step["step_seconds"] for step in steps) / len(steps)
        ends = [f"{steps[0][key]:.4f}, {steps[-1][key]:.4f}" for key in ("loss", "nll")]
        lines.append(f"| `{scheme}` | {seconds:.0f} | {ends[0]} | {ends[1]} |")
    return "\n".join(lines) + "\n"


def main():
    options = arguments()
    options.output.mkdir(exist_ok=True)
    losses = {"original": evaluate(options, "original", options.model)}
    losses["original, scaled"] = evaluate(options, "scaled", original_with_scaling(options))
    training = {}
    for scheme in SCHEMES:
        model, training[scheme] = train(options, scheme)
        losses[scheme] = evaluate(options, scheme.split(":")[0], model)
    bench = json.loads(output_of([options.longlens, "bench", "kernels", "--square", "256", "--repeats", "1", "--quiet", "--json"]))
    results = {
        **stamp(), "machine": bench["machine"], "model": Path(options.model).name, "context": options.context,
        "short_context": options.short_context, "rope_scaling": options.rope_scaling, "steps": options.steps,
        "learning_rate": options.learning_rate, "sequences": options.sequences, "training": training, "losses": losses,
    }  # fmt: skip
    save("extension", results, Path(options.model).stem)
    (HERE.parent / "docs" / "extension.md").write_text(page(results))
    print("wrote docs/extension.md", file=sys.stderr)


if __name__ == "__main__":
    main()
