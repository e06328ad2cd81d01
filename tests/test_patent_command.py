"""`cbpner patents` from the outside."""

import json

import pytest
from conftest import ROOT
from patent_data import make_text, read_lines, write_lines

from cbpner.cli import main
from cbpner.corpora.cleaning import DEFAULT_RULES
from cbpner.corpora.document import load_gold_numbers

GOLD_NUMBER = load_gold_numbers()[0]


@pytest.fixture
def pages(tmp_path):
    """A folder with six patents on human genes, three in text files; one is a gold patent under another kind code."""
    (folder := tmp_path / "pages").mkdir()
    for number in range(10001, 10004):
        text = f"人类的基因，{make_text(number, 300)}"
        (folder / f"2016-05-25-CN{number}A-plain.txt").write_text(text, encoding="utf-8")
    rows = [
        {"id": "CN10004A", "date": 20170101, "text": f"人类的基因，{make_text(4, 300)}"},
        {"id": "CN10005A", "date": 20200101, "text": f"人类的基因，{make_text(5, 300)}"},
        {"id": f"{GOLD_NUMBER[:-1]}U", "date": 20150101, "text": f"人类的基因，{make_text(6, 300)}"},
    ]
    write_lines(folder / "export.jsonl", [*rows, '{"id": "CN1', *["[]"] * 6])
    return folder


def read_numbers(folder):
    return sorted(document["number"] for document in read_lines(folder / "documents.jsonl"))


def read_settings(folder):
    return json.loads((folder / "statistics.json").read_text(encoding="utf-8"))["settings"]


def run(pages, *flags):
    """(exit code, the corpus' folder)."""
    output = pages.parent / "out"
    return main(["patents", str(pages), "-o", str(output), *flags]), output


def test_the_command_prints_the_statistics_and_the_inputs_that_it_skipped(pages, capsys):
    code, output = run(pages, "--query", "人类 AND 基因", "--country", "cn", "--to", "2019-01-01", "--held-out", "1")
    out = capsys.readouterr().out
    assert code == 0 and read_numbers(output) == ["CN10001A", "CN10002A", "CN10003A", "CN10004A"]
    assert out.startswith((output / "statistics.md").read_text(encoding="utf-8"))
    steps = [line.split(" | ") for line in out.splitlines() if line.startswith("| ")]
    left = {step[0][2:].strip(): step[2].strip() for step in steps if len(step) == 6}
    assert (left["read"], left["gold patents"], left["date"], left["near duplicates"]) == ("6", "5", "4", "4")
    source = pages / "export.jsonl"
    assert [line.split(": ")[0] for line in out.splitlines()[-5:]] == [f"  {source}:{line}" for line in (4, 5, 6, 7, 8)]
    assert len(read_lines(output / "skipped.jsonl")) == 7


def test_the_gold_patents_stay_with_a_warning_where_that_is_asked_for(pages, capsys):
    assert run(pages)[0] == 0
    assert "--keep-gold" not in capsys.readouterr().err
    code, output = run(pages, "--keep-gold", "--overwrite")
    assert code == 0 and f"{GOLD_NUMBER[:-1]}U" in read_numbers(output)
    assert "--keep-gold" in capsys.readouterr().err
    assert read_settings(output)["gold"] == []


def test_numbers_of_a_file_are_excluded(pages, tmp_path, capsys):
    names = [tmp_path / name for name in ("first.txt", "second.csv")]
    names[0].write_text("keep out CN 10001 B, and\nCN-10002-A", encoding="utf-8")
    names[1].write_text("CN10004", encoding="utf-8")
    code, output = run(pages, "--exclude", str(names[0]), "--exclude", str(names[1]))
    assert code == 0 and read_numbers(output) == ["CN10003A", "CN10005A"]
    assert read_settings(output)["excluded"] == ["CN10001", "CN10002", "CN10004"]
    names[0].write_text("none", encoding="utf-8")
    assert run(pages, "--exclude", str(names[0]), "--overwrite")[0] == 2
    assert "first.txt" in capsys.readouterr().err


