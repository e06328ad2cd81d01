"""Which patents stay: measures of a text, sketches, filters, families and duplicates, the draw."""

import hashlib
from dataclasses import replace

import pytest
from patent_data import make_text

from cbpner.base.store import Store
from cbpner.corpora import measures
from cbpner.corpora.document import PatentDocument
from cbpner.corpora.measures import measure_text
from cbpner.corpora.selection import PatentSelection, count_selected, draw_selected, drop_repeats, load_candidates

OFF = PatentSelection(min_length=0, min_han=0, one_per_family=False, exact_duplicates=False, near_duplicates=None)
ALL = replace(OFF, one_per_family=True, exact_duplicates=True, near_duplicates=0.8)


def change(text, share, seed="change"):
    """The text with this share of it, at its end, replaced."""
    keep = round(len(text) * (1 - share))
    return text[:keep] + make_text(seed, len(text) - keep)


def patent(number, text="基因", **values):
    return PatentDocument(number, description=text, **values)


def pick(folder, documents, selection, seed=0, threads=1):
    """(numbers that stay, in the order drawn; {step: patents that it removed})."""
    folder.mkdir(exist_ok=True)
    with Store(folder, 256, threads) as opened:
        load_candidates(opened, documents, selection)
        drop_repeats(opened, selection)
        steps = count_selected(opened, selection)
        numbers = [drawn.number for drawn in draw_selected(opened, seed)]
    for path in folder.iterdir():
        path.unlink()
    return numbers, {step.step: before.patents - step.patents for before, step in zip(steps, steps[1:], strict=False)}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.mark.parametrize("text, share", [
    ("基因", 1), ("基因 BRCA1 in mice", 2 / 5), ("かな基", 1 / 3), ("基因acgtacgtacgt", 2 / 3),
    ("ＢＲＣＡ基", 1 / 2), ("〇𠀀", 1), ("12 ... 、。", 0), ("", 0),
])  # fmt: skip
def test_the_share_of_han_characters_is_that_among_words(text, share):
    assert measure_text(text).han_share == pytest.approx(share)


def test_measures_count_every_character_and_see_no_white_space():
    plain, spaced = measure_text("基因gene😀"), measure_text(" 基\u3000因\nge\tne😀\u00a0")
    assert (plain.characters, spaced.characters) == (7, 12)
    assert plain.solid.tolist() == spaced.solid.tolist() == [ord(character) for character in "基因gene😀"]
    assert plain.fingerprint == spaced.fingerprint != measure_text("基因genes😀").fingerprint


DAYS = (20090101, 20081231, 20190101, 20190102, None)
DATED = [patent(f"CN1000{end}A", date=day) for end, day in enumerate(DAYS, 1)]
MIXED = [
    patent("CN10001A", "人类的基因"), patent("CN10002A", "人类的"), patent("WO10003A1", "人类的基因"),
    patent("CN10004A", "人类的基因组"), patent("CN10005A", "人类基因"), patent("id 6", "人类的基因"),
    patent("US10007A", "人类的基因"), patent("CN10008A", "the 人 of 类 a 基 an 因"),
]  # fmt: skip
KINDS = [patent(f"CN1056119{end}") for end in ("40A", "40B", "40", "41A", "4A")] + [patent("WO105611940A1")]


@pytest.mark.parametrize(("documents", "changes", "removed"), [
    (DATED, {}, {}), (DATED, {"first_date": 20090101, "last_date": 20190101}, {"date": 3}),
    (DATED, {"first_date": 20090101}, {"date": 2}), (MIXED, {"countries": ("CN", "US")}, {"country": 2}),
    (MIXED, {"min_length": 4, "max_length": 5}, {"length": 3}), (MIXED, {"min_length": 4}, {"length": 1}),
    (MIXED, {"min_han": 0.51}, {"language": 1}), (MIXED, {"min_han": 0.5}, {"language": 0}),
    (MIXED, {"query": "人类 AND NOT 基因组"}, {"query": 2}),
    (
        MIXED,
        {"countries": ("CN", "US"), "min_length": 4, "max_length": 5, "query": "NOT 基因组", "min_han": 0.51},
        {"country": 2, "length": 3, "query": 0, "language": 0},
    ),
    (
        KINDS,
        {"gold": frozenset(["CN105611940"]), "excluded": frozenset(["CN10561194"])},
        {"gold patents": 3, "excluded numbers": 1},
    ),
])  # fmt: skip
def test_each_filter_removes_what_it_should(folder, documents, changes, removed):
    numbers, found = pick(folder, documents, replace(OFF, **changes))
    assert found == removed and len(numbers) == len(documents) - sum(removed.values())


