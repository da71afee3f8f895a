"""A transformers `Trainer` that counts every token by its weight.

A tiny model of random weights learns the documents of a text file, an empty line apart. Their tokens, and how much each
needs the distant past, come from a model that LongLens scores them with. Needs `longlens`, `datasets`, `transformers`,
`accelerate` and `torch`.

Usage: python trainer.py MODEL TEXT_FILE [STEPS]
"""

import sys
from functools import partial
from pathlib import Path

import longlens.datasets
import torch
from datasets import Dataset
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments


def collate(rows):
    """A batch of rows of "input_ids" and "weights", padded at the end; tensors of shape [rows, most tokens]."""

    def pad(column, dtype, padding):
        return pad_sequence([torch.as_tensor(row[column], dtype=dtype) for row in rows], True, padding)

    labels = pad("input_ids", torch.long, -100)
    labels[:, 0] = -100  # nothing predicts the first token
    lengths = torch.tensor([len(row["input_ids"]) for row in rows])
    mask = (torch.arange(labels.shape[1]) < lengths[:, None]).long()
    ids, weights = pad("input_ids", torch.long, 0), pad("weights", torch.float32, 0.0)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels, "weights": weights}


def weighted_loss(outputs, labels, num_items_in_batch=None, weights=None):
    """The mean of weight times loss over the predictions; `num_items_in_batch` counts those of all accumulated batches."""
    logits, labels, weights = outputs["logits"][:, :-1].float(), labels[:, 1:], weights[:, 1:]
    losses = cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="none")
    return (losses * weights).sum() / (num_items_in_batch or (labels != -100).sum())


class WeightedTrainer(Trainer):
    def compute_loss(self, model, inputs, *rest, **options):
        inputs = dict(inputs)
        self.compute_loss_func = partial(weighted_loss, weights=inputs.pop("weights"))
        return super().compute_loss(model, inputs, *rest, **options)


def trainer(model, rows, **arguments):
    arguments = TrainingArguments(remove_unused_columns=False, report_to="none", use_cpu=True, **arguments)
    return WeightedTrainer(
        model, arguments, data_collator=collate, train_dataset=rows, compute_loss_func=weighted_loss)


def main(scorer, file, steps=20):
    texts = [text for text in Path(file).read_text().split("\n\n") if text.strip()]
    with longlens.Model(scorer) as opened:
        size = opened.info.vocabulary_size
        rows = longlens.datasets.add_weights(
            Dataset.from_dict({"text": texts}), opened, 128, text="text", scheme="dense:lambda=0.75",
            remove_columns=["text"])
    torch.manual_seed(1)
    shape = LlamaConfig(
        vocab_size=size, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=4096)
    run = trainer(
        LlamaForCausalLM(shape), rows, max_steps=int(steps), per_device_train_batch_size=2,
        gradient_accumulation_steps=2, learning_rate=3e-3, logging_steps=5, save_strategy="no", output_dir="trained")
    run.train()
    return [entry["loss"] for entry in run.state.log_history if "loss" in entry]


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
