"""`cbpner check`, `split`, `stats`, `gold` and `data/get_cbp_gold.sh` from the outside."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GOLD, ROOT, needs_gold

from cbpner.cli import main
from cbpner.text.bio import Sentence, read_bio, write_bio


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "docs"
    for number in range(5):
        sentence = Sentence(f"Abstract{number}基因", (*["O"] * 9, "B-gene", "I-gene"))
        write_bio(folder / f"doc{number}.bio", [sentence, Sentence("癌。" * 20, ("B-disease", "O") * 20)])
    return folder


def test_check_names_every_fault_of_every_file(tmp_path, docs, capsys):
    (tmp_path / "bad.bio").write_text("基因 O\n" * 30, encoding="utf-8")
    (tmp_path / "worse.bio").write_bytes(b"")
    for words, count in ([tmp_path / "bad.bio", docs / "doc0.bio", tmp_path / "worse.bio"], 3), ([tmp_path], 7):
        assert main(["check", *map(str, words)]) == 2
        out, err = capsys.readouterr()
        assert sum("bad.bio:" in line for line in out.splitlines()) == 30
        assert "worse.bio:1: found an empty file" in out and f"2 of {count}" in err


def test_check_orphans_in_three_ways(tmp_path, capsys):
    path, repaired = tmp_path / "orphan.bio", tmp_path / "repaired.bio"
    path.write_text("基 I-gene\n因 I-gene\n", encoding="utf-8")
    assert main(["check", str(path)]) == 2
    assert main(["check", str(path), "--orphans", "keep"]) == 0
    assert "1 orphan I-" in capsys.readouterr().out
    assert main(["check", str(path), "--orphans", "repair", "-o", str(repaired)]) == 0
    assert read_bio(repaired, orphans="error")[0].tags == ("B-gene", "I-gene")
    assert main(["check", str(path), "-o", str(tmp_path / "other.bio")]) == 2
    path.write_text("基 I-gene\n因因 I-gene\n", encoding="utf-8")
    assert main(["check", str(path), "--orphans", "repair", "-o", str(tmp_path / "other.bio")]) == 2
    assert not (tmp_path / "other.bio").exists()


def test_split_then_stats(tmp_path, docs, capsys, refuse):
    out = tmp_path / "out"
    arguments = ["split", str(docs), "-o", str(out), "--n-splits", "2", "--name", "mine", "--max-chars", "16"]
    assert main(arguments) == 0
    assert "2 train documents" in capsys.readouterr().out
    assert main(["stats", str(out), "--markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 2 * 3 and {line.count("|") for line in lines} == {lines[0].count("|")}
    assert [cell.strip() for cell in lines[2].split("|")][1:8] == ["0", "train", "2", "8", "102", "16", "42"]
    assert main(["stats", str(out), "--long"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:6] == ["0", "train", "2", "4", "102", "40"]
    assert "--overwrite" in refuse(*arguments)
    assert main([*arguments, "--overwrite"]) == 0


def test_split_refuses_a_bad_document_and_writes_nothing(tmp_path, docs, refuse):
    (docs / "bad.bio").write_text("基 I-gene\n", encoding="utf-8")
    assert "bad.bio:1: found I-gene" in refuse("split", docs, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert main(["split", str(docs), "-o", str(tmp_path / "out"), "--orphans", "keep"]) == 0


@pytest.mark.slow
@needs_gold
def test_the_statistics_in_the_readme_are_those_of_the_command(capsys):
    assert main(["stats", str(GOLD), "--markdown"]) == 0
    assert capsys.readouterr().out in (ROOT / "data" / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def script(tmp_path):
    """A copy of the script with a small environment of its own beside it."""
    (tmp_path / "repo" / "data").mkdir(parents=True)
    (tmp_path / "repo" / "env").mkdir()
    (tmp_path / "repo" / "env" / "setup.sh").write_text(f'PYTHON="{sys.executable}"\n')
    return Path(shutil.copy(ROOT / "data" / "get_cbp_gold.sh", tmp_path / "repo" / "data"))


def run_script(script, *arguments, cwd):
    environment = os.environ | {"PYTHONPATH": str(ROOT.resolve()), "no_proxy": "127.0.0.1"}
    return subprocess.run(["bash", script, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


def test_the_script_passes_a_failure_on(script, tmp_path):
    done = run_script(script, "--base-url", "http://127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 2 and "--from DIR" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
@needs_gold
def test_the_script_copies_from_a_folder_named_from_where_it_is_called(script):
    (script.parent.parent.parent / "here").symlink_to(GOLD.resolve())
    for expected in ("37 new", "0 new"):
        done = run_script(script, "--from", "here", cwd=script.parent.parent.parent)
        assert done.returncode == 0 and expected in done.stdout, done.stderr
    assert (script.parent / "cbp_gold" / "cbp_gold_total.bio").is_file()
    assert not (script.parent / "cbp_gold" / ".part").exists()
