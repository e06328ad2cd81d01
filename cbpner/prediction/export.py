"""Taggers as ONNX models, for ONNX Runtime: by torch's own exporter, in float32 or mostly in int8.

In int8 the table of words has a scale a row, and the weights of products are int8. Their inputs are quantized as they
come: a batch at once (dynamic quantization, a scale a column of weights), but for the two products of each feed-forward
block in stretches of 128 numbers of a token (`MatMulNBits`), since some of their inputs are a hundred times larger than
the rest. `benchmarks/export.py` measures what that loses and gains.
"""

import json
import logging
import tempfile
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

from cbpner.base.errors import InputError, reading_model
from cbpner.base.files import atomic_files, file_checksum
from cbpner.models.devices import has_instructions, pick_precision
from cbpner.prediction.backend import open_backend
from cbpner.prediction.fast_bert import PLAIN, WORDS, BertTagger, is_plain, padding_bias
from cbpner.prediction.model_folder import FILES, WEIGHTS, locate_model, read_model_config, read_model_labels
from cbpner.prediction.onnx_backend import CHAIN, HOW_TO_INSTALL, INPUTS

if TYPE_CHECKING:
    from onnx import ModelProto

SOURCE = "cbpner.source"  # in a file's metadata: the SHA-256 of the weights it was made of
BLOCK = 128  # numbers of a token that share a scale


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

    `output` gets the configuration and the tokenizer too; it may be the tagger's own folder. A file that was made of
    the same weights is left as it is, unless `overwrite`. InputError where the model has another head than a linear
    layer or a CRF on BERT, or `output` has another model's files; `overwrite` replaces those that it would write.
    """
    try:
        import onnx
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(f"found no {error.name}, which exporting needs; {HOW_TO_INSTALL}") from None
    folder, output = locate_model(name), Path(output)
    path = output / WEIGHTS["onnx"]["int8" if int8 else "fp32"]
    own = {each: file_checksum(folder / each) for each in (*FILES, WEIGHTS["torch"]["fp32"])}
    weights = own[WEIGHTS["torch"]["fp32"]]
    _check_output(output, own, {path.name, *FILES} if overwrite else ())
    if path.is_file() and not overwrite:
        print(f"{path}: exported already; --overwrite does it again")
        return path
    config = read_model_config(folder)
    model = _make_model(folder, config, int8)
    notes = {SOURCE: weights}
    if not is_plain(config):
        chain = open_backend("torch", folder, read_model_labels(config, folder / "config.json"), "cpu", "fp32").chain
        notes[CHAIN] = json.dumps({name: part.tolist() for name, part in chain._asdict().items()})
    onnx.helper.set_model_props(model, notes)
    with atomic_files() as open_output:
        for each in FILES:
            open_output(output / each, "wb").write((folder / each).read_bytes())
        open_output(path, "wb").write(model.SerializeToString(deterministic=True))
    return path


def _check_output(output: Path, own: Mapping[str, str], replaced: Collection[str]) -> None:
    """InputError where a folder has another model's files than those to be replaced. own: checksums of the model's."""
    import onnx

    for there in sorted(each for each in output.glob("*") if each.name not in replaced):
        if there.suffix == ".onnx":
            with reading_model(there, "a new folder, or --overwrite"):
                is_own = own[WEIGHTS["torch"]["fp32"]] in [each.value for each in onnx.load(there).metadata_props]
        else:
            is_own = there.name not in own or file_checksum(there) == own[there.name]
        if not is_own:
            raise InputError(f"{there}: found another model's; expected a new folder, or the model's own")


def judge_int8(int8: bool) -> str | None:
    """What to say where the other choice is the better one on this processor, by the tables of benchmarks/README.md.

    int8 is slower where torch has bfloat16, and on x86 without VNNI, the instructions for its products.
    """
    has_slow_products = has_instructions("avx2") and not has_instructions("avx512_vnni", "avx_vnni")
    is_slower = has_slow_products or pick_precision("auto", torch.device("cpu")) == "bf16"
    if int8 != is_slower:
        return None
    return "--backend torch is as fast here, or faster" if int8 else "--int8 is faster on this processor"


def _make_model(folder: Path, config: dict[str, Any], int8: bool) -> "ModelProto":
    """The ONNX model, for any number of texts and tokens; InputError for a tagger that `BertTagger` does not run."""
    alike = config | {"architectures": PLAIN["architectures"], "model_type": PLAIN["model_type"]}
    if not is_plain(config) and not (config.get("head") == "crf" and is_plain(alike)):
        kind = config.get("head") or ", ".join(config.get("architectures") or ["no architecture"])
        found, expected = f"the kind {config['model_type']} ({kind})", "a BERT with a linear head or a CRF on it"
        raise InputError(f"{folder}: found a model of {found}; expected {expected}: --backend torch runs others")
    module = Graph((SmallTagger if int8 else BertTagger)(folder, config, torch.device("cpu"))).eval()
    sample = (2, 8)  # texts and tokens that the exporter follows through the model
    ids, mask = torch.ones(sample, dtype=torch.int64), torch.ones(sample, dtype=torch.bool)
    sizes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with _quiet_exporter():
        program: Any = torch.onnx.export(
            module, (ids, mask), dynamo=True, dynamic_shapes=(sizes, sizes), input_names=list(INPUTS),
            output_names=["scores"], verbose=False,
        )  # fmt: skip
        model = program.model_proto
        if int8:
            model = _quantize_products(model, config)
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]  # stacks with the paths of this machine
        part.doc_string = ""
    del graph.value_info[:]
    return model


def _quantize_products(model: "ModelProto", config: Mapping[str, Any]) -> "ModelProto":
    """The model with the weights of its products in int8.

    Those of seven bits (`reduce_range`) lose no more, measured, and are exact on CPUs whose instructions for products
    of int8 saturate: x86-64 without VNNI.
    """
    import onnx
    from onnxruntime.quantization import quantize_dynamic
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    dims = {each.name: sorted(each.dims) for each in model.graph.initializer}
    feed_forward = sorted((config["hidden_size"], config["intermediate_size"]))
    others = [
        node.name for node in model.graph.node
        if node.op_type != "MatMul" or dims.get(node.input[1]) != feed_forward
    ]  # fmt: skip
    quantizer = MatMulNBitsQuantizer(model, 8, BLOCK, is_symmetric=True, accuracy_level=4, nodes_to_exclude=others)
    quantizer.process()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        options = {"op_types_to_quantize": ["MatMul"], "per_channel": True, "reduce_range": True}
        quantize_dynamic(quantizer.model.model, path, **options)
        return onnx.load(path)


@contextmanager
def _quiet_exporter() -> Iterator[None]:
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
