"""Device, number format, memory and threads."""

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from cbpner.base.errors import InputError
from cbpner.models.names import PRECISIONS

BF16_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "sve_bf16", "arm_bf16", "bf16")  # of CPUs, as torch names them
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
EVALUATION_TOKENS = 2048  # padded tokens of a forward pass without gradient on a CPU, and at least elsewhere
MOST_TOKENS = 65_536  # of one on a GPU, which more would not make faster
TOO_LARGE = "found too little memory ({}); expected a smaller BATCH_SIZE (scripts), --batch-size or --batch-tokens"
TOKEN_BYTES = 128  # for each of a hidden state's numbers: some 32 float32 numbers are alive at once in a layer


def pick_device() -> torch.device:
    """The process's GPU (`torchrun` numbers them), else Apple's GPU, else the CPU.

    An empty CUDA_VISIBLE_DEVICES stands for the CPU on a Mac too.
    """
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    has_mps = torch.backends.mps.is_available() and os.environ.get("CUDA_VISIBLE_DEVICES") != ""
    return torch.device("mps" if has_mps else "cpu")


def pick_precision(precision: str, device: torch.device) -> str:
    """`bf16`, `fp16` or `fp32`; InputError for fp16 on a CPU, which trains without a gradient scaler.

    `auto`: what the device multiplies fastest in hardware: bf16 from CUDA's compute capability 8.0 on, fp16 from 7.0
    (the first with tensor cores), on a CPU bf16 if it has instructions for it, else fp32; on Apple's GPU fp32.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"expected a precision among {PRECISIONS}, got {precision!r}")
    if precision == "fp16" and device.type == "cpu":
        raise InputError("found the precision fp16 on a CPU; expected bf16, fp32 or auto there, or a GPU")
    if precision != "auto":
        return precision
    if device.type == "cuda":
        capability = torch.cuda.get_device_capability(device)
        return "bf16" if capability >= (8, 0) else "fp16" if capability >= (7, 0) else "fp32"
    return "bf16" if device.type == "cpu" and has_instructions(*BF16_INSTRUCTIONS) else "fp32"


def has_instructions(*names: str) -> bool:
    """Whether the processor has one of these sets of instructions, by torch's names; no where torch cannot tell."""
    found = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(found.get(name) for name in names)


def autocast(precision: str, device: torch.device):
    """The context in which forward passes run."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, DTYPES[precision])


def free_memory(device: torch.device) -> int:
    """Bytes that a GPU of CUDA has for new tensors; 0 for other devices."""
    if device.type != "cuda":
        return 0
    return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def count_batch_tokens(device: torch.device, width: int) -> int:
    """Padded tokens of a forward pass without gradient: on a GPU of CUDA as many as half its free memory holds.

    width: of the model's hidden states.
    """
    return min(MOST_TOKENS, max(EVALUATION_TOKENS, free_memory(device) // 2 // (TOKEN_BYTES * width)))


def run_in_halves(run: Callable[..., np.ndarray], *rows: Any) -> np.ndarray:
    """run(*rows), by halves of the rows where the device's memory is too small for all of them."""
    try:
        return run(*rows)
    except torch.OutOfMemoryError as error:
        if (middle := len(rows[0]) // 2) == 0:
            raise InputError(TOO_LARGE.format(error)) from error
    torch.cuda.empty_cache()
    halves = (slice(middle), slice(middle, None))
    return np.concatenate([run_in_halves(run, *(part[half] for part in rows)) for half in halves])


@contextlib.contextmanager
def spread_threads(workers: int, threads: int):
    """A pool of workers that share torch's threads, each with a batch of its own."""
    share = max(1, threads // workers)
    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(share,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)  # torch gives the last number set to threads that begin later
