"""Text for masked-LM fine-tuning: files to tokens and documents, blocks."""

import math
import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patent_data import put

from cbpner.base.errors import InputError
from cbpner.masked_lm import corpus as corpora
from cbpner.masked_lm.corpus import Blocks, TextSource, cut_blocks, list_text_files, read_corpus
from cbpner.models.tokenizers import build_tokenizer
from cbpner.text.tokenizer import CharacterTable

CORPUS = "本发明涉及抗体\r\n其序列如下\n\n\n \t\n第二件 HER2\n"


@pytest.fixture(scope="module")
def table(tiny_vocabulary):
    return CharacterTable(build_tokenizer(tiny_vocabulary))


@pytest.fixture
def write(tmp_path):
    return lambda text, name="corpus.txt": put(tmp_path, name, text)


@pytest.fixture
def read(table, write):
    """`read(text, ...)`: the corpus of a file with this text."""
    return lambda text, **options: read_corpus(TextSource((write(text),), **options), table)


def read_documents(corpus):
    return [part.tolist() for part in np.split(corpus.tokens, np.cumsum(corpus.lengths)[:-1])]


def encode(table, *texts):
    return [table.encode(text).tolist() for text in texts]


# ---- tokens and documents ----


def test_blank_lines_separate_documents_and_line_breaks_are_left_out(table, read):
    corpus = read("\ufeff" + CORPUS)
    assert read_documents(corpus) == encode(table, "本发明涉及抗体其序列如下", "第二件 HER2")
    expected = {"documents": 2, "characters": 20, "unknown_characters": 0.05, "line_by_line": False}
    assert expected.items() <= corpus.info.items()
    assert corpus.tokens.dtype == np.uint16


def test_each_line_can_be_a_document_and_a_file_begins_one(table, read, write):
    corpus = read(CORPUS, line_by_line=True)
    assert read_documents(corpus) == encode(table, "本发明涉及抗体", "其序列如下", "第二件 HER2")
    files = (write("甲\n乙", "1.txt"), write("丙\n", "2.txt"))
    corpus = read_corpus(TextSource(files), table)
    assert read_documents(corpus) == encode(table, "甲乙", "丙")
    assert [file["path"] for file in corpus.info["files"]] == [str(path) for path in files]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_text(read):
    """Four times the text, in one document or in many: the same peak, but for the lengths."""
    for end in ("\n", "\n\n"):
        peaks = []
        for size in (1, 4):
            tracemalloc.start()
            corpus = read(f"本发明涉及HER2抗体的用途，{end}" * 1500 * size)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            assert len(corpus.tokens) == 22_500 * size
        assert peaks[1] < peaks[0] + 300_000, end


@pytest.mark.parametrize("content, place", [
    (b"\xe5\x9f\xba\n\xff\n", "corpus.txt:2: "), ("基\n基".encode()[:-1], "corpus.txt:2: "),
    (b"", "corpus.txt: "), (b"\n \n\t\r\n", "corpus.txt: "),
])  # fmt: skip
def test_wrong_text_names_the_place(content, place, read):
    with pytest.raises(InputError, match=place):
        read(content)


def test_a_folder_that_cannot_be_written_is_named(table, write, tmp_path, monkeypatch):
    text = TextSource((write(CORPUS),))
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match=f"{tmp_path / 'file'}: "):
        read_corpus(text, table, tmp_path / "file")

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(corpora, "iterate_lines", fail)
    with pytest.raises(InputError, match=f"{tmp_path / 'new'}: .*No space left on device"):
        read_corpus(text, table, tmp_path / "new")
    assert not os.listdir(tmp_path / "new") and (tmp_path / "file").read_text() == "precious"


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


# ---- blocks ----


def strip_block(block, table):
    assert (block.ids[0], block.ids[-1]) == (table.cls, table.sep)
    return block.ids[1:-1].tolist()


@settings(max_examples=15)
@given(texts=st.lists(st.text(st.sampled_from("基因aB1🧬"), min_size=1, max_size=60), min_size=1, max_size=5),
       size=st.integers(3, 20))  # fmt: skip
def test_blocks_lose_nothing(table, tmp_path_factory, texts, size):
    """Those of a corpus are those of its texts: each text whole, in pieces whose lengths differ by one at most."""
    path = put(tmp_path_factory.mktemp("corpus"), "corpus.txt", "\n\n".join(texts))
    blocks = Blocks(read_corpus(TextSource((path,)), table), table, size)
    found = [blocks[number] for number in range(len(blocks))]
    assert [block.ids.tolist() for block in found] == [block.ids.tolist() for block in cut_blocks(texts, table, size)]
    assert [block.index for block in found] == list(range(len(found)))
    assert blocks.lengths.tolist() == [len(block.ids) for block in found]
    assert blocks.characters == sum(map(len, texts))
    rest = iter(found)
    for text in texts:
        pieces = [strip_block(next(rest), table) for _ in range(math.ceil(len(text) / (size - 2)))]
        assert max(map(len, pieces)) <= size - 2 and max(map(len, pieces)) - min(map(len, pieces)) <= 1
        assert sum(pieces, []) == table.encode(text).tolist()


def test_a_stream_crosses_documents_and_drops_its_end(table, read):
    corpus = read("本发明\n涉及\n\n一种抗体\n\n的用")
    blocks = Blocks(corpus, table, 6, "stream")
    assert [strip_block(blocks[number], table) for number in range(2)] == encode(table, "本发明涉", "及一种抗")
    assert (blocks.characters, blocks.lengths.tolist()) == (8, [6, 6])
    assert len(Blocks(corpus, table, 20, "stream")) == 0
