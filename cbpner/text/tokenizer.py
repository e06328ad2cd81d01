"""One character, one token.

Every code point of a text is one token, whatever the encoder: nothing is split into word pieces, nothing is dropped, a
character outside the vocabulary is the unknown token. What is saved is a plain `tokenizers` pipeline that
`AutoTokenizer` loads with no code of ours; training and prediction use a table of code points read off that pipeline,
which gives the same ids (tests compare the two).

Full-width letters and digits are folded to ASCII for the vocabulary alone; offsets are those of the original text.
"""

import json
import unicodedata
from pathlib import Path

import numpy as np

from cbpner.base.errors import InputError

SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
ONE_CODE_POINT = r"[\s\S]"
CASINGS = ("paper", "lower", "keep")
FOLD_SHIFT = 0xFEE0  # distance of the full-width forms U+FF01..U+FF5E from ASCII
FOLDED = {
    chr(code): chr(code - FOLD_SHIFT)
    for first, last in ("０９", "ＡＺ", "ａｚ")
    for code in range(ord(first), ord(last) + 1)
}
DOTTED_I = "\u0130"  # the one code point whose lower case is two
UPPER_CASE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MIN_HAN_CHARACTERS = 1000  # BERT's Chinese vocabularies have 7,000 and more, English ones a few hundred at most
MAX_LENGTH = 512
SURROGATES = (0xD800, 0xE000)  # no characters: first, and first behind
LAST_CASED = 0x1F000  # no letter with case lies from here on


def is_han(character):
    return "\u4e00" <= character <= "\u9fff"


