"""Start the page and the endpoint: files of their own, models, port, server."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cbpner.app.discovery import find_models, find_run_folders
from cbpner.app.service import ServiceLimits, TaggingService
from cbpner.base.errors import InputError
from cbpner.biology.genes.lexicons import read_gene_lexicon
from cbpner.biology.genes.mentions import EntityResolver
from cbpner.prediction.model_folder import HOW_TO_TRAIN
from cbpner.runs.folder import PROJECT


class AppSettings(NamedTuple):
    """What is served, and where.

    Attributes:
        models: Taggers to offer first.
        model_folders: Where to look for taggers.
        run_folders: Where to look for runs.
        lexicons: Lists of genes; none for the shipped one.
        allowed_hosts: Further host names under which browsers may call.
        limits: What a text may take.
    """

    models: list[str]
    model_folders: list[str | Path]
    run_folders: list[str | Path]
    lexicons: list[str]
    host: str
    port: int
    allowed_hosts: list[str]
    limits: ServiceLimits


DEFAULT_MODEL_FOLDERS: list[str | Path] = [PROJECT / "models", "models", PROJECT / "runs", "runs"]
DEFAULT_RUN_FOLDERS: list[str | Path] = ["runs", PROJECT / "results"]


def run_app(settings: AppSettings) -> None:
    """Serve until interrupted; InputError before that for what is missing."""
    with prepare_gradio():
        try:
            from cbpner.app import server
        except ImportError as error:
            how = "pip install 'cbpner[app]'"
            raise InputError(f"found no {error.name}; expected it for `cbpner app`: {how}") from error
        host, port = settings.host, settings.port
        service, resolver = open_service(settings), build_resolver(settings.lexicons)
        check_port(host, port)
        runs = find_run_folders(settings.run_folders)
        app = server.create_app(service, resolver, runs, host, port, settings.allowed_hosts)
        print(f"http://{host}:{port}  (taggers: {', '.join(service.models)}; Ctrl-C ends it)", flush=True)
        server.serve(app, host, port)


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


def open_service(settings: AppSettings) -> TaggingService:
    """Find the taggers and load the default one."""
    models = find_models(settings.models, settings.model_folders)
    if not models:
        raise InputError(f"found no tagger; expected one under models/ or runs/, or --model: {HOW_TO_TRAIN}")
    service = TaggingService(models, settings.limits)
    service.get_tagger()
    return service


def build_resolver(lexicons: list[str]) -> EntityResolver:
    return EntityResolver(read_gene_lexicon(lexicons))


def check_port(host: str, port: int) -> None:
    """Raise InputError if the port is not available."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        fault = getattr(error, "strerror", None) or error
        raise InputError(f"found {host}:{port} not available ({fault}); expected a free port, by --port") from error
