"""Device, number format (chosen by a measurement) and threads."""

import contextlib
import functools
import time
from concurrent.futures import ThreadPoolExecutor

import torch

from cbpner.models.names import PRECISIONS

WORTHWHILE_GAIN = 1.2  # bfloat16 is taken where it multiplies at least this much faster than float32
TRIAL_ROUNDS = 12
TRIAL_SHAPE = (2048, 384, 1536)  # rows, width and inner width of the shipped encoder's largest product


def pick_device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@functools.cache
def measure_bf16_gain(kind: str, rounds: int = TRIAL_ROUNDS):
    """How much faster a matrix product of the encoder's shape runs in bfloat16 than in float32: the best of rounds."""
    rows, width, inner = TRIAL_SHAPE
    left, right = torch.randn(rows, width, device=kind), torch.randn(width, inner, device=kind)
    factors = {dtype: (left.to(dtype), right.to(dtype)) for dtype in (torch.float32, torch.bfloat16)}
    seconds = dict.fromkeys(factors, float("inf"))
    for _ in range(rounds):
        for dtype, (a, b) in factors.items():
            start = time.perf_counter()
            (a @ b).sum().item()
            seconds[dtype] = min(seconds[dtype], time.perf_counter() - start)
    return seconds[torch.float32] / seconds[torch.bfloat16]


def may_gain_by_bf16(device: torch.device) -> bool:
    """Whether measuring bfloat16 is worth it: a CPU without hardware for it is slow, and slow to measure."""
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return True
    found = torch.cpu.get_capabilities()
    return any(found.get(name) for name in ("avx512_bf16", "amx_bf16", "sve_bf16", "arm_bf16", "bf16"))


def pick_precision(precision: str, device: torch.device, rounds: int = TRIAL_ROUNDS) -> str:
    """`bf16` or `fp32`; `auto`: bf16 where a short measurement finds it faster on the device."""
    if precision not in PRECISIONS:
        raise ValueError(f"expected a precision among {PRECISIONS}, got {precision!r}")
    if precision != "auto":
        return precision
    is_faster = may_gain_by_bf16(device) and measure_bf16_gain(device.type, rounds) >= WORTHWHILE_GAIN
    return "bf16" if is_faster else "fp32"


def autocast(precision: str, device: torch.device):
    """The context in which forward passes run."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


@contextlib.contextmanager
def spread_threads(workers: int, threads: int):
    """A pool of workers that share torch's threads, each with a batch of its own."""
    share = max(1, threads // workers)
    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(share,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)  # torch gives the last number set to threads that begin later
