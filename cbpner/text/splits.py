"""Splits by patent: the files of one split, patent boundaries, new splits of annotated documents, statistics.

A split's folder holds `NAME_{train,dev,test}.bio` with sentences as they are, `no_long_NAME_{train,dev,test}.bio`
with long ones cut, and `train_test_split.info`, which names the patents of each part.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_folder, read_text, write_text
from cbpner.text.bio import Sentence, begins_document, list_mentions, read_bio, summarize_sentences, write_bio
from cbpner.text.labels import LabelSet
from cbpner.text.segments import cut_sentence

PARTS = ("train", "dev", "test")
CUT_PREFIX = "no_long_"
INFO_NAME = "train_test_split.info"


def find_split_files(folder: str | Path, long: bool = False) -> dict[str, Path]:
    """{`train`, `dev`, `test`: path} in a split's folder, of the variant with cut sentences unless `long`.

    Where a folder has one variant alone, that one. InputError where neither is complete, or a part has two files.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected a split's folder with *_train.bio, *_dev.bio, *_test.bio")
    files = sorted(folder.glob("*.bio"))
    variants: tuple[dict[str, Path], dict[str, Path]] = ({}, {})  # as they are, cut
    for path in files:
        found, part = variants[path.name.startswith(CUT_PREFIX)], path.stem.rpartition("_")[2]
        if part in found:
            raise InputError(f"{folder}: found {found[part].name} and {path.name}; expected one: move the other away")
        if part in PARTS:
            found[part] = path
    for found in variants if long else variants[::-1]:
        if len(found) == len(PARTS):
            return {part: found[part] for part in PARTS}
    expected = f"*_train.bio, *_dev.bio and *_test.bio, all with {CUT_PREFIX} in front or all without"
    names = ", ".join(path.name for path in files) or "no .bio file"
    raise InputError(f"{folder}: found {names}; expected {expected} (`cbpner split`), or one of its splits (--split)")


def read_split(folder: str | Path, long: bool = False) -> dict[str, list[Sentence]]:
    """{`train`, `dev`, `test`: sentences} of the split in `folder`; `long` as in `find_split_files`."""
    return {part: read_bio(path) for part, path in find_split_files(folder, long).items()}


def find_split_folders(folder: str | Path) -> list[Path]:
    """The numbered folders `0`, `1`, ... of a data folder in order, or the folder itself where it is one split."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected a data folder with split folders 0, 1, ...")
    numbered = [path for path in folder.iterdir() if path.is_dir() and path.name.isascii() and path.name.isdigit()]
    if numbered:
        return sorted(numbered, key=lambda path: int(path.name))
    if any(folder.glob("*.bio")):
        return [folder]
    raise InputError(f"{folder}: found no split; expected folders 0, 1, ... or the files of one split")


def split_patents(sentences: Iterable[Sentence]) -> list[list[Sentence]]:
    """The sentences by patent, or other document (`begins_document`)."""
    patents: list[list[Sentence]] = []
    for sentence in sentences:
        if not patents or begins_document(sentence, patents[-1][-1]):
            patents.append([])
        patents[-1].append(sentence)
    return patents


def draw_patents(sentences: Iterable[Sentence], count: int, seed: int = 0) -> list[Sentence]:
    """The sentences of `count` patents, in the file's order; smaller draws of a seed lie within its larger ones."""
    patents = split_patents(sentences)
    if not 1 <= count <= len(patents):
        raise InputError(f"found {len(patents)} patent(s) to draw from; expected a number up to that, not {count}")
    chosen = sorted(random.Random(seed).sample(range(len(patents)), len(patents))[:count])
    return [sentence for number in chosen for sentence in patents[number]]


def read_split_info(path: str | Path) -> dict[str, list[str]]:
    """{`train`, `dev`, `test`: patent names as written, in file order} of a `train_test_split.info`."""
    titles = {f"{part.capitalize()} files:": part for part in PARTS}
    info: dict[str, list[str]] = {}
    part = None
    for number, line in enumerate(map(str.strip, read_text(path).split("\n")), 1):
        if not line or set(line) == {"="}:
            continue
        if line in titles:
            part = titles[line]
            info[part] = []
        elif part is None:
            raise InputError(f"{path}:{number}: found {line!r}; expected one of {', '.join(titles)} before any name")
        else:
            info[part].append(line)
    if missing := [title for title, part in titles.items() if part not in info]:
        raise InputError(f"{path}: found no line {' or '.join(missing)}; expected {', '.join(titles)}, each with names")
    return {part: info[part] for part in PARTS}


def write_split_info(path: str | Path, info: Mapping[str, Sequence[str]]) -> None:
    """Write a `train_test_split.info` in the gold's layout, line breaks in a name as `%0A` and `%0D`."""
    names = {part: [name.replace("\n", "%0A").replace("\r", "%0D") for name in info[part]] for part in PARTS}
    blocks = ["\n".join([f"{part.capitalize()} files:", *names[part]]) for part in ("train", "test", "dev")]
    write_text(path, "\n==============\n".join(blocks))


