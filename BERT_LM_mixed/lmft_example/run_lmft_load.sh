#!/usr/bin/env bash
# Trains a fine-tuned model further, on other text or for more epochs: a new model in OUT_DIR; the old one is kept.
# CORPUS, EPOCHS and BERT_MODEL are the original's data_dir, num_train_epochs and model_name_or_path.
#
# usage: CORPUS=/more/texts bash run_lmft_load.sh           from the weights alone: a new optimizer, a new schedule
#        EPOCHS=5 bash run_lmft_load.sh --should_continue   exactly as if it had been trained for five epochs at once
# For the second the model is made with its schedule: EPOCHS=3 bash run_lmft.sh --schedule_epochs 5.
# Variables: see run_lmft.sh. Relative paths start at this folder.
set -euo pipefail
cd "$(dirname "$0")"
model="../../models/partHG_1epoch"
[ ! -d "${model}_${RECIPE:-}" ] || model+="_$RECIPE"
export BERT_MODEL="${BERT_MODEL:-$model}"
export RECIPE="${RECIPE-}"                       # empty: cbp, or that of the run that is continued
export OUT_DIR="${OUT_DIR:-${BERT_MODEL%/}_more${RECIPE:+_$RECIPE}}"
[ "$RECIPE" != paper ] || export EPOCHS="${EPOCHS:-19}"   # as in the original's script

bash run_lmft.sh "$@"
