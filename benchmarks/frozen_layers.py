"""What keeping the frozen layers' output saves: seconds of a training epoch, three ways side by side.

python benchmarks/frozen_layers.py [TRAIN.bio] [--sentences 400] [--rounds 3] [-o OUT.json]

`all` trains every layer and a CRF; `anew` freezes as the variant says and runs the frozen layers in every step; `kept`
reads what they made of the text the first time. Rounds of the three alternate; medians. Encoders: cbp_mini, and the
shape of bert-base-chinese with random weights (--base-layers 12). Without a file: the training text of data/demo/0.
"""

import argparse
import json
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from transformers import BertConfig, BertForMaskedLM

from cbpner.models.attention import pick_attention
from cbpner.models.crf_tagger import count_features
from cbpner.models.devices import autocast, pick_device, pick_precision
from cbpner.models.encoders import load_tagger, locate_encoder
from cbpner.runs.folder import describe_environment
from cbpner.text.bio import find_labels, read_bio
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.batching import TokenBudgetSampler
from cbpner.training.features import store_features
from cbpner.training.recipes import get_recipe
from cbpner.training.trainer import EVALUATION_TOKENS, TaggingCollator, encode_sentences

DEMO = Path(__file__).resolve().parent.parent / "data" / "demo" / "0" / "no_long_cbp_demo_train.bio"


def make_base_encoder(folder, layers):
    """A BERT of base shape with random weights and cbp_mini's vocabulary, in `folder`."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(locate_encoder("cbp_mini"))
    config = BertConfig(vocab_size=len(tokenizer), num_hidden_layers=layers)
    BertForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


class Contestant:
    """One way to train one model on the same sentences."""

    def __init__(self, way, variant, encoder, sentences, labels):
        changes = {"freeze_encoder": False, "trainable_layers": 0, "head": "crf"} if way == "all" else {}
        torch.manual_seed(0)
        recipe = get_recipe("cbp", f"partBERT_CRF_{variant}", encoder=encoder, **changes)
        self.device = pick_device()
        precision = pick_precision("auto", self.device)
        self.model, tokenizer = load_tagger(recipe, labels, pick_attention(self.device))
        self.model.to(self.device)
        self.context, table = partial(autocast, precision, self.device), CharacterTable(tokenizer)
        examples = encode_sentences(sentences, table, labels, recipe.max_length, repair=True)
        store, self.fill_seconds = None, 0.0
        if way == "kept":
            start = time.perf_counter()
            store = store_features(
                self.model, [example["ids"] for example in examples], table=table, context=self.context,
                batch_tokens=EVALUATION_TOKENS, width=count_features(self.model.config), memory_mb=recipe.cache_mb,
                dtype=torch.bfloat16 if precision == "bf16" else torch.float32, folder=tempfile.gettempdir(),
            )  # fmt: skip
            self.fill_seconds = time.perf_counter() - start
        sampler = TokenBudgetSampler([len(example["ids"]) for example in examples], recipe.batch_tokens)
        self.loader = DataLoader(examples, batch_sampler=sampler, collate_fn=TaggingCollator(table, store=store))
        learning = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(learning, lr=1e-4, fused=True)
        self.model.train()

    def run_epoch(self):
        """Seconds of one epoch."""
        start = time.perf_counter()
        for batch in self.loader:
            batch = {name: value.to(self.device) for name, value in batch.items()}
            with self.context():
                loss = self.model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()
        return time.perf_counter() - start


def compare(variant, encoder, sentences, labels, rounds):
    """{way: median seconds, and the gains} for one encoder and variant."""
    ways = {way: Contestant(way, variant, encoder, sentences, labels) for way in ("all", "anew", "kept")}
    seconds = {way: [] for way in ways}
    for _ in range(rounds + 1):  # the first round warms up
        for way, contestant in ways.items():
            seconds[way].append(contestant.run_epoch())
    medians = {way: statistics.median(times[1:]) for way, times in seconds.items()}
    first = medians["kept"] + ways["kept"].fill_seconds
    return {
        **{f"{way}_s": round(value, 2) for way, value in medians.items()},
        "first_epoch_s": round(first, 2),
        "gain_over_all": round(medians["all"] / medians["kept"], 2),
        "gain_over_anew": round(medians["anew"] / medians["kept"], 2),
        "gain_over_first_epoch": round(first / medians["kept"], 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", nargs="?", default=DEMO, metavar="TRAIN.bio")
    parser.add_argument("--sentences", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--base-layers", type=int, default=12)
    parser.add_argument("-o", "--output", metavar="OUT.json")
    args = parser.parse_args()
    everything = read_bio(args.train)
    labels, sentences = find_labels(everything), everything[:: max(1, len(everything) // args.sentences)]
    results = {"characters": sum(len(s.chars) for s in sentences), "environment": describe_environment()}
    with tempfile.TemporaryDirectory() as folder:
        encoders = {"cbp_mini": "cbp_mini", f"base shape, {args.base_layers} layers": None}
        for name, encoder in encoders.items():
            encoder = encoder or make_base_encoder(Path(folder) / "base", args.base_layers)
            part = sentences if name == "cbp_mini" else sentences[:: max(1, len(sentences) // 80)]
            for variant in ("described", "coded"):
                found = compare(variant, encoder, part, labels, args.rounds)
                results[f"{name}, {variant}"] = found
                print(name, variant, json.dumps(found), flush=True)
    if args.output:
        Path(args.output).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
