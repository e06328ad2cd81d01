#!/usr/bin/env bash
# Runs ner_exp.sh on the five gold splits, then prints their table (OUT_DIR/table.md, table.csv). Finished splits are
# skipped, an interrupted one resumes.
#
# usage: BERT_MODEL=/my/model bash iter_exp.sh
#        BERT_MODEL='/my/model_{split}' bash iter_exp.sh   another model for each split
#        SPLITS="1 4" SEED=7 bash iter_exp_hg.sh           some of them, on models/partHG_1epoch
#        bash iter_exp_bc.sh --num_train_epochs 2          more flags go to run_ner.py
# More variables: see ner_exp.sh. Relative paths start at this folder.
set -euo pipefail
cd "$(dirname "$0")"
export GPU_ID="${GPU_ID:-}"                      # 0, or 0,1; empty: every GPU there is, else the CPU
export BATCH_SIZE="${BATCH_SIZE:-}"              # sentences per step; empty: the recipe's
source ../../env/run_name.sh
export OUT_DIR="${OUT_DIR:-../../runs/$(run_name BERT_LM_mixed)}"
SPLITS="${SPLITS:-0 1 2 3 4}"

for split in $SPLITS; do
  SPLIT="$split" bash ner_exp.sh "$@"
done
source ../../env/setup.sh
"$PYTHON" -m cbpner table "$OUT_DIR" -o "$OUT_DIR"
