"""The settings of a training run and the content of its config.json."""

from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from cbpner.base.errors import FaultyFile, InputError
from cbpner.base.files import file_checksum, read_json
from cbpner.base.settings import check_options, option
from cbpner.models.devices import pick_device
from cbpner.models.encoders import locate_encoder
from cbpner.models.names import ADAPTED_ENCODER, SHIPPED_ENCODERS
from cbpner.runs import folder as runs
from cbpner.runs.environment import ask_program, count_processes, describe_command, describe_environment
from cbpner.runs.lifecycle import RunKind
from cbpner.text.bio import Sentence, count_orphans, find_labels, list_mentions, read_bio
from cbpner.text.gold import git_blob_id, read_blob_ids
from cbpner.text.labels import LabelSet
from cbpner.text.splits import draw_patents, split_patents
from cbpner.text.tokenizer import CharacterTable, unknown_share
from cbpner.training.recipes import Recipe, name_encoder


@dataclass(frozen=True)
class Job:
    """Everything that one run depends on."""

    method: str
    recipe_name: str
    recipe: Recipe
    files: dict[str, Path]  # `train`, and perhaps `dev` and `test`
    output: Path
    seed: int = option("seed", 0, "[0, inf)")
    split: str | None = None  # its name in tables
    labels: Path | LabelSet | None = None  # None: those of the training file
    orphans: str = "keep"
    patents: int | None = option("patents", None, "[1, inf)")  # to train on, drawn by `seed`
    overwrite: bool = False
    save_model: bool = True
    precision: str | None = None  # overrides the recipe's
    data_name: str | None = None  # in tables; None: see `name_data`

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def encoder(self) -> str:
        return name_encoder(self.recipe.encoder, self.split)


def find_settings(config: dict[str, Any]) -> dict[str, Any]:
    """The settings in config.json that determine a run's result: checksums of files and folders, not paths."""
    data, encoder = config["data"], config["flags"]["encoder"]
    weights = config.get("encoder_sha256", (config.get("masked_lm") or {}).get("sha256"))
    if weights is None and encoder in SHIPPED_ENCODERS:  # an older version's; what it lacks counts as the default
        weights = hash_encoder(encoder)
    defaults = {each.name: each.default for each in fields(Recipe) if each.default is not MISSING}
    flags = defaults | {key: value for key, value in config["flags"].items() if key not in ("labels", "encoder")}
    return {
        **{key: config[key] for key in ("method", "recipe", "split", "seed")},
        "encoder": {"sha256": weights} if weights else {"name": encoder}, "flags": flags,
        "data": {"labels": data["labels"]} | {part: file["sha256"] for part, file in data["files"].items()},
        "average": config.get("average"), "members": [each["weights"] for each in config.get("members", [])],
        "number of processes": config["environment"].get("processes", 1),
        **({"saved model": True} if config.get("save_model", True) else {}),
    }  # fmt: skip


TAGGER_RUN = RunKind(
    runs.CONFIG, runs.METRICS, runs.LOG,
    (runs.MODEL, runs.PREDICTIONS, runs.CHECKPOINTS, runs.TENSORBOARD, *runs.SCORED),
    ("method", "recipe", "split", "seed", "flags", "data", "environment"), find_settings,
)  # fmt: skip


def read_data(job: Job) -> tuple[dict[str, list[Sentence]], LabelSet]:
    """The sentences of each part and their label set, `job.labels` or the training file's; InputError for others."""
    labels = job.labels if isinstance(job.labels, LabelSet | None) else LabelSet.from_file(job.labels)
    data, faults = {}, []
    for part, path in job.files.items():
        try:
            data[part] = read_bio(path, labels, job.orphans)
            labels = labels or find_labels(data[part])
        except FaultyFile as error:
            faults.append(error)
    if faults or labels is None:
        raise InputError("\n".join(map(str, faults)))
    if job.patents is not None:
        data["train"] = draw_patents(data["train"], job.patents, job.seed)
    return data, labels


def name_data(files: dict[str, Path]) -> str:
    """`cbp_gold` for a training file of the gold data, else the name of its data folder."""
    path = Path(files["train"])
    if git_blob_id(path.read_bytes()) in read_blob_ids().values():
        return "cbp_gold"
    folder = path.resolve().parent
    return (folder.parent if folder.name.isdigit() else folder).name


def describe_job(
    job: Job, data: dict[str, list[Sentence]], labels: LabelSet, table: CharacterTable | None, precision: str
) -> dict[str, Any]:
    """The content of config.json: everything that a rerun needs. Without a table unknown characters are not counted."""
    given = list(job.labels.types) if isinstance(job.labels, LabelSet) else str(job.labels) if job.labels else None
    files = {part: describe_part(job.files[part], data[part], table) for part in data}
    return {
        "method": job.method, "recipe": job.recipe_name, "split": job.split, "seed": job.seed,
        "encoder": job.recipe.encoder, "encoder_sha256": hash_encoder(job.encoder), "save_model": job.save_model,
        "masked_lm": describe_masked_lm(job.encoder),
        "flags": asdict(job.recipe) | {"orphans": job.orphans, "labels": given, "patents": job.patents},
        "data": {"name": job.data_name or name_data(job.files), "labels": list(labels.types), "files": files},
        "environment": describe_machine(precision), **describe_command(),
    }  # fmt: skip


def describe_masked_lm(encoder: str) -> dict[str, str] | None:
    """`name` and `sha256` of a masked LM that was fine-tuned here, else None."""
    folder = Path(locate_encoder(encoder))
    if encoder != ADAPTED_ENCODER and not (folder / runs.LM_CONFIG).is_file():
        return None
    name = encoder if encoder == ADAPTED_ENCODER else read_json(folder / runs.LM_CONFIG)["name"]
    return {"name": name, "sha256": file_checksum(folder / "model.safetensors")}


def hash_encoder(encoder: str) -> str | None:
    """The SHA-256 of an encoder's weights, of each of their files; None for a name on the hub."""
    folder = Path(locate_encoder(encoder))
    paths = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    return " ".join(map(file_checksum, paths)) or None


def describe_machine(precision: str) -> dict[str, Any]:
    """The `environment` of config.json."""
    own: dict[str, Any] = {"device": pick_device().type, "precision": precision, "threads": torch.get_num_threads()}
    if torch.cuda.is_available():
        driver = ask_program("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader") or "unknown"
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        own |= {"gpus": names, "cuda": torch.version.cuda, "driver": driver.partition("\n")[0]}
    return describe_environment() | own | {"processes": count_processes()}


def describe_part(path: Path, sentences: list[Sentence], table: CharacterTable | None) -> dict[str, Any]:
    texts = [sentence.chars for sentence in sentences]
    unknown = round(unknown_share(table, texts), 6) if table else None
    return {
        "path": str(path), "sha256": file_checksum(path), "patents": len(split_patents(sentences)),
        "sentences": len(sentences), "characters": sum(map(len, texts)), "mentions": len(list_mentions(sentences)),
        "orphans": count_orphans(sentences), "unknown_characters": unknown,
    }  # fmt: skip
