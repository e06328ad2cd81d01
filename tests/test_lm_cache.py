"""The cache of tokenized text: what stands in it, when it is used again, and what breaks it."""

import json
import multiprocessing
import os
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from cbpner.base.errors import InputError
from cbpner.masked_lm import cache as corpus_cache
from cbpner.masked_lm.cache import Text, list_text_files, open_corpus
from cbpner.models.tokenizers import build_tokenizer
from cbpner.text.tokenizer import CharacterTable

CORPUS = "本发明涉及抗体\r\n其序列如下\n\n\n \t\n第二件 HER2\n"


@pytest.fixture(scope="module")
def table(tiny_vocabulary):
    return CharacterTable(build_tokenizer(tiny_vocabulary))


@pytest.fixture
def write(tmp_path):
    def build(text, name="corpus.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return path

    return build


def read_rows(corpus):
    return [corpus.read(row, 0, length)[0].tolist() for row, length in enumerate(corpus.lengths)]


def encode(table, *texts):
    return [table.encode(text).tolist() for text in texts]


def list_cache(folder):
    return sorted(path.name for path in (folder / corpus_cache.FOLDER).glob("*"))


def count_tokenizing(monkeypatch):
    """A list that grows by one with each tokenization."""
    calls, write_corpus = [], corpus_cache.write_corpus
    monkeypatch.setattr(corpus_cache, "write_corpus", lambda *args: (calls.append(1), write_corpus(*args)))
    return calls


def test_blank_lines_part_documents_and_line_breaks_are_left_out(table, write):
    corpus = open_corpus(Text((write("\ufeff" + CORPUS),)), table)
    assert read_rows(corpus) == encode(table, "本发明涉及抗体其序列如下", "第二件 HER2")
    assert corpus.tokens == 20 and corpus.lengths.tolist() == [12, 8]
    assert {key: corpus.info[key] for key in ("documents", "characters", "unknown", "names")} == {
        "documents": 2, "characters": 20, "unknown": 1, "names": ["corpus.txt"],
    }  # fmt: skip
    assert corpus.rows(0).ids.dtype == np.uint16


def test_each_line_is_a_document_where_that_is_asked_for(table, write):
    corpus = open_corpus(Text((write(CORPUS),), line_by_line=True), table)
    assert read_rows(corpus) == encode(table, "本发明涉及抗体", "其序列如下", "第二件 HER2")


def test_a_file_begins_a_document(table, write):
    corpus = open_corpus(Text((write("甲\n乙", "1.txt"), write("丙\n", "2.txt"))), table)
    assert read_rows(corpus) == encode(table, "甲乙", "丙")
    assert corpus.read_stream(1, 3)[0].tolist() == encode(table, "乙丙")[0]


@pytest.mark.parametrize("piece", [4, 7, 1000])
@pytest.mark.parametrize("line_bytes", [2, 5, 1000])
def test_pieces_lose_nothing_and_documents_are_cut_at_line_breaks(table, write, monkeypatch, piece, line_bytes):
    monkeypatch.setattr(corpus_cache, "PIECE", piece)
    monkeypatch.setattr(corpus_cache, "LINE_BYTES", line_bytes)
    lines = ["本发明", "涉及", "抗体的序列", "HER2", "与"]
    text = "\n".join(lines) + "\n\n另一件\n"
    corpus = open_corpus(Text((write(text),)), table)
    rows, (whole, other) = read_rows(corpus), encode(table, "".join(lines), "另一件")
    joined = [number for row in rows for number in row]
    assert joined == whole + other
    assert corpus.read_stream(0, corpus.tokens)[0].tolist() == joined
    assert corpus.info["documents"] == 2
    assert len(whole) in np.cumsum(corpus.lengths), "no row holds parts of two documents"
    if line_bytes == 1000:
        borders = set(np.cumsum([0, *map(len, lines), 3]))
        assert set(np.cumsum(corpus.lengths)) <= borders
    if piece == 1000:
        assert len(rows) == 2


def test_words_are_stored_beside_the_tokens(table, write):
    corpus = open_corpus(Text((write("抗HER2\n1号\n\nmiR-21"),), segmenter="none"), table)
    assert corpus.info["settings"]["words"] == "none"
    assert corpus.read(0, 0, 7)[1].tolist() == [True, True, False, False, False, True, True]
    assert corpus.read(0, 2, 6)[1].tolist() == [False, False, False, True]
    assert corpus.read_stream(6, 9)[1].tolist() == [True, True, False]
    assert open_corpus(Text((write("抗HER2"),)), table).read(0, 0, 5)[1] is None


def test_large_vocabularies_take_wider_numbers(table, write):
    wide = CharacterTable.__new__(CharacterTable)
    wide.__dict__ |= vars(table) | {"ids": table.ids + 70_000}
    corpus = open_corpus(Text((write("基因"),)), wide)
    assert corpus.rows(0).ids.dtype == np.int32
    assert read_rows(corpus) == [(table.encode("基因") + 70_000).tolist()]


# ---- used again, or not ----


def test_the_same_text_is_tokenized_once(table, write, monkeypatch, tmp_path):
    calls, path = count_tokenizing(monkeypatch), write(CORPUS)
    first = open_corpus(Text((path,)), table)
    os.utime(path, (1, 1))
    shutil.copy(path, tmp_path / "copy.txt")
    second = open_corpus(Text((path,)), table)
    assert len(calls) == 1 and read_rows(first) == read_rows(second)
    open_corpus(Text((path,)), table, rebuild=True)
    assert len(calls) == 2 and len(list_cache(tmp_path)) == 2


def test_a_change_that_size_and_time_do_not_show_is_seen(table, write):
    path = write("基因甲")
    before = path.stat()
    open_corpus(Text((path,)), table)
    path = write("基因乙")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert read_rows(open_corpus(Text((path,)), table)) == encode(table, "基因乙")


def test_whatever_the_rows_depend_on_makes_another_cache(table, tiny_vocabulary, write, tmp_path, monkeypatch):
    one, two = write("甲A\n乙", "1.txt"), write("丙", "2.txt")
    texts = [Text((one, two)), Text((two, one)), Text((one,)), Text((one, two), line_by_line=True),
             Text((one, two), segmenter="none")]  # fmt: skip
    lower = CharacterTable(build_tokenizer(tiny_vocabulary, lower=True))
    shifted = CharacterTable.__new__(CharacterTable)
    shifted.__dict__ |= vars(table) | {"mask": table.unk, "unk": table.mask}
    folder = tmp_path / "cache"
    for text in texts:
        open_corpus(text, table, folder)
    for other in (lower, shifted):
        open_corpus(texts[0], other, folder)
    monkeypatch.setattr(corpus_cache, "FORMAT", corpus_cache.FORMAT + 1)
    open_corpus(texts[0], table, folder)
    assert len(list(folder.glob("*.arrow"))) == len(list(folder.glob("*.json"))) == 8
    assert read_rows(open_corpus(texts[1], table, folder)) == encode(table, "丙", "甲A乙")


def test_another_version_of_the_segmenter_makes_another_cache(table, write, tmp_path, monkeypatch):
    pytest.importorskip("rjieba")
    text = Text((write("乳腺癌"),), segmenter="rjieba")
    for version in ("1", "2"):
        monkeypatch.setattr("cbpner.masked_lm.word_starts.metadata.version", lambda name, version=version: version)
        assert open_corpus(text, table, tmp_path).info["settings"]["words"] == f"rjieba {version}"
    assert len(list(tmp_path.glob("*.arrow"))) == 2


def break_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "a bit of the rows": ("arrow", break_bit),
    "the rows cut off": ("arrow", lambda path: os.truncate(path, path.stat().st_size // 2)),
    "no rows": ("arrow", Path.unlink),
    "no description": ("json", Path.unlink),
    "an empty description": ("json", lambda path: path.write_text("")),
    "another description": ("json", lambda path: path.write_text("[]")),
    "another text's": ("json", lambda path: path.write_text(json.dumps({"settings": {}, "sha256": "0"}))),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_broken_cache_is_made_anew(kind, table, write, tmp_path, monkeypatch):
    text = Text((write(CORPUS),))
    expected = read_rows(open_corpus(text, table))
    suffix, damage = DAMAGES[kind]
    damage(next((tmp_path / corpus_cache.FOLDER).glob(f"*.{suffix}")))
    calls = count_tokenizing(monkeypatch)
    assert read_rows(open_corpus(text, table)) == expected and len(calls) == 1
    assert len(list_cache(tmp_path)) == 2


def open_in_process(vocabulary, path, folder, barrier, answer):
    table = CharacterTable(build_tokenizer(vocabulary))
    barrier.wait()
    corpus = open_corpus(Text((path,)), table, folder)
    answer.put((os.getpid(), read_rows(corpus)))


@pytest.mark.parametrize("locks", [True, False])
def test_two_processes_at_once_end_with_the_same_rows(locks, table, tiny_vocabulary, write, tmp_path, monkeypatch):
    """With file locks, and without: then both write, each under its own name."""
    if not locks:
        monkeypatch.setattr(corpus_cache, "fcntl", None)
    forks = multiprocessing.get_context("fork")
    barrier, answer = forks.Barrier(2), forks.Queue()
    path = write("".join(f"{number}件专利的正文\n\n" for number in range(2000)))
    arguments = (tiny_vocabulary, path, tmp_path / "cache", barrier, answer)
    processes = [forks.Process(target=open_in_process, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    found = dict(answer.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(30)
    rows = read_rows(open_corpus(Text((path,)), table, tmp_path / "cache"))
    assert len(found) == 2 and all(each == rows for each in found.values()) and len(rows) == 2000
    assert len(list((tmp_path / "cache").iterdir())) == 2, "nothing half-written is left"


def test_a_file_that_changes_while_it_is_read_is_told(table, write, monkeypatch):
    path, read_lines = write(CORPUS), corpus_cache.read_lines

    def change(*args):
        with open(path, "ab") as file:
            file.write("追加\n".encode())
        yield from read_lines(*args)

    monkeypatch.setattr(corpus_cache, "read_lines", change)
    with pytest.raises(InputError, match=r"corpus.txt: the file was changed while it was read"):
        open_corpus(Text((path,)), table)
    assert not list_cache(path.parent)


# ---- wrong input, no room ----


@pytest.mark.parametrize("content, message", [
    (b"\xe5\x9f\xba\n\xff\n", r"corpus.txt:2: found bytes that are not UTF-8"),
    ("基\n基".encode()[:-1], r"corpus.txt:2: found bytes that are not UTF-8"),
    (b"", r"corpus.txt: found no text"),
    (b"\n \n\t\r\n", r"corpus.txt: found no text"),
])  # fmt: skip
def test_wrong_text_names_the_place_and_leaves_nothing(content, message, table, write):
    path = write(content)
    with pytest.raises(InputError, match=message):
        open_corpus(Text((path,)), table)
    assert not list_cache(path.parent)


def test_a_cache_that_cannot_be_written_is_named(table, write, tmp_path, monkeypatch):
    text = Text((write(CORPUS),))
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match="file: cannot write the tokenized text there .*--cache_dir"):
        open_corpus(text, table, tmp_path / "file")

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(corpus_cache.RowWriter, "close", fail)
    with pytest.raises(InputError, match="No space left on device.*--cache_dir"):
        open_corpus(text, table)
    assert not list_cache(tmp_path) and (tmp_path / "file").read_text() == "precious"


def test_the_files_of_a_folder(tmp_path):
    for name in ("10.txt", "2.txt", "notes.md", ".hidden.txt"):
        (tmp_path / name).write_text("基因")
    assert [path.name for path in list_text_files(tmp_path)] == ["2.txt", "10.txt"]
    assert list_text_files(tmp_path / "notes.md") == (tmp_path / "notes.md",)
    (tmp_path / "test.txt").write_text("基因")
    assert list_text_files(tmp_path, "test") == (tmp_path / "test.txt",)
    with pytest.raises(InputError, match="found a corpus without train.txt"):
        list_text_files(tmp_path)
    (tmp_path / "train.txt").write_text("基因")
    assert list_text_files(tmp_path) == (tmp_path / "train.txt",), "held-out text is never trained on"
    (tmp_path / "upper").mkdir()
    (tmp_path / "upper" / "A.TXT").write_text("基因")
    assert list_text_files(tmp_path / "upper") == (tmp_path / "upper" / "A.TXT",)
    (tmp_path / "upper" / "TEST.TXT").write_text("基因")
    with pytest.raises(InputError, match="found a corpus without train.txt"):
        list_text_files(tmp_path / "upper")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="without .txt files"):
        list_text_files(tmp_path / "empty")
    with pytest.raises(InputError, match="no such file or folder"):
        list_text_files(tmp_path / "nowhere")


# ---- memory ----


def measure_peak(run):
    """(bytes of Python and numpy, bytes of Arrow) at the peak of `run()`."""
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    result = run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, pa.total_allocated_bytes() - before, result


def test_memory_does_not_grow_with_the_text(table, write, monkeypatch):
    """Four times the text, in one document or in many, in one line or in many: the same peak, far below the text."""
    monkeypatch.setattr(corpus_cache, "PIECE", 1 << 12)
    monkeypatch.setattr(corpus_cache, "LINE_BYTES", 1 << 12)
    open_corpus(Text((write("基因\n"),), segmenter="none"), table)
    for end in ("\n", "\n\n", ""):
        peaks = []
        for size in (1, 4):
            path = write(f"本发明涉及HER2抗体的用途，{end}" * 3000 * size, f"{len(end)}-{size}.txt")
            peak, arrow, corpus = measure_peak(lambda path=path: open_corpus(Text((path,), segmenter="none"), table))
            assert corpus.tokens == 45_000 * size and arrow < 100_000, "mapped, not loaded"
            peaks.append(peak - 3 * 8 * len(corpus.lengths))  # the rows' lengths are held, and made of two copies
        assert peaks[1] < 1.1 * peaks[0] + 50_000, end
