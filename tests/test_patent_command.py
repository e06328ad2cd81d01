"""`cbpner patents` and the scripts that rebuild HG and BC, from the outside."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cbpner.cli import main
from cbpner.corpora.cleaning import DEFAULT, RULES
from cbpner.corpora.document import load_gold_numbers

ROOT = Path(__file__).resolve().parent.parent
GOLD_NUMBER = load_gold_numbers()[0]


def make_text(seed, length=300):
    draw = random.Random(seed)
    return "".join(chr(draw.randrange(0x4E00, 0x5E00)) for _ in range(length))


@pytest.fixture
def pages(tmp_path):
    """A folder with six patents on human genes, three in text files; one is a gold patent under another kind code."""
    folder = tmp_path / "pages"
    folder.mkdir()
    for number in range(10001, 10004):
        (folder / f"2016-05-25-CN{number}A-plain.txt").write_text(f"人类的基因，{make_text(number)}", encoding="utf-8")
    rows = [
        {"id": "CN10004A", "date": 20170101, "text": f"人类的基因，{make_text(4)}"},
        {"id": "CN10005A", "date": 20200101, "text": f"人类的基因，{make_text(5)}"},
        {"id": f"{GOLD_NUMBER[:-1]}U", "date": 20150101, "text": f"人类的基因，{make_text(6)}"},
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "export.jsonl").write_text("\n".join([*lines, '{"id": "CN1'] + ["[]"] * 6), encoding="utf-8")
    return folder


def read_numbers(folder):
    lines = (folder / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    return sorted(json.loads(line)["number"] for line in lines)


def read_settings(folder):
    return json.loads((folder / "statistics.json").read_text(encoding="utf-8"))["settings"]


def run(pages, *flags):
    """(exit code, the corpus' folder)."""
    output = pages.parent / "out"
    return main(["patents", str(pages), "-o", str(output), *flags]), output


def test_the_command_ends_with_the_statistics_and_the_inputs_it_skipped(pages, capsys):
    code, output = run(pages, "--query", "人类 AND 基因", "--country", "cn", "--to", "2019-01-01", "--held-out", "1")
    out, err = capsys.readouterr()
    assert code == 0 and read_numbers(output) == ["CN10001A", "CN10002A", "CN10003A", "CN10004A"]
    assert out.startswith((output / "statistics.md").read_text(encoding="utf-8"))
    steps = [line.split(" | ") for line in out.splitlines() if line.startswith("| ")]
    left = {step[0][2:].strip(): step[2].strip() for step in steps if len(step) == 6}
    assert (left["read"], left["gold patents"], left["date"], left["near duplicates"]) == ("6", "5", "4", "4")
    source = pages / "export.jsonl"
    tail = out[out.index("\n7 inputs skipped, see ") :].splitlines()
    assert [line.split(": ")[0] for line in tail[2:]] == [f"  {source}:{line}" for line in (4, 5, 6, 7, 8)]
    assert "characters/s" in err and "read 0." in err and "select 0." in err
    assert len((output / "skipped.jsonl").read_text(encoding="utf-8").splitlines()) == 7


def test_the_gold_patents_stay_where_that_is_asked_for_and_a_warning_says_what_it_means(pages, capsys):
    assert run(pages)[0] == 0
    assert "language model" not in capsys.readouterr().err
    code, output = run(pages, "--keep-gold", "--overwrite")
    assert code == 0 and f"{GOLD_NUMBER[:-1]}U" in read_numbers(output)
    assert "test patents may get into the language model" in capsys.readouterr().err
    assert read_settings(output)["gold_patents"] is None


def test_numbers_of_a_file_are_kept_out(pages, tmp_path, capsys):
    names = [tmp_path / name for name in ("first.txt", "second.csv")]
    names[0].write_text("keep out CN 10001 B, and\nCN-10002-A", encoding="utf-8")
    names[1].write_text("CN10004", encoding="utf-8")
    code, output = run(pages, "--exclude", str(names[0]), "--exclude", str(names[1]))
    assert code == 0 and read_numbers(output) == ["CN10003A", "CN10005A"]
    assert read_settings(output)["excluded_numbers"]["count"] == 3
    names[0].write_text("none", encoding="utf-8")
    assert run(pages, "--exclude", str(names[0]), "--overwrite")[0] == 2
    assert "first.txt: found no publication number" in capsys.readouterr().err


def test_flags_reach_the_settings(pages):
    code, output = run(
        pages, "--from", "2015-01-01", "--to", "2017-01-01", "--min-length", "10", "--max-length", "5000",
        "--min-han", "0.2", "--near-duplicates", "0.7", "--all-members", "--sample", "2", "--seed", "4",
        "--held-out", "0.5", "--without", "tables, spaces", "--country", "CN,WO", "--id-field", "id",
    )  # fmt: skip
    settings = read_settings(output)
    gold = settings.pop("gold_patents")
    assert code == 0 and gold["count"] == 21
    assert settings == {
        "countries": ["CN", "WO"], "from": "2015-01-01", "to": "2017-01-01", "query": None, "min_length": 10,
        "max_length": 5000, "min_han": 0.2, "excluded_numbers": None, "one_per_family": False,
        "exact_duplicates": "one kept", "near_duplicates": 0.7, "sample": 2, "seed": 4, "held_out": 0.5,
        "rules": [rule for rule in DEFAULT if rule not in ("tables", "spaces")], "fields": {"id": "id"},
    }  # fmt: skip
    code, output = run(pages, "--all-duplicates", "--rules", "spaces,controls", "--overwrite")
    settings = read_settings(output)
    assert (settings["exact_duplicates"], settings["near_duplicates"]) == ("all kept", None)
    assert settings["rules"] == ["controls", "spaces"]
    assert run(pages, "--no-near-duplicates", "--rules", "", "--traditional", "--overwrite")[0] == 0
    settings = read_settings(output)
    assert (settings["near_duplicates"], settings["rules"]) == (None, ["traditional"])


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--query", "人类 AND"], ["query, character 7", "^"]),
        (["--from", "2015-02-30"], ["--from 2015-02-30", "2009-01-01"]),
        (["--from", "2016-01-01", "--to", "2015-01-01"], ["the earlier day first"]),
        (["--country", "China"], ["--country China", "CN"]),
        (["--min-han", "30"], ["--min-han 30", "between 0 and 1"]),
        (["--near-duplicates", "0.3"], ["--near-duplicates 0.3", "0.5 to 1.0"]),
        (["--sample", "0"], ["--sample 0", "1 or more"]),
        (["--memory", "5"], ["--memory 5", "128"]),
        (["--held-out", "1.5"], ["--held-out 1.5", "share"]),
        (["--held-out", "many"], ["--held-out many"]),
        (["--held-out", "7", "--sample", "7"], ["--held-out 7", "fewer than --sample 7"]),
        (["--rules", "nothing"], ["no rule nothing", "paragraph_numbers"]),
        (["--without", "nothing"], ["no rule nothing"]),
        (["--exclude", "missing.txt"], ["missing.txt", "cannot read"]),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_read(tmp_path, capsys, flags, words):
    assert main(["patents", str(tmp_path / "no such folder"), "-o", str(tmp_path / "out"), *flags]) == 2
    err = capsys.readouterr().err
    assert all(word in err for word in words) and "no such" not in err.replace("No such file or directory", "")
    assert not list(tmp_path.iterdir())


def test_too_few_patents_and_such_without_a_number_are_named(tmp_path, capsys):
    rows = [{"id": f"own {n}", "text": make_text(n)} for n in range(3)]
    source = tmp_path / "own.jsonl"
    source.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    assert main(["patents", str(source), "-o", str(tmp_path / "out"), "--sample", "5"]) == 0
    err = capsys.readouterr().err
    assert "3 of 3 patents have no publication number" in err and "--sample 5: there are no more than 3" in err


def test_sources_without_a_patent_leave_nothing(tmp_path, capsys):
    (tmp_path / "page.html").write_text("<html><p>weather</p></html>", encoding="utf-8")
    assert main(["patents", str(tmp_path / "page.html"), "-o", str(tmp_path / "out")]) == 2
    assert "no patent in 1 file" in capsys.readouterr().err and os.listdir(tmp_path) == ["page.html"]
    assert main(["patents", str(tmp_path / "page.html"), "-o", str(tmp_path / "new" / "out"), "--seed", "-1"]) == 2


def test_the_help_names_every_cleaning_rule(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["patents", "--help"])
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(f"\n    {name} " in out and rule.does in out for name, rule in RULES.items())


def test_the_demo_exports_lose_what_was_planted_in_them(tmp_path):
    """Expected: what data/demo/README.md says of each patent."""
    flags = ["--country", "CN", "--from", "2009-01-01", "--to", "2019-01-01", "--query", "人类 AND 基因"]
    assert main(["patents", str(ROOT / "data" / "demo" / "patents"), "-o", str(tmp_path / "out"), *flags]) == 0
    statistics = json.loads((tmp_path / "out" / "statistics.json").read_text(encoding="utf-8"))
    assert [(step["step"], step["patents_before"] - step["patents_after"]) for step in statistics["steps"]] == [
        ("read", 0),
        ("gold patents", 0),
        ("country", 2),  # US, TW
        ("date", 2),  # 006, 012
        ("length", 0),
        ("query", 4),
        ("language", 0),
        ("families", 3),  # 001 the second time, 010B, 002 (030 is older)
        ("exact duplicates", 1),  # 027
        ("near duplicates", 1),  # 028
        ("short when clean", 0),
        ("cleaning", 0),
    ]
    left = {int(number[2:-1]) - 900000000 for number in read_numbers(tmp_path / "out")}
    assert left == set(range(1, 39)) - {6, 12, 27, 28, 2} - {8, 13, 26, 38}  # the last four speak of no human genes
    assert statistics["read"]["patents"] == 42 and statistics["read"]["skipped"] == 2


@pytest.fixture
def project(tmp_path):
    """A copy of the scripts with an environment of their own."""
    shutil.copytree(ROOT / "data" / "patents", tmp_path / "repo" / "data" / "patents")
    (tmp_path / "repo" / "env").mkdir()
    (tmp_path / "repo" / "env" / "setup.sh").write_text(f'PYTHON="{sys.executable}"\n')
    return tmp_path / "repo"


@pytest.mark.parametrize(
    "name, query, window, sample",
    [
        ("hg", "人类 AND 基因", ("2009-01-01", "2019-01-01"), 10000),
        ("bc", "乳腺癌 AND 生物标记物", ("2012-12-01", "2019-01-01"), 100),
    ],
)
def test_the_scripts_hold_the_papers_queries_windows_and_sizes(project, pages, name, query, window, sample):
    if name == "bc":
        for path in pages.glob("*.txt"):
            path.write_text(path.read_text(encoding="utf-8") + "乳腺癌的生物标记物", encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SOURCES": f"{pages.name} {pages.name}/export.jsonl"}
    command = ["bash", str(project / "data" / "patents" / f"build_{name}.sh"), "--held-out", "1"]
    done = subprocess.run(command, cwd=pages.parent, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    settings = read_settings(project / "data" / "corpora" / name.upper())
    assert (settings["query"], settings["from"], settings["to"]) == (query, *window)
    assert (settings["sample"], settings["seed"], settings["countries"]) == (sample, 0, ["CN"])
    assert settings["held_out"] == 1 and settings["gold_patents"]["count"] == 21
