"""A page in the browser: tag texts, look at genes, proteins and diseases, at their network, and at runs.

  cbpner app                                    http://127.0.0.1:7860, with the taggers under models/ and runs/
  cbpner app --model runs/mine/0 --port 8000
  curl -s 127.0.0.1:7860/tag -H 'content-type: application/json' -d '{"text": "HER2阳性乳腺癌"}'

The page is in English and Chinese. It and the endpoint (POST /tag, GET /models, GET /health; described by
/openapi.json) answer this machine alone; nothing is sent elsewhere. Whoever may use this machine may use them, so think
of a reverse proxy with a login before --host lets others in; it passes the public name on, which --allowed-host has
to name, since other names and other sites' pages are refused. Needs the extra `app`: pip install 'cbpner[app]'.
"""

import os
import signal
import socket
import sys
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from cbpner.base.errors import InputError

HOST, PORT = "127.0.0.1", 7860
HOW_TO_INSTALL = "pip install 'cbpner[app]'"


def add_arguments(parser):
    parser.add_argument(
        "--model", action="append", default=[], metavar="MODEL", help="tagger to offer first; repeatable"
    )
    parser.add_argument(
        "--models", action="append", metavar="DIR", help="folder to look for taggers in (default: models and runs)"
    )
    parser.add_argument(
        "--runs", action="append", metavar="DIR", help="folder to look for runs in (default: runs and results)"
    )
    parser.add_argument(
        "--lexicon", action="append", default=[], metavar="FILE", help="HGNC's genes (default: shipped)"
    )
    parser.add_argument("--host", default=HOST, help="address to answer on (default: %(default)s)")
    parser.add_argument(
        "--allowed-host", action="append", default=[], metavar="NAME",
        help="name under which browsers call it beside localhost, such as a proxy's; repeatable",
    )  # fmt: skip
    parser.add_argument("--port", type=int, default=PORT, help="(default: %(default)s)")
    parser.add_argument("--max-mb", type=float, default=5.0, metavar="N", help="of a text (default: %(default)s)")
    parser.add_argument(
        "--timeout", type=float, default=120.0, metavar="S",
        help="for a text, and a second more for every 2,000 of its characters (default: %(default)s s)",
    )  # fmt: skip


def run(args):
    if args.max_mb <= 0 or args.timeout <= 0:
        raise InputError(f"found --max-mb {args.max_mb:g} --timeout {args.timeout:g}; expected more than 0")
    with keep_files():
        try:
            from cbpner.app import server
        except ImportError as error:
            raise InputError(f"found no {error.name}; expected it for `cbpner app`: {HOW_TO_INSTALL}") from error
        desk, kinds, runs = prepare(args)
        check_port(args.host, args.port)
        app = server.create_app(desk, kinds, runs, args.host, args.port, args.allowed_host)
        print(f"http://{args.host}:{args.port}  (taggers: {', '.join(desk.models)}; Ctrl-C ends it)", flush=True)
        server.serve(app, args.host, args.port)


@contextmanager
def keep_files():
    """Uploads and downloads lie in a folder of this process alone, which goes with the block, also by SIGTERM.

    Gradio is imported within it.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with TemporaryDirectory(prefix="cbpner.", ignore_cleanup_errors=True) as folder:
            os.environ["GRADIO_TEMP_DIR"] = folder
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def prepare(args):
    """(the desk, the readers of genes, folders of runs) of the flags; the default model is loaded."""
    from cbpner.app.content import find_runs
    from cbpner.app.tagging import Desk, Limits, find_models
    from cbpner.biology.genes.lexicons import SHIPPED_LOOKALIKES, find_shipped, read_gene_lexicon, read_lexicons
    from cbpner.biology.genes.mentions import Kinds
    from cbpner.biology.genes.resolution import read_lookalikes
    from cbpner.prediction.model_folder import HOW_TO_TRAIN
    from cbpner.runs import folder as runs

    models = find_models(args.model, args.models or [runs.PROJECT / "models", "models", runs.PROJECT / "runs", "runs"])
    if not models:
        raise InputError(f"found no tagger; expected one under models/ or runs/, or --model: {HOW_TO_TRAIN}")
    desk = Desk(models, Limits(int(args.max_mb * 10**6), args.timeout))
    desk.get_tagger()
    lookalikes = read_lookalikes(find_shipped(SHIPPED_LOOKALIKES))
    kinds = Kinds(read_gene_lexicon(args.lexicon), read_lexicons([], "disease"), lookalikes=lookalikes)
    return desk, kinds, find_runs(args.runs or dict.fromkeys(["runs", runs.PROJECT / "results"]))


def check_port(host, port):
    """InputError where the port cannot be had."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        fault = getattr(error, "strerror", None) or error
        raise InputError(f"found {host}:{port} not to be had ({fault}); expected a free port, by --port") from error
