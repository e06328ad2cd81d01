#!/usr/bin/env bash
# iter_exp.sh on top of models/partBC_30epochs, which BERT_LM_mixed/lmft_example/run_lmft.sh makes. With RECIPE=paper
# on partBC_30epochs_paper where that is there.
#
# usage: bash iter_exp_bc.sh [more flags of run_ner.py]      more variables: see ner_exp.sh
set -euo pipefail
cd "$(dirname "$0")"
export GPU_ID="${GPU_ID:-}"                      # 0, or 0,1; empty: every GPU there is, else the CPU
export BATCH_SIZE="${BATCH_SIZE:-}"              # sentences per step; empty: the recipe's
model="../../models/partBC_30epochs"
[ ! -d "${model}_${RECIPE:-}" ] || model+="_$RECIPE"
export BERT_MODEL="${BERT_MODEL:-$model}"

exec bash iter_exp.sh "$@"
