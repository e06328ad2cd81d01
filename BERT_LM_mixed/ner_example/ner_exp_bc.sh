#!/usr/bin/env bash
# ner_exp.sh on top of models/partBC_30epochs, which BERT_LM_mixed/lmft_example/run_lmft.sh makes.
#
# usage: bash ner_exp_bc.sh [more flags of run_ner.py]      variables: see ner_exp.sh
set -euo pipefail
cd "$(dirname "$0")"
export BERT_MODEL="${BERT_MODEL:-../../models/partBC_30epochs}"
export OUT_DIR="${OUT_DIR:-../../runs/BERT_LM_mixed_bc}"

exec bash ner_exp.sh "$@"
