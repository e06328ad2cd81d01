"""The shipped demo corpus: rebuilt byte for byte, in the gold layout, consistent, and not solved by a dictionary."""

import sys

import pytest
from conftest import GOLD, ROOT, needs_gold

from cbpner.base.errors import Fault
from cbpner.corpora.cleaning import RULES, clean_text
from cbpner.corpora.sources import read_patents
from cbpner.text.bio import read_bio
from cbpner.text.labels import DEFAULT, tags_to_spans
from cbpner.text.splits import PARTS, find_split_folders, read_split, read_split_info, split_patents

DEMO = ROOT / "data" / "demo"
PATENTS = DEMO / "patents"
sys.path.insert(0, str(DEMO))

import build_demo  # noqa: E402
import dictionary  # noqa: E402
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


@pytest.mark.parametrize("number", range(5))
def test_parts_hold_the_patents_that_the_info_file_names(number, patents):
    folder = DEMO / str(number)
    split, info = read_split(folder, long=True), read_split_info(folder / "train_test_split.info")
    assert {part: len(names) for part, names in info.items()} == {"train": 18, "dev": 1, "test": 2}
    assert sorted(name for names in info.values() for name in names) == sorted(patents)
    for part in PARTS:
        found = [[sentence[:2] for sentence in patent] for patent in split_patents(split[part])]
        assert found == [[sentence[:2] for sentence in patents[name]] for name in info[part]]


def test_tags_are_strict_bio_of_the_three_types():
    for path in DEMO.rglob("*.bio"):
        assert read_bio(path, labels=DEFAULT, orphans="error")


def test_no_mention_cuts_through_a_latin_word(sentences):
    for sentence in sentences:
        for start, end, _ in tags_to_spans(sentence.tags):
            assert dictionary.is_word(sentence.chars, start, end), sentence.chars[max(0, start - 5) : end + 5]


def test_a_dictionary_does_not_solve_it():
    scores = [build_demo.score_dictionary(read_split(folder))["f1"] for folder in find_split_folders(DEMO)]
    assert 0.3 < sum(scores) / len(scores) < 0.5


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
