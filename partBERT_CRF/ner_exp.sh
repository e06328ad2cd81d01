#!/usr/bin/env bash
# Trains and tests partBERT_CRF on one gold split: run folder OUT_DIR/SPLIT. A finished run is skipped.
#
# usage: bash ner_exp.sh                                          split 0 with the shipped encoder
#        VARIANT=coded SPLIT=3 bash ner_exp.sh                    as the original's code ran; another split
#        bash ner_exp.sh --num_train_epochs 2 --overwrite         more flags go to run_ner.py
# OUT_DIR is named after the settings below (env/run_name.sh). Relative paths start at this folder.
set -euo pipefail
cd "$(dirname "$0")"
GPU_ID="${GPU_ID:-}"                             # 0, or 0,1; empty: every GPU there is, else the CPU
BATCH_SIZE="${BATCH_SIZE:-}"                     # sentences per step; empty: the recipe's
RECIPE="${RECIPE:-cbp}"                          # cbp: ours, the shipped encoder; paper: the original's
CASING="${CASING:-}"                             # keep, lower, paper, uncased; empty: the recipe's
BERT_MODEL="${BERT_MODEL:-}"                     # a hub name or a folder; empty: the recipe's
DATA_DIR="${DATA_DIR:-../data/cbp_gold}"
VARIANT="${VARIANT:-described}"                  # described or coded: see run_ner.py --help
SEED="${SEED:-0}"
SPLIT="${SPLIT:-0}"
source ../env/run_name.sh
OUT_DIR="${OUT_DIR:-../runs/$(run_name "partBERT_CRF_$VARIANT")}"

source ../env/setup.sh
source ../env/launch.sh
launch run_ner.py --data_dir "$DATA_DIR" --split "$SPLIT" --output_dir "$OUT_DIR/$SPLIT" --variant "$VARIANT" \
  --recipe "$RECIPE" ${CASING:+--casing "$CASING"} ${BERT_MODEL:+--bert_model "$BERT_MODEL"} \
  ${BATCH_SIZE:+--per_gpu_train_batch_size "$BATCH_SIZE"} --seed "$SEED" "$@"
