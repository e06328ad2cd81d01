#!/usr/bin/env bash
# One epoch of partBERT_CRF on split 0 of the shipped data, trained anew each time, in both variants: run folders
# OUT_DIR_described/0 and OUT_DIR_coded/0.
#
# usage: bash demo_run.sh [more flags of run_ner.py]
#        VARIANT=coded bash demo_run.sh           one variant alone
# Relative paths count from this folder.
set -euo pipefail
cd "$(dirname "$0")"
export GPU_ID="${GPU_ID:-}"                      # these seven: see ner_exp.sh
export BATCH_SIZE="${BATCH_SIZE:-}"
export RECIPE="${RECIPE:-cbp}"
export BERT_MODEL="${BERT_MODEL:-}"
export DATA_DIR="${DATA_DIR:-../data/demo}"
OUT_DIR="${OUT_DIR:-../runs/demo/partBERT_CRF}"
export SEED="${SEED:-0}"

for variant in ${VARIANT:-described coded}; do
  VARIANT="$variant" OUT_DIR="${OUT_DIR%/}_$variant" SPLIT=0 bash ner_exp.sh --num_train_epochs 1 --overwrite "$@"
done
