"""What the trainers of NER and of the masked LM share: one GPU a process, shared decisions, memory that runs out."""

import sys
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from transformers import Trainer, TrainingArguments

from cbpner.runs.environment import count_processes
from cbpner.runs.folder import CHECKPOINTS


class ProcessArguments(TrainingArguments):
    """Arguments of a process that trains on one GPU, however many it sees: `torchrun` starts a process for each."""

    @property
    def n_gpu(self) -> int:
        return min(super().n_gpu, 1)  # of more the Trainer would make an nn.DataParallel


def make_arguments(folder: Path, precision: str, device: torch.device, **more: Any) -> ProcessArguments:
    """The arguments that every run in `folder` has in common, and more; float32 is never computed as TF32."""
    has_cuda = device.type == "cuda"
    return ProcessArguments(
        str(folder / CHECKPOINTS), bf16=precision == "bf16", fp16=precision == "fp16", use_cpu=device.type == "cpu",
        tf32=False, dataloader_pin_memory=has_cuda, dataloader_num_workers=2 if has_cuda else 0, report_to=[],
        disable_tqdm=True, remove_unused_columns=False, label_names=["labels"],
        logging_nan_inf_filter=precision == "fp16", **more,  # fp16 skips steps that overflow
    )  # fmt: skip


def share_decision(value: Any, device: torch.device) -> Any:
    """The main process's value, in every process that `torchrun` started."""
    if count_processes() == 1:
        return value
    PartialState(cpu=device.type == "cpu")  # begins the communication
    return broadcast_object_list([value])[0]


class HalvingTrainer(Trainer):
    """transformers' Trainer; from a batch on for which the memory is too small, batches are computed in parts.

    A step is the same as before, since each loss is divided by what the whole step has. With several processes, or
    several batches a step, torch.OutOfMemoryError is raised.
    """

    parts = 1

    def training_step(self, model: torch.nn.Module, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        step, is_alone = super().training_step, self.args.world_size * self.args.gradient_accumulation_steps == 1
        while True:
            try:
                names, parts = list(inputs), zip(*(value.chunk(self.parts) for value in inputs.values()), strict=True)
                losses = [step(model, dict(zip(names, part, strict=True)), num_items_in_batch) for part in parts]
                return torch.stack(losses).sum()
            except torch.OutOfMemoryError:
                if not is_alone or self.parts >= len(inputs["labels"]):
                    raise
            if self.parts == 1:
                print("note: too little memory for a batch; from here on each is computed in parts", file=sys.stderr)
            model.zero_grad()  # what the parts before have added
            torch.cuda.empty_cache()
            self.parts *= 2
