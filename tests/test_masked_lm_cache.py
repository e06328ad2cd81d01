"""The cache of tokenized text: what is in it, when it is used again, what damages it; where words begin."""

import json
import multiprocessing
import os
import shutil
import sys
import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbpner.base.errors import InputError
from cbpner.masked_lm import cache as corpus_cache
from cbpner.masked_lm.cache import TextSource, list_text_files, open_corpus
from cbpner.masked_lm.word_starts import LONGEST_RUN, load_segmenter, mark_words
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


@pytest.fixture
def tokenized(monkeypatch):
    """A list that grows by one with each tokenization."""
    calls, write_corpus = [], corpus_cache.write_corpus
    monkeypatch.setattr(corpus_cache, "write_corpus", lambda *args: (calls.append(1), write_corpus(*args))[1])
    return calls


def change_table(table, **changes):
    changed = CharacterTable.__new__(CharacterTable)
    changed.__dict__ |= vars(table) | changes
    return changed


def read_documents(corpus):
    return [corpus.read(number, 0, length)[0].tolist() for number, length in enumerate(corpus.lengths)]


def encode(table, *texts):
    return [table.encode(text).tolist() for text in texts]


def list_cache(folder):
    return sorted(path.name for path in (folder / corpus_cache.CACHE_FOLDER).glob("*"))


# ---- what is in it ----


def test_blank_lines_separate_documents_and_line_breaks_are_left_out(table, write):
    corpus = open_corpus(TextSource((write("\ufeff" + CORPUS),)), table)
    assert read_documents(corpus) == encode(table, "本发明涉及抗体其序列如下", "第二件 HER2")
    assert len(corpus.tokens) == 20 and corpus.lengths.tolist() == [12, 8]
    expected = {"documents": 2, "characters": 20, "unknown": 1, "names": ["corpus.txt"]}
    assert expected.items() <= corpus.info.items()
    assert corpus.tokens.dtype["id"] == np.uint16


def test_each_line_can_be_a_document_and_a_file_begins_one(table, write):
    corpus = open_corpus(TextSource((write(CORPUS),), line_by_line=True), table)
    assert read_documents(corpus) == encode(table, "本发明涉及抗体", "其序列如下", "第二件 HER2")
    corpus = open_corpus(TextSource((write("甲\n乙", "1.txt"), write("丙\n", "2.txt"))), table)
    assert read_documents(corpus) == encode(table, "甲乙", "丙")
    assert corpus.read_stream(1, 3)[0].tolist() == encode(table, "乙丙")[0]


@pytest.mark.parametrize("characters", [1, 2, 5, 1000])
def test_long_lines_are_read_in_pieces_that_lose_nothing(table, write, monkeypatch, characters):
    monkeypatch.setattr(corpus_cache, "LINE_CHARACTERS", characters)
    corpus = open_corpus(TextSource((write("本发明\n涉及\n抗体的序列\nHER2\n\n另一件\n"),)), table)
    assert read_documents(corpus) == encode(table, "本发明涉及抗体的序列HER2", "另一件")


def test_words_are_stored_beside_the_tokens(table, write):
    corpus = open_corpus(TextSource((write("抗HER2\n1号\n\nmiR-21"),), segmenter="none"), table)
    assert corpus.info["settings"]["words"] == "none"
    assert corpus.read(0, 0, 7)[1].tolist() == [True, True, False, False, False, True, True]
    assert corpus.read(0, 2, 6)[1].tolist() == [False, False, False, True]
    assert corpus.read_stream(6, 9)[1].tolist() == [True, True, False]
    assert open_corpus(TextSource((write("抗HER2"),)), table).read(0, 0, 5)[1] is None


def test_large_vocabularies_take_wider_numbers(table, write):
    corpus = open_corpus(TextSource((write("基因"),)), change_table(table, ids=table.ids + 70_000))
    assert corpus.tokens.dtype["id"] == np.int32
    assert read_documents(corpus) == [(table.encode("基因") + 70_000).tolist()]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_text(table, write, monkeypatch):
    """Four times the text, in one document or in many, in one line or in many: the same peak."""
    monkeypatch.setattr(corpus_cache, "LINE_CHARACTERS", 1 << 12)
    for end in ("\n", "\n\n", ""):
        peaks = []
        for size in (1, 4):
            path = write(f"本发明涉及HER2抗体的用途，{end}" * 1500 * size, f"{len(end)}-{size}.txt")
            tracemalloc.start()
            corpus = open_corpus(TextSource((path,), segmenter="none"), table)
            peaks.append(tracemalloc.get_traced_memory()[1] - 4 * corpus.lengths.nbytes)  # lengths are held
            tracemalloc.stop()
            assert len(corpus.tokens) == 22_500 * size
        assert peaks[1] < 1.1 * peaks[0] + 30_000, end


