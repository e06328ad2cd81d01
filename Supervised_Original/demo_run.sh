#!/usr/bin/env bash
# Trains the supervised BERT for one epoch on split 0 of the shipped data, anew each time: run folder OUT_DIR/0.
#
# usage: bash demo_run.sh [more flags of train.py]
# Variables: see ner_exp.sh. Relative paths start at this folder.
set -euo pipefail
cd "$(dirname "$0")"
export DATA_DIR="${DATA_DIR:-../data/demo}"
export OUT_DIR="${OUT_DIR:-../runs/demo/Supervised_Original}"

SPLIT=0 bash ner_exp.sh --n_epochs 1 --overwrite "$@"
