"""Masked language modelling: blocks, masks, the sparse loss against the library's own, perplexity by hand."""

import contextlib
import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader
from transformers import AutoTokenizer, BertForMaskedLM, Trainer, TrainerCallback, TrainingArguments

from cbpner.masked_lm.blocks import DocumentBlocks, StreamBlocks, cut_blocks, wrap_block
from cbpner.masked_lm.cache import Text, open_corpus
from cbpner.masked_lm.masking import MaskingCollator, TargetsOnly, measure_perplexity
from cbpner.models.tokenizers import build_tokenizer
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.batching import IGNORED

TEXTS = ["本发明涉及一种抗体。", "HER2阳性乳腺癌患者的基因表达水平显著升高，且", "蛋白"]


@pytest.fixture(scope="module")
def table(tiny_encoder):
    return CharacterTable(AutoTokenizer.from_pretrained(tiny_encoder))


@pytest.fixture
def model(tiny_encoder):
    return BertForMaskedLM.from_pretrained(tiny_encoder).eval()


def strip_block(block, table):
    assert (block[0], block[-1]) == (table.cls, table.sep)
    return block[1:-1]


@given(
    texts=st.lists(st.text(st.sampled_from("基因aB1 🧬"), max_size=60), max_size=5),
    size=st.integers(3, 20),
)
def test_blocks_lose_nothing(tiny_vocabulary, texts, size):
    table = CharacterTable(build_tokenizer(tiny_vocabulary))
    blocks = iter(cut_blocks(texts, table, size))
    for text in texts:
        pieces = [strip_block(next(blocks), table) for _ in range(math.ceil(len(text) / (size - 2)))]
        assert all(0 < len(piece) <= size - 2 for piece in pieces)
        assert max(map(len, pieces), default=0) - min(map(len, pieces), default=0) <= 1
        assert [number for piece in pieces for number in piece] == table.encode(text).tolist()
    assert next(blocks, None) is None


def test_the_shares_of_the_masks(table, tiny_vocabulary):
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    block = np.concatenate(([table.cls], random.integers(104, len(tiny_vocabulary), 400), [table.sep]))
    original = torch.from_numpy(np.stack([block] * 200))
    batch = MaskingCollator(table, len(tiny_vocabulary))(list(original.numpy()))
    target = batch["labels"] != IGNORED
    assert torch.equal(batch["labels"][target], original[target])
    assert torch.equal(batch["input_ids"][~target], original[~target])
    assert not target[:, [0, -1]].any()
    eligible, targets = 200 * 400, int(target.sum())
    assert abs(targets / eligible - 0.15) < 5 * math.sqrt(0.15 * 0.85 / eligible)
    given_ids = batch["input_ids"][target]
    masked, kept = given_ids == table.mask, given_ids == original[target]
    for found, share in ((masked, 0.8), (kept, 0.1), (~masked & ~kept, 0.1)):
        assert abs(found.float().mean().item() - share) < 5 * math.sqrt(share * (1 - share) / targets)
    replaced = given_ids[~masked & ~kept]
    assert len(replaced.unique()) > 500, "random characters come from the whole vocabulary"


def test_special_and_unknown_tokens_are_never_targets(table, tiny_vocabulary):
    torch.manual_seed(0)
    text = "基🧬" * 40
    blocks = [*cut_blocks([text] * 30, table, 512), *cut_blocks(["基"], table, 512)]
    blocks[0][5] = table.mask
    batch = MaskingCollator(table, len(tiny_vocabulary))(blocks)
    targets = batch["labels"][batch["labels"] != IGNORED]
    assert set(targets.tolist()) == {tiny_vocabulary["基"]}
    assert len(targets) > 100
    assert batch["attention_mask"].sum(dim=1).tolist() == [82] * 30 + [3]
    assert batch["input_ids"][-1, 3:].eq(table.pad).all()


