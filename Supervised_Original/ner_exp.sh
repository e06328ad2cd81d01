#!/usr/bin/env bash
# Trains and tests the supervised BERT on one gold split: run folder OUT_DIR/SPLIT. A finished run is skipped.
#
# usage: bash ner_exp.sh                                          split 0 with the shipped encoder
#        SPLIT=3 BERT_MODEL=bert-base-chinese bash ner_exp.sh     another split, another encoder
#        bash ner_exp.sh --n_epochs 2 --overwrite                 more flags go to train.py
# OUT_DIR is named after the settings below (env/run_name.sh). Relative paths start at this folder.
set -euo pipefail
cd "$(dirname "$0")"
GPU_ID="${GPU_ID:-}"                             # 0, or 0,1; empty: every GPU there is, else the CPU
BATCH_SIZE="${BATCH_SIZE:-}"                     # sentences per step; empty: the recipe's
RECIPE="${RECIPE:-cbp}"                          # cbp: ours, the shipped encoder; paper: the original's
CASING="${CASING:-}"                             # keep, lower, paper, uncased; empty: the recipe's
BERT_MODEL="${BERT_MODEL:-}"                     # a hub name or a folder; empty: the recipe's
DATA_DIR="${DATA_DIR:-../data/cbp_gold}"
SEED="${SEED:-0}"
SPLIT="${SPLIT:-0}"
source ../env/run_name.sh
OUT_DIR="${OUT_DIR:-../runs/$(run_name Supervised_Original)}"

source ../env/setup.sh
source ../env/launch.sh
launch train.py --data_dir "$DATA_DIR" --split "$SPLIT" --logdir "$OUT_DIR/$SPLIT" --finetuning --recipe "$RECIPE" \
  ${CASING:+--casing "$CASING"} ${BERT_MODEL:+--bert_model "$BERT_MODEL"} \
  ${BATCH_SIZE:+--batch_size "$BATCH_SIZE"} --seed "$SEED" "$@"
