#!/usr/bin/env bash
# Trains and tests a tagger on top of a fine-tuned masked LM on the five gold splits, then prints their table
# (OUT_DIR/table.md, table.csv). Finished splits are not repeated, a broken-off one goes on.
#
# usage: BERT_MODEL=/my/model bash iter_exp.sh
#        BERT_MODEL='/my/model_{split}' bash iter_exp.sh   a model of its own for each split
#        SPLITS="1 4" SEED=7 bash iter_exp_hg.sh       some of them, on models/partHG_1epoch
#        bash iter_exp_bc.sh --num_train_epochs 2      more flags go to run_ner.py
# Relative paths count from this folder.
set -euo pipefail
cd "$(dirname "$0")"
export GPU_ID="${GPU_ID:-}"                      # these seven: see ner_exp.sh
export BATCH_SIZE="${BATCH_SIZE:-}"
export RECIPE="${RECIPE:-cbp}"
export BERT_MODEL="${BERT_MODEL:-}"
export DATA_DIR="${DATA_DIR:-../../data/cbp_gold}"
export OUT_DIR="${OUT_DIR:-../../runs/BERT_LM_mixed}"
export SEED="${SEED:-0}"
SPLITS="${SPLITS:-0 1 2 3 4}"

source ../../env/setup.sh
for split in $SPLITS; do
  SPLIT="$split" bash ner_exp.sh "$@"
done
"$PYTHON" -m cbpner table "$OUT_DIR" -o "$OUT_DIR"
