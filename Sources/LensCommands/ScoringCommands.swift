import ArgumentParser

/// The commands that need no training.
package let scoringCommands: [any ParsableCommand.Type] = [
    Inspect.self, Tokenize.self, Detokenize.self, Score.self, Weigh.self, Evaluate.self, Complete.self, Quantize.self,
    Convert.self,
]

/// What every program says of what its commands read.
package let helpOfInputs = """
    A model is a .gguf file, a Hugging Face folder, or a llama2.c .bin with --tokenizer.
    A document is a .txt file, a .jsonl file ({"text": …} or {"tokens": […]} a line), a folder of these, or - for standard input.
    """
