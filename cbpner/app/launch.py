"""Start the page and the endpoint: find the taggers and runs on this machine, prepare files, check the port, serve."""

import os
import signal
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from cbpner.app.service import ServiceLimits, TaggingService
from cbpner.base.errors import InputError
from cbpner.biology.genes.mentions import EntityResolver
from cbpner.prediction import model_folder
from cbpner.runs import folder as runs

SHIPPED: list[Path | str] = [root / "models" for root in runs.list_roots()]
MODEL_FOLDERS = [*SHIPPED, "models", runs.PROJECT / "runs", "runs"]
RUN_FOLDERS: list[str | Path] = ["runs", runs.PROJECT / "results"]
DEPTH = 4  # levels of folders that are searched


def run_app(
    models: Mapping[str, Path], reports: Mapping[str, str], resolver: EntityResolver, limits: ServiceLimits, host: str,
    port: int, allowed_hosts: Sequence[str], terms: str | None = None,
) -> None:  # fmt: skip
    """Serve taggers and reports of runs, {name: folder} each, until interrupted. terms: a file of the user's own."""
    if not models:
        how = model_folder.HOW_TO_TRAIN
        raise InputError(f"found no tagger; expected one under models/ or runs/, or --model: {how}")
    with prepare_gradio():
        try:
            from cbpner.app import server
        except ImportError as error:
            raise InputError(f"found no {error.name}; expected it: pip install 'cbpner[app]'") from error
        service = TaggingService(models, limits, terms)
        service.get_tagger()
        check_port(host, port)
        server.serve(service, resolver, reports, host, port, allowed_hosts)


@contextmanager
def prepare_gradio() -> Iterator[None]:
    """Set the environment that Gradio reads on import; import it within the block.

    It sends no usage data. Uploads and downloads are in a folder of this process, which is deleted at the end of the
    block, also after SIGTERM.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with TemporaryDirectory(prefix="cbpner.", ignore_cleanup_errors=True) as folder:
            os.environ |= {"GRADIO_TEMP_DIR": folder, "GRADIO_ANALYTICS_ENABLED": "False"}
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def check_port(host: str, port: int) -> None:
    """Raise InputError if the port is not available."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except (OSError, OverflowError) as error:
        fault = getattr(error, "strerror", None) or error
        raise InputError(f"found {host}:{port} not available ({fault}); expected a free port, by --port") from error


def find_models(named: Iterable[str | Path] = (), folders: Iterable[str | Path] = ()) -> dict[str, Path]:
    """Find the taggers of torch or ONNX Runtime, each under its path as it was given.

    Those of `named` must be there (else InputError) and come first, the shipped one next, then those that a search of
    `folders` finds.
    """
    found = {str(name): model_folder.locate_model(name, "auto") for name in named}
    first = [*found, model_folder.DEFAULT_MODEL]
    for folder in folders:
        for place in _list_places(Path(folder)):
            model = place / runs.MODEL if runs.is_finished(place) else place
            if model not in found.values():
                with suppress(InputError):  # an encoder, or a model of some other tool
                    model_folder.check_folder(model, model_folder.choose_backend(model))
                    model_folder.read_model_labels(model_folder.read_model_config(model), model)
                    found.setdefault(relative_to_project(place), model)
    return {name: found[name] for name in dict.fromkeys([*first, *found]) if name in found}


def _list_places(folder: Path, depth: int = DEPTH) -> Iterator[Path]:
    """The folders below a folder, sorted; runs and models are not entered."""
    if depth == 0 or not folder.is_dir():
        return
    for place in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        yield place
        if not runs.is_finished(place) and not (place / "config.json").is_file():
            yield from _list_places(place, depth - 1)


def relative_to_project(place: str | Path) -> str:
    """A path relative to the project, or to what is laid out as it, if it is in it."""
    resolved = Path(place).resolve()
    roots = (root.resolve() for root in reversed(runs.list_roots()))
    return next((str(resolved.relative_to(root)) for root in roots if resolved.is_relative_to(root)), str(place))


def find_run_folders(folders: Iterable[str | Path]) -> dict[str, str]:
    """Find the folders that `cbpner report` takes, by name: each has the finished runs of all splits of one method.

    Those with an evaluation of everything in them come last, since their report takes a minute.
    """
    found = set()
    for folder in map(Path, folders):
        for place in _list_places(folder):
            if runs.is_finished(place) and (place / runs.CONFIG).is_file():
                found.add(str(place if place.parent == folder else place.parent))
    whole = [str(folder) for folder in folders if Path(folder, "evaluation/evaluation.json").is_file()]
    return {relative_to_project(path): path for path in [*sorted(found), *whole]}
