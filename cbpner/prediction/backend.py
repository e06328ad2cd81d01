"""What runs a model: ids in, log-probabilities out; `torch_backend` is one, others fit behind the same few names.

Everything goes in and comes out as numpy arrays, so that the rest of the package does not know what is behind.
"""

from typing import Protocol

import numpy as np

from cbpner.base.errors import InputError
from cbpner.base.process import bound_kernel_caches
from cbpner.decoding.probabilities import Chain
from cbpner.prediction.model_folder import BACKENDS, WEIGHTS, list_weights


class Backend(Protocol):
    """name: of BACKENDS. device, precision: where and in which number format it runs, for people and for settings.
    chain: scores of moves between tags, of the grammar or of a CRF (`cbpner.decoding.probabilities.Chain`).
    weights: the name of the file that it runs.
    """

    name: str
    device: str
    precision: str
    chain: Chain
    weights: str

    def score(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """(batch, tokens, labels) float32 log-probabilities for ids (batch, tokens) int64; mask: bool, False: padding.

        With a CRF they are its emissions, up to a constant a token.
        """

    def map(self, work, batches: list):
        """work(batch) of each, in order; work calls `score`. One after the other, unless several at once are faster."""
        return map(work, batches)


def check_backend(name, precision):
    """InputError for a backend that there is not, or a number format that it does not know."""
    if name not in BACKENDS:
        raise InputError(f"found the backend {name!r}; expected one of {', '.join(BACKENDS)}")
    if precision != "auto" and precision not in WEIGHTS[name]:
        known = ", ".join(("auto", *WEIGHTS[name]))
        raise InputError(f"found the number format {precision!r} for the backend {name}; expected one of {known}")


def open_backend(name, folder, labels, device=None, precision="auto") -> Backend:
    """The backend of that name over a model's folder; its library is imported only now.

    precision: `auto` is what the backend prefers of what it can have.
    """
    check_backend(name, precision)
    if name == "onnx":
        from cbpner.prediction.onnx_backend import OnnxBackend

        found = list_weights(folder, name)
        if precision != "auto" and precision not in found:
            there, wanted = ", ".join(found.values()), WEIGHTS[name][precision]
            raise InputError(f"{folder}: found {there}; expected {wanted} for the number format {precision}")
        return OnnxBackend(folder, labels, device, next(iter(found)) if precision == "auto" else precision)
    bound_kernel_caches()
    from cbpner.prediction.torch_backend import TorchBackend

    return TorchBackend(folder, labels, device, precision)