def test_families_and_duplicates_of_what_is_excluded_go_with_it(folder):
    text = make_text(0)
    documents = [
        patent("CN105611940A", text, family="7", date=20200101),
        patent("CN10001A", make_text(1), family="7", date=20100101),
        patent("CN10002A", f" {text}", date=20100101),
        patent("CN10003A", change(text, 0.02), date=20100101),
        patent("CN10004A", make_text(4), date=20100101),
    ]
    numbers, removed = pick(folder, documents, replace(ALL, gold=frozenset(["CN105611940"])))
    assert numbers == ["CN10004A"]
    assert removed == {"gold patents": 1, "families": 1, "exact duplicates": 1, "near duplicates": 1}
    assert sorted(pick(folder, documents, ALL)[0]) == ["CN10001A", "CN10002A", "CN10004A"]


FAMILIES = [  # the earliest stays, then the smallest
    patent("CN20001A", date=20120101, family="1"), patent("CN20002A", date=20110101, family="1"),
    patent("CN9999A", date=20110101, family="1"), patent("CN30001B", date=20140101),
    patent("CN30001A", date=20130101), patent("CN30002A"), patent("CN30003A", family=" "),
    patent("CN40001A", date=20100101, family="2"), patent("CN40001B", date=20120101),
    patent("CN40002A", date=20110101, family="2"), patent("CN50001A", family="3"),
    patent("CN50002A", family="3", date=20190101),
]  # fmt: skip
SAME = [  # but for white space
    patent("CN10001A", "基因\n检测", date=20120101), patent("CN10002A", " 基因检 测", date=20110101),
    patent("CN10003A", "基因检测。", date=20100101), patent("CN10004A", "基因检测"),
]  # fmt: skip
LONG, OTHER = make_text("a", 2000), make_text("b", 2000)
NEAR = [  # and near misses
    patent("CN10001A", LONG, date=20120101), patent("CN10002A", change(LONG, 0.03), date=20110101),
    patent("CN10003A", "前言" + LONG + "附注", date=20130101), patent("CN10004A", change(LONG, 0.35)),
    patent("CN10005A", OTHER), patent("CN10006A", OTHER[:1000] + LONG[:1000]), patent("CN10007A", "基因检"),
    patent("CN10008A", "蛋白质"), patent("CN10009A", f"{OTHER[:1000]}\n{OTHER[1000:]}"),
]  # fmt: skip


@pytest.mark.parametrize(("documents", "changes", "step", "left"), [
    (FAMILIES, {"one_per_family": True}, "families", "CN30001A CN30002A CN30003A CN40001A CN50002A CN9999A"),
    (SAME, {"exact_duplicates": True}, "exact duplicates", "CN10002A CN10003A"),
    (NEAR, {"near_duplicates": 0.8}, "near duplicates", "CN10002A CN10004A CN10005A CN10006A CN10007A CN10008A"),
])  # fmt: skip
def test_one_of_a_family_and_of_duplicates_stays(folder, documents, changes, step, left):
    numbers, removed = pick(folder, documents, replace(OFF, **changes))
    assert sorted(numbers) == left.split() and removed == {step: len(documents) - len(numbers)}


def test_near_duplicates_of_near_duplicates_are_one_group(folder):
    text = make_text("chain", 2000)
    chain = [text[start : start + 1700] for start in (0, 120, 240)]  # neighbours 0.86 alike, the ends 0.75
    documents = [patent(f"CN1000{place}A", each) for place, each in enumerate(chain)]
    assert pick(folder, [documents[0], documents[2]], replace(OFF, near_duplicates=0.8))[1] == {"near duplicates": 0}
    assert pick(folder, documents, replace(OFF, near_duplicates=0.8))[0] == ["CN10000A"]


def test_what_many_share_is_compared_in_linear_time(folder, monkeypatch):
    text, pairs = make_text("many", 300), []
    compare = measures.compare_sketches
    monkeypatch.setattr(measures, "compare_sketches", lambda a, b: pairs.append(len(a)) or compare(a, b))
    documents = [patent(f"CN{10000 + place}A", change(text, 0.02, place)) for place in range(150)]
    assert pick(folder, documents, replace(OFF, near_duplicates=0.8))[0] == ["CN10000A"]
    assert 149 <= sum(pairs) < 150 * 20  # all pairs would be 11,175


def test_the_draw_is_the_order_of_a_hash_and_each_keeps_its_place_among_the_others(folder):
    numbers = [f"CN{10000 + place}A" for place in range(40)]
    expected = sorted(numbers, key=lambda number: hashlib.md5(f"7:{number}".encode()).hexdigest())
    assert pick(folder, map(patent, numbers), OFF, seed=7)[0] == expected
    few = [number for number in expected if int(number[2:7]) % 3]
    assert pick(folder, map(patent, sorted(few)), OFF, seed=7)[0] == few
    assert pick(folder, map(patent, numbers), OFF, seed=8)[0] != expected
