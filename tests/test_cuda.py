"""What a GPU does as the CPU does it: `python -m pytest tests/test_cuda.py` there, in under two minutes.

Cases of `cuda` are skipped where torch sees no GPU; those of `cpu` show that the tests themselves run.
"""

from unittest.mock import Mock

import pytest
import torch
from conftest import DEMO_TEXT, make_sentences
from safetensors.torch import load_file

from cbpner.masked_lm.config import LMJob
from cbpner.masked_lm.corpus import TextSource
from cbpner.masked_lm.recipes import get_lm_recipe
from cbpner.masked_lm.run import fine_tune
from cbpner.prediction.tagger import Tagger
from cbpner.text.bio import write_bio
from cbpner.training.progress import Progress
from cbpner.training.run import train

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
TOLERANCES = {"fp32": 1e-3, "bf16": 0.3, "fp16": 0.1}  # of weights; of scores ten times as much
CASES = [("cpu", "bf16"), *(pytest.param("cuda:0", each, marks=needs_cuda) for each in TOLERANCES)]
pytestmark = pytest.mark.slow
METHODS = {
    "Supervised_Original": {"recipe": "paper"}, "BERT_LM_mixed": {}, "partBERT_CRF_coded": {"lstm_size": 8},
    "partBERT_CRF_described": {"trainable_layers": 1},
}  # fmt: skip
STEPS = {  # two; plain descent, for Adam's first steps make noise as large as a gradient
    "epochs": 1, "batch_size": 24, "optimizer": "sgd", "lr": 0.05, "head_lr": 0.05, "crf_lr": 0.05, "warmup": 0.0,
    "dropout": 0.0, "mask_share": 0.0, "selection": "last",
}  # fmt: skip


def run_on(device, call, job):
    """The call where the library sees no other device."""
    with pytest.MonkeyPatch.context() as patch:
        if device == "cpu":
            patch.setattr(torch.cuda, "is_available", lambda: False)
        return call(job)


def assert_alike(jobs, tolerance):
    left, right = (load_file(job.output / "model" / "model.safetensors") for job in jobs)
    for name, value in left.items():
        assert torch.allclose(value, right[name], rtol=0, atol=tolerance), name


@pytest.mark.parametrize("device, precision", CASES)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_and_scores_as_on_the_cpu(method, device, precision, make_job):
    scores, jobs, tolerance = [], [], TOLERANCES[precision]
    for place, number_format in (("cpu", "fp32"), (device, precision)):
        settings = STEPS | METHODS[method] | {"precision": number_format}
        jobs.append(make_job(f"{place}_{number_format}", method=method, **settings))
        run_on(place, train, jobs[-1])
        tagger = Tagger.from_pretrained(jobs[-1].output, device=place, precision=number_format)
        scores.append(tagger.score_sentences([each.chars for each in make_sentences(9, 5)]))
    assert_alike(jobs, tolerance)
    for expected, found in zip(*scores, strict=True):
        assert found == pytest.approx(expected, abs=10 * tolerance)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda:0", marks=needs_cuda)])
def test_a_masked_lm_learns_as_on_the_cpu_and_resumes(device, tiny_encoder, tmp_path, monkeypatch):
    text, sizes = TextSource((DEMO_TEXT,)), {"block_size": 64, "batch_tokens": 2048, "max_steps": 4}
    recipe = get_lm_recipe("cbp", encoder=str(tiny_encoder), lr=1e-3, precision="fp32", **sizes)
    jobs = [LMJob("cbp", recipe, text, tmp_path / name, text, save_steps=2) for name in ("cpu", "whole", "resumed")]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # behind the first checkpoint
        patch.setattr(Progress, "on_save", Mock(side_effect=KeyboardInterrupt))
        run_on(device, fine_tune, jobs[2])
    ran = [run_on(place, fine_tune, job) for place, job in zip(("cpu", device, device), jobs, strict=True)]
    first, *others = [metrics["perplexity"]["after"] for metrics in ran]
    assert others == pytest.approx([first] * 2, rel=1e-3) and first < 0.98 * ran[0]["perplexity"]["before"]


@needs_cuda
def test_a_batch_that_does_not_fit_the_card_is_halved(make_job, tmp_path, request):
    """All sentences in one batch, and then with two thirds of the memory that it took."""
    write_bio(tmp_path / "train.bio", make_sentences(2000, 0))
    own = {"files": {"train": tmp_path / "train.bio"}, "batch_size": 0, "batch_tokens": 200_000}
    jobs = [make_job(name, **STEPS | own) for name in ("whole", "halved")]
    torch.cuda.reset_peak_memory_stats()
    train(jobs[0])
    share = torch.cuda.max_memory_reserved() / torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(share * 2 / 3)
    request.addfinalizer(lambda: torch.cuda.set_per_process_memory_fraction(1.0))
    train(jobs[1])
    assert_alike(jobs, 1e-3)
