"""The gold data: getting and checking its files, its 21 patents by name, folds for tuning.

Every file is checked against its git blob id, SHA-1 over `blob <size>\\0` and the content, as the original repository
has it at the pinned commit (`gold_blob_ids.txt`, beside this file).
"""

import hashlib
import http.client
import os
import re
import shutil
import urllib.error
import urllib.request
from collections import Counter
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

from cbpner.base.errors import FaultyFile, InputError
from cbpner.base.files import atomic_open, read_text
from cbpner.text.bio import DOCUMENT_START, Sentence, list_mentions, parse_lines
from cbpner.text.splits import INFO_NAME, PARTS, find_split_files, find_split_folders, read_split_info

COMMIT = "bc7e774a221a33267a0e989e4264a1baad106d39"
BASE_URL = f"https://raw.githubusercontent.com/yukihuyt/Chinese_biomed_patents_NER/{COMMIT}/data/cbp_gold"
TOTALS = {False: "no_long_cbp_gold_total.bio", True: "cbp_gold_total.bio"}


def git_blob_id(data: bytes) -> str:
    """The name that git gives to a file of this content, 40 hex digits."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def read_blob_ids() -> dict[str, str]:
    """{path below the gold folder: git blob id} of the 37 files."""
    lines = resources.files("cbpner.text").joinpath("gold_blob_ids.txt").read_text(encoding="utf-8").splitlines()
    return {path: blob_id for blob_id, path in (line.split(maxsplit=1) for line in lines if not line.startswith("#"))}


def has_blob_id(path: Path, blob_id: str) -> bool:
    return path.is_file() and git_blob_id(path.read_bytes()) == blob_id


def get_gold(target: str | Path, source: str | Path | None = None, base_url: str = BASE_URL) -> list[str]:
    """Bring the gold files into the folder `target`, from the folder `source` or else from `base_url`.

    Files already right are left alone. New ones are kept in `target/.part` until all are there and right, and then
    moved, so that an interrupted run resumes. The two totals may be missing from `source`: they are put together from
    the patents. Returns the paths of the new files; InputError where one cannot be had.
    """
    blob_ids, target = read_blob_ids(), Path(target)
    if target.exists() and not target.is_dir():
        raise InputError(f"{target}: found a file; expected a folder or nothing")
    if source is not None and not Path(source).is_dir():
        raise InputError(f"{source}: no such folder; expected the original repository's data/cbp_gold")
    base_url = Path(source).resolve().as_uri() if source is not None else base_url.rstrip("/")
    missing = [path for path, blob_id in blob_ids.items() if not has_blob_id(target / path, blob_id)]
    stage = target / ".part"
    wanted = [path for path in missing if not has_blob_id(stage / path, blob_ids[path])]
    for number, path in enumerate(wanted, 1):
        if source is not None and path in TOTALS.values() and not (Path(source) / path).is_file():
            continue
        write_bytes(stage / path, download_file(f"{base_url}/{path}", blob_ids[path]))
        if source is None:
            print(f"[{number}/{len(wanted)}] {path}")
    for path in missing:
        if (stage / path).exists():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(stage / path, target / path)
    shutil.rmtree(stage, ignore_errors=True)
    rebuilt = [path for path in missing if not has_blob_id(target / path, blob_ids[path])]
    for path in rebuilt:
        rebuild_total(target, path, blob_ids[path])
    print(f"{target}: {len(blob_ids)} files, all right; {len(missing)} new ({len(rebuilt)} put together from patents)")
    return missing


def write_bytes(path: Path, data: bytes) -> None:
    with atomic_open(path, "wb") as file:
        file.write(data)


def rebuild_total(folder: Path, path: str, blob_id: str) -> None:
    """Write a `*_total.bio`: the 21 patents in the order of their names; the result is checked like a download."""
    named = name_patents(folder, long=path == TOTALS[True])
    data = "".join(named[name][0] for name in sorted(named)).encode()
    if git_blob_id(data) != blob_id:
        raise InputError(f"{folder}/{path}: the patents do not add up to git blob id {blob_id}; get the file itself")
    write_bytes(folder / path, data)


def download_file(url: str, blob_id: str) -> bytes:
    """The bytes behind `url`, tried again where a download breaks off or has another content."""
    for _ in range(3):
        try:
            with urllib.request.urlopen(url, timeout=60) as response:
                data: bytes = response.read()
        except urllib.error.HTTPError as error:
            problem = f"the server answers {error.code} {error.reason}"
            if error.code < 500:
                break
        except (OSError, http.client.HTTPException, ValueError) as error:
            problem = f"cannot be reached or breaks off ({getattr(error, 'reason', error)})"
        else:
            if git_blob_id(data) == blob_id:
                return data
            problem = f"found git blob id {git_blob_id(data)} ({len(data)} bytes); expected {blob_id}"
    raise InputError(f"{url}: {problem}. Run again (what is here is kept), with a network or with --from DIR")


def cut_patents(path: str | Path) -> list[tuple[str, int]]:
    """(text, number of its first line) of each patent in a gold column file, cut before `Abstract` sentences."""
    text = read_text(path).replace("\r\n", "\n")
    title = "\n".join(rf"{letter}[^\n]*" for letter in DOCUMENT_START)
    starts = [0, *(match.start() for match in re.finditer(rf"(?<=\n\n){title}", text))]
    return [(text[start:end], 1 + text.count("\n", 0, start)) for start, end in pairwise([*starts, len(text)])]


def name_patents(folder: str | Path, long: bool = False) -> dict[str, tuple[str, Path, int]]:
    """{name: (text, file, first line)} of every patent, in the order of the first split's train, dev and test.

    A patent takes the name at its place in each split's info file. Where all splits agree on it, and no other
    patent has that name, it is its name; else it is `patent-01`, ... by its place in this order.
    """
    votes: dict[str, set[str | None]] = {}
    places: dict[str, tuple[Path, int]] = {}
    for split in find_split_folders(folder):
        files, info = find_split_files(split, long), read_split_info(split / INFO_NAME)
        for part in PARTS:
            patents = cut_patents(files[part])
            names: list[Any] = info[part] if len(info[part]) == len(patents) else [None] * len(patents)
            for (text, line), name in zip(patents, names, strict=True):
                places.setdefault(text, (files[part], line))
                votes.setdefault(text, set()).add(name)
    claims = Counter(name for names in votes.values() for name in names)
    named = {}
    for number, (text, candidates) in enumerate(votes.items(), 1):
        name = next(iter(candidates))
        is_sure = len(candidates) == 1 and claims[name] == 1
        named[name if name is not None and is_sure else f"patent-{number:02d}"] = (text, *places[text])
    return named


def load_patents(folder: str | Path, long: bool = False) -> dict[str, list[Sentence]]:
    """{name: sentences} of the gold's 21 patents; names and order as in `name_patents`, `long` as in `read_split`."""
    patents, faults = {}, []
    for name, (text, path, line) in name_patents(folder, long).items():
        patents[name], wrong = parse_lines(text.split("\n"), path, first_line=line)
        faults += wrong
    if faults:
        raise FaultyFile(faults)
    return patents


