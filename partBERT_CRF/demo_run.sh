#!/usr/bin/env bash
# Trains both variants of partBERT_CRF for one epoch on split 0 of the shipped data, anew each time: run folders
# OUT_DIR_described/0 and OUT_DIR_coded/0.
#
# usage: bash demo_run.sh [more flags of run_ner.py]
#        VARIANT=coded bash demo_run.sh           one variant alone
# Variables: see ner_exp.sh. Relative paths start at this folder.
set -euo pipefail
cd "$(dirname "$0")"
export DATA_DIR="${DATA_DIR:-../data/demo}"
OUT_DIR="${OUT_DIR:-../runs/demo/partBERT_CRF}"

for variant in ${VARIANT:-described coded}; do
  VARIANT="$variant" OUT_DIR="${OUT_DIR%/}_$variant" SPLIT=0 bash ner_exp.sh --num_train_epochs 1 --overwrite "$@"
done
