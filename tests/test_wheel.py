"""The wheels: they build, hold what the program needs, and run where the checkout is not."""

import importlib.util
import json
import shutil
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
def wheels(tmp_path_factory):
    """Those of the library and of its models, built from a copy of what git has: the checkout stays as it is."""
    if importlib.util.find_spec("pip") is None:
        pytest.skip("pip is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in listed:
        if name.startswith(("cbpner/", "models/", "data/demo/")) or name in ("pyproject.toml", "README.md", "LICENSE"):
            target = folder / "source" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(ROOT / name) if name.endswith(".safetensors") else shutil.copy(ROOT / name, target)
    run(
        sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder / "dist",
        ".", "./models", cwd=folder / "source",
    )  # fmt: skip
    return sorted((folder / "dist").glob("*.whl"))


def test_the_wheel_holds_the_library_alone_with_ranges_and_extras(wheels):
    with zipfile.ZipFile(wheels[0]) as file:
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


def test_installed_it_tags_and_trains_in_an_empty_folder(wheels, tmp_path, monkeypatch):
    """In an environment of its own, which sees this one's packages; `cbpner` is this checkout's no more."""
    place = tmp_path / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", place)
    (library,) = place.glob("lib/python*/site-packages")
    packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    (library / "others.pth").write_text("\n".join(packages))
    run(sys.executable, "-m", "pip", "--python", place / "bin" / "python", "install", "-q", "--no-deps", "--no-index",
        "--ignore-installed", *wheels)  # fmt: skip
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    cbpner, text = place / "bin" / "cbpner", "HER2阳性乳腺癌。"
    row = json.loads(run(cbpner, "predict", "-", "--to", "jsonl", input=text))
    assert row["text"] == text and row["spans"]
    code = f"import cbpner; print(cbpner.__file__, *cbpner.Tagger.from_pretrained().tag('{text}'))"
    found = run(place / "bin" / "python", "-c", code)
    assert found.startswith(str(library)) and "乳腺癌" in found
    assert "gene" in run(cbpner, "predict", "data/demo/unlabelled/test.txt")
    small = ("--trainable-layers", 0, "--patents", 1, "--epochs", 1, "--no-model", "-o", "runs/demo/0")
    run(cbpner, "train", "--data-dir", "data/demo", "--split", 0, *small)
    assert json.loads(Path("runs/demo/0/config.json").read_text())["flags"]["encoder"] == "cbp_mini"
    shutil.rmtree(library / "cbpner_models")
    done = subprocess.run([cbpner, "predict", "-"], capture_output=True, text=True, input=text)
    assert done.returncode == 2 and "pip wheel --no-deps ./models" in done.stderr
