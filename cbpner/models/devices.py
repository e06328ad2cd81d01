"""Device, number format and threads."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import torch

from cbpner.models.names import PRECISIONS

BF16_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "sve_bf16", "arm_bf16", "bf16")  # of CPUs, as torch names them


def pick_device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def pick_precision(precision: str, device: torch.device) -> str:
    """`bf16` or `fp32`; `auto`: bf16 where the device has instructions for it, else it is far slower."""
    if precision not in PRECISIONS:
        raise ValueError(f"expected a precision among {PRECISIONS}, got {precision!r}")
    if precision != "auto":
        return precision
    if device.type == "cuda":
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        found = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        has_bf16 = any(found.get(name) for name in BF16_INSTRUCTIONS)
    return "bf16" if has_bf16 else "fp32"


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
