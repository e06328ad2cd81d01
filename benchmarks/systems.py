"""The systems that are timed: ours and what a user would run instead, as classes with the same two methods.

`start(sentences)` prepares a list of `cbpner.text.bio.Sentence`; `work()` trains on them, or tags them, once and
returns the seconds that it took. All of them run on the library's device: a GPU where there is one.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.nn import functional as F
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    pipeline,
)

from cbpner.base.errors import InputError
from cbpner.models.attention import pick_attention
from cbpner.models.devices import pick_device, pick_precision
from cbpner.models.encoders import load_tagger, silence_libraries
from cbpner.prediction.tagger import Tagger
from cbpner.text.labels import DEFAULT
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.config import Job
from cbpner.training.predictor import Predictor
from cbpner.training.recipes import get_recipe
from cbpner.training.trainer import build_trainer

PADDED, BATCH = 512, 8  # the original's: every sentence to 512 tokens, eight at a time
PIPELINE_BATCHES = (1, 8, 32)


class Clock(TrainerCallback):
    """Measures from the begin of the first step to the end of the last one."""

    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step == 0:
            self.begin = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == state.max_steps:
            finish()
        self.seconds = time.perf_counter() - self.begin


class OurTraining:
    """`cbpner train` with recipe cbp, one epoch; overrides: of the recipe."""

    def __init__(self, model, **overrides):
        self.recipe = get_recipe("cbp", "BERT_LM_mixed", encoder=str(model), epochs=1, **overrides)

    def start(self, sentences):
        self.sentences = sentences

    def work(self):
        device = pick_device()
        with tempfile.TemporaryDirectory() as folder:
            job = Job("benchmark", "cbp", self.recipe, {}, Path(folder))
            model, tokenizer = load_tagger(self.recipe, DEFAULT, pick_attention(device))
            precision = pick_precision(job.recipe.precision, device)
            predictor = Predictor(model, CharacterTable(tokenizer), DEFAULT, job.recipe, precision)
            return time_training(build_trainer(job, {"train": self.sentences}, predictor, device))


class TransformersTraining:
    """transformers' Trainer as in its token-classification example: float32, padded to the longest of a batch."""

    def __init__(self, model, batch):
        self.folder, self.batch = model, batch

    def start(self, sentences):
        silence_libraries()
        self.tokenizer = AutoTokenizer.from_pretrained(self.folder)
        self.examples = encode(sentences, self.tokenizer)

    def work(self):
        model = load_plain(self.folder)
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder, per_device_train_batch_size=self.batch, num_train_epochs=1, save_strategy="no", report_to=[],
                disable_tqdm=True, logging_strategy="no", dataloader_pin_memory=pick_device().type == "cuda",
            )  # fmt: skip
            collator = DataCollatorForTokenClassification(self.tokenizer)
            return time_training(Trainer(model, arguments, collator, self.examples))


class OriginalTraining:
    """The original's pattern: eight sentences padded to 512 tokens, float32, AdamW."""

    def __init__(self, model):
        self.folder = model

    def start(self, sentences):
        silence_libraries()
        self.model = load_plain(self.folder).train().to(pick_device())
        tokenizer = AutoTokenizer.from_pretrained(self.folder)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=5e-5)
        self.batches = list(pad_batches(encode(sentences, tokenizer)))

    def work(self):
        start = time.perf_counter()
        for batch in self.batches:
            self.model(**move(batch, self.model.device)).loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()
        finish()
        return time.perf_counter() - start


class OurPrediction:
    """`Tagger.tag_many`, from text to spans, as `cbpner predict` calls it."""

    def __init__(self, model):
        self.folder = model

    def start(self, sentences):
        self.tagger, self.text = Tagger.from_pretrained(self.folder), "\n".join(each.chars for each in sentences)

    def work(self):
        start = time.perf_counter()
        self.tagger.tag(self.text)
        return time.perf_counter() - start


class OnnxPrediction(OurPrediction):
    """The same in int8 by ONNX Runtime."""

    def start(self, sentences):
        from cbpner.prediction.export import export_tagger

        super().start(sentences)
        with tempfile.TemporaryDirectory() as folder:
            export_tagger(self.folder, Path(folder) / "int8", int8=True)
            self.tagger = Tagger.from_pretrained(Path(folder) / "int8", "onnx")


class OriginalPrediction:
    """Eight sentences padded to 512 tokens, float32, the best tag of each token."""

    def __init__(self, model):
        self.folder = model

    def start(self, sentences):
        silence_libraries()
        self.model = load_plain(self.folder).eval().to(pick_device())
        tokenizer = AutoTokenizer.from_pretrained(self.folder)
        self.batches = list(pad_batches(encode(sentences, tokenizer)))

    def work(self):
        start = time.perf_counter()
        with torch.no_grad():
            for batch in self.batches:
                self.model(**move(batch, self.model.device)).logits.argmax(dim=-1).tolist()
        return time.perf_counter() - start


