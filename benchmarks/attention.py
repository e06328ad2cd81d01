"""Compare our attention for prediction with torch's own, on one thread: microseconds a character and layer.

python -m benchmarks.attention

Sizes are those of `cbp_mini`; about 2,000 characters at once, in sentences of one length, in bfloat16, on a processor
without instructions for it in float32. Medians of rounds in which both have their turn, in the process's own time, so
that other programs matter little.
"""

import statistics
import time
from collections.abc import Callable

import torch

from benchmarks.matmuls import FORMAT
from benchmarks.tables import format_table
from cbpner.prediction.fast_bert import mix_in_torch, mix_values

LENGTHS = (30, 60, 130, 300, 500)
CHARACTERS, HEADS, WIDTH = 2000, 12, 32
ROUNDS, REPEATS = 9, 5


def time_once(mix: Callable[..., torch.Tensor], *parts: torch.Tensor) -> float:
    """Seconds of the process for one call, the mean of REPEATS."""
    start = time.process_time()
    for _ in range(REPEATS):
        mix(*parts)
    return (time.process_time() - start) / REPEATS


def measure(length: int) -> list[float]:
    """Microseconds a character, ours and torch's."""
    sentences = CHARACTERS // length
    projected = 0.5 * torch.randn(sentences, length, 3, HEADS, WIDTH).to(FORMAT)  # as `BertTagger` has them
    parts = projected.permute(2, 0, 3, 1, 4).unbind()
    rounds = [[time_once(mix, *parts) for mix in (mix_values, mix_in_torch)] for _ in range(ROUNDS)]
    return [1e6 * statistics.median(times) / (sentences * length) for times in zip(*rounds, strict=True)]


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with torch.inference_mode():
        rows = [(str(length), *(f"{found:.1f}" for found in measure(length))) for length in LENGTHS]
    print(format_table(("characters a sentence", "ours", "torch's"), rows, "rrr"))


if __name__ == "__main__":
    main()