@pytest.mark.parametrize("order", ["first", "last"])
def test_replacements_are_never_special(order):
    """Wherever the special tokens stand in the vocabulary."""
    special, letters = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], "基因蛋白"
    tokens = [*special, *letters] if order == "first" else [*letters, *special]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    table = CharacterTable(build_tokenizer(vocabulary))
    torch.manual_seed(0)
    batch = MaskingCollator(table, len(vocabulary))(cut_blocks(["基" * 4000], table, 512))
    inside = batch["input_ids"][batch["labels"] != IGNORED]
    assert set(inside.tolist()) == {table.mask, *(vocabulary[letter] for letter in letters)}


def test_a_seed_fixes_the_masks_and_leaves_torch_alone(table, tiny_vocabulary):
    blocks = cut_blocks(TEXTS, table, 16)
    seeded = MaskingCollator(table, len(tiny_vocabulary), seed=1)
    state = torch.get_rng_state()
    one, two = seeded(blocks), seeded(blocks)
    assert torch.equal(state, torch.get_rng_state())
    other = MaskingCollator(table, len(tiny_vocabulary), seed=2)(blocks)
    for name in ("input_ids", "labels"):
        assert torch.equal(one[name], two[name])
        assert not torch.equal(one[name], other[name])
    free = MaskingCollator(table, len(tiny_vocabulary))
    assert not torch.equal(free(blocks)["labels"], free(blocks)["labels"])


def test_loss_and_gradients_are_the_library_s(model, table, tiny_vocabulary):
    batch = MaskingCollator(table, len(tiny_vocabulary), seed=0)(cut_blocks(TEXTS * 4, table, 16))
    twin = copy.deepcopy(model)
    twin.tie_weights()
    expected = twin(**batch).loss
    found = TargetsOnly(model)(**batch)["loss"]
    assert torch.allclose(found, expected, atol=1e-6)
    expected.backward()
    found.backward()
    for (name, parameter), other in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert other.grad.abs().max() > 0 or "key.bias" in name
        assert torch.allclose(parameter.grad, other.grad, atol=1e-6), name


def test_the_loss_is_divided_by_the_items_of_the_step(model, table, tiny_vocabulary):
    batch = MaskingCollator(table, len(tiny_vocabulary), seed=0)(cut_blocks(TEXTS * 4, table, 16))
    targets = int(batch["labels"].ne(IGNORED).sum())
    mean = TargetsOnly(model)(**batch)["loss"].item()
    for items in (10 * targets, torch.tensor(10 * targets)):
        assert TargetsOnly(model)(**batch, num_items_in_batch=items)["loss"].item() == pytest.approx(mean / 10)


def test_a_batch_without_targets_gives_no_gradient(model, table, tiny_vocabulary):
    batch = MaskingCollator(table, len(tiny_vocabulary), seed=0)(cut_blocks(["🧬🧬"], table, 16))
    for items in (None, 0):
        loss = TargetsOnly(model)(**batch, num_items_in_batch=items)["loss"]
        assert loss.item() == 0.0
        loss.backward()
    assert all(parameter.grad is None or not parameter.grad.any() for parameter in model.parameters())
    with pytest.raises(ValueError, match="at least one masked character"):
        measure_perplexity(model, [batch], contextlib.nullcontext)


