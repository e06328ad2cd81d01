"""The Trainer's progress: a bar, the run's log, and its copy for TensorBoard."""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter
from tqdm.auto import tqdm
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from cbpner.base.errors import InputError
from cbpner.models.devices import TOO_LARGE
from cbpner.runs import folder as runs

CHOSEN_BY = "eval_entity_strict_f1"  # the record's key by which the best epoch is chosen
SHOWN = {"loss": "loss", CHOSEN_BY: "dev F1", "perplexity": "perplexity"}  # of the records: their names in the bar


@dataclass(eq=False)
class Progress(TrainerCallback):
    """A progress bar with the current loss and score, and every record as a line of the run's log.

    `seconds` in each is the training time so far, starting from `spent`. A resumed run's log and time continue from its
    checkpoint; later records of the broken-off attempt are dropped. A copy of the log is in the folder `tensorboard`,
    written by this thread, so that a full disk stops the run.
    """

    folder: Path
    label: str
    spent: float = 0.0
    log_name: str = runs.LOG
    bar: Any = None
    events: RecordWriter | None = None
    shown: dict[str, str] = field(default_factory=dict)
    start: float = 0.0

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs):
        if args.load_best_model_at_end and state.best_global_step:  # its recorded path may lead elsewhere by now
            state.best_model_checkpoint = f"{args.output_dir}/checkpoint-{state.best_global_step}"
        if args.world_size > 1:  # each draws its own masks and dropout
            torch.manual_seed(args.seed + args.process_index)
        if state.is_world_process_zero:
            before = state.log_history[-1].get("seconds", 0.0) if state.log_history else self.spent
            self.start = time.perf_counter() - before
            records = [{"step": record["step"], **record} for record in state.log_history]
            runs.write_log(self.folder, records, self.log_name)
            self.bar = tqdm(
                total=state.max_steps, initial=state.global_step, desc=self.label, unit="step", mininterval=1.0,
                dynamic_ncols=True,
            )  # fmt: skip
            path = self.folder / runs.TENSORBOARD / f"events.out.tfevents.{time.time_ns()}"
            path.parent.mkdir(parents=True, exist_ok=True)
            self.events = RecordWriter(open(path, "wb", buffering=0))
            self.events.write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs):
        if self.bar is not None:
            self.bar.update(state.global_step - self.bar.n)

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs):
        control.should_log = True  # no mean loss spans a checkpoint, so a resumed run logs what an unbroken one does

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **kwargs):
        if self.bar is None or not logs:
            return
        if "train_loss" in logs:  # the last record: the mean over all attempts, without speeds
            losses = [record for record in state.log_history if "loss" in record]
            steps = np.diff([0, *(record["step"] for record in losses)])
            mean = sum(record["loss"] * count for record, count in zip(losses, steps, strict=True)) / max(sum(steps), 1)
            logs = {"total_flos": logs["total_flos"], "train_loss": mean, "epoch": logs["epoch"]}
        record = {name: float(value) for name, value in logs.items() if math.isfinite(value)}
        if lost := logs.keys() - record.keys() - {"grad_norm"}:  # in fp16 norms overflow
            expected = "expected a training that converges: a lower learning rate, or --max_grad_norm 1"
            raise InputError(f"found no number as {min(lost)} at step {state.global_step}; {expected}")
        record["seconds"] = round(time.perf_counter() - self.start, 3)
        state.log_history[-1] = record | {"step": state.global_step}
        runs.append_log(self.folder, {"step": state.global_step, **record}, self.log_name)
        self.shown |= {label: f"{record[name]:.3f}" for name, label in SHOWN.items() if name in record}
        self.bar.set_postfix(self.shown)
        if self.events:
            summary = Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in record.items()])
            event = Event(wall_time=time.time(), step=state.global_step, summary=summary)
            self.events.write(event.SerializeToString())

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs):
        for each in (self.bar, self.events):
            if each is not None:
                each.close()


def run_trainer(trainer: Trainer, checkpoint: Path | None) -> None:
    """Train from a checkpoint or from the start; an error's message starts on a line of its own, below the bar."""
    trainer.remove_callback(PrinterCallback)
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except torch.OutOfMemoryError as error:
        raise InputError(TOO_LARGE.format(error)) from error
    finally:
        for callback in trainer.callback_handler.callbacks:
            if isinstance(callback, Progress):
                callback.on_train_end(trainer.args, trainer.state, trainer.control)
