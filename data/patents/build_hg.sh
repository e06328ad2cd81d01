#!/usr/bin/env bash
# Rebuilds the paper's corpus HG out of your own texts: 10,000 Chinese patents on human genes, 2009 to 2018.
#
# usage: SOURCES="pages export.jsonl" bash data/patents/build_hg.sh    into data/corpora/HG
#        bash data/patents/build_hg.sh "my pages" --held-out 0.1       sources and more flags of `cbpner patents`
# The paper's own 10,000 of 53,007 were never published: this is a draw of its own from what you have.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
SOURCES="${SOURCES:-}"                           # saved pages, text, JSONL or Parquet; files or folders, blanks between
OUT_DIR="${OUT_DIR:-$here/../corpora/HG}"
SAMPLE="${SAMPLE:-10000}"
SEED="${SEED:-0}"

source "$here/../../env/setup.sh"
"$PYTHON" -m cbpner patents -o "$OUT_DIR" --country CN --from 2009-01-01 --to 2019-01-01 \
  --query "人类 AND 基因" --sample "$SAMPLE" --seed "$SEED" --held-out 100 $SOURCES "$@"
