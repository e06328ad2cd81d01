"""Attention in plain products: what transformers' own gives, and what is padded."""

import pytest
import torch
from test_crf_tagger import make_batch
from transformers import BertConfig, BertForTokenClassification

from cbpner.models.attention import NAME, mask_padding, pick_attention

SMALL = {"vocab_size": 900, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
         "intermediate_size": 40, "max_position_embeddings": 24, "num_labels": 3}  # fmt: skip
LENGTHS = (20, 7, 1)


def make_models(**settings):
    """The same weights with transformers' attention and with ours, in training mode."""
    models = []
    for name in ("eager", NAME):
        torch.manual_seed(0)
        config = BertConfig(**SMALL | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0} | settings)
        models.append(BertForTokenClassification._from_config(config, attn_implementation=name).train())
    return models


def run(model, batch):
    """(logits of what is not padded, the gradient of everything in a row)."""
    found = model(**batch)
    found.loss.backward()
    mask = batch["attention_mask"].bool()
    return found.logits[mask].float(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("lengths", [LENGTHS, (9, 9)], ids=["padded", "of one length"])
def test_float32_is_that_of_transformers(lengths):
    batch = make_batch(lengths)
    expected, found = (run(model, batch) for model in make_models())
    torch.testing.assert_close(found[0], expected[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(found[1], expected[1], atol=1e-5, rtol=1e-4)


def test_bfloat16_is_as_near_to_float32_as_that_of_transformers():
    batch = make_batch(LENGTHS)
    theirs, ours = make_models()
    exact = run(theirs, batch)
    theirs.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        errors = [[(a - b).norm() / b.norm() for a, b in zip(run(model, batch), exact, strict=True)]
                  for model in (theirs, ours)]  # fmt: skip
    for their, our in zip(*errors, strict=True):
        assert 0 < our < 1.5 * their < 0.05


def test_masks():
    mask = torch.tensor([[True, True], [True, False]])
    assert mask_padding(mask).tolist() == [[[[0.0, 0.0]]], [[[0.0, float("-inf")]]]] and mask_padding(mask[:1]) is None
    assert pick_attention(torch.device("cpu")) == NAME and pick_attention(torch.device("cuda")) == "sdpa"
