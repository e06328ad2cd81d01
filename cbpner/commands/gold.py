"""Get the gold data of the original repository, at its pinned commit, and check every file.

Without --from the files are downloaded. Run it again after a broken download: what is there and right is kept.
"""

from argparse import ArgumentParser, Namespace

from cbpner.text.gold import BASE_URL, get_gold


def add_arguments(parser: ArgumentParser) -> None:
    source = "copy from this folder instead (the two *_total.bio may be missing there)"
    parser.add_argument("--from", dest="source", metavar="DIR", help=source)
    parser.add_argument("-o", "--out", default="data/cbp_gold", metavar="OUT", help="folder to fill")
    parser.add_argument("--base-url", default=BASE_URL, metavar="URL", help="where to download from")


def run(args: Namespace) -> None:
    get_gold(args.out, args.source, args.base_url)