def untested_patents(folder: str | Path) -> list[str]:
    """Names of the patents that no split has in its test part (twelve of the gold's), sorted."""
    infos = [read_split_info(path / INFO_NAME) for path in find_split_folders(folder)]
    names = {name for info in infos for part in PARTS for name in info[part]}
    return sorted(names - {name for info in infos for name in info["test"]})


def tuning_folds(
    folder: str | Path, n_folds: int = 3, seed: int = 0, long: bool = False
) -> list[tuple[list[Sentence], list[Sentence]]]:
    """(train sentences, held-out sentences) of each fold over the patents that no test set has.

    Whole patents are held out, each once; balanced by mentions of each type and by patents (StratifiedGroupKFold).
    """
    from sklearn.model_selection import StratifiedGroupKFold

    patents, names = load_patents(folder, long), untested_patents(folder)
    unnamed = [name for name in names if name not in patents]
    if unnamed or not 2 <= n_folds <= len(names):
        problem = f"no text for {', '.join(unnamed)}" if unnamed else f"{n_folds} folds"
        raise InputError(f"{folder}: found {problem}; expected {len(names)} named patents and 2 to as many folds")
    samples = [(name, label) for name in names for _, label in [("", "patent"), *list_mentions(patents[name])]]
    groups, kinds = [name for name, _ in samples], [kind for _, kind in samples]
    folds = []
    for _, held_out in StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed).split(groups, kinds, groups):
        chosen = {groups[index] for index in held_out}
        parts: tuple[list[Sentence], list[Sentence]] = ([], [])
        for name in names:
            parts[name in chosen].extend(patents[name])
        folds.append(parts)
    return folds
