"""What is small and must stay so: the CRF in a step, everything but the model in prediction, the start, repetitions."""

import statistics
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.rounds import count_characters
from cbpner.decoding import decide as deciding
from cbpner.models.attention import pick_attention
from cbpner.models.encoders import load_tagger
from cbpner.prediction.tagger import Tagger
from cbpner.text.labels import DEFAULT
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.recipes import get_recipe
from cbpner.training.run import Job, choose_precision, pick_device
from cbpner.training.trainer import build_trainer

VARIANTS = ("described", "coded")  # of partBERT_CRF


class CrfShare:
    """An epoch of a variant of `partBERT_CRF`, no features kept; `work` is the share of its CRF in its steps."""

    def __init__(self, model, variant=VARIANTS[0]):
        self.recipe = get_recipe("cbp", f"partBERT_CRF_{variant}", encoder=str(model), epochs=1, no_cache=True)

    def start(self, sentences):
        self.sentences = sentences

    def work(self):
        from benchmarks.sides import time_training

        device, spent = pick_device(), []
        with tempfile.TemporaryDirectory() as folder:
            job = Job("benchmark", "cbp", self.recipe, {}, Path(folder))
            model, tokenizer = load_tagger(self.recipe, DEFAULT, pick_attention(device))
            model.crf.register_full_backward_pre_hook(lambda *_: spent.append(-time.perf_counter()))
            model.crf.register_full_backward_hook(lambda *_: spent.append(time.perf_counter()))
            model.crf.forward = time_calls(model.crf.forward, spent)
            trainer = build_trainer(
                job, {"train": self.sentences}, DEFAULT, model, CharacterTable(tokenizer),
                choose_precision(job, device), device,
            )  # fmt: skip
            seconds = time_training(trainer)
            return sum(spent) / seconds


def time_calls(work, spent):
    """`work`, which notes begin and end of each call as a pair that sums to its seconds."""

    def timed(*args, **kwargs):
        spent.append(-time.perf_counter())
        try:
            return work(*args, **kwargs)
        finally:
            spent.append(time.perf_counter())

    return timed


class OutsideShare:
    """Prediction with a model that takes no time: what reads, cuts, encodes, decodes and scores, over all of it.

    `work` gives {`reading`, `deciding`, `decoding`}: shares of the time that tagging takes with the model; the last is
    a part of the second, the search for the best tags. The model's own scores are played back, so that there is as much
    to decide.
    """

    def __init__(self, model):
        self.folder = model

    def start(self, sentences):
        self.tagger, self.text = Tagger.from_pretrained(self.folder), "\n".join(each.chars for each in sentences)

    def work(self):
        tagger, kept = self.tagger, []
        backend, decide = tagger.backend, tagger.decide_spans
        tagger.backend = Recorder(backend, kept)
        tagger.tag(self.text)
        tagger.backend = backend
        start = time.perf_counter()
        tagger.tag(self.text)
        whole = time.perf_counter() - start
        tagger.backend, spent, decoded = Player(backend, iter(kept)), [], []
        tagger.decide_spans = time_calls(decide, spent)
        with patch.object(deciding, "decode_paths", time_calls(deciding.decode_paths, decoded)):
            start = time.perf_counter()
            tagger.tag(self.text)
            rest = time.perf_counter() - start
        tagger.backend = backend
        del tagger.decide_spans
        parts = {"reading": rest - sum(spent), "deciding": sum(spent), "decoding": sum(decoded)}
        return {name: seconds / whole for name, seconds in parts.items()}


class Recorder:
    """A backend that keeps what it says."""

    map = staticmethod(map)

    def __init__(self, backend, kept):
        self.chain, self.score = backend.chain, partial(self._score, backend, kept)

    @staticmethod
    def _score(backend, kept, ids, mask):
        kept.append(backend.score(ids, mask))
        return kept[-1]


class Player:
    """A backend that says it again."""

    map = staticmethod(map)

    def __init__(self, backend, kept):
        self.chain, self.score = backend.chain, lambda ids, mask: next(kept)


def measure_repetition(sentences) -> dict:
    """How much of a text stands in it a second time, sentence by sentence."""
    counts = Counter(sentence.chars for sentence in sentences)
    again = sum((count - 1) * len(text) for text, count in counts.items())
    return {"sentences": len(sentences), "again": len(sentences) - len(counts),
            "share_of_characters": again / count_characters(sentences)}  # fmt: skip


def make_tagger(encoder, folder, method="benchmark"):
    """A tagger's folder: an encoder's weights and the method's head, not trained, which finds some spans."""
    from cbpner.training.run import write_model

    torch.manual_seed(0)
    recipe = get_recipe("cbp", method, encoder=str(encoder), trainable_layers=0)  # nothing learns here
    model, tokenizer = load_tagger(recipe, DEFAULT, "eager")
    with torch.no_grad():
        model.classifier.weight.mul_(10.0)
        model.classifier.bias[0] = 5.0
    write_model(Path(folder), model, tokenizer, recipe)
    return Path(folder) / "model"


def make_base(encoder, folder):
    """An encoder of base shape (12 layers, width 768) with random weights and the shipped one's characters."""
    from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

    from cbpner.models.encoders import locate_encoder

    tokenizer = AutoTokenizer.from_pretrained(locate_encoder(encoder))
    torch.manual_seed(0)
    BertForMaskedLM(BertConfig(vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Path(folder)


def middle(values) -> dict | float:
    """The median, of each entry where the values are dicts."""
    if isinstance(values[0], dict):
        return {name: statistics.median(value[name] for value in values) for name in values[0]}
    return float(np.median(values))
