"""Where a tagger is: the shipped one, a folder, a run's folder, or a name on the hub."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

from safetensors import safe_open

from cbpner.base.errors import InputError, reading_model
from cbpner.base.files import read_json
from cbpner.models.foreign import PICKLE, adapt_model
from cbpner.runs import folder as runs
from cbpner.text.labels import LabelSet

DEFAULT_MODEL = "models/final_trained"
WEIGHTS = {  # the backends (see `cbpner.prediction.backend`): {number format: the file of the weights}
    "torch": dict.fromkeys(("bf16", "fp16", "fp32"), "model.safetensors"),
    "onnx": {"int8": "model_int8.onnx", "fp32": "model.onnx"},
}
BACKENDS = tuple(WEIGHTS)
FILES = ("config.json", "tokenizer.json")
SIZES = ("hidden_size", "max_position_embeddings", "num_attention_heads", "num_hidden_layers", "vocab_size")
HOW_TO_TRAIN = (
    "train one, such as `cbpner train --data-dir data/demo --split 0 -o runs/demo/0` (invented patents; `cbpner gold` "
    "gets the real ones), and name it: --model runs/demo/0"
)


def locate_model(name: str | Path, backend: str = "torch", precision: str = "auto") -> Path:
    """The folder of a tagger that a backend (see `choose_backend`) can run; InputError where there is none.

    `models/final_trained`, and `final_trained`, is the shipped one wherever one stands. A run's folder means the model
    in it. Other names are looked for on the hub, its local cache first.
    """
    name = str(name)
    places = [Path(name)]
    if name.rstrip("/") in (DEFAULT_MODEL, Path(DEFAULT_MODEL).name):
        places.append(runs.locate_shipped(DEFAULT_MODEL))
    for place in places:
        inner = place / runs.MODEL
        for folder in (inner, place) if (place / runs.METRICS).is_file() else (place,):
            if (folder / "config.json").is_file():
                backend = choose_backend(folder, backend, precision)
                check_head(folder, name)
                return check_folder(adapt_model(folder, is_tagger=True) if backend == "torch" else folder, backend)
    if Path(name).name == Path(DEFAULT_MODEL).name and not places[0].exists():
        raise InputError(f"{name}: the shipped tagger is not here; {runs.HOW_TO_SHIP}; --model NAME takes another")
    if places[0].exists():
        raise InputError(f"{name}: found no model in it; expected a tagger in the Hugging Face layout, or a run's")
    if places[0].is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise InputError(f"{name}: no such folder; expected a tagger, a run's folder, or a name on the hub")
    return ask_hub(name, choose_backend(places[0], backend, precision))


def choose_backend(folder: Path, name: str = "auto", precision: str = "auto") -> str:
    """The backend of that name; for `auto` the first that has weights of the number format, else torch."""
    if name != "auto":
        return name
    known = [each for each in BACKENDS if precision in ("auto", *WEIGHTS[each])]
    has_weights = (each for each in known if list_weights(folder, each))
    return "torch" if (folder / PICKLE).is_file() else next(has_weights, known[0])


def check_head(folder: Path, name: str) -> None:
    """InputError for weights of an encoder alone; an ensemble has the heads of its members."""
    path = folder / WEIGHTS["torch"]["fp32"]
    if path.is_file():
        with reading_model(path), safe_open(path, "np") as weights:
            if not any({"classifier", "score"} & {*key.split(".")} for key in weights.keys()):
                way = f"`cbpner train --encoder {name} ...` gives it one (`cbpner help train`)"
                raise InputError(f"{name}: found a model without a tagging head; expected a tagger; {way}")


def list_weights(folder: Path, backend: str) -> dict[str, str]:
    """{number format: file} of the weights in a folder that a backend can run, the preferred one first."""
    return {precision: name for precision, name in WEIGHTS[backend].items() if (folder / name).is_file()}


def check_folder(folder: Path, backend: str) -> Path:
    """The folder; InputError where a file is missing that the backend needs."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    weights = list_weights(folder, backend)
    if not weights:
        missing.append(" or ".join(dict.fromkeys(WEIGHTS[backend].values())))
    if missing:
        other = next((other for other in WEIGHTS if list_weights(folder, other)), None)
        way = f"; --backend {other} runs what is there" if other and not weights else ""
        if way and backend == "onnx":
            way += f", and `cbpner export {folder} --onnx -o OUT` makes it"
        expected = f"a tagger for the backend {backend}, in the Hugging Face layout{way}"
        raise InputError(f"{folder}: found no {', '.join(missing)}; expected {expected}")
    return folder


def ask_hub(name: str, backend: str) -> Path:
    """The local copy of a model on the hub, downloaded where there is none yet, and where one may go online."""
    from huggingface_hub import is_offline_mode, snapshot_download

    download = partial(snapshot_download, name, allow_patterns=[*FILES, *WEIGHTS[backend].values()])
    with reading_model(name, f"one here or on the hub; {HOW_TO_TRAIN}"):
        try:
            folder = download(local_files_only=True)
        except OSError:
            if is_offline_mode():
                raise
            print(f"{name}: not here, asking the hub ...", file=sys.stderr)
            folder = download()
    check_head(Path(folder), name)
    return check_folder(Path(folder), backend)


def read_model_config(folder: str | Path) -> dict[str, Any]:
    """A model's config.json; InputError where it is no model's."""
    path = Path(folder) / "config.json"
    config = read_json(path)
    if "model_type" not in config or not isinstance(config.get("id2label"), dict):
        raise InputError(f"{path}: found no model_type and labels; expected a tagger in the Hugging Face layout")
    for name in SIZES:
        if name in config and not (type(config[name]) is int and config[name] > 0):
            raise InputError(f"{path}: found {name} {config[name]!r}; expected a positive integer")
    return config


def read_model_labels(config: dict[str, Any], place: str | Path) -> LabelSet:
    """The label set of a tagger's configuration; InputError unless its tags are `O`, `B-x`, `I-x`, ... in our order."""
    try:
        return LabelSet.from_numbers(config["id2label"])
    except ValueError as error:
        raise InputError(f"{place}: {error}") from None