@pytest.mark.slow
def test_flags_reach_the_settings(pages):
    code, output = run(
        pages, "--from", "2015-01-01", "--to", "2017-01-01", "--min-length", "10", "--max-length", "5000",
        "--min-han", "0.2", "--near-duplicates", "0.7", "--all-members", "--sample", "2", "--seed", "4",
        "--held-out", "0.5", "--without", "tables, spaces", "--country", "CN,WO", "--id-field", "id",
    )  # fmt: skip
    settings = read_settings(output)
    assert code == 0 and len(settings.pop("gold")) == 21
    assert settings == {
        "countries": ["CN", "WO"], "first_date": 20150101, "last_date": 20170101, "query": "", "min_length": 10,
        "max_length": 5000, "min_han": 0.2, "excluded": [], "one_per_family": False, "exact_duplicates": True,
        "near_duplicates": 0.7, "sample": 2, "seed": 4, "held_out": 0.5, "fields": {"id": "id"},
        "rules": [rule for rule in DEFAULT_RULES if rule not in ("tables", "spaces")],
    }  # fmt: skip
    code, output = run(pages, "--all-duplicates", "--rules", "spaces,controls", "--overwrite")
    settings = read_settings(output)
    assert (settings["exact_duplicates"], settings["near_duplicates"]) == (False, None)
    assert settings["rules"] == ["controls", "spaces"]
    assert run(pages, "--no-near-duplicates", "--rules", "", "--traditional", "--overwrite")[0] == 0
    settings = read_settings(output)
    assert (settings["near_duplicates"], settings["rules"]) == (None, ["traditional"])


@pytest.mark.parametrize("flags, words", [
    (["--query", "人类 AND"], ["character 7", "^"]), (["--from", "2015-02-30"], ["--from", "2015-02-30"]),
    (["--from", "2016-01-01", "--to", "2015-01-01"], ["2016-01-01 to 2015-01-01"]),
    (["--country", "China"], ["--country", "China"]), (["--min-han", "30"], ["--min-han", "0 to 1"]),
    (["--near-duplicates", "0.3"], ["--near-duplicates", "0.5 to 1"]),
    (["--sample", "0"], ["--sample", "1 to"]), (["--seed", "-1"], ["--seed", "0 to"]),
    (["--memory", "5"], ["--memory", "64"]), (["--held-out", "1.5"], ["--held-out", "1.5"]),
    (["--held-out", "many"], ["--held-out", "many"]),
    (["--held-out", "7", "--sample", "7"], ["--held-out 7", "--sample 7"]),
    (["--rules", "nothing"], ["nothing", "paragraph_numbers"]), (["--without", "nothing"], ["nothing"]),
    (["--exclude", "missing.txt"], ["missing.txt"]),
])  # fmt: skip
def test_flags_that_make_no_sense_are_errors_before_anything_is_read(tmp_path, capsys, flags, words):
    code = main(["patents", str(tmp_path / "no such folder"), "-o", str(tmp_path / "out"), *flags])
    err = capsys.readouterr().err
    assert code == 2 and all(word in err for word in words) and "no such folder" not in err
    assert not list(tmp_path.iterdir())


def test_warnings(tmp_path, capsys):
    source = write_lines(tmp_path / "own.jsonl", [{"id": f"own {n}", "text": make_text(n, 300)} for n in range(3)])
    assert main(["patents", str(source), "-o", str(tmp_path / "out"), "--sample", "5"]) == 0
    err = capsys.readouterr().err
    assert "3 of 3 patents have no publication number" in err and "only 3 patents" in err


def test_duplicates_planted_in_the_demo_exports_are_removed(tmp_path):
    """Expected: what data/demo/README.md says of each patent."""
    flags = ["--country", "CN", "--from", "2009-01-01", "--to", "2019-01-01", "--query", "人类 AND 基因"]
    assert main(["patents", str(ROOT / "data" / "demo" / "patents"), "-o", str(tmp_path / "out"), *flags]) == 0
    statistics = json.loads((tmp_path / "out" / "statistics.json").read_text(encoding="utf-8"))
    removed = {step["step"]: step["patents_before"] - step["patents_after"] for step in statistics["steps"]}
    assert {step: count for step, count in removed.items() if count} == {
        "country": 2,  # US, TW
        "date": 2,  # 006, 012
        "query": 4,
        "families": 3,  # 001 the second time, 010B, 002 (030 is older)
        "exact duplicates": 1,  # 027
        "near duplicates": 1,  # 028
    }
    left = {int(number[2:-1]) - 900000000 for number in read_numbers(tmp_path / "out")}
    assert left == set(range(1, 39)) - {6, 12, 27, 28, 2} - {8, 13, 26, 38}  # the last four speak of no human genes
    assert statistics["read"]["patents"] == 42 and statistics["read"]["skipped"] == 2
