"""`cbpner relations`: counts and statistics by hand, the null by shuffling, known interactions, evidence, bad input."""

import contextlib
import csv
import gzip
import io
import json
import math
import os
import random
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import networkx as nx
import numpy as np
import pytest
from conftest import ROOT
from patent_data import read_lines as read_jsonl
from patent_data import write_lines
from pyarrow import parquet
from scipy.stats import binom, false_discovery_control, hypergeom, poisson

from benchmarks import relations_null as null
from cbpner.biology.genes.lexicons import read_lexicons
from cbpner.biology.relations import statistics
from cbpner.biology.relations.known import KnownInteractions, measure_precision, read_known_interactions, rewire
from cbpner.biology.relations.network import ROOM, build_graph
from cbpner.cli import main

NAMES = ("AAA1", "BBB2", "CCC3", "DDD4")
IDS = {name: f"HGNC:{number}" for number, name in enumerate(NAMES, 1)}
LEXICON = "hgnc_id\tsymbol\talias_symbol\n" + "".join(f"{id}\t{name}\tOld{name}\n" for name, id in IDS.items())


def make_row(id, text, scores=(), **more):
    """A document's row: every name of NAMES, and 乳腺癌, is a mention; scores: of the mentions in order, else 1."""
    spans, scores = [], list(scores)
    for place in range(len(text)):
        name = next((name for name in (*NAMES, "乳腺癌") if text.startswith(name, place)), None)
        if name:
            label = "disease" if name == "乳腺癌" else "gene"
            spans.append({"start": place, "end": place + len(name), "label": label})
            spans[-1]["score"] = scores.pop(0) if scores else 1.0
    return {"id": id, "text": text, "spans": spans, **more}


# Units with a gene: 3 + 2 + 2 sentences in 3 families; CN100000003B is of the family of ...3A, with fewer mentions.
ROWS = [
    make_row("CN100000001A", "AAA1与BBB2。AAA1。CCC3。无。", (0.5, 0.8), date=20100101),
    make_row("CN100000002A", "AAA1与BBB2。BBB2与CCC3。", date=20090101),
    make_row("CN100000003A", "CCC3。DDD4或DDD4。", date=20080101),
    make_row("CN100000003B", "AAA1与BBB2。", date=20070101),
]


@pytest.fixture
def lexicon(tmp_path):
    (path := tmp_path / "hgnc.tsv").write_text(LEXICON, encoding="utf-8")
    return str(path)


def run(tmp_path, lexicon, *flags, rows=ROWS, out="out.csv"):
    predictions = str(write_lines(tmp_path / "predictions.jsonl", rows))
    flags = ["--lexicon", lexicon, "--no-names", "--threads", "1", *map(str, flags)]
    return main(["relations", predictions, "-o", str(tmp_path / out), *flags])