# ---- used again, or not ----


def test_the_same_text_is_tokenized_once(table, write, tokenized, tmp_path):
    path = write(CORPUS)
    first = open_corpus(TextSource((path,)), table)
    os.utime(path, (1, 1))
    shutil.copy(path, tmp_path / "copy.txt")
    second = open_corpus(TextSource((path,)), table)
    assert len(tokenized) == 1 and read_documents(first) == read_documents(second)
    open_corpus(TextSource((path,)), table, rebuild=True)
    assert len(tokenized) == 2 and len(list_cache(tmp_path)) == 2


def test_a_change_that_keeps_size_and_time_is_noticed(table, write):
    path = write("基因甲")
    before = path.stat()
    open_corpus(TextSource((path,)), table)
    path = write("基因乙")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read_documents(open_corpus(TextSource((path,)), table)) == encode(table, "基因乙")


def test_whatever_the_tokens_depend_on_makes_another_cache(table, tiny_vocabulary, write, tmp_path, monkeypatch):
    one, two = write("甲A\n乙", "1.txt"), write("丙", "2.txt")
    texts = [TextSource((one, two)), TextSource((two, one)), TextSource((one,)),
             TextSource((one, two), line_by_line=True), TextSource((one, two), segmenter="none")]  # fmt: skip
    lower = CharacterTable(build_tokenizer(tiny_vocabulary, lower=True))
    folder = tmp_path / "cache"
    for text in texts:
        open_corpus(text, table, folder)
    for other in (lower, change_table(table, mask=table.unk, unk=table.mask)):
        open_corpus(texts[0], other, folder)
    monkeypatch.setattr(corpus_cache, "FORMAT", corpus_cache.FORMAT + 1)
    open_corpus(texts[0], table, folder)
    assert len(list(folder.glob("*.tokens"))) == len(list(folder.glob("*.json"))) == 8
    assert read_documents(open_corpus(texts[1], table, folder)) == encode(table, "丙", "甲A乙")


def test_another_version_of_the_segmenter_makes_another_cache(table, write, tmp_path, monkeypatch):
    pytest.importorskip("rjieba")
    text = TextSource((write("乳腺癌"),), segmenter="rjieba")
    for version in ("1", "2"):
        monkeypatch.setattr("cbpner.masked_lm.word_starts.metadata.version", lambda name, version=version: version)
        assert open_corpus(text, table, tmp_path).info["settings"]["words"] == f"rjieba {version}"
    assert len(list(tmp_path.glob("*.tokens"))) == 2


