"""One character, one token: the saved pipeline and the table of code points give the same ids for every text."""

import json
import shutil
import unicodedata

import numpy as np
import pytest
import torch
from conftest import WORD_PIECES
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models
from transformers import AutoModelForMaskedLM, AutoTokenizer, ByT5Tokenizer, PreTrainedTokenizerFast

from cbpner.base.errors import InputError
from cbpner.models.tokenizers import build_tokenizer, extend_embeddings, make_tokenizer
from cbpner.text.tokenizer import CharacterTable

CODE_POINTS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
CHUNK = 4096
AWKWARD = [
    "", " ", "\t", "\n", "\x00", "\x97", "\ufffd", "基\t因", "基因  表达 ",
    "\r\n\n\n蛋白\n", "\u2028\u2029\x85\x0b\x0c",
    "零\u200b宽\u200d\ufeff字\u00ad", "𠮷野家🧬👩\u200d🔬\U0010ffff", "e\u0301a\u0308\u0300ḿ",
    "ＨＥＲ２（ｐ５３）１２３",
    "İstanbul ıİ", "ΟΔΟΣ ΣΑΣ ς", "ẞßŒǅﬁⅣ㎎①", "PD-L1抗体与HER2阳性乳腺癌", "[CLS][PAD][UNK]", "##1protein",
    "ABC" * 300,
]  # fmt: skip
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
mixed = st.text(st.sampled_from("基因aBzÉéÅΣσςİiＡａ１\t \n[SEP]MK\u200b🧬\x97"), max_size=60)


def backend_ids(tokenizer, text):
    return tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids


@pytest.fixture(scope="module")
def wide_vocabulary(tiny_vocabulary):
    """The tiny vocabulary and, for the sake of the comparison, all letters with case, white space and controls."""
    cased = [c for c in CODE_POINTS if unicodedata.category(c) in ("Lu", "Ll", "Lt", "Nl", "So") and ord(c) < 0x1F000]
    more = [*cased, *(chr(code) for code in (*range(0x21), *range(0x7F, 0xA1))), "\u2028", "\u200b", "🧬", "\U0010ffff"]
    tokens = dict.fromkeys((*tiny_vocabulary, *more, *WORD_PIECES))
    return {token: number for number, token in enumerate(tokens)}


@pytest.fixture(scope="module", params=["keep", "lower", "uncased"])
def reloaded(request, wide_vocabulary, tiny_encoder, tmp_path_factory):
    """(casing, tokenizer, its table): saved beside the config.json of a BERT, and loaded by AutoTokenizer."""
    folder = tmp_path_factory.mktemp("wide")
    shutil.copy(tiny_encoder / "config.json", folder)
    build_tokenizer(wide_vocabulary, request.param, special_tokens_are_text=True).save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["model_type"] == "bert"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return request.param, tokenizer, CharacterTable(tokenizer)


@pytest.mark.slow
@pytest.mark.parametrize("reloaded", ["lower"], indirect=True)
def test_every_code_point_is_one_token_with_the_same_id(reloaded):
    _, tokenizer, table = reloaded
    chunks = ["".join(CODE_POINTS[start : start + CHUNK]) for start in range(0, len(CODE_POINTS), CHUNK)]
    known = 0
    for chunk in chunks:
        encoding = tokenizer.backend_tokenizer.encode(chunk, add_special_tokens=False)
        ids = table.encode(chunk)
        assert len(encoding.ids) == len(chunk) == len(ids)
        differs = np.flatnonzero(np.array(encoding.ids) != ids)
        assert not len(differs), [hex(ord(chunk[place])) for place in differs]
        assert encoding.offsets == [(place, place + 1) for place in range(len(chunk))]
        known += int((ids != table.unk).sum())
    assert known > 5000


@pytest.mark.slow
@pytest.mark.parametrize("reloaded", ["keep", "lower"], indirect=True)
def test_ids_are_those_of_the_vocabulary(reloaded, wide_vocabulary):
    casing, tokenizer, table = reloaded
    singles = [token for token in wide_vocabulary if len(token) == 1]
    for character in singles:
        half = unicodedata.normalize("NFKC", character) if "\uff10" <= character <= "\uff5a" else character
        form = half if half.isalnum() and half.isascii() else character
        if casing == "lower":
            form = "i" if form == "İ" else form.lower()
        expected = wide_vocabulary.get(form, table.unk)
        assert backend_ids(tokenizer, character) == [expected] == table.encode(character).tolist(), ascii(character)


@pytest.mark.parametrize("text", AWKWARD, ids=ascii)
def test_awkward_text(reloaded, text):
    _, tokenizer, table = reloaded
    encoded = tokenizer(text, return_offsets_mapping=True)
    assert encoded["input_ids"] == [table.cls, *table.encode(text).tolist(), table.sep]
    assert encoded["offset_mapping"][1:-1] == [(place, place + 1) for place in range(len(text))]
    assert set(encoded["attention_mask"]) == {1}
    assert list(encoded) == ["input_ids", "token_type_ids", "attention_mask", "offset_mapping"]


