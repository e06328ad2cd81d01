#!/usr/bin/env bash
# Trains and tests partBERT_CRF on the five gold splits, then prints their table (OUT_DIR/table.md, table.csv).
# Finished splits are not repeated, a broken-off one goes on.
#
# usage: bash iter_exp.sh                              all five with the shipped encoder
#        VARIANT=coded SPLITS="1 4" bash iter_exp.sh   as the original's code ran; some of them
#        bash iter_exp.sh --num_train_epochs 2         more flags go to run_ner.py
# Relative paths count from this folder.
set -euo pipefail
cd "$(dirname "$0")"
export GPU_ID="${GPU_ID:-}"                      # these eight: see ner_exp.sh
export BATCH_SIZE="${BATCH_SIZE:-}"
export RECIPE="${RECIPE:-cbp}"
export BERT_MODEL="${BERT_MODEL:-}"
export DATA_DIR="${DATA_DIR:-../data/cbp_gold}"
export VARIANT="${VARIANT:-described}"
export OUT_DIR="${OUT_DIR:-../runs/partBERT_CRF_$VARIANT}"
export SEED="${SEED:-0}"
SPLITS="${SPLITS:-0 1 2 3 4}"

source ../env/setup.sh
for split in $SPLITS; do
  SPLIT="$split" bash ner_exp.sh "$@"
done
"$PYTHON" -m cbpner table "$OUT_DIR" -o "$OUT_DIR"
