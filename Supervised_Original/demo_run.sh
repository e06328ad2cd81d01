#!/usr/bin/env bash
# One epoch of the supervised BERT on split 0 of the shipped data, trained anew each time: run folder OUT_DIR/0.
#
# usage: bash demo_run.sh [more flags of train.py]
# Relative paths count from this folder.
set -euo pipefail
cd "$(dirname "$0")"
export GPU_ID="${GPU_ID:-}"                      # these seven: see ner_exp.sh
export BATCH_SIZE="${BATCH_SIZE:-}"
export RECIPE="${RECIPE:-cbp}"
export BERT_MODEL="${BERT_MODEL:-}"
export DATA_DIR="${DATA_DIR:-../data/demo}"
export OUT_DIR="${OUT_DIR:-../runs/demo/Supervised_Original}"
export SEED="${SEED:-0}"

SPLIT=0 bash ner_exp.sh --n_epochs 1 --overwrite "$@"