@given(text=st.one_of(anything, mixed))
def test_any_text(reloaded, text):
    _, tokenizer, table = reloaded
    encoding = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
    assert encoding.ids == table.encode(text).tolist()
    assert encoding.offsets == [(place, place + 1) for place in range(len(text))]


@pytest.mark.parametrize("token", ["[SEP]", "[MASK]", "[CLS]", "[PAD]", "[UNK]"])
def test_a_special_token_in_a_text(tiny_vocabulary, tiny_encoder, tmp_path, token):
    shutil.copy(tiny_encoder / "config.json", tmp_path)
    for as_text, middle in ((True, [tiny_vocabulary[c] for c in token]), (False, [tiny_vocabulary[token]])):
        tokenizer = build_tokenizer(tiny_vocabulary, special_tokens_are_text=as_text)
        tokenizer.save_pretrained(tmp_path)
        expected = [tiny_vocabulary["a"], *middle, tiny_vocabulary["b"]]
        for one in (tokenizer, AutoTokenizer.from_pretrained(tmp_path)):
            assert one(f"a{token}b")["input_ids"][1:-1] == expected
            assert one([f"a{token}b"])["input_ids"][0][1:-1] == expected


@pytest.mark.parametrize(("casing", "read_as"), [
    ("lower", "brca1基"), ("uncased", "brca1基"), ("paper", "????1基"), ("keep", "BRCA1基"),
])  # fmt: skip
def test_casings_of_a_vocabulary_without_upper_case(lowercase_encoder, tmp_path, casing, read_as):
    source = AutoTokenizer.from_pretrained(lowercase_encoder)
    tokenizer, sources = make_tokenizer(source, "lower", casing)
    vocabulary = tokenizer.get_vocab()
    expected = [vocabulary["[UNK]" if c == "?" else c] for c in read_as]
    shutil.copy(lowercase_encoder / "config.json", tmp_path)
    tokenizer.save_pretrained(tmp_path)
    for one in (tokenizer, AutoTokenizer.from_pretrained(tmp_path)):
        assert one("BRCA1基")["input_ids"][1:-1] == expected
        assert CharacterTable(one).encode("BRCA1基").tolist() == expected
    old = source.get_vocab()
    assert {token: vocabulary[token] for token in old} == old
    assert not {old[piece] for piece in WORD_PIECES} & set(backend_ids(tokenizer, "".join(WORD_PIECES)))
    assert list(sources) == (list(range(len(old), len(old) + 26)) if casing == "keep" else [])
    assert tokenizer("[SEP]")["input_ids"][1:-1] != [vocabulary["[SEP]"]]


def test_a_cased_vocabulary_gets_no_letters(tiny_encoder, tiny_vocabulary):
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    again, sources = make_tokenizer(tokenizer, "tiny", "keep")
    assert (again.get_vocab(), sources) == (tiny_vocabulary, {})
    with pytest.raises(ValueError, match="upper"):
        make_tokenizer(tokenizer, "tiny", "upper")


@pytest.mark.slow
def test_new_rows_of_a_masked_lm_start_from_the_lower_case(lowercase_encoder):
    source = AutoTokenizer.from_pretrained(lowercase_encoder)
    tokenizer, sources = make_tokenizer(source, "lower", "keep")
    model = AutoModelForMaskedLM.from_pretrained(lowercase_encoder).eval()
    torch.nn.init.normal_(model.get_output_embeddings().bias)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    extend_embeddings(model, len(tokenizer), sources)
    assert len(tokenizer) == len(source) + 26 == model.config.vocab_size
    upper, lower = (tokenizer.convert_tokens_to_ids(list(letters)) for letters in ("AMZ", "amz"))
    for name, value in model.state_dict().items():
        assert torch.equal(value[: len(before[name])], before[name]), name
        if len(value) > len(before[name]):
            assert torch.equal(value[upper], value[lower]), name
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    scores = model(torch.tensor([tokenizer("BRCA1")["input_ids"], tokenizer("brca1")["input_ids"]])).logits
    assert torch.allclose(scores[0], scores[1], atol=1e-6)


BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MANY_HAN = [chr(code) for code in range(0x4E00, 0x5300)]


def number_tokens(*tokens):
    return {token: number for number, token in enumerate(tokens)}


@pytest.mark.parametrize("model, found", [
    (models.Unigram([(token, -1.0) for token in (*BERT_SPECIAL, *MANY_HAN)], unk_id=1), "Unigram vocabulary"),
    (models.WordPiece(number_tokens(*BERT_SPECIAL, *"abc中文基因"), unk_token="[UNK]"), "4 single Chinese char"),
    (models.WordPiece(number_tokens(*BERT_SPECIAL[:-1], *MANY_HAN), unk_token="[UNK]"), r"\['\[MASK\]'\]"),
    (None, "ByT5Tokenizer"),
])  # fmt: skip
def test_a_vocabulary_without_single_characters_is_refused(model, found):
    options = {"tokenizer_object": Tokenizer(model), "unk_token": "[UNK]"} if model else {}
    source = PreTrainedTokenizerFast(**options) if model else ByT5Tokenizer()
    with pytest.raises(InputError, match=f"some/encoder: .*{found}"):
        make_tokenizer(source, "some/encoder", "keep")