def build_tokenizer(vocabulary, lower=False, special_tokens_are_text=False, max_length=MAX_LENGTH):
    """A `PreTrainedTokenizerFast` that makes one token of every code point.

    vocabulary: {token: id}, ids without a gap; entries of several characters (word pieces) keep their ids and are
        never produced. lower: lower-case before the look-up. special_tokens_are_text: a literal `[SEP]` or `[MASK]` in
        a text is five or six characters (taggers), not the special token (masked LMs).
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    missing = [token for token in SPECIAL_TOKENS.values() if token not in vocabulary]
    if missing:
        raise ValueError(f"expected the special tokens {list(SPECIAL_TOKENS.values())}, missing {missing}")
    steps = [normalizers.Replace(full, half) for full, half in FOLDED.items()]
    if lower:
        steps += [normalizers.Replace(DOTTED_I, "i"), normalizers.Lowercase()]
    core = Tokenizer(models.WordLevel(vocabulary, unk_token=SPECIAL_TOKENS["unk_token"]))
    core.normalizer = normalizers.Sequence(steps)
    core.pre_tokenizer = pre_tokenizers.Split(Regex(ONE_CODE_POINT), "isolated")
    core.decoder = decoders.Fuse()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        model_max_length=max_length,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        split_special_tokens=special_tokens_are_text,
        clean_up_tokenization_spaces=False,
        **SPECIAL_TOKENS,
    )


def read_vocabulary(tokenizer, name):
    """The {token: id} of a loaded tokenizer, refused where single characters cannot be looked up in it."""
    advice = "take a BERT with a character vocabulary, such as bert-base-chinese or the shipped models/cbp_mini"
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise InputError(f"{name}: its {type(tokenizer).__name__} has no vocabulary file of tokens; {advice}")
    kind = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["type"]
    vocabulary = tokenizer.get_vocab()
    han = sum(len(token) == 1 and is_han(token) for token in vocabulary)
    if kind not in ("WordPiece", "WordLevel"):
        raise InputError(f"{name}: its {kind} vocabulary is one of sub-words, not of single characters; {advice}")
    if han < MIN_HAN_CHARACTERS:
        raise InputError(
            f"{name}: its vocabulary has {han} single Chinese characters, expected at least {MIN_HAN_CHARACTERS}; "
            f"{advice}"
        )
    missing = [token for token in SPECIAL_TOKENS.values() if token not in vocabulary]
    if missing:
        raise InputError(f"{name}: its vocabulary lacks the special tokens {missing}; {advice}")
    return vocabulary


def add_upper_case(vocabulary):
    """The vocabulary with `A`-`Z` added behind its last id where missing, and {new id: id of the lower-case letter}."""
    extended, sources = dict(vocabulary), {}
    for letter in UPPER_CASE:
        if letter not in extended and letter.lower() in extended:
            extended[letter] = max(extended.values()) + 1
            sources[extended[letter]] = extended[letter.lower()]
    return extended, sources


def make_tokenizer(source, name, casing, paper_lowers, special_tokens_are_text=True):
    """The character tokenizer for a tagger or a masked LM on top of a pretrained encoder.

    source: the encoder's own tokenizer. casing: `lower`, `keep`, or `paper`: as the original ran the method,
    lower-cased where `paper_lowers`, else with case and no added letters. special_tokens_are_text: see
    `build_tokenizer`. Returns (tokenizer, {added id: id whose embedding it starts from}).
    """
    if casing not in CASINGS:
        raise ValueError(f"expected a casing among {CASINGS}, got {casing!r}")
    vocabulary, sources = read_vocabulary(source, name), {}
    if casing == "keep":
        vocabulary, sources = add_upper_case(vocabulary)
    lower = casing == "lower" or (casing == "paper" and paper_lowers)
    return build_tokenizer(vocabulary, lower, special_tokens_are_text), sources


def extend_embeddings(model, size, sources):
    """Give `model` `size` token rows; each new row (and its bias, in a masked LM) starts as a copy of its source's.

    sources: {new id: id of the row to copy}. Never fewer rows than the ids need, where a vocabulary has gaps.
    """
    if not sources:
        return
    import torch

    model.resize_token_embeddings(max(size, max(sources) + 1), mean_resizing=False)
    new, old = list(sources), list(sources.values())
    head = model.get_output_embeddings()
    with torch.no_grad():
        model.get_input_embeddings().weight[new] = model.get_input_embeddings().weight[old]
        if head is not None and head.bias is not None:
            head.bias[new] = head.bias[old]


class CharacterTable:
    """Text to ids by one look-up a code point: the ids that the saved tokenizer gives, without its overhead.

    ids: (0x110000,) int32, the token of every code point. `cls`, `sep`, `pad`, `unk`, `mask`: the special ids.
    """

    def __init__(self, tokenizer):
        self._read(tokenizer.get_vocab(), json.loads(tokenizer.backend_tokenizer.to_str()))

    @classmethod
    def from_file(cls, path):
        """The table of a saved `tokenizer.json`, without loading transformers; InputError for another tokenizer."""
        try:
            saved = json.loads(Path(path).read_text(encoding="utf-8"))
            vocabulary = {token["content"]: token["id"] for token in saved["added_tokens"]} | saved["model"]["vocab"]
            is_ours = saved["pre_tokenizer"]["pattern"] == {"Regex": ONE_CODE_POINT} and vocabulary["[MASK]"] >= 0
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: cannot read a character tokenizer ({type(error).__name__}: {error})") from error
        if not is_ours:
            raise InputError(f"{path}: found another kind of tokenizer; expected one token a character, as we save it")
        table = cls.__new__(cls)
        table._read(vocabulary, saved)
        return table

    def _read(self, vocabulary, pipeline):
        """vocabulary: {token: id}; pipeline: the content of `tokenizer.json`."""
        steps = pipeline["normalizer"]["normalizers"]
        for field in ("pad", "unk", "cls", "sep", "mask"):
            setattr(self, field, vocabulary[SPECIAL_TOKENS[f"{field}_token"]])
        self.ids = np.full(0x110000, self.unk, dtype=np.int32)
        singles = {token: number for token, number in vocabulary.items() if len(token) == 1}
        if any(step["type"] == "Lowercase" for step in steps):
            self._fill_lower_case(singles)
        else:
            self._fill(singles)
        for step in steps:
            if step["type"] == "Replace":
                self.ids[ord(step["pattern"]["String"])] = self.ids[ord(step["content"])]

    def _fill(self, singles):
        self.ids[[ord(token) for token in singles]] = list(singles.values())

    def _fill_lower_case(self, singles):
        """By the saved pipeline's own lower-casing: Python's knows fewer letters in its older versions."""
        from tokenizers.normalizers import Lowercase

        self._fill(singles)
        lower = Lowercase().normalize_str
        for character in map(chr, (*range(SURROGATES[0]), *range(SURROGATES[1], LAST_CASED))):
            self.ids[ord(character)] = singles.get(lower(character), self.unk)

    def encode(self, text):
        """(len(text),) int32 ids, without special tokens."""
        return self.ids[np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)]


def unknown_share(table, texts):
    """The share of characters that the vocabulary lacks."""
    unknown = total = 0
    for text in texts:
        unknown += int((table.encode(text) == table.unk).sum())
        total += len(text)
    return unknown / total if total else 0.0


def folded(character):
    """The single character that Unicode's compatibility folding (NFKC) makes of `character`, else None."""
    form = unicodedata.normalize("NFKC", character)
    return form if len(form) == 1 and form != character else None
