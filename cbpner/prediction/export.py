"""Taggers as ONNX models, for ONNX Runtime: by torch's own exporter, in float32 or mostly in int8.

In int8 the table of words has a scale a row, and the weights of products are int8. Their inputs are quantized as they
come: a batch at once (dynamic quantization, a scale a column of weights), but for the two products of each feed-forward
block in stretches of 128 numbers of a token (`MatMulNBits`), since some of their inputs are a hundred times larger than
the rest. `benchmarks/export.py` measures what that loses and gains.
"""

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_open
from cbpner.prediction.backend import open_backend
from cbpner.prediction.fast_bert import PLAIN, WORDS, BertTagger, is_plain, padding_bias
from cbpner.prediction.model_folder import FILES, WEIGHTS, locate_model, read_model_config, read_model_labels
from cbpner.prediction.onnx_backend import CHAIN, HOW_TO_INSTALL, INPUTS

if TYPE_CHECKING:
    from onnx import ModelProto

BLOCK = 128  # numbers of a token that share a scale
SAMPLE = (2, 8)  # texts and tokens that the exporter follows through the model; it keeps both sizes open


class SmallTagger(BertTagger):
    """With its table of words in int8, each row to its own scale."""

    def __init__(self, folder: Path, config: Mapping[str, Any], device: torch.device) -> None:
        super().__init__(folder, config, device)
        table = self.weights[WORDS]
        self.scales = table.abs().amax(dim=1, keepdim=True).clamp(min=torch.finfo(table.dtype).tiny) / 127
        self.words = (table / self.scales).round().to(torch.int8)

    def look_up(self, ids: torch.Tensor) -> torch.Tensor:
        return F.embedding(ids, self.words).float() * F.embedding(ids, self.scales)


class Graph(nn.Module):
    """What is exported: ids (batch, tokens) int64 and mask (batch, tokens) bool to log-probabilities."""

    def __init__(self, tagger: BertTagger) -> None:
        super().__init__()
        self.tagger = tagger

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.tagger.run(ids, padding_bias(mask)).log_softmax(dim=-1)


def export_tagger(name: str | Path, output: str | Path, int8: bool = False, overwrite: bool = False) -> Path:
    """Write the tagger of that name or folder into the folder `output`; the path of its ONNX file.

    `output` gets the configuration and the tokenizer too, where it does not have them; so it may be the tagger's own
    folder.

    Raises:
        InputError: the model has another head than a linear layer or a CRF on BERT, `output` is another model's folder,
            or the file exists and `overwrite` is off.
    """
    check_packages()
    folder, output = locate_model(name), Path(output)
    path = output / WEIGHTS["onnx"]["int8" if int8 else "fp32"]
    check_target(folder, path, overwrite)
    config = read_model_config(folder)
    labels = read_model_labels(config, folder / "config.json")
    with quiet_exporter():
        model = trace_model(make_graph(folder, config, int8))
        if int8:
            model = shrink_products(model, config)
    clean_model(model)
    if not is_plain(config):
        chain = open_backend("torch", folder, labels, "cpu", "fp32").chain
        entry = model.metadata_props.add()
        entry.key, entry.value = CHAIN, json.dumps({name: part.tolist() for name, part in chain._asdict().items()})
    for each in FILES:
        if not (output / each).is_file():
            with atomic_open(output / each, "wb") as file, open(folder / each, "rb") as source:
                shutil.copyfileobj(source, file)
    with atomic_open(path, "wb") as file:
        file.write(model.SerializeToString(deterministic=True))
    return path


def check_packages() -> None:
    """InputError unless the packages that exporting needs are installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(f"found no {error.name}, which exporting needs; {HOW_TO_INSTALL}") from None


def check_target(folder: Path, path: Path, overwrite: bool) -> None:
    """InputError where the output may not be written."""
    if path.exists() and not overwrite:
        raise InputError(f"{path}: found something there already; expected a new name, or --overwrite to replace it")
    for name in FILES:
        there = path.parent / name
        if there.is_file() and there.read_bytes() != (folder / name).read_bytes():
            raise InputError(f"{there}: found another model's; expected a new folder, or {folder}'s own")


def make_graph(folder: Path, config: dict[str, Any], int8: bool) -> Graph:
    """The model to export; InputError for one that `BertTagger` does not run."""
    alike = config | {"architectures": PLAIN["architectures"], "model_type": PLAIN["model_type"]}
    if not is_plain(config) and not (config.get("head") == "crf" and is_plain(alike)):
        kind = config.get("head") or ", ".join(config.get("architectures") or ["no architecture"])
        raise InputError(
            f"{folder}: found a model of the kind {config['model_type']} ({kind}); expected a BERT with a linear head "
            "or a CRF on it: --backend torch runs others"
        )
    return Graph((SmallTagger if int8 else BertTagger)(folder, config, torch.device("cpu"))).eval()


def trace_model(graph: Graph) -> "ModelProto":
    """The ONNX model (a `ModelProto`) of a Graph, for any number of texts and tokens."""
    ids, mask = torch.ones(SAMPLE, dtype=torch.int64), torch.ones(SAMPLE, dtype=torch.bool)
    sizes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    program = torch.onnx.export(
        graph, (ids, mask), dynamo=True, dynamic_shapes=(sizes, sizes), input_names=list(INPUTS),
        output_names=["scores"], verbose=False,
    )  # fmt: skip
    return program.model_proto


def shrink_products(model: "ModelProto", config: Mapping[str, Any]) -> "ModelProto":
    """The model with the weights of its products in int8.

    Those of seven bits (`reduce_range`) lose no more, measured, and are exact on CPUs whose instructions for products
    of int8 saturate: x86-64 without VNNI.
    """
    import onnx
    from onnxruntime.quantization import quantize_dynamic
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    feed_forward = list_products(model, config["hidden_size"], config["intermediate_size"])
    others = [node.name for node in model.graph.node if node.name not in feed_forward]
    quantizer = MatMulNBitsQuantizer(model, 8, BLOCK, is_symmetric=True, accuracy_level=4, nodes_to_exclude=others)
    quantizer.process()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        quantize_dynamic(
            quantizer.model.model, path, op_types_to_quantize=["MatMul"], per_channel=True, reduce_range=True
        )
        return onnx.load(path)


def list_products(model: "ModelProto", width: int, inner: int) -> set[str]:
    """The names of the nodes that multiply by a feed-forward block's weights, (width, inner) or (inner, width)."""
    sizes = {each.name: sorted(each.dims) for each in model.graph.initializer}
    return {
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul" and sizes.get(node.input[1]) == sorted((width, inner))
    }


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Suppress the messages of exporter and quantizer, and undo what they do to the root logger."""
    root = logging.getLogger()
    before, level, off = root.handlers[:], root.level, root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(off)
        root.handlers[:] = before
        root.setLevel(level)


def clean_model(model: "ModelProto") -> None:
    """Remove the traces of the export: stacks with the paths of this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]
