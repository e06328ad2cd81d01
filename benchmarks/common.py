"""What several benchmarks share: invented text, taggers without training, their reports."""

import json
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import torch

from cbpner.base.errors import InputError
from cbpner.base.files import write_text
from cbpner.models.encoders import load_tagger, locate_encoder
from cbpner.models.names import SHIPPED_ENCODER
from cbpner.runs.environment import describe_environment
from cbpner.text.labels import DEFAULT
from cbpner.training.recipes import get_recipe
from cbpner.training.run import write_model

DEMO_TEXT = Path(__file__).parents[1] / "data" / "demo" / "unlabelled" / "train.txt"


def invent_lines() -> Iterator[str]:
    """Yield the lines of the demo's patents without end, each with a number of its own."""
    lines = [line for line in DEMO_TEXT.read_text(encoding="utf-8").split("\n") if line]
    return (f"（{number}）{lines[number % len(lines)]}" for number in count(1))


def write_document(path: Path, lines: Iterator[str], characters: int) -> int:
    """Write lines until there are that many characters; returns the text's length."""
    parts, size = [], 0
    while size < characters:
        parts.append(next(lines) + "\n")
        size += len(parts[-1])
    text = "".join(parts)[:characters]
    write_text(path, text)
    return len(text)


def make_tagger(folder: Path, encoder: str | Path = SHIPPED_ENCODER, layers: int | None = None) -> Path:
    """Write a tagger with an encoder's weights and an untrained head, which finds some spans; returns its folder.

    Its speed and memory are those of a trained one. layers: keep only the first ones.
    """
    torch.manual_seed(0)
    recipe = get_recipe("cbp", "benchmark", encoder=str(encoder))
    model, tokenizer = load_tagger(recipe, DEFAULT, "eager")
    if layers is not None:
        model.bert.encoder.layer, model.config.num_hidden_layers = model.bert.encoder.layer[:layers], layers
    with torch.no_grad():
        model.classifier.weight.mul_(10.0)
        model.classifier.bias[0] = 5.0  # most characters are outside
    write_model(Path(folder), model, tokenizer, recipe)
    return Path(folder) / "model"


def make_base_encoder(folder: Path) -> Path:
    """Write an encoder of base shape (12 layers, width 768) with random weights and the shipped one's characters."""
    from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

    tokenizer = AutoTokenizer.from_pretrained(locate_encoder(SHIPPED_ENCODER))
    torch.manual_seed(0)
    BertForMaskedLM(BertConfig(vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_figures(path: str | None, figures: dict) -> None:
    """Write what was measured, with the command and the machine, as JSON; nothing without a path."""
    if path:
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
        content = {"command": command, **figures, "environment": describe_environment()}
        write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def replace_between(path: Path, begin: str, end: str, text: str) -> None:
    """Replace what is between two marks of a file."""
    page = path.read_text(encoding="utf-8")
    if page.count(begin) != 1 or page.count(end) != 1:
        raise InputError(f"{path}: found no marks {begin} and {end}; expected each of them once")
    before, rest = page.split(begin)
    write_text(path, f"{before}{begin}\n{text}{end}{rest.split(end)[1]}")
