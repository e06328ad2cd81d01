#!/usr/bin/env bash
# Rebuilds the paper's corpus HG from your own texts: 10,000 Chinese patents on human genes, 2009 to 2018.
#
# usage: SOURCES="pages export.jsonl" bash data/patents/build_hg.sh    into data/corpora/HG
#        bash data/patents/build_hg.sh "my pages" --held-out 0.1       sources and more flags of `cbpner patents`
# The paper's own 10,000 of 53,007 were never published: this is a new sample from the texts you have.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
SOURCES="${SOURCES:-}"                           # saved pages, text, JSONL or Parquet; files or folders, separated by blanks
OUT_DIR="${OUT_DIR:-$here/../corpora/HG}"
QUERY="${QUERY:-人类 AND 基因}"
FIRST_DAY="${FIRST_DAY:-2009-01-01}"
SAMPLE="${SAMPLE:-10000}"
HELD_OUT="${HELD_OUT:-100}"                      # patents for test.txt
SEED="${SEED:-0}"

source "$here/../../env/setup.sh"
"$PYTHON" -m cbpner patents -o "$OUT_DIR" --country CN --from "$FIRST_DAY" --to 2019-01-01 --query "$QUERY" \
  --sample "$SAMPLE" --seed "$SEED" --held-out "$HELD_OUT" $SOURCES "$@"
