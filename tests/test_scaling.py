"""The arithmetic of the scaling benchmark; no time is asserted."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import common, scaling  # noqa: E402
from cbpner.base.errors import InputError  # noqa: E402


def test_a_speed_is_what_the_larger_job_adds():
    """Ready in 3 s, then 100 characters a second; the middle one of each three rounds counts."""
    found = scaling.derive_speed({1000: [13.0, 90.0, 12.0], 5000: [53.0, 1.0, 60.0]})
    assert found == {"ready": 3.0, "speed": 100}
    with pytest.raises(InputError, match="expected longer jobs"):
        scaling.derive_speed({1000: [13.0], 5000: [13.0]})


def make_found(outside):
    sides = {"without Ray": {"workers": 1, "speed": 9_000, "ready": 2.0}}
    sides["Ray, 2 workers"] = {"workers": 2, "speed": 16_000, "ready": 20.0}
    found = {"sides": sides, "outside": outside, "operations": 22e6, "characters": [1000, 5000], "each": 100}
    return found | {"rounds": 1, "precision": "bf16"}


def test_estimates_by_hand():
    here, nodes, gpus = scaling.estimate(make_found(outside=200_000))
    assert here[1:] == (16_000, pytest.approx(17.36, abs=0.01), "the model")
    assert nodes[1] == 64 * 8 * 8_000 and nodes[0] == "64 nodes of 8 cores, 11 jobs"  # 512 workers, 48 a job
    assert gpus[1:] == (1_600_000, pytest.approx(0.1736, abs=1e-4), "reading and deciding")
    assert scaling.estimate(make_found(outside=10**9))[2][1] == pytest.approx(8 * 312e12 * 0.3 / 22e6)


def test_the_tables_of_the_page(tmp_path):
    text = scaling.render(make_found(outside=200_000))
    assert "| Ray, 2 workers | 16,000 | 1.78x | 20.0 s |" in text and "| 17.4 h | the model |" in text
    page = tmp_path / "page.md"
    page.write_text(f"before\n{scaling.BEGIN}\nold\n{scaling.END}\nbehind\n", encoding="utf-8")
    common.replace_between(page, scaling.BEGIN, scaling.END, text)
    assert page.read_text(encoding="utf-8") == f"before\n{scaling.BEGIN}\n{text}{scaling.END}\nbehind\n"
    assert scaling.PAGE.read_text(encoding="utf-8").count(scaling.BEGIN) == 1
