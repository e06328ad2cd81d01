"""Check that what makes tagging fast keeps the scores: a model's test F1, padded and packed, in float32 and bfloat16.

python -m benchmarks.same_scores RUN... [--data-dir data/cbp_gold] [-o OUT.json]

Each RUN is a run's folder with its model. Its own test set is tagged sentence by sentence (Viterbi): by transformers'
model in padded batches, as training's evaluation does it, and by `Tagger`, which leaves padding out and has attention
of its own. `same`: characters whose tag is that of padded float32.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.common import write_figures
from cbpner.base.process import run_guarded
from cbpner.decoding.decision import Decision
from cbpner.decoding.decode import decode_documents
from cbpner.decoding.probabilities import grammar_chain
from cbpner.decoding.windows import score_sentences
from cbpner.models.attention import pick_attention
from cbpner.models.devices import EVALUATION_TOKENS, pick_device
from cbpner.prediction.tagger import Tagger
from cbpner.runs import folder as runs
from cbpner.scoring.metrics import score
from cbpner.text.bio import read_bio
from cbpner.text.labels import TagSpan, spans_to_tags
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.predictor import Predictor
from cbpner.training.recipes import get_recipe

WAYS = [(form, precision) for form in ("padded", "packed") for precision in ("fp32", "bf16")]


def tag_padded(folder, labels, texts, precision):
    """The tags of each text by transformers' model, in padded batches."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    device, place = pick_device(), folder / runs.MODEL
    model = AutoModelForTokenClassification.from_pretrained(
        place, attn_implementation=pick_attention(device), dtype="float32"
    )
    table, documents = CharacterTable(AutoTokenizer.from_pretrained(place)), [[text] for text in texts]
    predictor = Predictor(model.to(device), table, labels, get_recipe("cbp", ""), precision)
    scores = score_sentences(texts, table, predictor.score, batch_tokens=EVALUATION_TOKENS, max_length=512)
    return decode_documents(documents, scores, labels, grammar_chain(labels), Decision())


def tag_packed(folder, texts, precision):
    """The tags of each text by `Tagger`."""
    tagger = Tagger.from_pretrained(folder, precision=precision, decoder="viterbi", vote_share=0.0)
    decided = tagger.decode_spans(texts, tagger.score_sentences(texts))
    return [
        spans_to_tags([TagSpan(*span[:3]) for span in row], len(text)) for row, text in zip(decided, texts, strict=True)
    ]


def measure_run(folder, data_dir):
    """{way: {`correct`, `predicted`, `gold`, `same`, `characters`}} of one run."""
    config = runs.read_config(folder)
    labels = Tagger.from_pretrained(folder).labels
    sentences = read_bio(runs.find_data(config, "test", data_dir), labels, config["flags"].get("orphans", "keep"))
    texts, gold = [each.chars for each in sentences], [each.tags for each in sentences]
    tags = {
        way: tag_packed(folder, texts, way[1]) if way[0] == "packed" else tag_padded(folder, labels, texts, way[1])
        for way in WAYS
    }
    found = {}
    for way, rows in tags.items():
        overall = score(gold, rows)["entity_strict"]["overall"]
        pairs = [pair for row, exact in zip(rows, tags[WAYS[0]], strict=True) for pair in zip(row, exact, strict=True)]
        found[way] = {name: overall[name] for name in ("correct", "predicted", "gold")} | {
            "same": sum(one == other for one, other in pairs),
            "characters": len(pairs),
        }
    return found


def summarize(measured):
    """A row for each way: counts over all runs, the F1 of each run."""
    rows = []
    for way in WAYS:
        own = [run[way] for run in measured]
        f1 = [2 * each["correct"] / (each["predicted"] + each["gold"]) for each in own]
        total = {name: sum(each[name] for each in own) for name in own[0]}
        rows.append({"way": " ".join(way), "f1": f1, "mean_f1": sum(f1) / len(f1)} | total)
    return rows


def render(rows):
    """Markdown."""
    lines = ["| | strict F1 of each run | mean | characters tagged as by padded float32 |", "|---|---|---:|---:|"]
    for row in rows:
        each = ", ".join(f"{value:.4f}" for value in row["f1"])
        lines.append(f"| {row['way']} | {each} | {row['mean_f1']:.4f} | {row['same']:,} of {row['characters']:,} |")
    return "\n".join(lines)


def measure(args):
    rows = summarize([measure_run(folder, args.data_dir) for folder in args.runs])
    print(render(rows))
    write_figures(args.output, {"rows": rows})


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--data-dir", help="where the data files are now, at any depth")
    parser.add_argument("-o", "--output", help="JSON of what was measured")
    return run_guarded(measure, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
