"""The forward pass of a saved `BertForTokenClassification`, for prediction alone.

Importing transformers takes longer than tagging a patent, so taggers with a linear head run on these few lines; tests
compare their scores with those of transformers, which runs every other model.

On a CPU no work is spent on padding: the tokens of a batch are concatenated, and attention runs over sequences of one
length at a time, as many as fit the cache. `packed` weights are laid out once for oneDNN's products, which otherwise
lay them out in every product. docs/LOG.md, Speed, has the measurements.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from cbpner.base.errors import reading_model
from cbpner.models.devices import has_instructions

WEIGHTS = "model.safetensors"
WORDS = "embeddings.word_embeddings.weight"
PLAIN = {
    "model_type": "bert", "architectures": ["BertForTokenClassification"], "hidden_act": "gelu", "is_decoder": False,
    "position_embedding_type": "absolute",
}  # fmt: skip
IN_CACHE = 1_000_000  # scores of attention that are made before they are used: 2 MB in bfloat16
SAFE = (1e-30, 1e30)  # sums of exponentials: far from where float32 and bfloat16 lose numbers
Attend = Callable[[torch.Tensor], torch.Tensor]


def is_plain(config: Mapping[str, Any]) -> bool:
    """Whether `BertTagger` runs models of this configuration."""
    return all(config.get(name, value) == value for name, value in PLAIN.items()) and "architectures" in config


class BertTagger:
    """Embeddings, layers and classifier of a folder with config.json and model.safetensors.

    dtype: of the layers' products; embeddings, residual sums and the classifier stay in float32. packed: lay the
    layers' weights out for a CPU, where torch can; such a tagger cannot be exported.
    """

    def __init__(
        self, folder: Path, config: Mapping[str, Any], device: torch.device, dtype: torch.dtype = torch.float32,
        packed: bool = False,
    ) -> None:  # fmt: skip
        with reading_model(folder / WEIGHTS):
            loaded = load_file(folder / WEIGHTS).items()
            self.weights = {name.removeprefix("bert."): value.float().to(device) for name, value in loaded}
            if broken := [name for name, value in self.weights.items() if not value.isfinite().all()]:
                raise ValueError(f"no numbers in {', '.join(broken)}")
            self.heads, self.epsilon = config["num_attention_heads"], config["layer_norm_eps"]
            self.layers = config["num_hidden_layers"]
            layers = {name.split(".")[2] for name in self.weights if name.startswith("encoder.layer.")}
            if len(layers) != self.layers:
                raise ValueError(f"{len(layers)} layers; config.json has {self.layers}")
            for number in range(self.layers):
                self._fuse(f"encoder.layer.{number}.attention.self")
            sizes = {
                WORDS: config["vocab_size"], "embeddings.position_embeddings.weight": config["max_position_embeddings"],
                "classifier.weight": len(config["id2label"]),
            }  # fmt: skip
            for name, size in sizes.items():
                if (found := tuple(self.weights[name].shape)) != (size, config["hidden_size"]):
                    raise ValueError(f"{name} {found}; config.json has {(size, config['hidden_size'])}")
        products = [name for name in self.weights if name.startswith("encoder") and "LayerNorm" not in name]
        self.weights |= {name: self.weights[name].to(dtype) for name in products}
        self.mix = mix_values if dtype == torch.bfloat16 and not has_instructions("amx_bf16") else mix_in_torch
        if packed and can_pack(device, dtype):
            pack = torch.ops.mkldnn._reorder_linear_weight
            self.weights |= {name: pack(self.weights[name]) for name in products if name.endswith("weight")}

    def _fuse(self, place: str) -> None:
        """One matrix and one vector that give queries, keys and values together, queries with attention's scale."""
        for kind in ("weight", "bias"):
            queries, keys, values = (self.weights.pop(f"{place}.{part}.{kind}") for part in ("query", "key", "value"))
            queries = queries * (len(queries) / self.heads) ** -0.5
            self.weights[f"{place}.{kind}"] = torch.cat([queries, keys, values])

    def __call__(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(batch, tokens, labels) scores; ids (batch, tokens) int64, mask (batch, tokens) bool; 0 where it is off."""
        if ids.device.type != "cpu":
            return self.run(ids, None if mask.all() else padding_bias(mask))
        places = torch.arange(ids.shape[1]).expand_as(ids)
        found = self._run(ids[mask], places[mask], partial(self._attend_packed, lengths=mask.sum(dim=1).tolist()))
        scores = found.new_zeros((*ids.shape, found.shape[-1]))
        scores[mask] = found
        return scores

    def run(self, ids: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """As a call, but padding has scores too; bias: of `padding_bias`, or None where nothing is padded."""
        return self._run(ids, torch.arange(ids.shape[1], device=ids.device), partial(self._attend, bias=bias))

    def _run(self, ids: torch.Tensor, places: torch.Tensor, attend: Attend) -> torch.Tensor:
        """(..., labels) from ids (...) and their positions; attend: from queries, keys and values side by side."""
        positions, types = (self.weights[f"embeddings.{name}_embeddings.weight"] for name in ("position", "token_type"))
        hidden = self._normalize(self.look_up(ids) + types[0] + positions[places], "embeddings")
        for place in (f"encoder.layer.{number}" for number in range(self.layers)):
            mixed = attend(self._project(hidden, f"{place}.attention.self"))
            mixed = self._project(mixed, f"{place}.attention.output.dense")
            hidden = self._normalize(mixed + hidden, f"{place}.attention.output")
            inner = self._project(hidden, f"{place}.intermediate.dense", "gelu")
            hidden = self._normalize(self._project(inner, f"{place}.output.dense") + hidden, f"{place}.output")
        return self._project(hidden, "classifier")

    def look_up(self, ids: torch.Tensor) -> torch.Tensor:
        """(batch, tokens, width) word embeddings."""
        return F.embedding(ids, self.weights[WORDS])

    def _attend(self, projected: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """(batch, tokens, width) from queries, keys and values side by side; bias: (batch, 1, 1, tokens) or None."""
        batch, tokens, width = projected.shape
        parts = projected.view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        queries, keys, values = parts.unbind()  # each (batch, heads, tokens, width / heads)
        if projected.device.type == "cpu":  # so is a graph to export
            scores = queries @ keys.transpose(2, 3)
            mixed = (scores if bias is None else scores + bias).softmax(dim=-1) @ values
        else:
            bias = None if bias is None else bias.to(queries.dtype)
            mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias, scale=1.0)
        return mixed.transpose(1, 2).reshape(batch, tokens, width // 3)

    def _attend_packed(self, projected: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """(tokens, width) of sequences of these lengths; neighbours of one length are computed together."""
        (tokens, width), end = projected.shape, 0
        mixed = projected.new_empty((tokens, width // 3))
        for length, group in groupby(length for length in lengths if length):
            few = max(1, IN_CACHE // (self.heads * length * length))
            start, end = end, end + sum(group)
            for first in range(start, end, few * length):
                own = slice(first, min(first + few * length, end))
                parts = projected[own].view(-1, length, 3, self.heads, width // 3 // self.heads)
                found = self.mix(*parts.permute(2, 0, 3, 1, 4).unbind())
                mixed[own].view(-1, length, *parts.shape[3:]).copy_(found.transpose(1, 2))
        return mixed

    def _project(self, hidden: torch.Tensor, place: str, then: str = "none") -> torch.Tensor:
        """A linear layer, and behind it `gelu` or `none`."""
        weight, bias = self.weights[f"{place}.weight"], self.weights[f"{place}.bias"]
        hidden = hidden.to(weight.dtype)
        if weight.is_mkldnn:
            return torch.ops.mkldnn._linear_pointwise(hidden, weight, bias, then, [], "none")
        found = F.linear(hidden, weight, bias)
        return F.gelu(found) if then == "gelu" else found

    def _normalize(self, hidden: torch.Tensor, place: str) -> torch.Tensor:
        weight, bias = (self.weights[f"{place}.LayerNorm.{kind}"] for kind in ("weight", "bias"))
        return F.layer_norm(hidden, weight.shape, weight, bias, self.epsilon)


def mix_values(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """(batch, heads, tokens, width): softmax of the products of queries and keys, times the values.

    Skips the search for each row's maximum as long as no sum of exponentials is near overflow or underflow.
    """
    weights = (queries @ keys.transpose(2, 3)).exp_()
    sums = weights.sum(dim=-1, keepdim=True)
    least, most = sums.aminmax()
    if SAFE[0] < least and most < SAFE[1]:
        return (weights @ values) / sums
    return (queries @ keys.transpose(2, 3)).softmax(dim=-1) @ values


def mix_in_torch(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """What `mix_values` gives, by torch's own attention: the faster one in float32, and on processors with tiles."""
    return F.scaled_dot_product_attention(queries, keys, values, scale=1.0)


def can_pack(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether weights can be laid out for oneDNN's products: the ones that torch.compile uses on a CPU."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    named = all(hasattr(torch.ops.mkldnn, name) for name in ("_reorder_linear_weight", "_linear_pointwise"))
    return named and (dtype == torch.float32 or torch.ops.mkldnn._is_mkldnn_bf16_supported())


def padding_bias(mask: torch.Tensor) -> torch.Tensor:
    """(batch, 1, 1, tokens) to add to attention's scores: minus infinity where the mask is off."""
    return torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, float("-inf"))[:, None, None, :]
