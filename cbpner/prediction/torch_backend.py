"""Models run by PyTorch, on the CPU or a GPU."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cbpner.base.errors import InputError
from cbpner.decoding.probabilities import grammar_chain
from cbpner.models import devices
from cbpner.prediction.backend import Backend
from cbpner.prediction.fast_bert import WEIGHTS, BertTagger, is_plain
from cbpner.prediction.model_folder import read_model_config
from cbpner.text.labels import LabelSet

MOST_AT_ONCE = 8  # batches: Python's own work between products is serial
IN_FLIGHT = 2  # batches for a GPU: one is made while it works at the other


class TorchBackend(Backend):
    """A tagger's folder: linear heads run on `BertTagger`, others (CRF, ensembles) on transformers' Auto classes."""

    name, weights = "torch", WEIGHTS

    def __init__(self, folder: Path, labels: LabelSet, device: str | None = None, precision: str = "auto") -> None:
        try:
            place = devices.pick_device() if device is None else torch.device(device)
            torch.empty(0, device=place)
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"found the device {device!r}, which torch cannot use ({error})") from error
        config = read_model_config(folder)
        self.chain = grammar_chain(labels)
        self.precision = devices.pick_precision(precision, place)
        if is_plain(config):
            self._model: Any = BertTagger(folder, config, place, devices.DTYPES[self.precision], packed=True)
        else:
            model: Any = load_by_transformers(folder, place)
            self._model = partial(run_model, model, self.precision)
            if hasattr(model, "crf"):
                self.chain = model.crf.chain()
        self.device, self._place = place.type, place
        self.batch_tokens = devices.count_batch_tokens(place, config.get("hidden_size", 1024))

    def score(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return devices.run_in_halves(self._score, ids, mask)

    @torch.inference_mode()
    def _score(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        parts = [torch.from_numpy(part) for part in (ids, mask)]
        if self.device == "cuda":
            parts = [part.pin_memory() for part in parts]
        logits = self._model(*(part.to(self._place, non_blocking=True) for part in parts))
        return logits.float().log_softmax(dim=-1).cpu().numpy()

    def map(self, work: Callable[[Sequence[int]], np.ndarray], batches: list[list[int]]) -> Iterator[np.ndarray]:
        """On a CPU as many batches at once as there are threads; for a rest of fewer, threads share each product."""
        threads = torch.get_num_threads()
        at_once = min(threads, MOST_AT_ONCE) if self.device == "cpu" else IN_FLIGHT
        whole = len(batches) - len(batches) % at_once if at_once > 1 else 0
        if whole:
            with devices.spread_threads(at_once, threads) as pool:
                yield from pool.map(work, batches[:whole])
        yield from map(work, batches[whole:])


def run_model(model: torch.nn.Module, precision: str, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    with devices.autocast(precision, ids.device):
        return model(ids, mask.long()).logits


def load_by_transformers(folder: Path, device: torch.device | None = None) -> Any:
    """A token classifier in evaluation mode, and in float32; without a device on a GPU where there is one."""
    from transformers import AutoModelForTokenClassification

    from cbpner.models.attention import pick_attention
    from cbpner.models.crf_tagger import BertCrfConfig  # noqa: F401 (the Auto classes know the type only now)
    from cbpner.models.encoders import load_weights, silence_libraries
    from cbpner.models.ensemble import BertEnsembleConfig  # noqa: F401 (likewise)

    silence_libraries()
    device = device or devices.pick_device()
    model, _ = load_weights(str(folder), AutoModelForTokenClassification, attn_implementation=pick_attention(device))
    return model.to(device).eval()
