"""What runs a model: token ids in, log-probabilities out, both as numpy arrays."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from cbpner.base.errors import InputError
from cbpner.base.process import bound_kernel_caches
from cbpner.decoding.probabilities import Chain
from cbpner.prediction.model_folder import BACKENDS, WEIGHTS, list_weights
from cbpner.text.labels import LabelSet

BATCH_TOKENS = 2048  # padded tokens that go through the model together on a CPU, as in training's evaluation


class Backend(Protocol):
    """name: of BACKENDS. chain: scores of moves between tags, of the grammar or of a CRF. weights: a file's name.

    batch_tokens: padded tokens that are best scored together.
    """

    name: str
    device: str
    precision: str
    chain: Chain
    weights: str
    batch_tokens: int = BATCH_TOKENS

    def score(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """(batch, tokens, labels) float32 log-probabilities, or a CRF's emissions up to a constant a token.

        ids: (batch, tokens) int64. mask: (batch, tokens) bool, False for padding.
        """

    def map(self, work: Callable[[Sequence[int]], np.ndarray], batches: list[list[int]]) -> Iterable[np.ndarray]:
        """work(batch) of each, in order; work calls `score`. A backend may run several at once."""
        return map(work, batches)


def check_backend(name: str, precision: str) -> None:
    """InputError for an unknown backend, or a number format that it does not have."""
    if name not in ("auto", *BACKENDS):
        raise InputError(f"found the backend {name!r}; expected one of auto, {', '.join(BACKENDS)}")
    known = dict.fromkeys(("auto", *(each for own in BACKENDS if name in ("auto", own) for each in WEIGHTS[own])))
    if precision not in known:
        found = f"found the number format {precision!r} for the backend {name}"
        raise InputError(f"{found}; expected one of {', '.join(known)}")


def open_backend(name: str, folder: Path, labels: LabelSet, device: str | None, precision: str) -> Backend:
    """The backend of that name (see `check_backend`) over a model's folder; its library is imported only now."""
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