def read_bio_documents(
    paths: Iterable[str | Path], labels: LabelSet | None = None, orphans: str = "keep"
) -> dict[str, list[Sentence]]:
    """{file name: sentences} of `.bio` files, one document each, and of folders with such at any depth, none hidden."""
    documents: dict[str, list[Sentence]] = {}
    for path in map(Path, paths):
        found = sorted(path.rglob("*.[bB][iI][oO]")) if path.is_dir() else [path]
        files = [file for file in found if not any(part.startswith(".") for part in file.relative_to(path).parts)]
        if not files:
            raise InputError(f"{path}: found no .bio file in the folder; expected one file a document")
        for file in files:
            if file.name in documents:
                raise InputError(f"{file}: found a second document of this name; expected each name once: rename one")
            documents[file.name] = read_bio(file, labels, orphans)
    return documents


def draw_splits(
    documents: Mapping[str, Sequence[Sentence]], n_splits: int = 5, n_test: int = 2, n_dev: int = 1, seed: int = 0
) -> list[dict[str, list[str]]]:
    """Repeated random splits of documents {name: sentences}: {part: names} for each.

    Documents with the same text are one group and never in two parts; `n_test` and `n_dev` count groups.
    """
    from sklearn.model_selection import GroupShuffleSplit

    names = list(documents)
    texts = ["\n".join(sentence.chars for sentence in documents[name]) for name in names]
    groups = [texts.index(text) for text in texts]
    found, needed = len(set(groups)), n_test + n_dev + 1
    if min(n_splits, n_test, n_dev) < 1 or found < needed:
        wanted = f"at least {needed} for {n_test} test, {n_dev} dev and one train document, and at least one split"
        raise InputError(f"found {found} different document(s); expected {wanted}: give more, or smaller parts")
    splits = []
    outer = GroupShuffleSplit(n_splits, test_size=n_test, random_state=seed)
    for number, (rest, test) in enumerate(outer.split(names, groups=groups)):
        inner = GroupShuffleSplit(1, test_size=n_dev, random_state=seed + number)
        train, dev = next(inner.split(rest, groups=[groups[index] for index in rest]))
        chosen = {"train": rest[train], "dev": rest[dev], "test": test}
        splits.append({part: [names[index] for index in sorted(chosen[part])] for part in PARTS})
    return splits


def write_splits(
    documents: Mapping[str, Sequence[Sentence]], splits: Sequence[Mapping[str, Sequence[str]]], out: str | Path,
    name: str = "docs", max_chars: int = 500, overwrite: bool = False,
) -> list[Path]:  # fmt: skip
    """Write `draw_splits`' result as folders OUT/0, ..., whole or not at all; `overwrite` replaces a folder of them."""
    out = Path(out)
    if not name or "/" in name or name.startswith((".", CUT_PREFIX)):
        raise InputError(f"found the name {name!r}; expected a file name's beginning, not with {CUT_PREFIX} in front")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: found a file; expected a folder or nothing")
    inside = sorted(out.iterdir()) if out.exists() else []
    if inside and not overwrite:
        raise InputError(f"{out}: found a folder that is not empty; expected a new one, or --overwrite")
    if strange := next((path for path in inside if not (path / INFO_NAME).is_file()), None):
        raise InputError(f"{strange}: found no split in it ({INFO_NAME} is missing); move it out of the way")
    with atomic_folder(out) as work:
        for number, info in enumerate(splits):
            for part in PARTS:
                found = [documents[document] for document in info[part]]  # line -1 begins a document, 0 never does
                whole = [each._replace(line=0 if place else -1) for group in found for place, each in enumerate(group)]
                cut = [piece for sentence in whole for piece in cut_sentence(sentence, max_chars)]
                write_bio(work / str(number) / f"{name}_{part}.bio", whole)
                write_bio(work / str(number) / f"{CUT_PREFIX}{name}_{part}.bio", cut)
            write_split_info(work / str(number) / INFO_NAME, info)
    return [out / str(number) for number in range(len(splits))]


def describe_splits(folder: str | Path, long: bool = False) -> list[dict[str, Any]]:
    """One row a split and part of a data folder.

    Keys: `split`, `part`, `patents`, those of `summarize_sentences`, `unique` (different mentions: text and type),
    `unseen` (mentions whose text is none of that type in the train part; None for train).
    """
    rows = []
    for path in find_split_folders(folder):
        split = read_split(path, long)
        info = read_split_info(path / INFO_NAME) if (path / INFO_NAME).is_file() else None
        known = set(list_mentions(split["train"]))
        for part, sentences in split.items():
            mentions = list_mentions(sentences)
            patents = len(info[part]) if info else len(split_patents(sentences))
            unseen = None if part == "train" else sum(mention not in known for mention in mentions)
            row = {"split": path.resolve().name, "part": part, "patents": patents, **summarize_sentences(sentences)}
            rows.append(row | {"unique": len(set(mentions)), "unseen": unseen})
    return rows
