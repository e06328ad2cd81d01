"""Tag texts: genes, proteins and diseases with their places.

  cbpner predict patent.txt                            sentences with their mentions on a terminal, else lines
  cbpner predict patent.txt -o patent.html             .jsonl, .bio, .csv, .xlsx, .parquet, .html, by the name or --to
  cbpner predict export.jsonl --text-field body -o out.csv
  cbpner predict folder export.parquet -o tagged/      a folder of shards; the same command resumes after a kill
  cbpner predict patent.txt --terms my_genes.tsv       names that are always tagged with a type, or never
  cat patent.txt | cbpner predict - --to jsonl

INPUT are files (.txt, a document each; .jsonl, .csv, .tsv and .parquet, a document a row; .bio, whose tags do not
matter), folders with all folders in them, URIs of either (s3://, gs://, abfs://, hdfs://), or - for standard input.
Offsets count code points of the text as it is. JSON lines hold each document with its spans (`cbpner convert` reads
them), CSV, .xlsx and Parquet a span a row.

OUT/ (or --to brat, or --shard-size) is a folder: part-00000.jsonl and so on, errors.jsonl with each document that could
not be tagged and why, manifest.json with checksums when all is done. Any other OUT is one file that appears whole, its
errors beside it. Exit code 1: some documents could not be tagged; 2: nothing could be done; 130: interrupted. A file's
id is its name without the suffix; those of one name get their paths below the folder that all inputs have in common.

`--engine ray` has workers of a Ray cluster do the shards of OUT/, with the same files as a result (docs/scaling.md):

  cbpner predict folder -o tagged/ --engine ray --workers 2                        on this machine
  cbpner predict s3://patents -o tagged/ --engine ray --address auto --gpus-per-worker 1

What the model says decides how its scores become spans, unless a flag does (see cbpner/decoding/decision.py).
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cbpner.base.errors import InputError
from cbpner.base.excel import is_for_excel
from cbpner.base.files import check_free, name_beside
from cbpner.base.progress import Progress
from cbpner.commands.options import add_encoding, bounded, check_csv
from cbpner.decoding.decision import DECODERS
from cbpner.prediction.html_page import Identify, know_nothing
from cbpner.prediction.inputs import Fields, count_characters, read_sources
from cbpner.prediction.model_folder import BACKENDS, DEFAULT_MODEL, WEIGHTS
from cbpner.prediction.outputs import FOR_PEOPLE, OUTPUTS, SUFFIXES, find_output_kind
from cbpner.prediction.sources import KINDS, Source, check_overlap, open_sources
from cbpner.runs.folder import find_demo
from cbpner.text.reading_form import LAYOUTS

if TYPE_CHECKING:
    from cbpner.prediction.ray_engine import Cluster
    from cbpner.prediction.tagger import Tagger

PRECISIONS = ("auto", *sorted({precision for own in WEIGHTS.values() for precision in own}))


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "inputs", nargs="+", type=find_demo, metavar="INPUT", help="file or folder to tag, or - for standard input"
    )
    parser.add_argument("-o", "--output", metavar="OUT", help="file, or folder (OUT/), to write")
    text = "format of OUT (default: by its name; of a folder jsonl; without OUT marked on a terminal, else lines)"
    parser.add_argument("--to", dest="target", choices=OUTPUTS, help=text)
    add_encoding(parser)
    parser.add_argument("--shard-size", type=bounded(int, 1), metavar="N", help="documents a shard (default: 100)")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT (a folder: where it is such a job's)")
    add_input_flags(parser.add_argument_group("how files are read"))
    add_model_flags(parser.add_argument_group("model"))
    group = parser.add_argument_group("who does the shards of OUT/")
    group.add_argument("--engine", choices=("local", "ray"), default="local", help="this process, or Ray")
    group.add_argument("--workers", type=bounded(int, 1), metavar="N", help="so many (default: as many as fit)")
    group.add_argument("--cpus-per-worker", type=bounded(float, 0.01), metavar="N", help="cores of each (default: 1)")
    group.add_argument("--gpus-per-worker", type=bounded(float, 0), metavar="N", help="GPUs of each (default: 0)")
    text = "of a Ray cluster, or auto (default: one on this machine, for the job)"
    group.add_argument("--address", metavar="HOST:PORT", help=text)


def add_input_flags(group: Any) -> None:
    group.add_argument("--from", dest="source", choices=KINDS, help="format of INPUT (default: by its name; -: txt)")
    group.add_argument("--text-field", default="text", metavar="NAME", help="field with the text")
    group.add_argument("--id-field", metavar="NAME", help="field with the id (default: id, where there is one)")
    group.add_argument("--split-at", metavar="TEXT", help="in column files, a line that begins so begins a document")


def add_model_flags(group: Any) -> None:
    """The flags of every command that tags."""
    group.add_argument("--model", default=DEFAULT_MODEL, help="folder, run, or name on the hub")
    text = "what runs it; auto: torch, or onnx for a folder that `cbpner export` alone wrote (or for int8)"
    group.add_argument("--backend", choices=("auto", *BACKENDS), default="auto", help=text)
    group.add_argument("--device", help="such as cpu, cuda, cuda:1, mps (default: a GPU where there is one)")
    text = "padded tokens of a batch (default: 2048; on a GPU as many as its free memory holds)"
    group.add_argument("--batch-tokens", type=bounded(int, 1), metavar="N", help=text)
    text = "number format: fp32, bf16 and fp16 (torch), int8 (onnx) (default: the fastest one)"
    group.add_argument("--precision", choices=PRECISIONS, default="auto", help=text)
    group.add_argument("--decoder", choices=DECODERS, help="how scores become spans (greedy: as transformers, no vote)")
    text = "keep spans with probability >= P (--decoder spans)"
    group.add_argument("--min-span-probability", type=float, metavar="P", help=text)
    text = "document vote: tag a surface everywhere if at least this share of its occurrences is tagged, else nowhere"
    group.add_argument("--vote-share", type=float, metavar="SHARE", help=f"{text}; 0: no vote")
    text = "leave out spans with lower scores (at the model's temperature, which --min-span-probability ignores)"
    group.add_argument("--min-score", type=float, default=0.0, metavar="P", help=text)
    text = "how line breaks and spaces are read: auto (as a PDF's where they look so; default), pdf, plain"
    group.add_argument("--layout", choices=LAYOUTS, default="auto", help=text)
    text = "your own names: a name, a tab and a type, or none for never, in each line (docs/tagging.md)"
    group.add_argument("--terms", metavar="FILE", help=text)


def open_tagger(args: Namespace, precision: str | None = None, device: str | None = None) -> "Tagger":
    """The tagger of the flags of `add_model_flags`."""
    from cbpner.prediction.tagger import Tagger

    with Progress(f"loading {args.model}"):
        return Tagger.from_pretrained(
            args.model, args.backend, device=device or args.device, precision=precision or args.precision,
            **read_options(args),
        )  # fmt: skip


def read_options(args: Namespace) -> dict[str, Any]:
    """The arguments of `Tagger.from_pretrained` that say how scores become spans."""
    names = ("min_score", "layout", "batch_tokens", "terms", "decoder", "min_span_probability", "vote_share")
    return {name: getattr(args, name) for name in names}


def run(args: Namespace) -> int:
    target, is_folder = choose_target(args)
    check_csv(args.encoding, [target])
    if is_for_excel(target, args.encoding) and (is_folder or not args.output):
        raise InputError("found a table for Excel without a file of its own; expected a name, such as -o OUT.xlsx")
    cluster = read_cluster(args, is_folder)
    with open_sources(args.inputs, args.source) as sources:
        fields, output = Fields(args.text_field, args.id_field, args.split_at), Path(args.output or "")
        if args.output:
            check_overlap(args.inputs, output)
        if is_folder:
            return predict_folder(args, sources, fields, target, output, cluster)
        from cbpner.prediction.job import ERRORS, predict_file, predict_stream

        for path in (output, name_beside(output, f".{ERRORS}")) if args.output else ():
            check_free(path, args.overwrite)
        tagger, items, characters = open_tagger(args), read_sources(sources, fields), count_characters(sources, fields)
        identify: Identify = know_nothing
        if target == "html":  # genes and proteins are linked to HGNC, by the shipped lexicon
            from cbpner.biology.genes.lexicons import read_gene_lexicon
            from cbpner.biology.genes.mentions import EntityResolver

            identify = EntityResolver(read_gene_lexicon()).find_pages
        if args.output:
            return predict_file(tagger, items, target, output, args.encoding, characters, identify)
        return predict_stream(tagger, items, target, sys.stdout, characters, identify)


def read_cluster(args: Namespace, is_folder: bool) -> "Cluster | None":
    """The `cbpner.prediction.ray_engine.Cluster` of the flags, or None for this process."""
    names = ("address", "workers", "cpus_per_worker", "gpus_per_worker")
    given = {name: value for name in names if (value := getattr(args, name)) is not None}
    if args.engine == "local":
        if given:
            raise InputError(f"found --{next(iter(given)).replace('_', '-')} without --engine ray; expected both")
        return None
    if not is_folder:
        raise InputError("found --engine ray without a folder of shards; expected -o OUT/")
    if args.device:
        raise InputError("found --device with --engine ray; expected --gpus-per-worker, or nothing for the CPU")
    from cbpner.prediction.ray_engine import Cluster

    return Cluster(args.address, args.workers, args.cpus_per_worker or 1, args.gpus_per_worker or 0)


def choose_target(args: Namespace) -> tuple[str, bool]:
    """(format, whether OUT is a folder of shards)."""
    if args.output is None:
        if args.target in ("brat", "parquet") or args.shard_size:
            found = f"--to {args.target}" if args.target else "--shard-size"
            raise InputError(f"found {found} and no OUT; expected -o OUT, or a format of text")
        return args.target or ("marked" if sys.stdout.isatty() else "lines"), False
    is_folder = args.output.endswith(("/", os.sep)) or Path(args.output).is_dir()
    is_folder = is_folder or args.shard_size is not None or args.target == "brat"
    if not is_folder:
        return args.target or find_output_kind(args.output), False
    if args.target in FOR_PEOPLE:
        raise InputError(f"found --to {args.target} for a folder; expected a file, or another format")
    if args.output.lower().endswith(tuple(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)):
        raise InputError(f"found -o {args.output} for a folder of shards; expected a folder's name, such as tagged/")
    return args.target or "jsonl", True


def predict_folder(
    args: Namespace, sources: list[Source], fields: Fields, target: str, output: Path, cluster: "Cluster | None"
) -> int:
    """Do a job; for a cluster with a tagger on the CPU, to be sent."""
    from cbpner.prediction.job import SHARD_SIZE, run_job

    is_auto = args.precision == "auto" and args.backend != "onnx" and args.decoder != "greedy"
    precision = "bf16" if cluster and cluster.gpus and is_auto else None
    tagger = open_tagger(args, precision, "cpu" if cluster else None)
    return run_job(
        tagger, sources, fields, target, output, shard_size=args.shard_size or SHARD_SIZE, overwrite=args.overwrite,
        cluster=cluster, options=read_options(args),
    )  # fmt: skip
