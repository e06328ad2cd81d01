"""The shipped demo corpus: rebuilt byte for byte, with work for every rule."""

import sys

import pytest
from conftest import GOLD, ROOT, needs_gold

from cbpner.base.errors import Fault
from cbpner.corpora.cleaning import RULES, clean_text
from cbpner.corpora.sources import read_patents
from cbpner.text.bio import read_bio
from cbpner.text.splits import PARTS

DEMO = ROOT / "data" / "demo"
PATENTS = DEMO / "patents"
sys.path.insert(0, str(DEMO))

import build_demo  # noqa: E402
import exports as demo_exports  # noqa: E402

pytestmark = pytest.mark.slow


def list_data(folder):
    """{relative path: bytes} of the generated files."""
    suffixes = (".bio", ".info", ".txt", ".html", ".jsonl", ".parquet")
    paths = [path for path in folder.rglob("*") if path.suffix in suffixes]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def patents():
    return build_demo.build_documents()


@pytest.fixture(scope="module")
def sentences(patents):
    return [sentence for patent in patents.values() for sentence in patent]


def test_rebuilding_gives_the_shipped_bytes_and_replaces_an_earlier_build(tmp_path):
    build_demo.build(tmp_path)
    (tmp_path / "0" / "cbp_demo_train.bio").write_text("x O\n")
    (tmp_path / "README.md").write_text("stays")
    assert build_demo.main(["--out", str(tmp_path)]) == 0
    shipped, rebuilt = list_data(DEMO), list_data(tmp_path)
    assert sorted(rebuilt) == sorted(shipped)
    assert [path for path in shipped if shipped[path] != rebuilt[path]] == []
    assert (tmp_path / "README.md").read_text() == "stays"


@pytest.fixture(scope="module")
def exports():
    """(patents, faults) of data/demo/patents; a patent's source is its path below that."""
    found = list(read_patents([PATENTS]))
    return [each for each in found if not isinstance(each, Fault)], [each for each in found if isinstance(each, Fault)]


def test_every_cleaning_rule_has_work_in_the_exports(exports):
    hits = {}
    for patent in exports[0]:
        _, _, found = clean_text(patent.text)
        hits = {name: hits.get(name, 0) + found[name] for name in RULES}
    assert {name for name, count in hits.items() if not count} == {"controls", "traditional"}
    printed = next(patent for patent in exports[0] if patent.number == "CN900000009A")
    cleaned = clean_text(printed.text)[0].split("\n")
    assert cleaned[-1] == demo_exports.PRIMERS
    assert all(line[-1] in "。；" or len(line) < 12 for line in cleaned)


@needs_gold
def test_no_sentence_stands_in_the_gold_data(sentences):
    gold = {s.chars for part in PARTS for s in read_bio(GOLD / "0" / f"cbp_gold_v2_{part}.bio")}
    unlabelled = "\n".join(path.read_text(encoding="utf-8") for path in (DEMO / "unlabelled").glob("*.txt"))
    exported = "\n".join(each.text for each in read_patents([PATENTS]) if not isinstance(each, Fault))
    ours = {sentence.chars for sentence in sentences} | set(unlabelled.split("\n")) | set(exported.split("\n"))
    assert {text for text in ours & gold if len(text) > 12} == set()
