"""The example of a transformers `Trainer`: its loss is the weighted one, computed another way."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

import longlens

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
datasets = pytest.importorskip("datasets")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def example() -> Any:
    spec = importlib.util.spec_from_file_location("trainer_example", ROOT / "Examples" / "python" / "trainer.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture()
def network() -> Any:
    torch.manual_seed(7)
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=1024, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
            max_position_embeddings=512)
    )


@pytest.fixture(scope="module")
def rows(model_path: Path, ids: Any) -> Any:
    table = datasets.Dataset.from_dict({"input_ids": [ids[n * 90 : n * 90 + length].tolist() for n, length in
                                                      enumerate([200, 61, 140, 2])]})
    return longlens.datasets.add_weights(table, model_path, 32, scheme="sparse:kappa=0.25")


def plain_loss(network: Any, rows: list[dict[str, Any]]) -> float:
    """The weighted loss, row by row in numpy and double precision."""
    total, count = 0.0, 0
    for row in rows:
        with torch.no_grad():
            logits = network(input_ids=torch.tensor([row["input_ids"]])).logits[0].double().numpy()
        shifted = logits - logits.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        for place in range(1, len(row["input_ids"])):
            total -= row["weights"][place] * logs[place - 1, row["input_ids"][place]]
            count += 1
    return total / count


def batch_loss(example: Any, network: Any, rows: list[dict[str, Any]], folder: Path) -> Any:
    run = example.trainer(network, rows, output_dir=str(folder))
    return run.compute_loss(network, example.collate(rows))


def test_the_loss_is_the_plain_one(example: Any, network: Any, rows: Any, tmp_path: Path) -> None:
    some = list(rows)
    network.eval()
    loss = batch_loss(example, network, some, tmp_path)
    assert loss.item() == pytest.approx(plain_loss(network, some), rel=1e-5)
    for row in some:
        row["weights"] = [1.0] * len(row["input_ids"])
    uniform = batch_loss(example, network, some, tmp_path)
    batch = example.collate(some)
    labels = batch.pop("labels")
    batch.pop("weights")
    assert uniform.item() == pytest.approx(network(**batch, labels=labels).loss.item(), rel=1e-5)


def test_a_weight_of_zero_gives_no_gradient(example: Any, network: Any, rows: Any, tmp_path: Path) -> None:
    some = list(rows)
    batch = example.collate(some)
    logits = network(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.detach()
    logits.requires_grad_()
    example.weighted_loss({"logits": logits}, batch["labels"], weights=batch["weights"]).backward()
    # logits at i predict token i + 1
    weights = torch.cat([batch["weights"][:, 1:], torch.zeros(len(some), 1)], dim=1)
    zero = weights == 0
    assert zero.any() and (~zero).any()
    assert (logits.grad[zero] == 0).all()
    assert (logits.grad[~zero].abs().sum(dim=1) > 0).all()
    # Another target where the weight is 0 changes nothing: the last token of a row is no input of a prediction.
    row = dict(some[0])
    row["weights"] = [*row["weights"][:-1], 0.0]

    def gradients(row: dict[str, Any]) -> list[Any]:
        network.zero_grad()
        batch_loss(example, network, [row], tmp_path).backward()
        return [parameter.grad.clone() for parameter in network.parameters()]

    before = gradients(row)
    row["input_ids"] = [*row["input_ids"][:-1], (row["input_ids"][-1] + 1) % 1024]
    assert all(torch.equal(one, other) for one, other in zip(before, gradients(row), strict=True))
    row["weights"] = [0.0] * len(row["weights"])
    assert all((gradient == 0).all() for gradient in gradients(row))


@pytest.mark.parametrize("accumulate", [1, 2, 4])
def test_an_update_is_that_of_the_whole_batch(
    example: Any, network: Any, rows: Any, tmp_path: Path, accumulate: int
) -> None:
    """However the rows are shared among accumulated batches."""
    own = copy.deepcopy(network).eval()
    run = example.trainer(
        network.eval(), rows, output_dir=str(tmp_path), max_steps=1, per_device_train_batch_size=4 // accumulate,
        gradient_accumulation_steps=accumulate, optim="sgd", learning_rate=0.5, max_grad_norm=0.0, save_strategy="no",
        lr_scheduler_type="constant", logging_steps=1)
    run.train()
    expected = plain_loss(own, list(rows))
    [logged] = [entry["loss"] for entry in run.state.log_history if "loss" in entry]
    assert logged == pytest.approx(expected, rel=1e-3)
    batch = example.collate(list(rows))
    logits = own(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]
    targets = batch["labels"][:, 1:].clamp(min=0)
    losses = -torch.log_softmax(logits, dim=2).gather(2, targets[:, :, None])[:, :, 0]
    count = sum(len(row["input_ids"]) - 1 for row in rows)
    assert (batch["labels"] != -100).sum() == count  # what older Trainers take for the number of predictions
    ((losses * batch["weights"][:, 1:]).sum() / count).backward()
    for parameter, reference in zip(network.parameters(), own.parameters(), strict=True):
        torch.testing.assert_close(
            parameter.detach(), (reference - 0.5 * reference.grad).detach(), rtol=1e-4, atol=2e-6)


def test_the_example_learns(example: Any, model_path: Path, text: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    words = text.split(" ")
    (tmp_path / "books.txt").write_text(
        "\n\n".join(" ".join(words[start : start + 150]) for start in range(0, len(words), 150)))
    losses = example.main(str(model_path), tmp_path / "books.txt", 30)
    assert losses[0] > 5 and losses[-1] < losses[0] - 1
