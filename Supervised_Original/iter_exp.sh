#!/usr/bin/env bash
# Runs ner_exp.sh on the five gold splits, then prints their table (OUT_DIR/table.md, table.csv). Finished splits are
# skipped, an interrupted one resumes.
#
# usage: bash iter_exp.sh                        all five with the shipped encoder
#        SPLITS="1 4" SEED=7 bash iter_exp.sh    some of them
#        bash iter_exp.sh --n_epochs 2           more flags go to train.py
# More variables: see ner_exp.sh. Relative paths start at this folder.
set -euo pipefail
cd "$(dirname "$0")"
export GPU_ID="${GPU_ID:-}"                      # 0, or 0,1; empty: every GPU there is, else the CPU
export BATCH_SIZE="${BATCH_SIZE:-}"              # sentences per step; empty: the recipe's
source ../env/run_name.sh
export OUT_DIR="${OUT_DIR:-../runs/$(run_name Supervised_Original)}"
SPLITS="${SPLITS:-0 1 2 3 4}"

for split in $SPLITS; do
  SPLIT="$split" bash ner_exp.sh "$@"
done
source ../env/setup.sh
"$PYTHON" -m cbpner table "$OUT_DIR" -o "$OUT_DIR"
