"""The documentation: its commands are ones that there are, its links lead somewhere, and the site builds."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cbpner.cli import COMMANDS, build_parser

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("*/README.md")])
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def list_commands(text):
    """The words of each shell command in the text's blocks; comments and continued lines are taken care of."""
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield words


def strip_prefix(words):
    """The words behind variables, and behind what runs `cbpner` in several processes."""
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    if words and words[0] == "torchrun" and "cbpner" in words:
        words = words[words.index("cbpner") :]
    return words


COMMAND_LINES = [
    (page, tuple(words))
    for page in PAGES
    for each in list_commands(page.read_text(encoding="utf-8"))
    if (words := strip_prefix(each))
]


def test_there_is_something_to_check():
    assert sum(words[0] == "cbpner" for _, words in COMMAND_LINES) > 50
    assert {words[1] for _, words in COMMAND_LINES if words[0] == "cbpner"} >= set(COMMANDS) - {
        "gold",
        "calibrate",
        "lexicons",
    }


@pytest.mark.parametrize(
    "page, words", [line for line in COMMAND_LINES if line[1][0] == "cbpner"], ids=lambda part: str(part)[-60:]
)
def test_documented_commands_are_understood(page, words, capsys):
    if words[1].startswith("-"):
        return
    words = [word for word in words[1:] if word not in ("|", "&&")]
    try:
        build_parser(words[0]).parse_args(words)
    except SystemExit as end:
        assert end.code == 0, f"{page.name}: {' '.join(words)}: {capsys.readouterr().err}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_documented_scripts_are_there(page):
    for words in list_commands(page.read_text(encoding="utf-8")):
        words = strip_prefix(words)
        if words[:1] == ["bash"] and len(words) > 1:
            places = [ROOT, page.parent, *(path for path in ROOT.iterdir() if path.is_dir())]
            assert any((place / words[1]).is_file() for place in places), f"{page}: {words[1]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for link in LINK.findall(BLOCK.sub("", text)):
        if link.startswith(("http", "/openapi")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor and target.suffix == ".md":
            found = {slug(heading) for heading in HEADING.findall(target.read_text(encoding="utf-8"))}
            assert anchor in found, f"{page.name}: {link}"


def slug(heading):
    return re.sub(r"\s", "-", re.sub(r"[^\w\- ]", "", heading.lower().strip()))


def test_every_page_is_in_the_sites_menu():
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:")[2]
    assert {path.name for path in ROOT.glob("docs/*.md")} == set(re.findall(r"[\w-]+\.md", menu))


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocstrings", reason="MkDocs is not installed: the extra `docs`")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", tmp_path / "site"]
    done = subprocess.run(list(map(str, words)), cwd=ROOT, capture_output=True, text=True, env=clean_environment())
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    pages = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "site").glob("*.html")}
    assert {f"{path.stem}.html" for path in ROOT.glob("docs/*.md")} <= set(pages)
    assert "from_pretrained" in pages["api.html"] and "tag_many" in pages["api.html"]
    assert "results/evaluation/evaluation.md</code>" in pages["LOG.html"]
    for name, text in pages.items():
        fetched = re.findall(r"<(?:link|script|img)[^>]*?(?:href|src)=\"(https?://[^\"]+)", text)
        assert not fetched, f"{name} fetches {fetched}"


def clean_environment():
    import os

    return {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
