"""A job's shards done by workers of a Ray cluster, on this machine or on many: the same folder as without it.

    reader (here): files -> items -> shards        one task, held back while the workers are behind
    workers: items of a shard -> its files         each holds the model once; one that dies is replaced
    writer (here): files -> OUT/part-00012.jsonl   this process alone writes, so that nothing is there twice

The model's files travel with the workers, and items and files through Ray, so that the machines share no disk; each
needs the same Python packages. Everything here is an adapter: reading, tagging and writing are
`cbpner.prediction.job`'s.
"""

import logging
import os
import pickle
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_folder, atomic_open
from cbpner.prediction.inputs import Fields, read_sources
from cbpner.prediction.job import JobState, Reporter, Shard, checksum_output, cut_shards, name_shard, write_shard
from cbpner.prediction.model_folder import FILES
from cbpner.prediction.sources import Source

if TYPE_CHECKING:
    import pyarrow
    from ray.data import Datasource

    from cbpner.prediction.tagger import Tagger

RETRIES = 3  # of a shard whose worker died
HOW_TO_INSTALL = "pip install 'cbpner[ray]'"
Files = bytes | dict[str, bytes]  # of a file, or of each file of a folder


class Cluster(NamedTuple):
    """The workers."""

    address: str | None = None  # `auto`: of the cluster that this machine is in; None: one here, for the job
    workers: int | None = None  # None: as many as fit
    cpus: float = 1  # of each worker
    gpus: float = 0


class Parcel(NamedTuple):
    """A tagger to send: its files, {name: bytes}, and the arguments of `Tagger.from_pretrained`."""

    files: dict[str, bytes]
    options: dict[str, Any]


class Worker:
    """Tags shards, one at a time; a table of (number, pickled items) becomes (number, pickled shard and files)."""

    def __init__(self, parcel: Parcel, kind: str) -> None:
        from cbpner.prediction.tagger import Tagger

        with TemporaryDirectory(prefix="cbpner.") as folder:
            for name, data in parcel.files.items():
                (Path(folder) / name).write_bytes(data)
            self.tagger = Tagger.from_pretrained(folder, **parcel.options)
        self.kind = kind

    def __call__(self, batch: "pyarrow.Table") -> "pyarrow.Table":
        ((number, items),) = (row.values() for row in batch.to_pylist())
        return make_table(number, self.tag_shard(number, items))

    def tag_shard(self, number: int, items: bytes) -> bytes:
        name = name_shard(number, self.kind)
        with TemporaryDirectory(prefix="cbpner.") as folder:
            path = Path(folder) / name
            shard = write_shard(self.tagger, pickle.loads(items), self.kind, path, Reporter(shown=0))
            is_file = path.is_file()
            files = path.read_bytes() if is_file else {file.name: file.read_bytes() for file in sorted(path.iterdir())}
            return pickle.dumps((shard, files))


def pack_tagger(tagger: "Tagger", **options: Any) -> Parcel:
    """The tagger's files; options: arguments of `Tagger.from_pretrained` but for backend and precision."""
    names = (*FILES, tagger.backend.weights)
    files = {name: (tagger.folder / name).read_bytes() for name in names}
    return Parcel(files, {**options, "backend": tagger.backend.name, "precision": tagger.backend.precision})


def make_table(number: int, data: bytes) -> "pyarrow.Table":
    """Ray Data's block of one row."""
    import pyarrow

    schema = pyarrow.schema([("number", pyarrow.int64()), ("data", pyarrow.large_binary())])
    return pyarrow.table([[number], [data]], schema=schema)


def predict_shards_on_ray(
    parcel: Parcel, sources: Iterable[Source], fields: Fields, kind: str, state: JobState, shard_size: int,
    reporter: Reporter, cluster: Cluster,
) -> None:  # fmt: skip
    """Write the shards of a job that are not done yet, as `cbpner.prediction.job.predict_shards` does.

    InputError where there is no such cluster, or where a shard cannot be done.
    """
    with open_cluster(cluster) as ray:
        done = frozenset(shard["name"] for shard in state.done)
        # the reader works in the folder in which its cluster was started
        places = [each._replace(path=each.path and Path(os.path.abspath(each.path))) for each in sources]

        def read() -> Iterator["pyarrow.Table"]:
            for number, shard in cut_shards(read_sources(places, fields), shard_size):
                items = list(shard)
                if name_shard(number, kind) not in done:
                    yield make_table(number, pickle.dumps(items))

        try:
            with closing(run_workers(ray, read, parcel, kind, cluster)) as shards:
                for shard, files in shards:
                    state.add(write_files_of_shard(state.folder, shard, files))
                    reporter.add_shard(shard)
        except ray.exceptions.RayError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            print(f"{state.folder}: what is done is kept; the same command resumes", file=sys.stderr)
            reason = lines[-1] if lines else type(error).__name__
            raise InputError(f"{state.folder}: a worker failed ({reason})") from error
    state.finish()


