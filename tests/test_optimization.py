"""Learning rates by part of the model, adversarial steps."""

import pytest
import torch
from test_training import files, make_job, read_weights  # noqa: F401
from transformers import AutoModelForTokenClassification

from cbpner.base.errors import InputError
from cbpner.training.optimization import find_rate, make_optimizer, perturb_embeddings
from cbpner.training.recipes import get_recipe
from cbpner.training.run import train


@pytest.fixture
def model(tiny_encoder):
    torch.manual_seed(0)
    return AutoModelForTokenClassification.from_pretrained(tiny_encoder, num_labels=5)


def test_the_parts_of_a_model_have_rates_of_their_own(model):
    recipe = get_recipe("cbp", "", lr=1e-3, head_lr=7e-3, crf_lr=3e-2)
    rates = {name: find_rate(model, name, recipe) for name, _ in model.named_parameters()}
    assert rates["classifier.weight"] == 7e-3 and find_rate(model, "crf.transitions", recipe) == 3e-2
    assert rates["bert.encoder.layer.0.output.dense.bias"] == rates["bert.embeddings.word_embeddings.weight"] == 1e-3
    optimizer = make_optimizer(model, recipe, {"classifier.weight"})
    groups = {(group["lr"], group["weight_decay"]): len(group["params"]) for group in optimizer.param_groups}
    assert groups[7e-3, recipe.weight_decay] == groups[7e-3, 0.0] == 1 and len(groups) == 3
    assert sum(groups.values()) == len(rates)


def test_embeddings_are_moved_along_their_gradient_and_back(model):
    ids = torch.tensor([[5, 6, 7]])
    loss = lambda: model(input_ids=ids, labels=torch.tensor([[1, 2, 0]])).loss  # noqa: E731
    model.eval()
    plain = loss()
    plain.backward()
    weight = model.get_input_embeddings().weight
    before, gradient = weight.detach().clone(), weight.grad.clone()
    with perturb_embeddings(model, 0.5):
        shift = weight.detach() - before
        assert shift.norm().item() == pytest.approx(0.5, rel=1e-4)
        assert torch.allclose(shift, 0.5 * gradient / gradient.norm(), atol=1e-6)
        assert loss() > plain
    assert torch.equal(weight, before)
    with pytest.raises(RuntimeError), perturb_embeddings(model, 0.5):
        raise RuntimeError
    assert torch.equal(weight, before)


def test_an_adversarial_run_learns_otherwise_and_refuses_a_frozen_encoder(make_job):  # noqa: F811
    losses = [train(make_job(str(size), adversarial=size, epochs=1))["history"] for size in (0.0, 0.5)]
    assert losses[0] != losses[1]
    with pytest.raises(InputError, match="embeddings that do not learn"):
        make_job("frozen", adversarial=0.5, trainable_layers=0)
