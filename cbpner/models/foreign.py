"""Models that other programs saved, in our form: the folders of pytorch_transformers, taggers of plain transformers."""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from cbpner.base.errors import reading_model
from cbpner.base.files import atomic_folder, lock_file, read_json
from cbpner.decoding.decision import KEY
from cbpner.text.labels import DEFAULT, LabelSet

CONFIG, WEIGHTS, PICKLE = "config.json", "model.safetensors", "pytorch_model.bin"
TOKENIZER, SETTINGS, VOCABULARY = "tokenizer.json", "tokenizer_config.json", "vocab.txt"


def adapt_model(folder: Path, is_tagger: bool = False) -> Path:
    """The folder of a model, which has a config.json, if it is in our form, else that of its converted copy.

    A folder without `model_type`, safetensors or (a tagger's) character tokenizer and BIO classes in our order is
    converted once, into `cbpner/` in it or, where it cannot be written to, into the cache of the hub; a line on stderr
    says what was assumed.
    """
    if not needs_conversion(folder, is_tagger):
        return folder
    place = folder / KEY
    if not os.access(folder, os.W_OK):
        from huggingface_hub.constants import HF_HOME

        place = Path(HF_HOME, KEY, *folder.resolve().parts[1:])
    with open(folder / CONFIG, "rb") as lock:
        with suppress(OSError):  # without locks
            lock_file(lock)  # of several processes the first converts
        newest = max(path.stat().st_ctime_ns for path in folder.iterdir() if path.is_file())
        if not (place / CONFIG).is_file() or (place / CONFIG).stat().st_ctime_ns < newest:
            with reading_model(folder, "a BERT in the Hugging Face layout"), atomic_folder(place) as target:
                assumed = "; ".join(convert_model(folder, target)) or "nothing"
            print(f"{folder}: converted, into {place}; assumed: {assumed}", file=sys.stderr)
    return place


def needs_conversion(folder: Path, is_tagger: bool) -> bool:
    """Whether the folder has weights, and not all is in our form."""
    config, has_weights = read_json(folder / CONFIG), (folder / WEIGHTS).is_file()
    if "model_type" not in config or not has_weights:
        return has_weights or (folder / PICKLE).is_file()
    if not is_tagger or KEY in config or config["model_type"] != "bert":
        return False
    if not (folder / TOKENIZER).is_file():
        return (folder / VOCABULARY).is_file()
    try:
        LabelSet.from_numbers(config.get("id2label") or {})
    except ValueError:
        return True
    return read_json(folder / TOKENIZER).get("pre_tokenizer") == {"type": "BertPreTokenizer"}


def convert_model(folder: Path, target: Path) -> list[str]:
    """Write the model of a folder in our form; what was assumed. Of a pickle transformers reads tensors alone."""
    from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoModelForTokenClassification, AutoTokenizer

    from cbpner.models.encoders import silence_libraries
    from cbpner.models.tokenizers import make_tokenizer

    silence_libraries()
    config, assumed = read_json(folder / CONFIG), list[str]()
    if "model_type" not in config:
        config["model_type"] = (config.get("architectures") or ["Bert"])[0].partition("For")[0].lower()
        assumed.append(f"a model of type {config['model_type']}")
    tags = name_classes(config, assumed)
    settings: Any = AutoConfig.for_model(**config | {"id2label": dict(enumerate(tags))})
    options = {"config": settings, "dtype": "float32", "output_loading_info": True, "ignore_mismatched_sizes": True}
    for kind in (AutoModelForTokenClassification, AutoModelForMaskedLM, AutoModel):
        model, info = kind.from_pretrained(folder, **options)
        missing = [key for key in (*info["missing_keys"], *info["mismatched_keys"]) if "pooler" not in str(key)]
        if not missing:
            break
    else:
        raise ValueError(f"weights without {missing[:5]}, which config.json has")
    bio = [tag for tag in tags if tag[:2] in ("B-", "I-")]
    labels = LabelSet.from_tags(bio or DEFAULT.tags)
    if hasattr(model, "classifier") and set(tags) >= set(labels.tags):  # in our order, without [PAD] and the like
        for part in (model.classifier.weight, model.classifier.bias):
            part.data = part.data[[tags.index(tag) for tag in labels.tags]]
        model.config.id2label, model.config.label2id = labels.id_to_tag, labels.tag_to_id
    model.save_pretrained(target)
    tokenizer = AutoTokenizer.from_pretrained(folder, config=settings)
    said = read_json(folder / SETTINGS) if (folder / SETTINGS).is_file() else {}
    if not (folder / TOKENIZER).is_file() and "do_lower_case" not in said:
        assumed.append("a tokenizer that lower-cases, as nothing says do_lower_case")
    is_lower = (json.loads(tokenizer.backend_tokenizer.to_str())["normalizer"] or {}).get("lowercase")
    make_tokenizer(tokenizer, str(folder), "uncased" if is_lower else "paper")[0].save_pretrained(target)
    return assumed


def name_classes(config: dict[str, Any], assumed: list[str]) -> list[str]:
    """The names of a configuration's classes, from id2label, label2id or, as `assumed`, the gold data's."""
    tags, count = {int(n): tag for n, tag in (config.get("id2label") or {}).items()}, config.pop("num_labels", 2)
    if all(tag.startswith("LABEL_") for tag in tags.values()):
        tags = {int(n): tag for tag, n in (config.get("label2id") or {}).items()}
    if all(tag.startswith("LABEL_") for tag in tags.values()) and (len(tags) or count) == len(DEFAULT.tags):
        tags = DEFAULT.id_to_tag
        assumed.append(f"the classes {', '.join(tags.values())}, as config.json names none (its id2label would)")
    return [tags.get(number, f"LABEL_{number}") for number in range(len(tags) or count)]
