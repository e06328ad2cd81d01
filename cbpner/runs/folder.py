"""A run is a folder, written once, last file last.

```
RUN/0/config.json            what repeats it: method, recipe, split, seed, encoder, flags, data, environment, command
RUN/0/log.jsonl              one JSON record a line, as the run goes
RUN/0/model/                 the model in the Hugging Face layout (its own config.json is another file)
RUN/0/predictions/dev.tags.gz   one predicted tag a line, a blank line between sentences, in the order of the input
RUN/0/predictions/test.tags.gz  file whose checksum config.json holds; no gold text, no gold tag; gzip
RUN/0/metrics.json           the scores; written last, so its presence means that the run is finished
RUN/0/.lock, *.part          there while a process is at work, or was killed; see `cbpner.runs.lifecycle`
```

Splits of one method lie side by side as `RUN/0` .. `RUN/4`. What a run is stands in its files; no folder name is ever
taken apart.

A fine-tuned masked LM is a folder in the Hugging Face layout with the run's files beside the model:

```
LM/config.json, model.safetensors, tokenizer.json ...   what `from_pretrained` loads
LM/lm_run.json       what repeats the run, as config.json above
LM/lm_log.jsonl      as log.jsonl
LM/checkpoints/      the newest ones, with the optimizer's state, from which a run goes on with more epochs
LM/lm_metrics.json   perplexity, speed; written last
```
"""

import gzip
import json
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import cbpner
from cbpner.base.errors import InputError
from cbpner.base.files import atomic_open, file_checksum, natural_key, read_json, read_text, write_json, write_text
from cbpner.text.labels import split_tag

CONFIG = "config.json"
METRICS = "metrics.json"
LOG = "log.jsonl"
MODEL = "model"
PREDICTIONS = "predictions"
CHECKPOINTS = "checkpoints"
LM_CONFIG = "lm_run.json"
LM_METRICS = "lm_metrics.json"
LM_LOG = "lm_log.jsonl"
TENSORBOARD = "tensorboard"
LOCK = ".lock"
PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("torch", "transformers", "tokenizers", "accelerate", "numpy", "seqeval")


class FoundRuns(NamedTuple):
    """Run folders by state, each a list of Path in natural order: `2` before `10`."""

    finished: list
    unfinished: list


def tags_path(folder, part):
    """Where a run keeps its predicted tags of `part`, dev or test; older runs keep them uncompressed."""
    path = Path(folder) / PREDICTIONS / f"{part}.tags"
    return path if path.is_file() else path.with_suffix(".tags.gz")


def is_finished(folder):
    return (Path(folder) / METRICS).is_file()


def write_config(folder, config, name=CONFIG):
    """Write config.json. A run that broke off may write it again; a finished run is left alone (InputError)."""
    _refuse_finished(folder)
    write_json(Path(folder) / name, config)


def read_config(folder):
    return read_json(Path(folder) / CONFIG)


def write_metrics(folder, metrics):
    """Write metrics.json, which finishes the run; a run is finished once (InputError)."""
    _refuse_finished(folder)
    write_json(Path(folder) / METRICS, metrics)


def read_metrics(folder):
    return read_json(Path(folder) / METRICS)




def append_log(folder, record, name=LOG):
    """Append one JSON record as a line to log.jsonl; a line torn by a broken-off run does not swallow it."""
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    line = _format_record(record)
    with open(path, "a+b") as file:
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b"\n" else "\n" + line
        file.write(line.encode("utf-8"))


def write_log(folder, records, name=LOG):
    """Write log.jsonl anew, from these records alone."""
    write_text(Path(folder) / name, "".join(map(_format_record, records)))


def write_tags(path, tags):
    """Write sentences of BIO tags, one tag a line, a blank line between sentences; compressed for a name in `.gz`.

    The same tags give the same bytes. Raises ValueError for a sentence without a tag (the format cannot hold it) or a
    tag that is not BIO.
    """
    for number, sentence in enumerate(tags, start=1):
        if not len(sentence):
            raise ValueError(f"sentence {number}: expected one tag or more, got none")
        for tag in set(sentence):
            split_tag(tag)
    content = "\n".join("".join(f"{tag}\n" for tag in sentence) for sentence in tags).encode()
    with atomic_open(path, "wb") as file:
        file.write(gzip.compress(content, mtime=0) if Path(path).suffix == ".gz" else content)


def read_tags(path):
    """The sentences of a file that `write_tags` wrote, as lists of tags; InputError with the line for anything else."""
    text = read_text(path)
    sentences = [[]]
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], start=1):
        if line:
            sentences[-1].append(_parse_tag(path, number, line))
        elif sentences[-1]:
            sentences.append([])
        else:
            raise InputError(f"{path}:{number}: found a second blank line, expected one between two sentences")
    if text and not sentences[-1]:
        raise InputError(f"{path}: found a blank line at the end, expected a tag; the file may be cut off")
    return sentences if text else []


def find_runs(paths):
    """The runs in `paths`, each a run folder, a folder of runs, or a folder of such folders.

    Returns FoundRuns. A folder is a finished run if it has metrics.json, and an unfinished one if it has a run's
    config.json alone. A run met twice is listed once. Raises InputError for a path that is no folder.
    """
    found, seen = FoundRuns([], []), set()
    for path in map(Path, paths):
        if not path.is_dir():
            raise InputError(f"{path}: found no such folder, expected a run folder or a folder of run folders")
        for folder, finished in _walk_runs(path, depth=2):
            if folder.resolve() not in seen:
                seen.add(folder.resolve())
                found[0 if finished else 1].append(folder)
    return found


