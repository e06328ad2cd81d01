#!/usr/bin/env bash
# Fine-tunes the base encoder as a masked LM on unlabelled text: a model in OUT_DIR. A finished run is skipped, an
# interrupted one resumes. For your own text edit the line that begins with CORPUS (the original's data_dir).
#
# usage: bash run_lmft.sh                                          models/partHG_1epoch, from the corpus HG
#        CORPUS=../../data/corpora/BC EPOCHS=30 bash run_lmft.sh   models/partBC_30epochs, from the corpus BC
#        CORPUS=/my/texts bash run_lmft.sh --line_by_line          more flags go to run_lm_finetuning.py
#        RECIPE=paper EPOCHS=1 bash run_lmft.sh                    models/partHG_1epoch_paper (env/run_name.sh)
# Relative paths start at this folder.
set -euo pipefail
cd "$(dirname "$0")"
CORPUS="${CORPUS:-../../data/corpora/HG}"        # a folder with train.txt (and test.txt), or of .txt files, or a file
GPU_ID="${GPU_ID:-}"                             # 0, or 0,1; empty: every GPU there is, else the CPU
BATCH_SIZE="${BATCH_SIZE:-}"                     # blocks per step; empty: the recipe's
RECIPE="${RECIPE-cbp}"                           # cbp: ours, the shipped encoder; paper: the original's
CASING="${CASING:-}"                             # keep, lower, paper, uncased; empty: the recipe's
BERT_MODEL="${BERT_MODEL:-}"                     # a hub name or a folder; empty: the recipe's
SEED="${SEED:-}"                                 # empty: the recipe's
EPOCHS="${EPOCHS:-$([ "$RECIPE" = paper ] && echo 30 || echo 1)}"   # 30: as in the original's script
source ../../env/run_name.sh
name="part$(basename "${CORPUS%.txt}")_${EPOCHS}epoch$([ "$EPOCHS" = 1 ] || echo s)"
OUT_DIR="${OUT_DIR:-../../models/$(DATA_DIR="" run_name "$name")}"
held_out=""; [ ! -f "$CORPUS/test.txt" ] || held_out="$CORPUS/test.txt"

source ../../env/setup.sh
source ../../env/launch.sh
launch run_lm_finetuning.py --mlm --do_train --train_data_file "$CORPUS" \
  ${held_out:+--do_eval --eval_data_file "$held_out"} --output_dir "$OUT_DIR" ${RECIPE:+--recipe "$RECIPE"} \
  ${CASING:+--casing "$CASING"} ${BERT_MODEL:+--model_name_or_path "$BERT_MODEL"} \
  ${BATCH_SIZE:+--per_gpu_train_batch_size "$BATCH_SIZE"} --num_train_epochs "$EPOCHS" ${SEED:+--seed "$SEED"} "$@"