def read_table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return {row["a"] + row["b"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """(folder, what was printed) of ROWS with known interactions and all outputs but the page."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "hgnc.tsv").write_text(LEXICON, encoding="utf-8")
    (folder / "known.tsv").write_text("BBB2\tAAA1\nBBB2\tDDD4\nCCC3\tDDD4\n", encoding="utf-8")
    names = ("out.tsv", "out.parquet", "out.jsonl", "out.graphml", "out.edges", "out.svg")
    more = [word for name in names for word in ("-o", folder / name)]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert run(folder, str(folder / "hgnc.tsv"), "--min-support", 1, "--known", folder / "known.tsv", *more) == 0
    return folder, said.getvalue()


def test_npmi_and_expected_units_by_hand():
    # 2 of 7 units with both, 3 with each: ln((2/7) / (3/7 * 3/7)) / -ln(2/7)
    assert statistics.expect_units(3, 3, 7) == pytest.approx(9 / 7)
    assert statistics.compute_npmi([2], [3], [3], 7) == pytest.approx([math.log(14 / 9) / math.log(3.5)])
    found = statistics.compute_npmi([0, 2, 4, 1], [2, 2, 4, 2], [2, 2, 4, 2], 4)
    assert found == pytest.approx([-1, 1, 1, 0])  # never, always together; in every unit; as by chance


def test_p_is_fishers_exact_test():
    # 2 of 2 and 2 of 4 families: one draw of the six is as extreme
    assert statistics.compute_p([2], [2], [2], [4]) == pytest.approx([1 / 6])
    assert statistics.compute_p([2], [5], [3], [1]) == pytest.approx([1])  # places are never fewer than families
    generator = np.random.default_rng(0)
    places = generator.integers(50, 3000, 300)
    a, b = (generator.integers(1, places) for _ in range(2))
    k = generator.integers(0, np.minimum(a, b) + 1)
    expected = hypergeom.sf(k - 1, places, a, b)
    assert statistics.compute_p(k, a, b, places) == pytest.approx(expected, rel=1e-7, abs=1e-300)
    # all 3 among the 5 of N places: 5 * 4 * 3 / (N (N - 1) (N - 2)); with 400 and 500 Poisson's, of mean 0.2
    assert statistics.compute_p([3], [3], [5], [1e9]) == pytest.approx([60e-27], rel=1e-6)
    assert statistics.compute_p([4], [400], [500], [1e6]) == pytest.approx([1 - poisson.cdf(3, 0.2)], rel=0.03)
    assert statistics.compute_p([300], [300], [300], [1e15]) > 0  # never 0, which no p is


def test_thinned_p_by_brute_force():
    """Of 4 places 2 and 2: they meet in 0, 1 or 2 with 1, 4 and 1 sixths; each counts by one half."""
    assert statistics.compute_thinned_p([1], [2], [2], [1], [0.5]) == pytest.approx([4 / 6 / 2 + 1 / 6 * 3 / 4])
    assert statistics.compute_thinned_p([2, 0], 2, 2, 1, 0.5) == pytest.approx([1 / 6 / 4, 1])
    assert statistics.compute_thinned_p([2], [2], [2], [1], [1]) == pytest.approx([1 / 6])  # as `compute_p`
    generator = np.random.default_rng(0)
    for places in (20, 100, 2000):
        for n, m in generator.integers(1, places + 1, (10, 2)):
            share, meetings = generator.random(), np.arange(min(n, m) + 1)
            k = min(n, m, 1 + generator.poisson(n * m / places * share * generator.choice([0.5, 1, 1.5])))
            expected = (hypergeom.pmf(meetings, places, n, m) * binom.sf(k - 1, meetings, share)).sum()
            p = statistics.compute_thinned_p([k], [n], [m], [n * m / places], [n * m / places * share])
            assert p == pytest.approx([expected], rel=1e-6, abs=1e-280)
    # a million families: rare pairs by Poisson's distribution, common ones by the binomial one; never 0
    first, second, both = [400, 10**6, 10**6], [500, 10**6, 10**6], [0.2, 10**6, 10**6]
    p = statistics.compute_thinned_p([4, 300_000, 302_000], first, second, both, [0.1, 300_000, 300_000])
    assert p[0] == pytest.approx(1 - poisson.cdf(3, 0.1), rel=0.03)
    assert p[1:] == pytest.approx(binom.sf([299_999, 301_999], 10**6, 0.3), rel=1e-6)
    assert 0 < statistics.compute_thinned_p([6000], [8000], [8000], [7900], [2000])[0] < 1e-300


def test_q_by_hand_and_against_scipy():
    # 4 tests, one with p = 1: 0.01 * 4; 0.03 * 4 / 2 = 0.06, but 0.04 * 4 / 3 is less
    assert statistics.adjust_p([0.01, 0.04, 0.03], 4) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3])
    p = np.random.default_rng(0).random(50) ** 3
    expected = false_discovery_control(np.concatenate([p, np.ones(70)]))[:50]
    assert statistics.adjust_p(p, 120) == pytest.approx(expected)
    assert not len(statistics.adjust_p([], 5))


def test_the_table_counted_by_hand(written):
    folder, out = written
    table = read_table(folder / "out.csv")
    assert set(table) == {"AAA1BBB2", "BBB2CCC3"}
    both = table["AAA1BBB2"]
    names = ("a_id", "b_id", "units", "patents", "units_a", "units_b")
    assert [both[name] for name in names] == ["HGNC:1", "HGNC:2", "2", "2", "3", "3"]
    assert float(both["weight"]) == pytest.approx(0.5 * 0.8 + 1)
    assert float(both["expected_units"]) == pytest.approx(9 / 7)
    assert float(both["npmi"]) == pytest.approx(math.log(14 / 9) / math.log(3.5))
    assert (both["first_patent"], both["first_year"]) == ("CN100000003B", "2007")  # of the family, though not counted
    assert "6 pairs tested, of 4 entities in 1 or more of 3 patent families; 7 sentences with an entity" in out
    assert "note: 1 patents of families of which another one is counted" in out and "family only" not in out
    assert (both["state"], table["BBB2CCC3"]["state"]) == ("known", "path")
    assert "all: 1 known, 1 path, 0 new, 0 unlisted" in out and "3 known interactions of 4 genes" in out
    assert "first 2: 0.500 known, 0.500 path; random with the same degrees - known, - path" in out


@pytest.mark.slow
def test_least_support_counts_families_not_publications(tmp_path, lexicon, capsys):
    assert run(tmp_path, lexicon) == 0
    assert set(read_table(tmp_path / "out.csv")) == {"AAA1BBB2"}
    assert "3 pairs tested, of 3 entities in 2 or more of 3 patent families" in capsys.readouterr().out
    assert run(tmp_path, lexicon) == 2 and "out.csv: " in capsys.readouterr().err  # there already
    rows = [ROWS[0], {**ROWS[1], "family": "F"}, {**ROWS[0], "id": "CN100000009A", "family": "F"}]
    assert run(tmp_path, lexicon, "--min-support", 1, "--overwrite", rows=rows) == 0
    assert read_table(tmp_path / "out.csv")["AAA1BBB2"]["patents"] == "2"
    capsys.readouterr()
    assert run(tmp_path, lexicon, "--min-support", 1, "--overwrite", rows=[ROWS[0], ROWS[0]]) == 0
    assert read_table(tmp_path / "out.csv")["AAA1BBB2"]["units"] == "1"
    out = capsys.readouterr().out
    assert "one patent family only" in out and "1 documents whose id was there before" in out


@pytest.mark.parametrize("unit, expected", [
    # ...1A: [-1,0] AB, [0,1] AB, [1,2] AC; ...2A: [-1,0] AB, [0,1] ABC, [1,2] BC; ...3A: [0,1] CD
    ("window", {"AAA1BBB2": (4, 2), "AAA1CCC3": (2, 2), "BBB2CCC3": (2, 1), "CCC3DDD4": (1, 1)}),
    ("patent", {"AAA1BBB2": (2, 2), "AAA1CCC3": (2, 2), "BBB2CCC3": (2, 2), "CCC3DDD4": (1, 1)}),
    ("sentence", {"AAA1BBB2": (2, 2), "BBB2CCC3": (1, 1)}),
])  # fmt: skip
def test_units_by_hand(tmp_path, lexicon, capsys, unit, expected):
    assert run(tmp_path, lexicon, "--unit", unit, "--window", 2, "--min-support", 1) == 0
    table = read_table(tmp_path / "out.csv")
    assert {pair: (int(row["units"]), int(row["patents"])) for pair, row in table.items()} == expected
    units = {"window": "10 windows of 2 sentences", "patent": "3 patents", "sentence": "7 sentences"}[unit]
    assert f"{units} with an entity" in capsys.readouterr().out


@pytest.mark.slow
def test_genes_and_diseases(tmp_path, lexicon, capsys):
    rows = [make_row(f"CN10000000{number}A", "AAA1与乳腺癌。BBB2与AAA1。") for number in range(2)]
    assert run(tmp_path, lexicon, "--pairs", "both", rows=rows) == 0
    table = read_table(tmp_path / "out.csv")
    assert set(table) == {"AAA1乳腺癌", "AAA1BBB2"} or set(table) == {"AAA1乳腺癌", "BBB2AAA1"}
    assert (table["AAA1乳腺癌"]["b_id"], table["AAA1乳腺癌"]["b_kind"]) == ("disease:乳腺癌", "disease")
    assert "3 pairs tested" in capsys.readouterr().out  # two genes, each with the disease, and both
    assert run(tmp_path, lexicon, "--pairs", "gene-disease", "--overwrite", rows=rows) == 0
    assert set(read_table(tmp_path / "out.csv")) == {"AAA1乳腺癌"} and "2 pairs tested" in capsys.readouterr().out


@pytest.mark.slow
def test_agents_low_scores_and_crowds_do_not_count(tmp_path, lexicon, capsys):
    text = "抗AAA1抗体与BBB2。"
    agent = {"id": "x", "text": text, "spans": [{"start": 0, "end": 7, "label": "protein", "score": 0.4},
                                               {"start": 8, "end": 12, "label": "gene", "score": 0.9}]}  # fmt: skip
    rows = [agent, {**agent, "id": "y"}]
    assert run(tmp_path, lexicon, rows=rows) == 2
    assert "no pair" in capsys.readouterr().err
    assert run(tmp_path, lexicon, "--agents", rows=rows) == 0
    assert run(tmp_path, lexicon, "--agents", "--min-score", 0.5, "--overwrite", rows=rows) == 2
    rows = [make_row(id, "AAA1BBB2CCC3。AAA1与BBB2。") for id in "xy"]
    assert run(tmp_path, lexicon, "--crowd", 2, "--overwrite", rows=rows) == 0
    assert set(read_table(tmp_path / "out.csv")) == {"AAA1BBB2"}
    assert "2 units with more than 2 entities are left out" in capsys.readouterr().out


def test_with_equal_patents_p_is_fishers_over_families(tmp_path, lexicon):
    rows = [make_row(f"d{number}", text) for number, text in enumerate(["AAA1。BBB2。"] * 2 + ["CCC3。DDD4。"] * 2)]
    assert run(tmp_path, lexicon, "--unit", "patent", rows=rows) == 0
    table = read_table(tmp_path / "out.csv")
    for pair in ("AAA1BBB2", "CCC3DDD4"):
        assert float(table[pair]["expected_patents"]) == pytest.approx(1, abs=1e-4)  # 2 * 2 / 4
        assert float(table[pair]["p"]) == pytest.approx(1 / 6, rel=1e-3)
        assert float(table[pair]["q"]) == pytest.approx(1 / 2, rel=1e-3)  # 1/6 * 6 pairs / 2


@pytest.mark.slow
@pytest.mark.parametrize("model, unit, shuffled, pairs", [
    ("panel", "sentence", False, "gene-gene"), ("panel", "patent", True, "gene-gene"),
    ("dense", "window", True, "gene-gene"), ("lists", "sentence", True, "gene-gene"),
    ("panel", "sentence", True, "gene-disease"),
])  # fmt: skip
def test_false_calls_stay_at_the_stated_level_for_rare_and_for_common_genes(model, unit, shuffled, pairs):
    """panel: genes in 97% of the families, for which p over sentences would be far too small."""
    generator, counted, calls = random.Random(1), {}, 0
    corpus = null.MODELS[model](generator)
    for _ in range(3):
        corpus = null.shuffle_corpus(generator, corpus) if shuffled else null.MODELS[model](generator)
        relations = null.measure_corpus(corpus, unit, pairs)
        calls += bool((relations.pairs["q"] <= 0.05).any())
        for stratum, numbers in null.count_levels(*null.list_p(relations)).items():
            counted[stratum] = counted.get(stratum, 0) + numbers
    assert {"panel": 0.9, "dense": 0.3, "lists": 0.0}[model] in counted
    for tested, *below in counted.values():
        for level, count in zip(null.LEVELS, below, strict=True):
            assert count <= level * tested + 3 * math.sqrt(level * tested) + 1, (level, count, tested)
    assert calls <= 1
    if unit != "patent":
        total = sum(numbers[:2] for numbers in counted.values())
        assert total[1] / total[0] > 0.005  # it is a test, not a refusal


BIOGRID = "#BioGRID Interaction ID\tOfficial Symbol Interactor A\tOfficial Symbol Interactor B\tOrganism ID Interactor A\tOrganism ID Interactor B\n"  # noqa: E501
LISTS = {
    "biogrid": BIOGRID + "1\tAAA1\tBBB2\t9606\t9606\n2\tCCC3\tBBB2\t9606\t9606\n3\tAAA1\tDDD4\t10090\t9606\n",
    "string": "protein1 protein2 combined_score\n9606.P1 9606.P2 900\n9606.P3 9606.P2 700\n9606.P1 9606.P4 699\n",
    "ids": "source_code\tsource_symbol\ttarget_code\tpubmed\nHGNC:1\tx\tHGNC:2\t1\nHGNC:2\tx\tHGNC:3\t1\n",
    "plain": "AAA1,OldBBB2\nCCC3,BBB2\nCCC3,CCC3\nAAA1,NONE9\n",
    "headed": "gene_a\tgene_b\tsource\nAAA1\tBBB2\tme\nbbb2\tCCC3\tme\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_known_interactions(tmp_path, lexicon, name):
    path = tmp_path / f"{name}.txt.gz"
    path.write_bytes(gzip.compress(LISTS[name].encode()))
    names = tmp_path / "info.txt"
    labels = "".join(f"9606.P{number}\t{gene}\n" for number, gene in enumerate(NAMES, 1))
    names.write_text(f"#string_protein_id\tpreferred_name\n{labels}", encoding="utf-8")
    genes = read_lexicons([lexicon], "gene")
    known = read_known_interactions([path], genes, names if name == "string" else None)
    assert known.partners == {"HGNC:1": {"HGNC:2"}, "HGNC:2": {"HGNC:1", "HGNC:3"}, "HGNC:3": {"HGNC:2"}}
    assert known.pairs == 2 and known.classify("HGNC:2", "HGNC:1") == "known"
    assert known.classify("HGNC:1", "HGNC:3") == "path" and known.classify("HGNC:1", "HGNC:4") == "unlisted"
    assert known.unresolved == ({"NONE9": 1} if name == "plain" else {})


@pytest.mark.parametrize("text, words", [
    ("", "found an empty file"), ("AAA1\tBBB2\nCCC3\n", ":2: found 1 columns"),
    ("X1\tY1\nX2\tY2\n", "no pair of known genes (names such as X2)"),
    ("AAA1\tBBB2\nCCC3\t \n", ":2: found an empty name"),
    ("x\ty\tOrganism Interactor A\tOrganism Interactor B\nAAA1\tBBB2\n", ":2: found 2 columns; expected 4"),
    ("HGNC:91\tHGNC:92\n", "no pair of known genes (names such as HGNC:91)"),
    ("protein1 protein2 combined_score\n9606.ENSP1 9606.ENSP2 900\n", "--known-names"),
    ("protein1 protein2 combined_score\nAAA1 BBB2 high\n", ":2: found the score 'high'"),
])  # fmt: skip
def test_bad_lists_of_known_interactions(tmp_path, lexicon, capsys, text, words):
    (tmp_path / "known.txt").write_text(text, encoding="utf-8")
    assert run(tmp_path, lexicon, "--known", tmp_path / "known.txt") == 2
    assert words in capsys.readouterr().err and not (tmp_path / "out.csv").exists()


def test_precision_at_k_by_hand():
    known = KnownInteractions({"a": {"b"}, "b": {"a", "c"}, "c": {"b"}, "x": {"y"}, "y": {"x"}})
    pairs = [("a", "b"), ("x", "y"), ("c", "d"), ("b", "c")]
    (row,) = measure_precision(pairs, known)
    assert (row["k"], row["known"], row["precision"]) == (4, 3, 0.75)
    assert (row["path"], row["path_share"]) == (0, 0) and 0 <= row["path_low"] <= row["path_random"] <= row["path_high"]
    assert [known.classify(*pair) for pair in ("ac", "ax", "ad", "de")] == ["path", "new", "unlisted", "unlisted"]
    assert 0 <= row["low"] <= row["random"] <= row["high"] <= 1 and row["random"] < 0.75
    star = measure_precision([("a", "b"), ("b", "c")], known)  # nothing can be swapped
    assert star[0]["precision"] == 1 and math.isnan(star[0]["random"])
    many = [(f"n{number}", f"n{number + 1}") for number in range(60)]
    assert [row["k"] for row in measure_precision(many, known, samples=1)] == [10, 20, 50, 60]
    assert measure_precision([], known) == []


def test_random_networks_keep_every_degree():
    generator = random.Random(0)
    pairs = list({tuple(sorted(generator.sample(range(40), 2))) for _ in range(120)})
    swapped = rewire(pairs, 0)
    degrees = [np.bincount(np.array(each).ravel(), minlength=40).tolist() for each in (pairs, swapped)]
    assert degrees[0] == degrees[1] and rewire(pairs, 0) == swapped
    edges = [set(map(frozenset, each)) for each in (pairs, swapped)]
    assert len(edges[1]) == len(pairs) and len(edges[0] & edges[1]) < 40
    star = [("a", f"b{number}") for number in range(9)]
    assert rewire(star, 0) is None and rewire([*star, ("c", "d")], 0) is not None


@pytest.mark.slow
def test_ids_that_the_gene_list_lacks_are_named(tmp_path, lexicon, capsys):
    """They join as a third gene: AAA1 and BBB2 by HGNC:99."""
    known = tmp_path / "known.tsv"
    known.write_text("HGNC:1\tHGNC:99\nHGNC:99\tHGNC:2\nHGNC:3\tHGNC:4\n", encoding="utf-8")
    assert run(tmp_path, lexicon, "--min-support", 1, "--known", known, "--gene-labels", " gene, protein") == 0
    assert read_table(tmp_path / "out.csv")["AAA1BBB2"]["state"] == "path"
    assert "note: 2 known pairs with ids that the gene list lacks, such as HGNC:99" in capsys.readouterr().out


def test_every_relation_has_its_evidence(written):
    folder, out = written
    table, rows = read_table(folder / "out.csv"), read_jsonl(folder / "out.evidence.jsonl")
    texts = {row["id"]: row["text"] for row in ROWS}
    assert {(row["a_id"], row["b_id"]) for row in rows} == {(row["a_id"], row["b_id"]) for row in table.values()}
    for row in rows:
        text = texts[row["a"]["document"]]
        assert all(text[row[side]["start"] : row[side]["end"]] == row[side]["text"] for side in "ab")
        (sentence,) = row["sentences"]
        assert text[sentence["start"] : sentence["end"]] == sentence["text"]
        assert sentence["start"] <= row["a"]["start"] < sentence["end"]
        assert row["a"]["document"] == row["b"]["document"] == sentence["document"]
    first = [row for row in rows if row["a_id"] == "HGNC:1"]
    assert {(row["patent"], row["year"]) for row in first} == {
        ("CN100000001A", 2010), ("CN100000002A", 2009), ("CN100000003B", 2007),
    }  # fmt: skip
    assert {row["a"]["score"] for row in first} == {0.5, 1.0}
    assert "4 of 4 places" in out


@pytest.mark.slow
def test_evidence_is_capped_and_says_so(tmp_path, lexicon, capsys):
    rows = [make_row(id, "AAA1与BBB2。" * 3) for id in ("CN100000001A", "CN100000002A")]
    assert run(tmp_path, lexicon, "--most", 2, "--evidence", tmp_path / "e.parquet", rows=rows) == 0
    found = parquet.read_table(tmp_path / "e.parquet").to_pylist()
    assert [row["patent"] for row in found] == ["CN100000001A", "CN100000002A"]  # of both, before more of one
    assert "2 of 6 places (at most 2 of a relation: --most)" in capsys.readouterr().out


@pytest.mark.slow
def test_evidence_of_windows_and_patents_has_both_sentences(tmp_path, lexicon):
    ids = ("CN100000001A", "CN100000002A")
    rows = [make_row(id, "AAA1。无。BBB2。") for id in ids]
    for flags in (("--unit", "window", "--window", 3), ("--unit", "patent")):
        assert run(tmp_path, lexicon, *flags, "--overwrite", rows=rows) == 0
        first = read_jsonl(tmp_path / "out.evidence.jsonl")[0]
        assert [(each["text"], each["start"]) for each in first["sentences"]] == [("AAA1。", 0), ("BBB2。", 7)]
    assert run(tmp_path, lexicon, "--unit", "window", "--window", 2, "--overwrite", rows=rows) == 2
    rows = [make_row(f"{id} {part}", text) for id in ids for part, text in (("c", "AAA1。"), ("d", "BBB2。"))]
    assert run(tmp_path, lexicon, "--unit", "patent", "--overwrite", rows=rows) == 0
    first = read_jsonl(tmp_path / "out.evidence.jsonl")[0]
    assert (first["patent"], first["a"]["document"]) == (ids[0], f"{ids[0]} c")
    assert [sentence["document"] for sentence in first["sentences"]] == [f"{ids[0]} c", f"{ids[0]} d"]
    assert read_table(tmp_path / "out.csv")["AAA1BBB2"]["patents"] == "2"


@pytest.mark.slow
def test_crowded_units_are_no_evidence(tmp_path, lexicon):
    """The first patent names both in a crowd alone."""
    texts = {2000: "AAA1与BBB2与CCC3。", 2010: "AAA1与BBB2。", 2011: "AAA1与BBB2。"}
    rows = [make_row(f"CN10000{year}A", text, date=year * 10000 + 101) for year, text in texts.items()]
    assert run(tmp_path, lexicon, "--crowd", 2, rows=rows) == 0
    assert read_table(tmp_path / "out.csv")["AAA1BBB2"]["first_year"] == "2010"
    assert len(read_jsonl(tmp_path / "out.evidence.jsonl")) == 2


def test_every_form_holds_the_same(written):
    folder, _ = written
    rows = parquet.read_table(folder / "out.parquet").to_pylist()
    assert rows == read_jsonl(folder / "out.jsonl") and [row["q"] for row in rows] == sorted(row["q"] for row in rows)
    flat = list(read_table(folder / "out.csv").values())
    assert [(row["a"], float(row["p"])) for row in flat] == [(row["a"], pytest.approx(row["p"])) for row in rows]
    graph = nx.read_graphml(folder / "out.graphml")
    assert graph.nodes["HGNC:1"]["label"] == "AAA1" and graph.edges["HGNC:1", "HGNC:2"]["patents"] == 2
    edges = (folder / "out.edges").read_text(encoding="utf-8").splitlines()
    assert edges[0].replace('"', "").split("\t")[:3] == ["source", "target", "weight"] and len(edges) == 3
    assert edges[1].replace('"', "").split("\t")[:5] == ["HGNC:1", "HGNC:2", "2", "AAA1", "BBB2"]
    svg = ElementTree.parse(folder / "out.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert len(svg.findall(f"{space}circle")) == 3 and len(svg.findall(f"{space}line")) == 2 + 2  # edges, legend
    assert {text.text for text in svg.findall(f"{space}text")} > {"AAA1", "BBB2", "CCC3"}


@pytest.mark.slow
def test_what_xml_cannot_hold(tmp_path, lexicon):
    text = "AAA1与癌\uffff症。"
    spans = [{"start": 0, "end": 4, "label": "gene"}, {"start": 5, "end": 8, "label": "disease"}]
    rows = [{"id": id, "text": text, "spans": spans} for id in "xy"]
    flags = ("--pairs", "gene-disease", "-o", tmp_path / "n.svg", "-o", tmp_path / "n.graphml")
    assert run(tmp_path, lexicon, *flags, rows=rows) == 0
    assert "癌\ufffd症" in (tmp_path / "n.svg").read_text(encoding="utf-8")
    assert "癌\ufffd症" in {about["label"] for _, about in nx.read_graphml(tmp_path / "n.graphml").nodes(data=True)}
    ElementTree.parse(tmp_path / "n.svg")


def test_nodes_do_not_lie_upon_one_another():
    generator, rows = random.Random(0), []
    about = dict.fromkeys(("units_a", "units_b", "patents_a", "patents_b"), 1) | {"a_kind": "gene", "b_kind": "gene"}
    for number in range(200):
        a, b = generator.sample(range(100), 2)
        rows.append(about | {"a_id": f"n{a}", "a": "A", "b_id": f"n{b}", "b": "B", "npmi": 0.5, "q": number / 200})
    nodes = [node for _, node in build_graph(rows, 0.5).nodes(data=True)]
    points = np.array([(node["x"], node["y"]) for node in nodes])
    distances = np.hypot(*(points[:, None] - points[None]).T) + np.eye(len(points)) * 1e9
    assert distances.min() > ROOM / 3 and {node["community"] for node in nodes} >= {0, 1}


OVERLAPPING = make_row("x", "AAA1与BBB2")
OVERLAPPING["spans"][1]["start"] = 2
UNKNOWN = {"id": "x", "text": "甲乙", "spans": [{"start": 0, "end": 1, "label": "gene"}]}


@pytest.mark.parametrize("rows, flags, words", [
    ([OVERLAPPING], (), "--overlap longest"), ([make_row("x", "无。")], (), "no mention at all"),
    ([UNKNOWN], (), "1 mentions of genes without a sure id"),
    ([make_row(id, "AAA1与BBB2与CCC3。") for id in "xy"], ("--crowd", "2"), "2 units"),
    ([make_row("x", "AAA1与BBB2。")], (), "found 0 entities"),
    (ROWS, ("--q", "0.001", "--min-support", "1"), "smallest q"), (ROWS, ("--window", "0"), "--window: found 0"),
    (ROWS, ("--evidence", "e.csv"), "e.csv: cannot write .csv"), (ROWS, ("-o", "n.xls"), "cannot write .xls;"),
])  # fmt: skip
def test_bad_input_leaves_nothing_behind(tmp_path, lexicon, capsys, rows, flags, words):
    assert run(tmp_path, lexicon, *flags, "-o", tmp_path / "net.svg", rows=rows) == 2
    assert words in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"hgnc.tsv", "predictions.jsonl"}


@pytest.mark.slow
def test_from_raw_patents_to_the_network_in_one_command(tiny_tagger, tmp_path):
    """demo_network.sh with a tagger of random weights; its list of genes has what both patents share."""
    lines = (ROOT / "data" / "demo" / "patents" / "export.jsonl").read_text(encoding="utf-8").splitlines()[:2]
    rows = [row | {"text": row["text"][:700]} for row in map(json.loads, lines)]
    write_lines(tmp_path / "raw.jsonl", rows)
    corpus, tagged = tmp_path / "corpus", tmp_path / "tagged.jsonl"
    assert main(["patents", str(tmp_path / "raw.jsonl"), "-o", str(corpus)]) == 0
    command = ["predict", corpus / "documents.jsonl", "--id-field", "number", "--model", tiny_tagger, "-o", tagged]
    assert main(list(map(str, command))) == 0
    marked = [{span["text"] for span in row["spans"] if span["label"] != "disease"} for row in read_jsonl(tagged)]
    shared = sorted(marked[0] & marked[1], key=lambda text: (-len(text), text))[:9]
    names = "".join(f"HGNC:{3430 + number}\t{text}\n" for number, text in enumerate(shared))
    (tmp_path / "genes.tsv").write_text(f"hgnc_id\tsymbol\n{names}", encoding="utf-8")
    settings = {"CBP_PYTHON": sys.executable, "PATENTS": str(tmp_path / "raw.jsonl"), "MODEL": str(tiny_tagger),
                "OUT_DIR": str(tmp_path / "out"), "UNIT": "patent", "PYTHONPATH": str(ROOT)}  # fmt: skip
    flags = ["--lexicon", str(tmp_path / "genes.tsv"), "--no-names", "--lookalikes", str(tmp_path / "none.tsv")]
    (tmp_path / "none.tsv").write_text("name\tkind\twhat\n", encoding="utf-8")
    command = ["bash", str(ROOT / "demo_network.sh"), *flags]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir() if path.is_file()} == {
        "tagged.jsonl", "relations.csv", "relations.evidence.jsonl", "network.html", "network.svg", "network.graphml",
    }  # fmt: skip
    assert all(row["patents"] == "2" for row in read_table(tmp_path / "out" / "relations.csv").values())