def find_deeper(paths):
    """{folder: how many finished runs lie in it}, of those that lie deeper in `paths` than `find_runs` looks."""
    met, deeper = {folder.resolve() for folder in find_runs(paths).finished}, {}
    for path in map(Path, paths):
        for place, names, _ in os.walk(path):
            folder = Path(place)
            names[:] = sorted((name for name in names if not name.startswith(".")), key=natural_key)
            if is_finished(folder):
                names.clear()
                if folder.resolve() not in met:
                    met.add(folder.resolve())
                    deeper[folder.parent] = deeper.get(folder.parent, 0) + 1
    return deeper


def describe_environment():
    """Versions, git revision and machine of this process, for config.json. Imports no heavy library.

    Keys: python; packages ({name: version, None where not installed}); git ({"revision", "dirty"}, None outside a
    checkout; dirty: a tracked file differs from the revision); platform; cpu_count; cpu (model name or None). No host
    name, user name or path.
    """
    return {
        "python": platform.python_version(),
        "packages": {"cbpner": cbpner.__version__} | {name: _find_version(name) for name in PACKAGES},
        "git": _describe_checkout(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "cpu": _find_cpu_model(),
    }


def compare_environments(before, now):
    """One line for each difference that may change the last digits of a result: `torch: 2.12.0, now 2.13.0`.

    Both as in config.json; what one of them does not say is no difference.
    """
    before, now = _flatten(before), _flatten(now)
    return [f"{key}: {before[key]}, now {now[key]}" for key in now if key in before and before[key] != now[key]]


def _flatten(environment):
    git = environment.get("git") or {}
    names = ("python", "cpu", "device", "precision", "threads", "processes")
    return (
        dict(environment.get("packages") or {})
        | {name: environment[name] for name in names if name in environment}
        | {f"git {name}": git[name] for name in ("revision", "dirty") if name in git}
    )


def describe_folder():
    """The working directory, from which the paths of a run's files are meant: relative to the project where inside."""
    here = Path.cwd()
    return (here.relative_to(PROJECT) if here.is_relative_to(PROJECT) else here).as_posix()



def list_folders(config):
    """From which folders the recorded paths may be meant: the recorded one.

    Older runs did not record it: then here, the project and its method folders.
    """
    if "folder" in config:
        return [PROJECT / config["folder"]]
    roots = [path for path in PROJECT.iterdir() if path.is_dir() and config["method"].startswith(path.name)]
    below = [path for root in roots for path in sorted(root.iterdir()) if path.is_dir()]
    return [Path(), PROJECT, *roots, *below]


def find_data(config, part, data_dir=None):
    """The file of one part with the recorded checksum, where the run found it or below `data_dir`.

    InputError names what was found instead.
    """
    recorded = config["data"]["files"][part]
    name, wanted = Path(recorded["path"]).name, recorded["sha256"]
    if data_dir is None:
        places = [folder / recorded["path"] for folder in list_folders(config)]
    elif Path(data_dir).is_dir():
        places = [Path(data_dir) / str(config.get("split") or "") / name, *sorted(Path(data_dir).rglob(name))]
    else:
        raise InputError(f"{data_dir}: no such folder; expected the one with the run's data, at any depth")
    found = {}
    for path in dict.fromkeys(places):
        if path.is_file():
            found[path] = file_checksum(path)
            if found[path] == wanted:
                return shorten_path(path)
    if not found:
        raise InputError(
            f"{data_dir or recorded['path']}: found no {name} ({part}); give its folder with --data-dir DIR"
        )
    path, checksum = next(iter(found.items()))
    raise InputError(
        f"{path}: found a file with the SHA-256 {checksum}; expected {wanted}, the {part} data of the run. "
        "Give the folder with those data with --data-dir DIR"
    )


def shorten_path(path):
    """The path as seen from here, where both are in the project; else as it is."""
    places = [Path(os.path.abspath(place)) for place in (path, ".")]
    return Path(os.path.relpath(path)) if all(place.is_relative_to(PROJECT) for place in places) else path



def _refuse_finished(folder):
    if is_finished(folder):
        raise InputError(f"{folder}: found a finished run ({METRICS}), expected none; name another folder or delete it")


def _format_record(record):
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"



def _parse_tag(path, number, line):
    try:
        split_tag(line)
    except ValueError as error:
        raise InputError(f"{path}:{number}: {error}") from error
    return line


def _walk_runs(folder, depth):
    """Yield (run folder, whether it is finished), looking at most `depth` floors below `folder`, not inside runs."""
    if is_finished(folder):
        yield folder, True
    elif _is_broken_off(folder):
        yield folder, False
    elif depth:
        for child in sorted(folder.iterdir(), key=lambda path: natural_key(path.name)):
            if child.is_dir() and not child.name.startswith("."):
                yield from _walk_runs(child, depth - 1)


def _is_broken_off(folder):
    """Whether config.json is a run's; a Hugging Face model has a file of that name too, with a model_type."""
    if not (folder / CONFIG).is_file():
        return False
    try:
        return "model_type" not in read_config(folder)
    except InputError:
        return True


def _find_version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _describe_checkout():
    """Revision and dirt of the checkout that holds this code; an installed copy inside another's checkout is none."""
    if _ask_git("ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    changes = _ask_git("status", "--porcelain", "--untracked-files=no")
    return {"revision": _ask_git("rev-parse", "HEAD"), "dirty": None if changes is None else bool(changes)}


def _ask_git(*arguments):
    """git's answer about the package's folder, or None where git is missing, fails or takes more than 10 seconds."""
    command = ["git", "--no-optional-locks", "-C", str(Path(cbpner.__file__).parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _find_cpu_model():
    try:
        match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), flags=re.MULTILINE)
    except OSError:
        match = None
    return match[1].strip() if match else platform.processor() or None
