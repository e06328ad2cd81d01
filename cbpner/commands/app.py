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

from cbpner.biology.genes.lexicons import read_gene_lexicon
from cbpner.biology.genes.mentions import EntityResolver
from cbpner.commands.options import bounded


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", action="append", default=[], metavar="MODEL", help="tagger to offer first; repeatable")
    add("--models", action="append", metavar="DIR", help="folder to search for taggers (default: models and runs)")
    add("--runs", action="append", metavar="DIR", help="folder to search for runs (default: runs and results)")
    add("--lexicon", action="append", default=[], metavar="FILE", help="HGNC's genes (default: shipped)")
    add("--terms", metavar="FILE", help="your own names, as for `cbpner predict`")
    add("--host", default="127.0.0.1", help="address to listen on")
    hosts = "further host name under which browsers may call, such as a proxy's; repeatable"
    add("--allowed-host", action="append", default=[], metavar="NAME", help=hosts)
    add("--port", type=bounded(int, 1, 65535), default=7860, help="port to listen on")
    add("--max-mb", type=bounded(float, 0.001), default=5.0, metavar="N", help="size of a text")
    limit = "for a text, plus a second for every 2,000 of its characters"
    add("--timeout", type=bounded(float, 0.001), default=120.0, metavar="S", help=limit)


def run(args: argparse.Namespace) -> None:
    from cbpner.app import launch
    from cbpner.app.service import ServiceLimits

    models = launch.find_models(args.model, args.models or launch.MODEL_FOLDERS)
    runs = launch.find_run_folders(args.runs or launch.RUN_FOLDERS)
    resolver = EntityResolver(read_gene_lexicon(args.lexicon))
    limits = ServiceLimits(int(args.max_mb * 10**6), args.timeout)
    launch.run_app(models, runs, resolver, limits, args.host, args.port, args.allowed_host, args.terms)
