"""From sources to a corpus folder: its files, its statistics, the sample, what a kill or a full disk leaves."""

import json
import os
import random
import re
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from conftest import ROOT
from patent_data import make_text, read_folder, read_lines, write_lines

from cbpner.base.errors import InputError
from cbpner.base.store import Store
from cbpner.corpora import corpus
from cbpner.corpora.corpus import CorpusJob, build_corpus
from cbpner.corpora.selection import PatentSelection
from cbpner.text.segments import SENTENCE_BREAK

LENIENT = PatentSelection(min_length=5, min_han=0, near_duplicates=None)


def row(number, text, date="2015-05-05", **values):
    return {"id": number, "date": date, "text": text, **values}


@pytest.fixture
def many(tmp_path):
    """Forty patents of 30 to 69 characters in one file."""
    return write_lines(tmp_path / "many.jsonl", [row(f"CN{10000 + n}A", make_text(n, 30 + n)) for n in range(40)])


def test_every_count_is_that_of_a_count_by_hand(tmp_path):
    first, second = make_text("first", 60), make_text("second", 30)
    rows = [
        row("CN105611940B", make_text("gold", 50)),  # 50 characters: a gold patent with another kind code
        row("US10001A", make_text("us", 40)),  # 40: country
        row("CN10002A", make_text("old", 41), "2008-12-31"),  # 41: date
        row("CN10003A", make_text("undated", 42), None),  # 42: date
        row("CN10004A", "基因。"),  # 3: length
        row("CN10005A", make_text("no query", 43)),  # 43: query
        row("CN10006A", f"{'gene ' * 40}基因"),  # 202: language
        row("CN10007A", f"[0001]基因{first}。\n[0002]{second}；\n"),  # 107 without the last line end: stays
        row("CN10008A", f"基因{first}", family="1"),  # 62: stays
        row("CN10009A", f"基因{second}", "2016-01-01", family="1"),  # 32: family
        row("CN10007B", f"基因{make_text('b', 50)}", "2016-01-01"),  # 52: family
        row("CN10010A", f"基\n因{first}", "2015-06-01"),  # 63: exact duplicate
        row("CN10011A", f"基因{make_text('x', 600)}"),  # 602: stays
        row("CN10012A", f"基因，{make_text('x', 600)}", "2015-06-01"),  # 603: near duplicate
        row("CN10013A", f"[0001]基因{'[0002]' * 9}"),  # 62: short when clean
    ]
    source = write_lines(tmp_path / "export.jsonl", [*rows, "{", row("", "没有号码")])
    selection = PatentSelection(
        countries=("CN",), first_date=20090101, last_date=20190101, query="基因", min_length=10, min_han=0.5,
        gold=frozenset(["CN105611940"]),
    )  # fmt: skip
    statistics = build_corpus(CorpusJob((source,), tmp_path / "out", selection, held_out=1, seed=3))
    assert [(step["step"], step["patents_after"], step["characters_after"]) for step in statistics["steps"]] == [
        ("read", 15, 2004), ("gold patents", 14, 1954), ("country", 13, 1914), ("date", 11, 1831), ("length", 10, 1828),
        ("query", 9, 1785), ("language", 8, 1583), ("families", 6, 1499), ("exact duplicates", 5, 1436),
        ("near duplicates", 4, 833), ("short when clean", 3, 771), ("cleaning", 3, 759),
    ]  # fmt: skip
    country = statistics["steps"][2]
    assert (country["patents_removed"], country["characters_removed"]) == (round(1 / 14, 6), round(40 / 1954, 6))
    rules = dict(statistics["cleaning"])
    assert rules.pop("paragraph_numbers") == {"hits": 2, "characters": 12, "share": round(12 / 771, 6)}
    assert all(rule == {"hits": 0, "characters": 0, "share": 0.0} for rule in rules.values())
    assert statistics["parts"]["total"] == {"patents": 3, "lines": 4, "sentences": 4, "characters": 759}
    assert list(statistics["read"].values()) == [15, 2004, 2, 0]  # patents, characters, skipped, without a number
    assert (statistics["sources"][0]["files"], statistics["sources"][0]["bytes"]) == (1, source.stat().st_size)
    check_files(tmp_path / "out", statistics)
    skipped = [each["source"] for each in read_lines(tmp_path / "out" / "skipped.jsonl")]
    assert skipped == [f"{source}:16", f"{source}:17"]


def check_files(folder, statistics):
    """The files agree with one another and with the statistics."""
    documents = read_lines(folder / "documents.jsonl")
    assert json.loads((folder / "statistics.json").read_text(encoding="utf-8")) == statistics
    for part in ("train", "test"):
        texts = [document["text"] for document in documents if document["part"] == part]
        text = "\n\n".join(texts) + "\n" * bool(texts)
        assert (folder / f"{part}.txt").read_text(encoding="utf-8") == text
        assert statistics["parts"][part] == {
            "patents": len(texts), "lines": sum(len(text.split("\n")) for text in texts),
            "sentences": sum(bool(piece.strip()) for text in texts for piece in SENTENCE_BREAK.split(text)),
            "characters": sum(map(len, texts)),
        }  # fmt: skip
    assert all(document["characters"] == len(document["text"]) for document in documents)
    summary = (folder / "statistics.md").read_text(encoding="utf-8")
    assert f"{statistics['read']['patents']:,} patents read" in summary
    assert all(f"| {step['step']} " in summary for step in statistics["steps"])
    assert not set(os.listdir(folder)) - corpus.FILES


