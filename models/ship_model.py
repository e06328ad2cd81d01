"""Write a model as the project ships it: half precision, and only what transformers needs to load it.

Its config.json says float32, in which `from_pretrained` then holds it, so that plain training works on a CPU too.

    python models/ship_model.py RUN/model -o models/NAME

RUN/model: a folder in the Hugging Face layout with `model.safetensors` (of `cbpner train`, of run_lm_finetuning.py).
An OUT/README.md, the model's card, stays as it is. Prints the checksum and size of the weights.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_folder, file_checksum
from cbpner.base.process import run_guarded

LARGEST = 40_000_000  # bytes of weights: what a repository can carry
COPIED = ("tokenizer.json", "tokenizer_config.json")
CARD = "README.md"


def halve(tensors):
    """The tensors with floating point ones in float16; InputError where one does not fit into its range."""
    halved = {name: value.half() if value.is_floating_point() else value for name, value in tensors.items()}
    for name, value in halved.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise InputError(
                f"{name}: found values beyond half precision; expected at most {torch.finfo(value.dtype).max}"
            )
    return halved


def read_model(folder):
    """(config as a dict, {name: tensor}) of a folder."""
    try:
        return json.loads((folder / "config.json").read_text(encoding="utf-8")), load_file(folder / "model.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(f"{folder}: cannot read a model in the Hugging Face layout: {error}") from error


def ship(args):
    source, target = Path(args.model), Path(args.output)
    if source.resolve() == target.resolve():
        raise InputError(f"{target}: expected another folder than the model's own")
    config, tensors = read_model(source)
    config["dtype"] = "float32"
    with atomic_folder(target) as folder:
        save_file(halve(tensors), folder / "model.safetensors", metadata={"format": "pt"})
        (folder / "model.safetensors").chmod(0o644)  # safetensors gives it to its owner alone
        size = (folder / "model.safetensors").stat().st_size
        if size > LARGEST:
            raise InputError(
                f"{source}: found {size:,} bytes of weights in half precision; expected at most {LARGEST:,}"
            )
        (folder / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for name in COPIED:
            shutil.copyfile(source / name, folder / name)
        if (target / CARD).is_file():
            shutil.copyfile(target / CARD, folder / CARD)
    print(file_checksum(target / "model.safetensors"), f"{size:,} bytes")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("-o", "--output", required=True)
    return run_guarded(ship, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