def flip_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "a bit of the tokens": ("tokens", flip_bit),
    "the tokens cut off": ("tokens", lambda path: os.truncate(path, path.stat().st_size // 2)),
    "no tokens": ("tokens", Path.unlink),
    "no description": ("json", Path.unlink),
    "an empty description": ("json", lambda path: path.write_text("")),
    "another description": ("json", lambda path: path.write_text("[]")),
    "another text's": ("json", lambda path: path.write_text(json.dumps({"settings": {}, "sha256": "0"}))),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_cache_is_rebuilt(kind, table, write, tmp_path, tokenized):
    text = TextSource((write(CORPUS),))
    expected = read_documents(open_corpus(text, table))
    suffix, damage = DAMAGES[kind]
    damage(next((tmp_path / corpus_cache.CACHE_FOLDER).glob(f"*.{suffix}")))
    assert read_documents(open_corpus(text, table)) == expected and len(tokenized) == 2
    assert len(list_cache(tmp_path)) == 2


def open_in_process(vocabulary, path, folder, barrier, answer):
    table = CharacterTable(build_tokenizer(vocabulary))
    barrier.wait()
    answer.put((os.getpid(), read_documents(open_corpus(TextSource((path,)), table, folder))))


@pytest.mark.slow
@pytest.mark.parametrize("locks", [True, False])
def test_two_processes_at_once_end_with_the_same_tokens(locks, table, tiny_vocabulary, write, tmp_path, monkeypatch):
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
    documents = read_documents(open_corpus(TextSource((path,)), table, tmp_path / "cache"))
    assert len(found) == 2 and all(each == documents for each in found.values()) and len(documents) == 2000
    assert len(list((tmp_path / "cache").iterdir())) == 2, "nothing half-written is left"


# ---- wrong input, no room ----


@pytest.mark.parametrize("content, place", [
    (b"\xe5\x9f\xba\n\xff\n", "corpus.txt:2: "), ("基\n基".encode()[:-1], "corpus.txt:2: "),
    (b"", "corpus.txt: "), (b"\n \n\t\r\n", "corpus.txt: "),
])  # fmt: skip
def test_wrong_text_names_the_place_and_leaves_nothing(content, place, table, write):
    path = write(content)
    with pytest.raises(InputError, match=place):
        open_corpus(TextSource((path,)), table)
    assert not list_cache(path.parent)


def test_a_file_that_changes_while_it_is_read_is_an_error(table, write, monkeypatch):
    path, iterate_lines = write(CORPUS), corpus_cache.iterate_lines

    def change(text):
        with open(path, "ab") as file:
            file.write("追加\n".encode())
        yield from iterate_lines(text)

    monkeypatch.setattr(corpus_cache, "iterate_lines", change)
    with pytest.raises(InputError, match="corpus.txt: .*changed"):
        open_corpus(TextSource((path,)), table)
    assert not list_cache(path.parent)


def test_a_cache_that_cannot_be_written_is_named(table, write, tmp_path, monkeypatch):
    text = TextSource((write(CORPUS),))
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match=f"{tmp_path / 'file'}: .*--cache_dir"):
        open_corpus(text, table, tmp_path / "file")

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(corpus_cache, "iterate_lines", fail)
    with pytest.raises(InputError, match="No space left on device.*--cache_dir"):
        open_corpus(text, table)
    assert not list_cache(tmp_path) and (tmp_path / "file").read_text() == "precious"


def test_the_files_of_a_folder(tmp_path):
    def fill(name, *files):
        (tmp_path / name).mkdir(exist_ok=True)
        for file in files:
            (tmp_path / name / file).write_text("基因")
        return tmp_path / name

    plain = fill("plain", "10.txt", "2.txt", "notes.md", ".hidden.txt")
    assert [path.name for path in list_text_files(plain)] == ["2.txt", "10.txt"]
    assert list_text_files(plain / "notes.md") == (plain / "notes.md",)
    assert list_text_files(fill("upper", "A.TXT")) == (tmp_path / "upper" / "A.TXT",)
    parts = fill("parts", "train.txt", "test.txt", "other.txt")
    assert list_text_files(parts) == (parts / "train.txt",), "held-out text is never trained on"
    assert list_text_files(parts, "test") == (parts / "test.txt",)
    for folder in (fill("test alone", "TEST.TXT", "1.txt"), fill("empty"), tmp_path / "nowhere"):
        with pytest.raises(InputError, match=str(folder)):
            list_text_files(folder)


# ---- where words begin ----


def split(text, cut=None):
    begins = mark_words(text, cut)
    assert len(begins) == len(text)
    borders = [*np.flatnonzero(begins).tolist(), len(text)]
    return [text[start:stop] for start, stop in pairwise(borders)]


@pytest.mark.parametrize("text, words", [
    ("BRCA1基因", ["BRCA1", "基", "因"]),
    ("抗HER2、miR-21", ["抗", "HER2", "、", "miR-21"]),
    ("TNF-α3.5mg", ["TNF-α3.5mg"]),
    ("1.一种", ["1", ".", "一", "种"]),
    ("含5%的ＥＧＦＲ", ["含", "5", "%", "的", "ＥＧＦＲ"]),
    ("p53-和-IL", ["p53", "-", "和", "-", "IL"]),
    ("", []),
    ("A" * LONGEST_RUN, ["A" * LONGEST_RUN]),
    ("序A" + "CG" * LONGEST_RUN + "列", ["序", *("A" + "CG" * LONGEST_RUN), "列"]),
])  # fmt: skip
def test_runs_of_latin_letters_and_digits_are_words_but_sequences_are_not(text, words):
    assert split(text) == words


def test_latin_runs_take_precedence_over_the_segmenter():
    assert split("抗HER2阳性", lambda text: ["抗H", "ER2阳", "性"]) == ["抗", "HER2", "阳", "性"]
    with pytest.raises(ValueError):
        mark_words("乳腺癌", lambda text: ["乳腺"])


@given(st.text(st.sampled_from("乳腺癌患者HER2-1.5 ，\t\U0001f600"), max_size=40))
def test_the_segmenter_s_words_make_up_the_text(text):
    rjieba = pytest.importorskip("rjieba")
    assert "".join(split(text, rjieba.cut)) == text


def test_chinese_words_come_from_the_segmenter():
    pytest.importorskip("rjieba")
    cut, name = load_segmenter("rjieba")
    assert name.startswith("rjieba ") and name.split()[1][0].isdigit()
    assert {"涉及", "miR-21", "乳腺癌"} <= set(split("本发明涉及miR-21与乳腺癌", cut))


def test_a_missing_segmenter_is_an_error_with_a_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "rjieba", None)
    with pytest.raises(InputError, match="pip install rjieba.*--segmenter none"):
        load_segmenter("rjieba")
    assert load_segmenter("none") == (None, "none")
    with pytest.raises(InputError, match="'jieba'"):
        load_segmenter("jieba")