class KeepGradients(TrainerCallback):
    def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
        self.gradients = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def test_accumulated_batches_count_by_their_targets(model, table, tiny_vocabulary, tmp_path):
    """Two batches, one step: the gradient is that of both together, however unlike their numbers of targets."""
    collator = MaskingCollator(table, len(tiny_vocabulary), seed=0)
    batches = [collator(cut_blocks(texts, table, 64)) for texts in (TEXTS[1:2] * 6, TEXTS[:1])]
    counts = [int(batch["labels"].ne(IGNORED).sum()) for batch in batches]
    assert counts[0] > 4 * counts[1] > 0
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    twin = copy.deepcopy(model)
    twin.tie_weights()
    for batch in batches:
        TargetsOnly(twin)(**batch, num_items_in_batch=sum(counts))["loss"].backward()

    class TwoBatches(Trainer):
        def get_train_dataloader(self):
            return self.accelerator.prepare(DataLoader(batches, batch_size=None))

    arguments = TrainingArguments(
        str(tmp_path), max_steps=1, gradient_accumulation_steps=2, max_grad_norm=0.0, use_cpu=True, report_to=[],
        save_strategy="no", logging_strategy="no", disable_tqdm=True, remove_unused_columns=False,
    )  # fmt: skip
    keeper = KeepGradients()
    TwoBatches(TargetsOnly(model), arguments, train_dataset=batches, callbacks=[keeper]).train()
    for name, parameter in twin.named_parameters():
        assert torch.allclose(keeper.gradients[f"model.{name}"], parameter.grad, atol=1e-6), name


def test_perplexity_of_a_uniform_model_is_the_vocabulary_s_size(model, table, tiny_vocabulary):
    for parameter in model.cls.parameters():
        torch.nn.init.zeros_(parameter)
    collator = MaskingCollator(table, len(tiny_vocabulary), seed=0)
    batches = [collator(cut_blocks([text], table, 16)) for text in TEXTS]
    found = measure_perplexity(model, batches, contextlib.nullcontext)
    assert found == pytest.approx(len(tiny_vocabulary), rel=1e-5)


def test_perplexity_weighs_targets_not_batches(model, table, tiny_vocabulary):
    """A model whose scores are its bias: 基 has half of the probability, every other token a share of the rest."""
    for parameter in model.cls.parameters():
        torch.nn.init.zeros_(parameter)
    others = len(tiny_vocabulary) - 1
    with torch.no_grad():
        model.cls.predictions.bias[tiny_vocabulary["基"]] = math.log(others)
    collator = MaskingCollator(table, len(tiny_vocabulary), seed=0)
    batches = [collator(cut_blocks([text], table, 512)) for text in ("基" * 300, "因" * 60)]
    likely, rare = (int(batch["labels"].ne(IGNORED).sum()) for batch in batches)
    assert likely > 2 * rare > 0
    surprise = (likely * math.log(2) + rare * math.log(2 * others)) / (likely + rare)
    found = measure_perplexity(model.train(), batches, contextlib.nullcontext)
    assert found == pytest.approx(math.exp(surprise), rel=1e-5)


# ---- blocks over the cache, keyed masks, whole words ----


@pytest.fixture
def make_corpus(table, tmp_path):
    def build(text, **settings):
        path = tmp_path / "corpus.txt"
        path.write_text(text, encoding="utf-8")
        return open_corpus(Text((path,), **settings), table)

    return build


@settings(max_examples=25)
@given(texts=st.lists(st.text(st.sampled_from("基因aB1"), min_size=1, max_size=60), min_size=1, max_size=5),
       size=st.integers(3, 20))  # fmt: skip
def test_blocks_of_a_corpus_are_those_of_its_texts(tiny_vocabulary, tmp_path_factory, texts, size):
    table, path = CharacterTable(build_tokenizer(tiny_vocabulary)), tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n\n".join(texts), encoding="utf-8")
    blocks = DocumentBlocks(open_corpus(Text((path,)), table), table, size)
    expected = cut_blocks(texts, table, size)
    assert [block.ids.tolist() for block in map(blocks.__getitem__, range(len(blocks)))] == [
        block.tolist() for block in expected
    ]
    assert blocks.lengths.tolist() == list(map(len, expected)) and blocks.characters == sum(map(len, texts))


def test_a_stream_goes_through_documents_and_drops_its_end(table, make_corpus):
    blocks = StreamBlocks(make_corpus("本发明\n涉及\n\n一种抗体\n\n的用"), table, 6)
    assert [strip_block(block.ids, table).tolist() for block in (blocks[0], blocks[1])] == [
        table.encode("本发明涉").tolist(), table.encode("及一种抗").tolist(),
    ]  # fmt: skip
    assert (len(blocks), blocks.characters, blocks.lengths.tolist()) == (2, 8, [6, 6])