class PipelinePrediction:
    """transformers' pipeline with one batch size."""

    def __init__(self, model, batch):
        self.folder, self.batch = model, batch

    def start(self, sentences):
        silence_libraries()
        self.texts = [each.chars for each in sentences]
        self.pipe = pipeline(
            "token-classification", model=load_plain(self.folder).eval(), batch_size=self.batch, device=pick_device(),
            tokenizer=AutoTokenizer.from_pretrained(self.folder), aggregation_strategy="simple",
        )  # fmt: skip

    def work(self):
        start = time.perf_counter()
        self.pipe(self.texts)
        return time.perf_counter() - start


class PredictCommand:
    """`cbpner predict` on a file of the sentences, in a new process each time.

    is_whole: from the start of the process to its end; else from the first call to the last span, as it says itself.
    """

    def __init__(self, model, is_whole):
        self.model, self.is_whole = model, is_whole

    def start(self, sentences):
        self.text = "\n".join(each.chars for each in sentences) + "\n"
        self.characters = sum(len(each.chars) for each in sentences)

    def work(self):
        with tempfile.TemporaryDirectory() as folder:
            text, out = Path(folder) / "text.txt", Path(folder) / "out.jsonl"
            text.write_text(self.text, encoding="utf-8")
            command = [sys.executable, "-m", "cbpner", "predict", text, "--model", self.model, "-o", out]
            start = time.perf_counter()
            done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
            seconds = time.perf_counter() - start
        said = re.search(r"\(([\d,]+) characters/s\)", done.stderr)
        if said is None:
            raise InputError(
                f"{' '.join(map(str, command))}: ended with {done.returncode}: {done.stderr.strip()[-300:]}"
            )
        return seconds if self.is_whole else self.characters / int(said[1].replace(",", ""))


def finish():
    """Wait for a GPU's work, which runs on when Python goes on."""
    if pick_device().type == "cuda":
        torch.cuda.synchronize()


def move(batch, device):
    return {name: tensor.to(device) for name, tensor in batch.items()}


def load_plain(folder):
    """As transformers loads it: float32, its own choice of attention, the configuration's dropout."""
    return AutoModelForTokenClassification.from_pretrained(folder, num_labels=len(DEFAULT.tags), dtype="float32")


def encode(sentences, tokenizer):
    """One {`input_ids`, `labels`} for each sentence, as lists, special tokens included; cut at PADDED tokens."""
    examples = []
    for sentence in sentences:
        ids = tokenizer(list(sentence.chars), is_split_into_words=True, truncation=True, max_length=PADDED)["input_ids"]
        tags = [DEFAULT.tag_to_id[tag] for tag in sentence.tags[: len(ids) - 2]]
        examples.append({"input_ids": ids, "labels": [-100, *tags, *[-100] * (len(ids) - 1 - len(tags))]})
    return examples


def pad_batches(examples):
    """Yield batches of BATCH examples, every row PADDED tokens."""
    for start in range(0, len(examples), BATCH):
        rows = examples[start : start + BATCH]
        ids, labels = (
            torch.stack([F.pad(torch.tensor(row[name]), (0, PADDED - len(row[name])), value=value) for row in rows])
            for name, value in (("input_ids", 0), ("labels", -100))
        )
        real = torch.tensor([[place < len(row["input_ids"]) for place in range(PADDED)] for row in rows])
        yield {"input_ids": ids, "attention_mask": real.long(), "labels": labels}


def time_training(trainer):
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(clock := Clock())
    trainer.train()
    return clock.seconds


TRAINING = ("ours", "transformers, dynamic padding", "original")
PIPELINES = {f"pipeline, batches of {size}": size for size in PIPELINE_BATCHES}
PREDICTION = ("ours", "ours, int8", *PIPELINES, "original")


def make_training(name, model, batch):
    """The system of that name over an encoder's folder; batch: sentences of one batch of transformers' Trainer."""
    if name == "transformers, dynamic padding":
        return TransformersTraining(model, batch)
    return {"ours": OurTraining, "original": OriginalTraining}[name](model)


def make_prediction(name, model):
    """The system of that name over a tagger's folder."""
    if name in PIPELINES:
        return PipelinePrediction(model, PIPELINES[name])
    return {"ours": OurPrediction, "ours, int8": OnnxPrediction, "original": OriginalPrediction}[name](model)
