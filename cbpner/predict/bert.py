"""The forward pass of a saved `BertForTokenClassification`, for prediction alone.

Importing transformers' own takes longer than tagging a patent does: 3.2 of 5.0 seconds of processor time until the
model could be built, the other 1.8 being torch's. So taggers with a linear head run on these few lines; tests hold
their scores equal to transformers', and whatever they do not cover is left to it.

On a CPU padding is left out of everything: the tokens of a batch stand one after the other, and attention, torch's own
without a mask, runs over sequences of one length at a time. On one thread, in bfloat16, that took half the time of
padded batches with attention in plain products, whose scores do not fit the cache (2,240 to 4,510 characters a second,
160 gold sentences of up to 500).
"""

from functools import partial
from itertools import groupby

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.nn import functional as F

from cbpner.errors import InputError

WEIGHTS = "model.safetensors"
WORDS = "embeddings.word_embeddings.weight"
PLAIN = {
    "model_type": "bert", "architectures": ["BertForTokenClassification"], "hidden_act": "gelu", "is_decoder": False,
    "position_embedding_type": "absolute",
}  # fmt: skip


def is_plain(config):
    """Whether the configuration (a dict) is of the kind of model that `BertTagger` runs."""
    return all(config.get(name, value) == value for name, value in PLAIN.items()) and "architectures" in config


class BertTagger:
    """Embeddings, layers and classifier of a folder with config.json and model.safetensors.

    dtype: of the layers' products; embeddings, what layers add up, and the classifier stay in float32.
    """

    def __init__(self, folder, config, device, dtype=torch.float32):
        path = folder / WEIGHTS
        try:
            weights = load_file(path)
            self.weights = {name.removeprefix("bert."): value.float().to(device) for name, value in weights.items()}
            self.layers = [self._fuse(f"encoder.layer.{n}.attention.self") for n in range(config["num_hidden_layers"])]
            self._check(config)
        except (OSError, SafetensorError, KeyError) as error:
            raise InputError(f"{path}: cannot read a tagger's weights ({type(error).__name__}: {error})") from error
        self.layers = [tuple(part.to(dtype) for part in fused) for fused in self.layers]
        self.weights |= {name: value.to(dtype) for name, value in self.weights.items() if ".dense." in name}
        self.heads, self.epsilon = config["num_attention_heads"], config["layer_norm_eps"]

    def _check(self, config):
        """KeyError for weights of other sizes than the configuration says."""
        sizes = {
            WORDS: (config["vocab_size"], config["hidden_size"]),
            "embeddings.position_embeddings.weight": (config["max_position_embeddings"], config["hidden_size"]),
            "classifier.weight": (len(config["id2label"]), config["hidden_size"]),
        }
        for name, size in sizes.items():
            if tuple(self.weights[name].shape) != size:
                raise KeyError(f"{name} {tuple(self.weights[name].shape)}; expected {size}")

    def _fuse(self, place):
        """One matrix and one vector that give queries, keys and values together."""
        parts = [f"{place}.{part}" for part in ("query", "key", "value")]
        return tuple(torch.cat([self.weights.pop(f"{part}.{kind}") for part in parts]) for kind in ("weight", "bias"))

    def __call__(self, ids, mask):
        """(batch, tokens, labels) scores; ids (batch, tokens) int64, mask (batch, tokens) bool; 0 where it is off."""
        if ids.device.type == "cpu":
            return self._run_packed(ids, mask)
        return self.run(ids, None if mask.all() else mask_padding(mask))

    def run(self, ids, bias):
        """As a call, but padding has scores, too; bias: of `mask_padding`, or None where nothing is padded."""
        return self._run(ids, torch.arange(ids.shape[1], device=ids.device), partial(self._attend, bias=bias))

    def _run_packed(self, ids, mask):
        places = torch.arange(ids.shape[1]).expand_as(ids)
        attend = partial(self._attend_packed, stretches=find_stretches(mask.sum(dim=1).tolist()))
        found = self._run(ids[mask], places[mask], attend)
        scores = found.new_zeros((*ids.shape, found.shape[-1]))
        scores[mask] = found
        return scores

    def _run(self, ids, places, attend):
        """(..., labels) from ids (...) and their places in their sequences; attend: queries, keys, values to a mix."""
        hidden = self._embed(ids, places)
        for number, fused in enumerate(self.layers):
            hidden = self._run_layer(hidden, attend, fused, number)
        return self._project(hidden, "classifier")

    def look_up(self, ids):
        """(batch, tokens, width) of the tokens' own embeddings."""
        return F.embedding(ids, self.weights[WORDS])

    def _embed(self, ids, places):
        positions, types = (self.weights[f"embeddings.{name}_embeddings.weight"] for name in ("position", "token_type"))
        return self._normalize(self.look_up(ids) + types[0] + positions[places], "embeddings")

    def _run_layer(self, hidden, attend, fused, number):
        place = f"encoder.layer.{number}"
        mixed = attend(F.linear(hidden.to(fused[0].dtype), *fused))
        hidden = self._normalize(
            self._project(mixed, f"{place}.attention.output.dense") + hidden, f"{place}.attention.output"
        )
        inner = F.gelu(self._project(hidden, f"{place}.intermediate.dense"))
        return self._normalize(self._project(inner, f"{place}.output.dense") + hidden, f"{place}.output")

    def _attend(self, projected, bias):
        """(batch, tokens, width) from queries, keys and values side by side; bias: (batch, 1, 1, tokens) or None."""
        batch, tokens, width = projected.shape
        parts = projected.view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        queries, keys, values = parts.unbind()  # each (batch, heads, tokens, width / heads)
        if bias is not None and projected.device.type == "cpu":  # a graph to export is made of plain products
            scores = queries @ keys.transpose(2, 3) * queries.shape[-1] ** -0.5
            mixed = (scores + bias).softmax(dim=-1) @ values
        else:
            bias = None if bias is None else bias.to(queries.dtype)
            mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
        return mixed.transpose(1, 2).reshape(batch, tokens, width // 3)

    def _attend_packed(self, projected, stretches):
        """(tokens, width) of the sequences in stretches of `find_stretches`."""
        mixed = projected.new_empty((len(projected), projected.shape[1] // 3))
        for start, count, length in stretches:
            own = slice(start, start + count * length)
            mixed[own] = self._attend(projected[own].view(count, length, -1), None).flatten(0, 1)
        return mixed

    def _project(self, hidden, place):
        weight = self.weights[f"{place}.weight"]
        return F.linear(hidden.to(weight.dtype), weight, self.weights[f"{place}.bias"])

    def _normalize(self, hidden, place):
        weight, bias = (self.weights[f"{place}.LayerNorm.{kind}"] for kind in ("weight", "bias"))
        return F.layer_norm(hidden, weight.shape, weight, bias, self.epsilon)


def find_stretches(lengths):
    """[(first token, sequences, length), ...] of neighbouring sequences of one length, none of 0."""
    stretches, start = [], 0
    for length, group in groupby(lengths):
        count = sum(1 for _ in group)
        stretches += [(start, count, length)] if length else []
        start += count * length
    return stretches


def mask_padding(mask):
    """(batch, 1, 1, tokens) to add to attention's scores: minus infinity where the mask is off."""
    return torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, float("-inf"))[:, None, None, :]
