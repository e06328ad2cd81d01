"""The frozen sets of surfaces with HGNC ids: unchanged, well formed, and drawn from the gold data as they say."""

import csv
import hashlib
import sys
from collections import Counter
from pathlib import Path

import pytest
from conftest import GOLD, needs_gold

DATA = Path(__file__).parent / "data"
sys.path.insert(0, str(DATA))
from draw_hgnc_surfaces import count_surfaces, draw_surfaces  # noqa: E402

FROZEN = {
    "hgnc_surfaces.tsv": "68520eb59eef079e79afbdfc4403324d7cfbb0496990ae0521f759b197603092",
    "hgnc_surfaces_check.tsv": "37a2677850c51930f138810f12a967d3a7558e8ccc247c65b42e50240d54685f",
}
SIZES = {"hgnc_surfaces.tsv": 240, "hgnc_surfaces_check.tsv": 60}


def read_rows(name):
    with open(DATA / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("name", FROZEN)
def test_it_is_frozen(name):
    assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == FROZEN[name]


@pytest.mark.parametrize("name", FROZEN)
def test_every_decision_has_its_ids_and_a_reason(name):
    rows = read_rows(name)
    assert len(rows) == len({row["surface"] for row in rows}) == SIZES[name]
    for row in rows:
        ids = row["hgnc"].split(";") if row["hgnc"] else []
        expected = {"id": len(ids) == 1, "several": len(ids) > 1, "none": not ids}
        assert expected[row["decision"]], row
        assert all(id.startswith("HGNC:") and id[5:].isdigit() for id in ids), row
        assert row["role"] in (("self", "agent") if ids else ("",)), row
        assert row["reason"], row


@needs_gold
def test_they_are_drawn_from_the_gold_one_behind_the_other():
    surfaces = count_surfaces(GOLD)
    drawn = draw_surfaces({surface: types.total() for surface, types in surfaces.items()}, 300)
    expected = [(name, "+".join(sorted(surfaces[name])), str(surfaces[name].total())) for name in drawn]
    assert [(row["surface"], row["type"], row["count"]) for name in FROZEN for row in read_rows(name)] == expected


def test_the_draw_is_by_count():
    counts = {"rare": 1, "frequent": 9}
    first = Counter(draw_surfaces(counts, 1, seed)[0] for seed in range(2000))
    assert 0.87 < first["frequent"] / 2000 < 0.93
    assert sorted(draw_surfaces(counts, 2)) == ["frequent", "rare"]
