#!/usr/bin/env bash
# On a fresh machine: sets itself up, trains one epoch of each method on the shipped data, and shows the scores.
#
# usage: bash demo_run.sh     the table is printed, and written to runs/demo/table.md and table.csv; runs/demo/report.html
#                             shows scores, errors and sentences
#
# Every call trains anew. The variables of each method's demo_run.sh (RECIPE, GPU_ID, ...) can be set here too; a relative
# OUT_DIR counts from this folder. More arguments go to each method.
set -euo pipefail
cd "$(dirname "$0")"
OUT_DIR="${OUT_DIR:-runs/demo}"
source env/setup.sh

case "$OUT_DIR" in /*) ;; *) OUT_DIR="$PWD/$OUT_DIR" ;; esac
for method in Supervised_Original BERT_LM_mixed partBERT_CRF; do
  [ -f "$method/demo_run.sh" ] || continue
  printf '\n== %s\n' "$method"
  OUT_DIR="$OUT_DIR/$method" bash "$method/demo_run.sh" "$@"
done
printf '\n'
"$PYTHON" -m cbpner table "$OUT_DIR" -o "$OUT_DIR"
printf '\nThis table is in %s and table.csv beside it. To look at:\n' "$OUT_DIR/table.md"
"$PYTHON" -m cbpner report "$OUT_DIR" -o "$OUT_DIR/report.html" --resamples 1000
