"""Masked language modelling: masks, the sparse loss against the library's own, perplexity by hand."""

import contextlib
import copy
import math

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, BertForMaskedLM

from cbpner.base.errors import InputError
from cbpner.masked_lm.corpus import Block, cut_blocks
from cbpner.masked_lm.masking import MaskingCollator, TargetsOnly, describe_loss, sum_losses
from cbpner.models.loss import IGNORED
from cbpner.models.tokenizers import build_tokenizer
from cbpner.text.tokenizer import CharacterTable

TEXTS = ["本发明涉及一种抗体。", "HER2阳性乳腺癌患者的基因表达水平显著升高，且", "蛋白"]


@pytest.fixture(scope="module")
def table(tiny_encoder):
    return CharacterTable(AutoTokenizer.from_pretrained(tiny_encoder))


@pytest.fixture
def model(tiny_encoder):
    return BertForMaskedLM.from_pretrained(tiny_encoder).eval()


@pytest.fixture(scope="module")
def mask(table, tiny_vocabulary):
    """`mask(texts or blocks, size)`: a masked batch."""

    def build(blocks, size=16, **options):
        blocks = list(cut_blocks(blocks, table, size)) if isinstance(blocks[0], str) else blocks
        return MaskingCollator(table, len(tiny_vocabulary), **options)(blocks)

    return build


def list_targets(batch):
    return batch["labels"][batch["labels"] != IGNORED].tolist()


def is_near(share, expected, count):
    return abs(share - expected) < 5 * math.sqrt(expected * (1 - expected) / count)


# ---- masks ----


def test_the_shares_of_the_masks(table, tiny_vocabulary, mask):
    random = np.random.default_rng(0)
    original = random.integers(104, len(tiny_vocabulary), 400)
    batch = mask([Block(np.array([table.cls, *original, table.sep]), index) for index in range(200)])
    target, original = batch["labels"] != IGNORED, torch.from_numpy(original).expand(200, -1)
    assert not target[:, [0, -1]].any()
    target, inputs = target[:, 1:-1], batch["input_ids"][:, 1:-1]
    assert torch.equal(batch["labels"][:, 1:-1][target], original[target])
    assert torch.equal(inputs[~target], original[~target])
    assert is_near(target.double().mean(), 0.15, 200 * 400)
    masked, kept = inputs[target] == table.mask, inputs[target] == original[target]
    for found, share in ((masked, 0.8), (kept, 0.1), (~masked & ~kept, 0.1)):
        assert is_near(found.double().mean(), share, len(found))
    assert len(inputs[target][~masked & ~kept].unique()) > 500, "random characters come from the whole vocabulary"


def test_padding_and_unknown_characters_are_never_targets(table, tiny_vocabulary, mask):
    batch = mask(["基🧬" * 40, "基"], 512)
    assert batch["attention_mask"].sum(dim=1).tolist() == [82, 3] and batch["input_ids"][-1, 3:].eq(table.pad).all()
    assert set(list_targets(batch)) == {tiny_vocabulary["基"]}


@pytest.mark.parametrize("order, any_token", [("first", False), ("last", False), ("first", True)])
def test_targets_and_replacements_are_never_special_or_as_the_original_s(order, any_token):
    """Wherever the special tokens are in the vocabulary."""
    special, letters = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], "基因蛋白"
    tokens = [*special, *letters] if order == "first" else [*letters, *special]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    table = CharacterTable(build_tokenizer(vocabulary))
    collator = MaskingCollator(table, len(vocabulary), any_token=any_token)
    batch = collator(list(cut_blocks(["基🧬" * 4000], table, 512)))
    inside = set(batch["input_ids"][batch["labels"] != IGNORED].tolist())
    assert set(list_targets(batch)) == {vocabulary["基"], *[table.unk] * any_token}
    assert inside == (set(vocabulary.values()) if any_token else {table.mask, *(vocabulary[each] for each in letters)})


def test_masks_follow_from_seed_epoch_and_block_alone(table, tiny_vocabulary, mask):
    blocks = list(cut_blocks(["本发明涉及一种抗体" * 9] * 4, table, 512))
    collator = MaskingCollator(table, len(tiny_vocabulary), seed=3)
    state = torch.get_rng_state()
    together, alone = collator(blocks), [collator([block]) for block in reversed(blocks)][::-1]
    assert torch.equal(state, torch.get_rng_state()), "torch's generator is left alone"
    for name in ("input_ids", "labels"):
        assert torch.equal(together[name], torch.cat([batch[name] for batch in alone]))
    assert len({tuple(row.tolist()) for row in together["labels"].ne(IGNORED)}) == 4, "each block has its own masks"
    collator.set_epoch(1)
    for changed in (collator(blocks), mask(blocks, seed=4)):
        assert not torch.equal(changed["labels"], together["labels"])
    collator.set_epoch(0)
    assert torch.equal(collator(blocks)["labels"], together["labels"])


# ---- the loss ----


def test_loss_and_gradients_are_the_library_s(model, mask):
    batch, twin = mask(TEXTS * 4), copy.deepcopy(model)
    twin.tie_weights()
    expected, found = twin(**batch).loss, TargetsOnly(model)(**batch)["loss"]
    assert torch.allclose(found, expected, atol=1e-6)
    expected.backward()
    found.backward()
    for (name, parameter), other in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert other.grad.abs().max() > 0 or "key.bias" in name
        assert torch.allclose(parameter.grad, other.grad, atol=1e-6), name
    items = 10 * len(list_targets(batch))
    for number in (items, torch.tensor(items)):
        assert TargetsOnly(model)(**batch, num_items_in_batch=number)["loss"].item() == pytest.approx(found.item() / 10)


def test_a_batch_without_targets_gives_no_gradient(model, mask):
    batch = mask(["🧬🧬"])
    for items in (None, 0):
        loss = TargetsOnly(model)(**batch, num_items_in_batch=items)["loss"]
        assert loss.item() == 0.0
        loss.backward()
    assert all(parameter.grad is None or not parameter.grad.any() for parameter in model.parameters())
    with pytest.raises(InputError):
        describe_loss(*sum_losses(model, [batch], contextlib.nullcontext))


def test_perplexity_weighs_targets_not_batches(model, tiny_vocabulary, mask):
    """A model whose scores are its bias: 基 has half of the probability, every other token a share of the rest."""
    for parameter in model.cls.parameters():
        torch.nn.init.zeros_(parameter)
    others = len(tiny_vocabulary) - 1
    with torch.no_grad():
        model.cls.predictions.bias[tiny_vocabulary["基"]] = math.log(others)
    batches = [mask([text], 512) for text in ("基" * 300, "因" * 60)]
    likely, rare = (len(list_targets(batch)) for batch in batches)
    assert likely > 2 * rare > 0
    surprise = (likely * math.log(2) + rare * math.log(2 * others)) / (likely + rare)
    found = describe_loss(*sum_losses(model.train(), batches, contextlib.nullcontext))
    assert found == {"perplexity": pytest.approx(math.exp(surprise), rel=1e-5), "targets": likely + rare}