def test_words_of_a_block_begin_at_its_borders(table, make_corpus):
    """The document's seven characters make two blocks, of four and three; the border goes through HER2."""
    blocks = DocumentBlocks(make_corpus("抗体HER2阳", segmenter="none"), table, 6)
    assert [len(block.ids) for block in (blocks[0], blocks[1])] == [6, 5]
    assert blocks[0].words.tolist() == [True, True, True, True, False, True]
    assert blocks[1].words.tolist() == [True, True, False, True, True]


def keyed(table, text, words, index=0):
    return wrap_block(table, table.encode(text), np.array(words, dtype=bool), index)


def test_a_word_is_wholly_a_target_or_not_at_all(table, tiny_vocabulary):
    """Words of one, two and four characters; each character of a target has its own draw of 80/10/10."""
    word = [True, True, False, True, False, False, False]
    blocks = [keyed(table, "因蛋白HER2" * 60, word * 60, index) for index in range(50)]
    batch = MaskingCollator(table, len(tiny_vocabulary), seed=0)(blocks)
    target = batch["labels"].ne(IGNORED).numpy()[:, 1:-1].reshape(-1, 7)
    one, two, four = target[:, :1], target[:, 1:3], target[:, 3:]
    assert not batch["labels"].ne(IGNORED)[:, [0, -1]].any()
    for each in (one, two, four):
        assert np.array_equal(each.any(axis=1), each.all(axis=1))
        count = len(each)
        assert abs(each.all(axis=1).mean() - 0.15) < 5 * math.sqrt(0.15 * 0.85 / count)
    assert abs(target.mean() - 0.15) < 0.01, "so 15% of the characters are targets"
    given_ids = batch["input_ids"].numpy()[:, 1:-1].reshape(-1, 7)[:, 3:][four.all(axis=1)]
    masked = (given_ids == table.mask).mean(axis=1)
    assert abs(masked.mean() - 0.8) < 0.05 and 0 < (masked < 1).mean() < 1


def test_a_word_with_an_unknown_character_is_no_target(table, tiny_vocabulary):
    block = keyed(table, "A🧬1基" * 300, [True, False, False, True] * 300)
    labels = MaskingCollator(table, len(tiny_vocabulary), seed=0)([block])["labels"]
    assert set(labels[labels != IGNORED].tolist()) == {tiny_vocabulary["基"]}
    assert (labels != IGNORED).sum() > 20


def test_the_share_of_targets_can_be_set(table, tiny_vocabulary):
    block = wrap_block(table, table.encode("基因" * 5000), None, 0)
    labels = MaskingCollator(table, len(tiny_vocabulary), seed=0, share=0.4)([block])["labels"]
    assert abs((labels != IGNORED).float().mean().item() - 0.4) < 0.03


def test_masks_follow_from_seed_epoch_and_block_alone(table, tiny_vocabulary):
    blocks = [wrap_block(table, table.encode("本发明涉及一种抗体" * 9), None, index) for index in range(4)]
    collator = MaskingCollator(table, len(tiny_vocabulary), seed=3)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    together, alone = collator(blocks), [collator([block]) for block in reversed(blocks)][::-1]
    assert torch.equal(state, torch.get_rng_state())
    for name in ("input_ids", "labels"):
        assert torch.equal(together[name], torch.cat([batch[name] for batch in alone]))
    rows = {tuple(row.tolist()) for row in together["labels"].ne(IGNORED)}
    assert len(rows) == 4, "each block has masks of its own"
    collator.set_epoch(1)
    other = MaskingCollator(table, len(tiny_vocabulary), seed=4)
    for changed in (collator, other):
        assert not torch.equal(changed(blocks)["labels"], together["labels"])
    collator.set_epoch(0)
    assert torch.equal(collator(blocks)["labels"], together["labels"])
