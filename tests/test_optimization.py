"""Learning rates by part of the model, adversarial steps."""

import pytest
import torch
from transformers import AutoModelForTokenClassification

from cbpner.base.errors import InputError
from cbpner.training.recipes import get_recipe
from cbpner.training.run import train
from cbpner.training.trainer import make_optimizer, perturb_embeddings


@pytest.fixture
def model(tiny_encoder):
    torch.manual_seed(0)
    return AutoModelForTokenClassification.from_pretrained(tiny_encoder, num_labels=5)


def test_the_parts_of_a_model_have_rates_of_their_own(model):
    model.crf = torch.nn.Linear(2, 2, bias=False)
    recipe = get_recipe("cbp", "", lr=1e-3, head_lr=7e-3, crf_lr=3e-2)
    optimizer = make_optimizer(model, recipe, {"classifier.weight"})
    groups = {(group["lr"], group["weight_decay"]): group["params"] for group in optimizer.param_groups}
    assert groups[7e-3, recipe.weight_decay] == [model.classifier.weight]
    assert groups[7e-3, 0.0] == [model.classifier.bias] and groups[3e-2, 0.0] == [model.crf.weight]
    assert len(groups[1e-3, 0.0]) == len(list(model.bert.parameters()))


def test_embeddings_are_moved_along_their_gradient_and_back(model):
    inputs = {"input_ids": torch.tensor([[5, 6, 7]]), "labels": torch.tensor([[1, 2, 0]])}
    plain = model.eval()(**inputs).loss
    plain.backward()
    weight = model.get_input_embeddings().weight
    before, gradient = weight.detach().clone(), weight.grad.clone()
    with perturb_embeddings(model, 0.5):
        assert torch.allclose(weight.detach() - before, 0.5 * gradient / gradient.norm(), atol=1e-6)
        assert model(**inputs).loss > plain
    assert torch.equal(weight, before)


@pytest.mark.slow
def test_an_adversarial_run_learns_otherwise_and_refuses_a_frozen_encoder(make_job):
    losses = [train(make_job(str(size), adversarial=size, epochs=1))["history"] for size in (0.0, 0.5)]
    assert losses[0] != losses[1]
    with pytest.raises(InputError, match="embeddings that do not learn"):
        make_job("frozen", adversarial=0.5, trainable_layers=0)
