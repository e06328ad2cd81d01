#!/usr/bin/env bash
# The whole path of BERT_LM_mixed on the shipped data, made anew each time: the demo exports become a corpus
# (OUT_DIR/corpus), on which the encoder is fine-tuned for half an epoch (OUT_DIR/lm_half), gone on with to a whole one
# (OUT_DIR/lm_whole), then trained for one epoch of NER on split 0 (OUT_DIR/0).
#
# usage: bash demo_run.sh [more flags of run_ner.py]
#        CORPUS=/my/texts bash demo_run.sh       fine-tune on your own text
# Relative paths count from this folder.
set -euo pipefail
cd "$(dirname "$0")"
export GPU_ID="${GPU_ID:-}"                      # these eight: see lmft_example/run_lmft.sh and ner_example/ner_exp.sh
export BATCH_SIZE="${BATCH_SIZE:-}"
export RECIPE="${RECIPE:-cbp}"
export SEED="${SEED:-0}"
BERT_MODEL="${BERT_MODEL:-}"
CORPUS="${CORPUS:-}"                             # empty: made of data/demo/patents
DATA_DIR="${DATA_DIR:-../data/demo}"
OUT_DIR="${OUT_DIR:-../runs/demo/BERT_LM_mixed}"

absolute() { case "$1" in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac; }
OUT_DIR="$(absolute "$OUT_DIR")"; DATA_DIR="$(absolute "$DATA_DIR")"
if [ -z "$CORPUS" ]; then
  source ../env/setup.sh
  CORPUS="$OUT_DIR/corpus"
  "$PYTHON" -m cbpner patents ../data/demo/patents -o "$CORPUS" --overwrite --held-out 4
fi
CORPUS="$(absolute "$CORPUS")"; export CORPUS
[ ! -d "$BERT_MODEL" ] || BERT_MODEL="$(absolute "$BERT_MODEL")"
cache="$OUT_DIR/cache"
lm() { bash "lmft_example/$1" --cache_dir "$cache" --overwrite_output_dir "${@:2}"; }
BERT_MODEL="$BERT_MODEL" OUT_DIR="$OUT_DIR/lm_half" EPOCHS=0.5 lm run_lmft.sh --schedule_epochs 1 --block_size 128
BERT_MODEL="$OUT_DIR/lm_half" OUT_DIR="$OUT_DIR/lm_whole" EPOCHS=1 lm run_lmft_load.sh --should_continue
BERT_MODEL="$OUT_DIR/lm_whole" DATA_DIR="$DATA_DIR" OUT_DIR="$OUT_DIR" SPLIT=0 \
  bash ner_example/ner_exp.sh --num_train_epochs 1 --overwrite "$@"
