#!/usr/bin/env bash
# Rebuilds the paper's corpus BC out of your own texts: 100 Chinese patents on markers of breast cancer, 2012 to 2018.
#
# usage: SOURCES="pages export.jsonl" bash data/patents/build_bc.sh    into data/corpora/BC
#        bash data/patents/build_bc.sh "my pages" --held-out 10        sources and more flags of `cbpner patents`
# The paper's own 100 of 2,659 were never published: this is a draw of its own from what you have.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
SOURCES="${SOURCES:-}"                           # saved pages, text, JSONL or Parquet; files or folders, blanks between
OUT_DIR="${OUT_DIR:-$here/../corpora/BC}"
SAMPLE="${SAMPLE:-100}"
SEED="${SEED:-0}"

source "$here/../../env/setup.sh"
"$PYTHON" -m cbpner patents -o "$OUT_DIR" --country CN --from 2012-12-01 --to 2019-01-01 \
  --query "乳腺癌 AND 生物标记物" --sample "$SAMPLE" --seed "$SEED" --held-out 5 $SOURCES "$@"
