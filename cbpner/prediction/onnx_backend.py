"""Models run by ONNX Runtime on the CPU: what `cbpner export` wrote. Needs neither torch nor transformers."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from cbpner.base.errors import InputError, reading_model
from cbpner.decoding.probabilities import Chain, grammar_chain
from cbpner.prediction.backend import Backend
from cbpner.prediction.model_folder import WEIGHTS
from cbpner.text.labels import LabelSet

INPUTS = ("ids", "mask")  # of the graph, as `Backend.score` has them
CHAIN = "cbpner_chain"  # in the model's metadata: {"moves", "end"} of a CRF, as JSON
HOW_TO_INSTALL = "`pip install 'cbpner[onnx]'` adds all that ONNX needs, in a clone's environment too"


class OnnxBackend(Backend):
    """A folder with an exported model. precision: `fp32` or `int8`, which is another file of it."""

    name, device = "onnx", "cpu"

    def __init__(self, folder: Path, labels: LabelSet, device: str | None = None, precision: str = "fp32") -> None:
        if device not in (None, "cpu"):
            raise InputError(f"found the device {device!r}; the backend onnx runs on the cpu (torch runs on others)")
        self.precision, self.weights = precision, WEIGHTS[self.name][precision]
        self._session = open_session(folder / self.weights)
        self.chain, metadata = grammar_chain(labels), self._session.get_modelmeta().custom_metadata_map
        if CHAIN in metadata:
            self.chain = Chain(**{name: np.array(part) for name, part in json.loads(metadata[CHAIN]).items()})
        names = tuple(each.name for each in self._session.get_inputs())
        shape = self._session.get_outputs()[0].shape
        if names != INPUTS or shape[-1] != len(labels.tags):
            found, expected = f"{', '.join(names)} to {shape}", f"{', '.join(INPUTS)} to {len(labels.tags)} scores"
            raise InputError(f"{folder / self.weights}: found a graph of {found}; expected {expected}")

    def score(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return self._session.run(None, dict(zip(INPUTS, (ids, mask), strict=True)))[0]


def open_session(path: Path) -> Any:
    """The session of a model's file.

    Its threads: torch's number where torch is loaded, else OMP_NUM_THREADS, else 0: by default one a core.
    """
    try:
        import onnxruntime
    except ImportError:
        raise InputError(f"found no onnxruntime, which runs {path}; {HOW_TO_INSTALL}") from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    given = os.environ.get("OMP_NUM_THREADS", "")
    torch = sys.modules.get("torch")
    options.intra_op_num_threads = torch.get_num_threads() if torch else int(given) if given.isdecimal() else 0
    with reading_model(path, "an ONNX model"):
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
