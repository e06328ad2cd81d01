"""Invented texts, and files with a content."""

import json
import random


def make_text(seed, length=400):
    """Random Han characters, the same for the same seed."""
    draw = random.Random(seed)
    return "".join(chr(draw.randrange(0x4E00, 0x5E00)) for _ in range(length))


def put(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def read_folder(folder):
    """{path within the folder: bytes} of all files, hidden ones too."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def write_lines(path, rows):
    """Write a JSON lines file of objects, or of strings as they are."""
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
