"""Tokenizers with one token a character, for `transformers`, from the vocabulary of any Chinese BERT.

What is saved is a plain `tokenizers` pipeline that `AutoTokenizer` loads with no code of ours. Training and prediction
use the `CharacterTable` read off that pipeline.
"""

import json
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from cbpner.base.errors import InputError
from cbpner.text.tokenizer import CASINGS, FOLDED, ONE_CODE_POINT, SPECIAL_TOKENS, is_han

DOTTED_I = "\u0130"  # the one code point whose lower case is two
UPPER_CASE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MIN_HAN_CHARACTERS = 1000  # BERT's Chinese vocabularies have 7,000 and more, English ones a few hundred at most
MAX_LENGTH = 512
ADVICE = "take a BERT with a character vocabulary, such as bert-base-chinese or the shipped models/cbp_mini"


def make_tokenizer(
    source: PreTrainedTokenizerBase, name: str, casing: str, special_tokens_are_text: bool = True
) -> tuple[PreTrainedTokenizerFast, dict[int, int]]:
    """The character tokenizer on top of a pretrained encoder, and {added id: id whose embedding it starts from}.

    source: the encoder's own tokenizer. name: the encoder's, in messages. casing: `lower`; `keep`, which adds `A`-`Z`
    where missing; `paper`: with case, and no letters added; or `uncased`. The other two: see `build_tokenizer`.
    """
    if casing not in CASINGS:
        raise ValueError(f"expected a casing among {CASINGS}, got {casing!r}")
    vocabulary, sources = read_vocabulary(source, name), {}
    for letter in UPPER_CASE if casing == "keep" else "":
        if letter not in vocabulary and letter.lower() in vocabulary:
            vocabulary[letter] = max(vocabulary.values()) + 1
            sources[vocabulary[letter]] = vocabulary[letter.lower()]
    return build_tokenizer(vocabulary, casing, special_tokens_are_text), sources


def build_tokenizer(
    vocabulary: Mapping[str, int], casing: str = "keep", special_tokens_are_text: bool = False
) -> PreTrainedTokenizerFast:
    """A tokenizer that makes one token of every code point, and no word pieces of several.

    vocabulary: {token: id}, ids without a gap. casing: `lower` and `uncased` lower-case before the look-up, and `paper`
    and `uncased` do not fold full-width letters. special_tokens_are_text: a literal `[MASK]` in a text is six
    characters (taggers), not a token (masked LMs).
    """
    missing = [token for token in SPECIAL_TOKENS.values() if token not in vocabulary]
    if missing:
        raise ValueError(f"expected the special tokens {list(SPECIAL_TOKENS.values())}, missing {missing}")
    folded = FOLDED if casing in ("keep", "lower") else {}
    steps: list[normalizers.Normalizer] = [normalizers.Replace(full, half) for full, half in folded.items()]
    if casing in ("lower", "uncased"):
        accented = list_accented(vocabulary) if casing == "uncased" else {"i": DOTTED_I}
        steps += [normalizers.Replace(Regex(f"[{every}]"), base) for base, every in accented.items()]
        steps += [normalizers.Lowercase()]
    core = Tokenizer(models.WordLevel(dict(vocabulary), unk_token=SPECIAL_TOKENS["unk_token"]))
    core.normalizer = normalizers.Sequence(steps)
    core.pre_tokenizer = pre_tokenizers.Split(Regex(ONE_CODE_POINT), "isolated")
    core.decoder = decoders.Fuse()
    special = [(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")]
    core.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", special)
    return PreTrainedTokenizerFast(
        tokenizer_object=core, model_max_length=MAX_LENGTH, clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        split_special_tokens=special_tokens_are_text, **SPECIAL_TOKENS,
    )  # fmt: skip


def list_accented(vocabulary: Collection[str]) -> dict[str, str]:
    """{character of the vocabulary: what BERT's uncased tokenizers read as it, beside its own upper case}.

    They decompose a character (Unicode's NFD) and drop combining marks; here, where one character is left.
    """
    found: dict[str, str] = {}
    for character in map(chr, (*range(0x80, 0xAC00), *range(0xF900, 0x30000))):  # between them: Hangul, surrogates
        lower = character.lower()
        base = "".join(each for each in unicodedata.normalize("NFD", lower) if unicodedata.category(each) != "Mn")
        if base != lower and len(base) == 1 and base in vocabulary:
            found[base] = found.get(base, "") + character
    return found


def read_vocabulary(tokenizer: PreTrainedTokenizerBase, name: str) -> dict[str, int]:
    """The {token: id} of a loaded tokenizer; InputError where single characters cannot be looked up in it."""
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise InputError(f"{name}: its {type(tokenizer).__name__} has no vocabulary file of tokens; {ADVICE}")
    kind = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["type"]
    vocabulary = tokenizer.get_vocab()
    han = sum(len(token) == 1 and is_han(token) for token in vocabulary)
    missing = [token for token in SPECIAL_TOKENS.values() if token not in vocabulary]
    if kind not in ("WordPiece", "WordLevel"):
        problem = f"its {kind} vocabulary is one of sub-words, not of single characters"
    elif han < MIN_HAN_CHARACTERS:
        problem = f"its vocabulary has {han} single Chinese characters, expected at least {MIN_HAN_CHARACTERS}"
    elif missing:
        problem = f"its vocabulary lacks the special tokens {missing}"
    else:
        return vocabulary
    raise InputError(f"{name}: {problem}; {ADVICE}")


def extend_embeddings(model: PreTrainedModel, size: int, sources: Mapping[int, int]) -> None:
    """Give `model` `size` token rows, or more where ids need them; `sources`: {new id: id of the row to copy}."""
    if not sources:
        return
    model.resize_token_embeddings(max(size, max(sources) + 1), mean_resizing=False)
    new, old = list(sources), list(sources.values())
    weight: Any = model.get_input_embeddings().weight
    head = model.get_output_embeddings()
    with torch.no_grad():
        weight[new] = weight[old]
        if head is not None and head.bias is not None:
            head.bias[new] = head.bias[old]
