#!/usr/bin/env bash
# Tags a folder of texts (.txt, one document each) into .pred files, one character and its tag per line. Files that exist
# are skipped, so that the same command resumes after an interruption.
#
# usage: IN_DIR=/my/texts bash pred_gen.sh
#        IN_DIR=/my/texts bash pred_gen.sh --overwrite_output_dir     more flags go to make_predictions.py
# Relative paths start at this folder.
set -euo pipefail
cd "$(dirname "$0")"
GPU_ID="${GPU_ID:-}"                             # 0, or 0,1; empty: a GPU if there is one, else the CPU
BATCH_SIZE="${BATCH_SIZE:-}"                     # sequences of MAX_LENGTH at a time; empty: the default
MAX_LENGTH="${MAX_LENGTH:-512}"
BERT_MODEL="${BERT_MODEL:-../../models/final_trained}"
IN_DIR="${IN_DIR:-../../data/demo/unlabelled}"
OUTPUT_DIR="${OUTPUT_DIR:-../../runs/pred_gen}"

source ../../env/setup.sh
[ -z "$GPU_ID" ] || export CUDA_VISIBLE_DEVICES="$GPU_ID"
"$PYTHON" make_predictions.py --pred_input_dir "$IN_DIR" --pred_output_dir "$OUTPUT_DIR" --model_type bert \
  --model_name_or_path "$BERT_MODEL" --max_seq_length "$MAX_LENGTH" \
  ${BATCH_SIZE:+--per_gpu_eval_batch_size "$BATCH_SIZE"} "$@"
