#!/usr/bin/env bash
# Gets the gold data of the original repository into data/cbp_gold and checks every file.
#
# usage: data/get_cbp_gold.sh              download (37 files, 54 MB)
#        data/get_cbp_gold.sh --from DIR   copy from a folder that has the files; the two totals may be missing there
#
# Safe to run twice and after a broken download: files that are there and right are left alone.
set -euo pipefail
caller="$PWD"
cd "$(dirname "$0")"
target="$PWD/cbp_gold"
source ../env/setup.sh
cd "$caller"
"$PYTHON" -m cbpner gold --out "$target" "$@"
