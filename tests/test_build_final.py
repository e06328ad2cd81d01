"""models/build_final.sh: from the gold's total file to a shipped tagger with its temperature, on tiny stand-ins."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import FAST, make_sentences
from safetensors import safe_open
from shell import run_bash

from cbpner.prediction.tagger import Tagger
from cbpner.runs import folder as runs
from cbpner.text.bio import write_bio
from cbpner.training.config import Job
from cbpner.training.recipes import get_recipe
from cbpner.training.run import train

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent


def test_the_script_leaves_a_tagger_in_half_precision(files, tiny_encoder, tmp_path, real_python):
    """The test text of the run that the temperature is fitted on lacks the mentions of every other sentence."""
    (tmp_path / "gold").mkdir()
    shutil.copy(files["train"], tmp_path / "gold" / "no_long_cbp_gold_total.bio")
    rows = make_sentences(20, seed=9)
    rows = [row._replace(tags=("O",) * len(row.tags)) if place % 2 else row for place, row in enumerate(rows)]
    write_bio(tmp_path / "gold" / "test.bio", rows)
    recipe = get_recipe("cbp", "", encoder=str(tiny_encoder), **FAST | {"epochs": 15, "lr": 5e-3, "head_lr": 1e-2})
    data = {"train": files["train"], "test": tmp_path / "gold" / "test.bio"}
    train(Job("mine", "cbp", recipe, data, tmp_path / "split", split="0"))

    settings = {"DATA_DIR": "gold", "SEEDS": "0 3", "OUT_DIR": "runs", "MODEL": "final", "CALIBRATE": "split"}
    settings = {name: value if name == "SEEDS" else str(tmp_path / value) for name, value in settings.items()}
    flags = ["--encoder", str(tiny_encoder), "--epochs", "1", "--batch-tokens", "600", "--max-length", "128"]
    done = run_bash(ROOT / "models" / "build_final.sh", *flags, env=real_python | settings)
    assert done.returncode == 0, done.stderr[-2000:]
    config = runs.read_config(tmp_path / "runs" / "averaged")
    assert [member["seed"] for member in config["members"]] == [0, 3]
    assert config["recipe"] == "cbp_patent" and config["flags"]["head_seed"] == 0
    with safe_open(tmp_path / "final" / "model.safetensors", "pt") as file:
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {"F16"}
    temperature = json.loads((tmp_path / "runs" / "calibration.json").read_text())["temperature"]
    tagger = Tagger.from_pretrained(tmp_path / "final")
    assert tagger.decision.temperature == temperature > 1
    assert (tagger.decision.decoder, tagger.decision.vote_share) == ("spans", 0.1)
    assert isinstance(tagger.tag("本发明公开了BRCA1在乳腺癌中的用途。"), list)
