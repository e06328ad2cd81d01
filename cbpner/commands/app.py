"""Serve a page in the browser: tag texts, look at genes, proteins and diseases, at their network, and at runs.

  cbpner app                                    http://127.0.0.1:7860, with the taggers under models/ and runs/
  cbpner app --model runs/mine/0 --port 8000
  curl -s 127.0.0.1:7860/tag -H 'content-type: application/json' -d '{"text": "HER2阳性乳腺癌"}'

The page is in English and Chinese. The page and the endpoint (POST /tag, GET /models, GET /health; described by
/openapi.json) answer this machine only, and nothing is sent elsewhere. Everyone who can reach them can use them: before
--host opens them to others, put a reverse proxy with a login in front. Name its public host with --allowed-host, since
requests under other names and from other sites' pages are refused. Needs the extra `app`: pip install 'cbpner[app]'.
"""

import argparse

from cbpner.base.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", action="append", default=[], metavar="MODEL", help="tagger to offer first; repeatable"
    )
    parser.add_argument(
        "--models", action="append", metavar="DIR", help="folder to search for taggers (default: models and runs)"
    )
    parser.add_argument(
        "--runs", action="append", metavar="DIR", help="folder to search for runs (default: runs and results)"
    )
    parser.add_argument(
        "--lexicon", action="append", default=[], metavar="FILE", help="HGNC's genes (default: shipped)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--allowed-host", action="append", default=[], metavar="NAME",
        help="further host name under which browsers may call, such as a proxy's; repeatable",
    )  # fmt: skip
    parser.add_argument("--port", type=int, default=7860, help="(default: %(default)s)")
    parser.add_argument("--max-mb", type=float, default=5.0, metavar="N", help="size of a text (default: %(default)s)")
    parser.add_argument(
        "--timeout", type=float, default=120.0, metavar="S",
        help="for a text, plus a second for every 2,000 of its characters (default: %(default)s s)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> None:
    if args.max_mb <= 0 or args.timeout <= 0:
        raise InputError(f"found --max-mb {args.max_mb:g} --timeout {args.timeout:g}; expected more than 0")
    from cbpner.app.launch import DEFAULT_MODEL_FOLDERS, DEFAULT_RUN_FOLDERS, AppSettings, run_app
    from cbpner.app.service import ServiceLimits

    settings = AppSettings(
        models=args.model, model_folders=args.models or DEFAULT_MODEL_FOLDERS,
        run_folders=args.runs or DEFAULT_RUN_FOLDERS, lexicons=args.lexicon, host=args.host, port=args.port,
        allowed_hosts=args.allowed_host, limits=ServiceLimits(int(args.max_mb * 10**6), args.timeout),
    )  # fmt: skip
    run_app(settings)
