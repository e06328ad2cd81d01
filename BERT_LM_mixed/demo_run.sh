#!/usr/bin/env bash
# All of BERT_LM_mixed on the shipped data, anew each time: a corpus from the demo patents (OUT_DIR/corpus), the encoder
# fine-tuned on it for half an epoch (OUT_DIR/lm_half), continued to a whole one (OUT_DIR/lm_whole), then one epoch of
# NER on split 0 (OUT_DIR/0).
#
# usage: bash demo_run.sh [more flags of run_ner.py]
#        CORPUS=/my/texts bash demo_run.sh       fine-tune on your own text
# Variables: see lmft_example/run_lmft.sh and ner_example/ner_exp.sh. Relative paths start at this folder.
set -euo pipefail
cd "$(dirname "$0")"
absolute() { case "$1" in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac; }
OUT_DIR="$(absolute "${OUT_DIR:-../runs/demo/BERT_LM_mixed}")"
DATA_DIR="$(absolute "${DATA_DIR:-../data/demo}")"; export DATA_DIR
CORPUS="$(absolute "${CORPUS:-$OUT_DIR/corpus}")"; export CORPUS
BERT_MODEL="${BERT_MODEL:-}"
[ ! -d "$BERT_MODEL" ] || BERT_MODEL="$(absolute "$BERT_MODEL")"
lm_flags=(--overwrite_output_dir)

source ../env/setup.sh
[ "$CORPUS" != "$OUT_DIR/corpus" ] ||
  "$PYTHON" -m cbpner patents ../data/demo/patents -o "$CORPUS" --overwrite --held-out 4
BERT_MODEL="$BERT_MODEL" OUT_DIR="$OUT_DIR/lm_half" EPOCHS=0.5 \
  bash lmft_example/run_lmft.sh "${lm_flags[@]}" --schedule_epochs 1 --block_size 128
BERT_MODEL="$OUT_DIR/lm_half" OUT_DIR="$OUT_DIR/lm_whole" EPOCHS=1 \
  bash lmft_example/run_lmft_load.sh "${lm_flags[@]}" --should_continue
BERT_MODEL="$OUT_DIR/lm_whole" OUT_DIR="$OUT_DIR" SPLIT=0 \
  bash ner_example/ner_exp.sh --num_train_epochs 1 --overwrite "$@"
