"""A job's shards tagged by workers of a Ray cluster, on this machine or on many: the same folder as without it.

This process reads the inputs and writes the shards, so that nothing is there twice; text is read as fast as workers
take it. Each worker holds the model; one that dies is replaced. The model's files, texts and spans travel through Ray,
so that the machines share no disk; each needs the same Python packages.
"""

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from cbpner.base.errors import InputError
from cbpner.prediction.inputs import Item
from cbpner.prediction.job import tag_items
from cbpner.prediction.model_folder import FILES

if TYPE_CHECKING:
    from cbpner.prediction.tagger import Tagger

IN_FLIGHT = 2  # shards that a worker has: one waits while one is done
RETRIES = 3  # of a shard whose worker died
Numbered = tuple[int, list[Item]]  # a shard's number and its items


class Cluster(NamedTuple):
    """The workers."""

    address: str | None = None  # `auto`: of the cluster that this machine is in; None: one here, for the job
    workers: int | None = None  # None: as many as fit
    cpus: float = 1  # of each worker
    gpus: float = 0


class Worker:
    """Tags shards, one at a time. files: {name: bytes} of the model; options: of `Tagger.from_pretrained`."""

    def __init__(self, files: dict[str, bytes], options: dict[str, Any]) -> None:
        from cbpner.prediction.tagger import Tagger

        with TemporaryDirectory(prefix="cbpner.") as folder:
            for name, data in files.items():
                (Path(folder) / name).write_bytes(data)
            self.tagger = Tagger.from_pretrained(folder, **options)

    def tag_shard(self, number: int, items: list[Item]) -> Numbered:
        return number, list(tag_items(self.tagger, items))


def tag_shards_on_ray(
    tagger: "Tagger", options: dict[str, Any], shards: Iterable[Numbered], cluster: Cluster
) -> Generator[Numbered, None, None]:
    """Yield the shards, tagged, as they are done; InputError where there is no such cluster, or a worker fails.

    options: arguments of `Tagger.from_pretrained` for the workers, but for backend, device, precision and terms.
    """
    files = {name: (tagger.folder / name).read_bytes() for name in (*FILES, tagger.backend.weights)}
    options = {**options, "backend": tagger.backend.name, "precision": tagger.backend.precision}
    options |= {"device": "cuda" if cluster.gpus else "cpu", "terms": tagger.terms and tagger.terms.types}
    limits = {"num_cpus": cluster.cpus, "num_gpus": cluster.gpus, "max_restarts": -1, "max_task_retries": RETRIES}
    with open_cluster(cluster) as ray:
        from ray.util import ActorPool

        start, sent = ray.remote(**limits)(Worker).remote, ray.put(files)
        pool: Any = ActorPool([start(sent, options) for _ in range(count_workers(ray, cluster))] * IN_FLIGHT)
        try:
            for shard in shards:
                if not pool.has_free():
                    yield pool.get_next_unordered()
                pool.submit(lambda worker, values: worker.tag_shard.remote(*values), shard)
            while pool.has_next():
                yield pool.get_next_unordered()
        except ray.exceptions.RayError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            reason = lines[-1] if lines else type(error).__name__
            raise InputError(f"a worker failed ({reason}); what is done is kept, the same command resumes") from error


def count_workers(ray: Any, cluster: Cluster) -> int:
    """How many workers are asked for, or the cluster's machines have room for; InputError where that is too few."""
    needed = {"CPU": cluster.cpus, "GPU": cluster.gpus}
    machines = [machine["Resources"] for machine in ray.nodes() if machine["Alive"]]
    room = sum(
        min(int(machine.get(name, 0) / amount + 1e-6) for name, amount in needed.items() if amount)
        for machine in machines
    )
    if room < (cluster.workers or 1):
        there = ", ".join(f"{sum(machine.get(name, 0) for machine in machines):g} {name}" for name in needed)
        wanted = f"{cluster.cpus:g} CPU and {cluster.gpus:g} GPU a worker"
        many = f", room for {room} of {cluster.workers} workers" if cluster.workers else ""
        raise InputError(f"found a cluster of {there}{many}; expected {wanted}")
    return cluster.workers or room


@contextmanager
def open_cluster(cluster: Cluster) -> Iterator[Any]:
    """Yield ray, connected; a cluster of our own listens on the loopback interface alone, and ends with the block."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        advice = "expected it for --engine ray: pip install 'cbpner[ray]'"
        raise InputError(f"found no Ray ({error}); {advice}") from error
    quiet: dict[str, Any] = {"logging_level": "error", "log_to_driver": False, "ignore_reinit_error": False}
    try:
        if cluster.address:
            ray.init(address=cluster.address, **quiet)
        else:
            cpus = (cluster.workers or max(1, int((os.cpu_count() or 1) // cluster.cpus))) * cluster.cpus
            alone: dict[str, Any] = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
            ray.init("local", num_cpus=max(1, int(cpus + 0.999)), **alone, **quiet)  # joins no cluster that is there
    except (ConnectionError, RuntimeError, ValueError) as error:
        fault = str(error).partition("\n")[0]
        hint = "; where it asks for a token: RAY_AUTH_MODE=token" if cluster.address else ""
        raise InputError(f"found no Ray cluster at {cluster.address or 'this machine'} ({fault}){hint}") from error
    try:
        yield ray
    finally:
        ray.shutdown()
