"""Learning rates by part of the model."""

import pytest
import torch
from transformers import AutoModelForTokenClassification

from cbpner.training.recipes import get_recipe
from cbpner.training.trainer import make_optimizer


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