def test_a_document_says_where_it_comes_from(tmp_path):
    first = row("CN-10001-A", "说明书正文很长。", "20150505", title="标题", family_id="77")
    source = write_lines(tmp_path / "export.jsonl", [first, '{"id": "own id", "text": "另\\ud800个文本。"}'])
    build_corpus(CorpusJob((source,), tmp_path / "out", LENIENT, held_out=0))
    documents = sorted(read_lines(tmp_path / "out" / "documents.jsonl"), key=lambda each: each["number"])
    assert documents == [
        {"number": "CN10001A", "date": "2015-05-05", "title": "标题", "part": "train", "source": f"{source}:1",
         "characters": 11, "family": "77", "text": "标题\n说明书正文很长。"},
        {"number": "own id", "date": None, "title": "", "part": "train", "source": f"{source}:2", "characters": 6,
         "family": None, "text": "另\ufffd个文本。"},  # half of a surrogate pair
    ]  # fmt: skip
    assert not (tmp_path / "out" / "test.txt").read_bytes() and not (tmp_path / "out" / "skipped.jsonl").exists()


@pytest.mark.slow
def test_sources_in_any_order_threads_and_memory_give_the_same_bytes(tmp_path):
    draw, sources = random.Random(5), []
    for name in "abc":
        days = (None, "2015-01-01", "2016-01-01")
        rows = [
            row(f"CN{10000 + draw.randrange(60)}{kind}", make_text(draw.randrange(30), 200), draw.choice(days))
            for kind in "ABA" * 10
        ]
        sources.append(write_lines(tmp_path / f"{name}.jsonl", [*rows, "{"]))
    job = CorpusJob(tuple(sources), tmp_path / "first", PatentSelection(), sample=20, held_out=0.2, threads=1)
    build_corpus(job)
    expected = read_folder(tmp_path / "first")
    assert expected["train.txt"] and expected["test.txt"] and expected["skipped.jsonl"].count(b"\n") == 3
    for threads, memory, place in ((4, 1024, 1), (2, 128, 2)):
        turned = (*sources[place:], *sources[:place])
        build_corpus(replace(job, sources=turned, output=tmp_path / str(place), threads=threads, memory_mb=memory))
        assert read_folder(tmp_path / str(place)) == expected
    build_corpus(replace(job, output=tmp_path / "seed", seed=1))
    assert read_folder(tmp_path / "seed")["train.txt"] != expected["train.txt"]


@pytest.mark.slow
def test_a_larger_sample_only_adds_patents_and_leaves_each_in_its_part(tmp_path, many):
    found = {}
    for held_out in (0.3, 2):
        for sample in (10, 20, None):
            job = CorpusJob((many,), tmp_path / "out", LENIENT, sample=sample, held_out=held_out, overwrite=True)
            made = build_corpus(job)
            documents = read_lines(tmp_path / "out" / "documents.jsonl")
            found[sample] = [(each["number"], each["part"]) for each in documents]
            assert len(found[sample]) == (sample or 40)
            tested = sum(part == "test" for _, part in found[sample])
            assert tested == (2 if held_out == 2 else {10: 3, 20: 6, None: 12}[sample])
            check_files(tmp_path / "out", made)
        assert found[20][:10] == found[10] and found[None][:20] == found[20]


def test_exactly_as_many_come_out_although_cleaning_drops_some(tmp_path):
    rows = [row(f"CN{10000 + n}A", "[0001]" * 10 if n % 3 == 0 else make_text(n, 40)) for n in range(30)]
    source = write_lines(tmp_path / "export.jsonl", rows)
    selection = replace(LENIENT, min_length=30, exact_duplicates=False)
    made = build_corpus(CorpusJob((source,), tmp_path / "out", selection, sample=12, held_out=2))
    assert [made["parts"]["total"][name] for name in ("patents", "lines", "characters")] == [12, 12, 480]
    sample, short = made["steps"][-3:-1]
    assert sample["patents_before"] == 30 and 12 < sample["patents_after"] < 30
    assert short["patents_before"] == sample["patents_after"] and short["patents_after"] == 12


