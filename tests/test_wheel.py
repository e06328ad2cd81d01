"""The wheel: it builds, holds what the program needs, and runs where the checkout is not."""

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from shell import ROOT

pytestmark = pytest.mark.slow


def run(*words, **options):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy of what git has, so that the checkout stays as it is."""
    if importlib.util.find_spec("pip") is None:
        pytest.skip("pip is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in listed:
        if name.startswith("cbpner/") or name in ("pyproject.toml", "README.md", "LICENSE"):
            target = folder / "source" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    run(
        sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder / "dist",
        folder / "source",
    )  # fmt: skip
    (path,) = (folder / "dist").glob("*.whl")
    return path


def test_the_wheel_holds_the_library_alone_with_ranges_and_extras(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        text, scripts = (
            file.read(next(name for name in names if name.endswith(end))).decode()
            for end in ("/METADATA", "/entry_points.txt")
        )
    assert "cbpner" in (tops := {name.partition("/")[0] for name in names}) and len(tops) == 2
    assert all(not name.endswith((".safetensors", ".bio")) for name in names)
    needed = ("biology/genes/hgnc_subset.tsv", "base/assets/page.css", "app/assets/zh.json", "corpora/gold_numbers.txt")
    assert {f"cbpner/{name}" for name in needed} <= {*names}
    assert "cbpner = cbpner.cli:main" in scripts
    extras = {line.split(": ")[1] for line in text.splitlines() if line.startswith("Provides-Extra: ")}
    assert {"onnx", "ray", "app", "docs", "dev"} <= extras
    required = [line.partition(";")[0] for line in text.splitlines() if line.startswith("Requires-Dist: ")]
    assert any(line.startswith("Requires-Dist: torch>=") for line in required)
    assert not any("==" in line for line in required)


def test_it_runs_away_from_the_checkout(wheel, tmp_path, tiny_tagger, monkeypatch):
    zipfile.ZipFile(wheel).extractall(tmp_path / "library")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "library"))
    monkeypatch.chdir(tmp_path)
    place = run(sys.executable, "-c", "import cbpner; print(cbpner.__file__)").strip()
    assert Path(place).is_relative_to(tmp_path)
    (tmp_path / "a.txt").write_text("HER2阳性乳腺癌。", encoding="utf-8")
    row = json.loads(run(sys.executable, "-m", "cbpner", "predict", "a.txt", "--model", tiny_tagger))
    assert row["text"] == "HER2阳性乳腺癌。" and row["spans"]
