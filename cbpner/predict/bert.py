"""The forward pass of a saved `BertForTokenClassification`, for prediction alone.

Importing transformers' own takes longer than tagging a patent does: 3.2 of 5.0 seconds of processor time until the
model could be built, the other 1.8 being torch's. So taggers with a linear head run on these few lines; tests hold
their scores equal to transformers', and whatever they do not cover is left to it.
"""

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
    """Embeddings, layers and classifier of a folder with config.json and model.safetensors, in float32."""

    def __init__(self, folder, config, device):
        path = folder / WEIGHTS
        try:
            weights = load_file(path)
            self.weights = {name.removeprefix("bert."): value.float().to(device) for name, value in weights.items()}
            self.layers = [self._fuse(f"encoder.layer.{n}.attention.self") for n in range(config["num_hidden_layers"])]
            self._check(config)
        except (OSError, SafetensorError, KeyError) as error:
            raise InputError(f"{path}: cannot read a tagger's weights ({type(error).__name__}: {error})") from error
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
        """(batch, tokens, labels) scores; ids (batch, tokens) int64, mask (batch, tokens) bool."""
        return self.run(ids, None if mask.all() else mask_padding(mask))

    def run(self, ids, bias):
        """As a call; bias: of `mask_padding`, or None where nothing is padded."""
        hidden = self._embed(ids)  # (batch, tokens, width)
        for number, fused in enumerate(self.layers):
            hidden = self._run_layer(hidden, bias, fused, number)
        return self._project(hidden, "classifier")

    def look_up(self, ids):
        """(batch, tokens, width) of the tokens' own embeddings."""
        return F.embedding(ids, self.weights[WORDS])

    def _embed(self, ids):
        positions, types = (self.weights[f"embeddings.{name}_embeddings.weight"] for name in ("position", "token_type"))
        return self._normalize(self.look_up(ids) + types[0] + positions[: ids.shape[1]], "embeddings")

    def _run_layer(self, hidden, bias, fused, number):
        place = f"encoder.layer.{number}"
        attended = self._project(self._attend(F.linear(hidden, *fused), bias), f"{place}.attention.output.dense")
        hidden = self._normalize(attended + hidden, f"{place}.attention.output")
        inner = F.gelu(self._project(hidden, f"{place}.intermediate.dense"))
        return self._normalize(self._project(inner, f"{place}.output.dense") + hidden, f"{place}.output")

    def _attend(self, projected, bias):
        """(batch, tokens, width) from queries, keys and values side by side; bias: (batch, 1, 1, tokens) or None."""
        batch, tokens, width = projected.shape
        parts = projected.view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        queries, keys, values = parts.unbind()  # each (batch, heads, tokens, width / heads)
        if projected.device.type == "cpu":  # where a mask makes torch's own the slower one, see cbpner.devices
            scores = queries @ keys.transpose(2, 3) * queries.shape[-1] ** -0.5
            shares = (scores if bias is None else scores + bias).float().softmax(dim=-1)
            mixed = shares.to(values.dtype) @ values
        else:
            bias = None if bias is None else bias.to(queries.dtype)
            mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
        return mixed.transpose(1, 2).reshape(batch, tokens, width // 3)

    def _project(self, hidden, place):
        return F.linear(hidden, self.weights[f"{place}.weight"], self.weights[f"{place}.bias"])

    def _normalize(self, hidden, place):
        weight, bias = (self.weights[f"{place}.LayerNorm.{kind}"] for kind in ("weight", "bias"))
        return F.layer_norm(hidden, weight.shape, weight, bias, self.epsilon)


def mask_padding(mask):
    """(batch, 1, 1, tokens) to add to attention's scores: minus infinity where the mask is off."""
    return torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, float("-inf"))[:, None, None, :]