@pytest.mark.parametrize("changes, step", [
    ({"countries": ("WO",)}, "`country` (WO)"), ({"query": "人类 AND 没有这个"}, "`query` (人类 AND 没有这个)"),
    ({"first_date": 20160101}, "`date` (2016-01-01 to ...)"),
    ({"min_length": 100, "query": "没有这个"}, "`length`"),
])  # fmt: skip
def test_an_empty_result_names_the_step_that_removed_the_last_patent(tmp_path, many, changes, step):
    with pytest.raises(InputError, match=re.escape(step)):
        build_corpus(CorpusJob((many,), tmp_path / "out", replace(LENIENT, **changes)))
    assert os.listdir(tmp_path) == ["many.jsonl"]


def test_texts_that_cleaning_empties_and_parts_without_a_patent_are_errors(tmp_path):
    source = write_lines(tmp_path / "export.jsonl", [row("CN10001A", "[0001]" * 3), row("CN10002A", "[0002]" * 3)])
    with pytest.raises(InputError, match="`short when clean`"):
        build_corpus(CorpusJob((source,), tmp_path / "out", LENIENT))
    write_lines(source, [row("CN10001A", make_text(1)), row("CN10002A", make_text(2))])
    with pytest.raises(InputError, match="held-out 2"):
        build_corpus(CorpusJob((source,), tmp_path / "out", LENIENT, held_out=2))
    assert os.listdir(tmp_path) == ["export.jsonl"]


@pytest.mark.slow
def test_a_folder_is_replaced_only_where_it_holds_nothing_but_a_corpus(tmp_path, many):
    output = tmp_path / "out"
    job = CorpusJob((many,), output, LENIENT)
    output.mkdir()
    build_corpus(job)
    before = read_folder(output)
    with pytest.raises(InputError, match="--overwrite"):
        build_corpus(job)
    with pytest.raises(InputError, match="`country`"):
        build_corpus(replace(job, overwrite=True, selection=replace(LENIENT, countries=("WO",))))
    assert read_folder(output) == before
    build_corpus(replace(job, overwrite=True, seed=1))
    assert read_folder(output).keys() == before.keys() and read_folder(output) != before
    for name in ("notes.txt", "statistics.json"):
        (output / name).write_text("[]")
        with pytest.raises(InputError, match=str(output)):
            build_corpus(replace(job, overwrite=True))
        (output / name).unlink()
    with pytest.raises(InputError, match="many.jsonl"):
        build_corpus(replace(job, output=many))
    with pytest.raises(InputError, match=str(tmp_path / "new")):
        build_corpus(replace(job, sources=(tmp_path,), output=tmp_path / "new"))
    assert sorted(os.listdir(tmp_path)) == ["many.jsonl", "out"]


CHILD = """
import os, resource, signal, sys
from pathlib import Path
from cbpner.base.process import run_guarded
from cbpner.corpora import corpus
from cbpner.corpora.selection import PatentSelection
source, output, what = sys.argv[1:]
if what == "kill":
    corpus.collect_statistics = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
else:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(what), int(what)))
selection = PatentSelection(query="基因", min_length=5)
job = corpus.CorpusJob((source,), Path(output), selection, threads=1, overwrite=True)
sys.exit(run_guarded(lambda: corpus.build_corpus(job) and 0))
"""


@pytest.mark.slow
def test_a_full_disk_and_a_kill_leave_the_old_corpus_and_nothing_that_looks_whole(tmp_path):
    rows = [row(f"CN{10000 + n}A", f"基因{make_text(n, 1000)}") for n in range(40)]
    source, output = write_lines(tmp_path / "export.jsonl", rows), tmp_path / "out"
    job = CorpusJob((source,), output, PatentSelection(query="基因", min_length=5), overwrite=True)
    build_corpus(job)
    before = read_folder(output)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for what, code in (("90000", 2), ("kill", -signal.SIGKILL)):
        command = [sys.executable, "-c", CHILD, str(source), str(output), what]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == code and "Traceback" not in done.stderr
        assert read_folder(output) == before and len(os.listdir(tmp_path)) == (2 if code == 2 else 3)
        assert ("File too large" in done.stderr) is (code == 2)
    build_corpus(job)
    assert read_folder(output) == before and sorted(os.listdir(tmp_path)) == ["export.jsonl", "out"]


@pytest.mark.slow
@pytest.mark.parametrize("room, message", [("0KiB", "out: .*failed to offload"), ("1GiB", "--memory")])
def test_too_little_room_to_spill_and_too_little_memory_are_errors(tmp_path, monkeypatch, room, message):
    def open_store(*arguments):
        store = Store(*arguments)
        store.run(f"SET max_temp_directory_size = '{room}'")
        return store

    monkeypatch.setattr(corpus, "Store", open_store)
    family = make_text("family", 30_000)
    rows = [row(f"CN{10000 + n}A", "蛋白质", family=f"{n}{family}") for n in range(400)]  # 36 MB
    source = write_lines(tmp_path / "export.jsonl", [*rows, row("CN20000A", "人类基因")])
    with pytest.raises(InputError, match=message):
        build_corpus(CorpusJob((source,), tmp_path / "out", replace(LENIENT, min_length=1, query="基因"), memory_mb=24))
    assert os.listdir(tmp_path) == ["export.jsonl"]
