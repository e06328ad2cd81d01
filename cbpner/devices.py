"""What the machine is good at: device, number format, attention. Measured, not assumed."""

import contextlib
import functools
import os
import time

import torch

PRECISIONS = ("auto", "bf16", "fp32")
WORTHWHILE_GAIN = 1.2  # bfloat16 is taken where it multiplies at least this much faster than float32
TRIAL_SHAPE = (2048, 384, 1536)  # rows, width and inner width of the shipped encoder's largest product


def is_main_process():
    """Whether this process writes: the only one, or the first that `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"


def pick_device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def pick_attention(device):
    """`eager` on the CPU, where a padding mask makes sdpa the slower one; `sdpa` elsewhere."""
    return "eager" if device.type == "cpu" else "sdpa"


@functools.cache
def measure_bf16_gain(kind):
    """How much faster a matrix product of the encoder's shape runs in bfloat16 than in float32 (median of five)."""
    device = torch.device(kind)
    rows, width, inner = TRIAL_SHAPE
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        left, right = (
            torch.randn(rows, width, dtype=dtype, device=device),
            torch.randn(width, inner, dtype=dtype, device=device),
        )
        times = []
        for _ in range(6):
            start = time.perf_counter()
            (left @ right).sum().item()
            times.append(time.perf_counter() - start)
        seconds[dtype] = sorted(times[1:])[2]
    return seconds[torch.float32] / seconds[torch.bfloat16]


def pick_precision(precision, device):
    """`bf16` or `fp32`; `auto` takes bf16 where a short measurement says that the device gains by it."""
    if precision not in PRECISIONS:
        raise ValueError(f"expected a precision among {PRECISIONS}, got {precision!r}")
    if precision != "auto":
        return precision
    return "bf16" if measure_bf16_gain(device.type) >= WORTHWHILE_GAIN else "fp32"


def autocast(precision, device):
    """The context in which forward passes run."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, torch.bfloat16)
