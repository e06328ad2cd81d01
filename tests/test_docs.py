"""The documentation: its commands exist, its links lead somewhere, and the site builds."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from pandas import read_csv
from test_relations import read_jsonl

from cbpner.cli import COMMANDS, build_parser, main

PATTERNS = ("docs/*.md", "README*.md", "CONTRIBUTING.md", "[!.]*/README.md")
PAGES = sorted(path for pattern in PATTERNS for path in ROOT.glob(pattern))
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def list_commands(text):
    """The words of each shell command in the text's blocks, without variables and `torchrun` before them."""
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.match(r"[A-Z_]+=", words[0]):
                words = words[1:]
            if words and words[0] == "torchrun" and "cbpner" in words:
                words = words[words.index("cbpner") :]
            if words:
                yield words


LINES = [(page, words) for page in PAGES for words in list_commands(page.read_text(encoding="utf-8"))]
OURS = [(page, words[1:]) for page, words in LINES if words[0] == "cbpner" and not words[1].startswith("-")]


def test_the_commands_are_documented():
    assert {words[0] for _, words in OURS} >= set(COMMANDS) - {"gold", "calibrate", "lexicons"}


@pytest.mark.parametrize("page, words", OURS, ids=lambda part: str(part)[-60:])
def test_documented_commands_are_understood(page, words, capsys):
    words = [word for word in words if word not in ("|", "&&")]
    try:
        build_parser(words[0]).parse_args(words[1:])
    except SystemExit as end:
        assert end.code == 0, f"{page.name}: {' '.join(words)}: {capsys.readouterr().err}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_scripts_and_links_lead_somewhere(page):
    places = [ROOT, page.parent, *(path for path in ROOT.iterdir() if path.is_dir())]
    for words in (words for own, words in LINES if own == page and words[0] == "bash" and len(words) > 1):
        assert any((place / words[1]).is_file() for place in places), f"{page}: {words[1]}"
    for link in LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith(("http", "/openapi")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor and target.suffix == ".md":
            headings = HEADING.findall(target.read_text(encoding="utf-8").lower())
            anchors = {re.sub(r"\s", "-", re.sub(r"[^\w\- ]", "", heading.strip())) for heading in headings}
            assert anchor in anchors, f"{page.name}: {link}"


def test_every_page_is_in_the_sites_menu():
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:")[2]
    assert {path.name for path in ROOT.glob("docs/*.md")} == set(re.findall(r"[\w.-]+\.md", menu))


@pytest.mark.slow
def test_the_readmes_words_lead_from_texts_to_a_report(tmp_path, monkeypatch):
    """A folder is tagged, its entities and their relations found, and what the tagger's kind is worth reported."""
    monkeypatch.chdir(tmp_path)
    Path("results").symlink_to(ROOT / "results")
    texts = Path("data", "demo", "unlabelled")
    texts.mkdir(parents=True)
    for path in (ROOT / texts).glob("*.txt"):  # a third of each
        (texts / path.name).write_text(path.read_text(encoding="utf-8")[:16_000], encoding="utf-8")
    named = {page: [words for own, words in OURS if own == ROOT / page] for page in ("README.md", "docs/commands.md")}
    predict, entities = (next(words for words in named["README.md"] if words[0] == name and "tagged/" in words)
                         for name in ("predict", "entities"))  # fmt: skip
    relations = next(words for words in named["docs/commands.md"] if words[:2] == ["relations", "tagged/"])
    report = ["report", "results/Supervised_Original", "-o", "report.html", "--resamples", "50"]
    others = (["check", "tagged/"], ["stats", "tagged/"], ["convert", "tagged/", "--to", "brat", "-o", "brat"])
    for words in (predict, entities, [*relations, "--unit", "patent"], report, *others):
        assert main(words) == 0, words
    spans = [span for path in Path("tagged").glob("part-*") for row in read_jsonl(path) for span in row["spans"]]
    found = read_csv("entities.csv")
    assert sum(found["mentions"] + found["agents"]) >= len(spans) > 0
    settled = set(found["entity"][found["status"] == "one"])
    assert {*read_csv("relations.csv")["a_id"]} <= settled and set(found["patents"]) <= {1, 2}
    assert all("<svg" in Path(name).read_text(encoding="utf-8") for name in ("network.html", "report.html"))


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocstrings", reason="MkDocs is not installed: the extra `docs`")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path / "site")], cwd=ROOT,
        capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    pages = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "site").glob("*.html")}
    assert {f"{path.stem}.html" for path in ROOT.glob("docs/*.md")} <= set(pages)
    assert "from_pretrained" in pages["api.html"] and "tag_many" in pages["api.html"]
    fetched = r"<(?:link|script|img)[^>]*?(?:href|src)=\"(https?://[^\"]+)"
    assert {name: found for name, text in pages.items() if (found := re.findall(fetched, text))} == {}
