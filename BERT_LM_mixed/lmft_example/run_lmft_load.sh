#!/usr/bin/env bash
# Goes on from a fine-tuned model, with other text or more epochs: a new model in OUT_DIR; the old one stays as it is.
#
# usage: CORPUS=/more/texts bash run_lmft_load.sh        from the weights alone: a new optimizer, a new schedule
#        EPOCHS=5 bash run_lmft_load.sh --should_continue   exactly as if it had been made with five epochs at once
# For the second the model is made with its schedule: EPOCHS=3 bash run_lmft.sh --schedule_epochs 5.
# Relative paths count from this folder.
set -euo pipefail
cd "$(dirname "$0")"
export BERT_MODEL="${BERT_MODEL:-../../models/partHG_1epoch}"
export OUT_DIR="${OUT_DIR:-${BERT_MODEL%/}_more}"
export CORPUS="${CORPUS:-}"                      # these seven: see run_lmft.sh
export EPOCHS="${EPOCHS:-}"
export GPU_ID="${GPU_ID:-}"
export BATCH_SIZE="${BATCH_SIZE:-}"
export RECIPE="${RECIPE-}"                       # empty: cbp, or that of the run that is gone on with; SEED likewise
export SEED="${SEED-}"

bash run_lmft.sh "$@"