def run_workers(
    ray: Any, read: Callable[[], Iterator["pyarrow.Table"]], parcel: Parcel, kind: str, cluster: Cluster
) -> Generator[tuple[Shard, Files], None, None]:
    """Yield (shard, files) of each shard, in the order in which they are done."""
    from ray.data import ActorPoolStrategy, Dataset, read_datasource

    here = {"ray.io/node-id": ray.get_runtime_context().get_node_id()}
    shards: Dataset = read_datasource(make_datasource(read), num_cpus=0, override_num_blocks=1, label_selector=here)
    room = count_workers(ray, cluster)
    size: dict[str, Any] = {"size": cluster.workers} if cluster.workers else {"min_size": 1, "max_size": room}
    done = shards.map_batches(
        Worker, batch_size=1, batch_format="pyarrow", fn_constructor_args=(parcel, kind),
        compute=ActorPoolStrategy(**size, max_tasks_in_flight_per_actor=2), num_cpus=cluster.cpus,
        num_gpus=cluster.gpus or None, ray_remote_args_fn=lambda: {"max_restarts": -1, "max_task_retries": RETRIES},
    )  # fmt: skip
    bundles = done.iter_internal_ref_bundles()  # `iter_batches` leaves a thread behind where it is broken off
    try:
        for bundle in bundles:
            for table in ray.get(bundle.block_refs):
                yield from (pickle.loads(data) for data in table["data"].to_pylist())
    finally:
        del bundles  # ends the execution; a traceback would hold it until Ray is shut down


def make_datasource(read: Callable[[], Iterator["pyarrow.Table"]]) -> "Datasource":
    """Ray Data's source of one task that yields the blocks of `read()`."""
    from ray.data.block import BlockMetadata
    from ray.data.datasource import Datasource, ReadTask

    class Shards(Datasource):
        def estimate_inmemory_data_size(self) -> None:
            return None

        def get_read_tasks(self, *_: Any, **__: Any) -> list[ReadTask]:
            return [ReadTask(read, BlockMetadata(None, None, None, None))]

    return Shards()


def count_workers(ray: Any, cluster: Cluster) -> int:
    """How many workers the cluster's machines have room for; InputError where that is too few."""
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
    return room


@contextmanager
def open_cluster(cluster: Cluster) -> Iterator[Any]:
    """Yield ray, connected; a cluster of our own listens on the loopback interface alone, and ends with the block."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        from ray.data import DataContext
    except ImportError as error:
        raise InputError(f"found no Ray ({error}); expected it for --engine ray: {HOW_TO_INSTALL}") from error
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
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=ray.util.annotations.RayDeprecationWarning)  # of what bounds retries
    context = DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.target_max_block_size = 1  # each shard is a block: it goes to a worker as soon as it is read
    there = set(threading.enumerate())
    try:
        yield ray
    finally:
        try:
            wait_for_threads(set(threading.enumerate()) - there)
        finally:
            ray.shutdown()


def wait_for_threads(threads: Iterable[threading.Thread], seconds: float = 10) -> None:
    """Wait for the threads of Ray Data: one that uses Ray after its shutdown ends this process without a message."""
    last = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0, last - time.monotonic()))


def write_files_of_shard(folder: Path, shard: Shard, files: Files) -> Shard:
    """Write a shard's files, each whole or not at all."""
    path = folder / shard["name"]
    if isinstance(files, dict):
        with atomic_folder(path) as temporary:
            for name, data in files.items():
                (temporary / name).write_bytes(data)
    else:
        with atomic_open(path, "wb") as file:
            file.write(files)
    if (found := checksum_output(path)) != shard["sha256"]:
        raise InputError(f"{path}: found the checksum {found}; expected {shard['sha256']}, as its worker wrote it")
    return shard
