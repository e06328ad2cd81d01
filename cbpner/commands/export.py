"""Write a tagger as an ONNX model, which `cbpner predict --backend onnx` runs without torch.

  cbpner export runs/demo/0 --onnx -o models/mine                  model.onnx, in float32: the same tags
  cbpner export runs/demo/0 --onnx --int8 -o models/mine           model_int8.onnx: a quarter of the size
  cbpner predict patent.txt --model models/mine --backend onnx

OUT is a folder that gets config.json and tokenizer.json too, where it does not have them: a new one, one with the other
ONNX file of the model, or the model's own. A tagger with a linear head or a CRF on a BERT can be written; one with a
BiLSTM cannot. Where OUT holds both files, the int8 one is run, unless --precision fp32.

int8 is faster than torch on processors with instructions for int8 (VNNI) that torch runs in float32, 1.6 times as
measured (benchmarks/export.json). It is not on those with products in bfloat16 (AVX-512 BF16, AMX, ARM's), which torch
uses, nor on those with AVX2 alone: torch is as fast there, or faster.
"""

import sys
from argparse import ArgumentParser, Namespace

from cbpner.base.errors import InputError
from cbpner.prediction.model_folder import DEFAULT_MODEL


def add_arguments(parser: ArgumentParser) -> None:
    text = "folder, run, or name on the hub (default: %(default)s)"
    parser.add_argument("model", nargs="?", default=DEFAULT_MODEL, metavar="MODEL", help=text)
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder to write into")
    parser.add_argument("--onnx", action="store_true", help="as ONNX, the one format that there is")
    parser.add_argument("--int8", action="store_true", help="with int8 weights and products; faster on some processors")
    parser.add_argument("--overwrite", action="store_true", help="replace the ONNX file in OUT")


def run(args: Namespace) -> None:
    if not args.onnx:
        raise InputError("found no format to write; expected --onnx")
    from cbpner.prediction.export import export_tagger, judge_int8

    path = export_tagger(args.model, args.output, args.int8, args.overwrite)
    print(f"{path}: {path.stat().st_size:,} bytes")
    if note := judge_int8(args.int8):
        print(f"note: {note}", file=sys.stderr)
