#!/usr/bin/env bash
# Rebuilds the paper's corpus BC from your own texts: 100 Chinese patents on markers of breast cancer, 2012 to 2018.
#
# usage: SOURCES="pages export.jsonl" bash data/patents/build_bc.sh    into data/corpora/BC; variables: see build_hg.sh
#        bash data/patents/build_bc.sh "my pages" --held-out 10        sources and more flags of `cbpner patents`
# The paper's own 100 of 2,659 were never published: this is a new sample from the texts you have.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
export OUT_DIR="${OUT_DIR:-$here/../corpora/BC}"
export QUERY="${QUERY:-乳腺癌 AND 生物标记物}"
export FIRST_DAY="${FIRST_DAY:-2012-12-01}"
export SAMPLE="${SAMPLE:-100}"
export HELD_OUT="${HELD_OUT:-5}"

exec bash "$here/build_hg.sh" "$@"
