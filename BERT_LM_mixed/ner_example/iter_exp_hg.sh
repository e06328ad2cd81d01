#!/usr/bin/env bash
# iter_exp.sh on top of models/partHG_1epoch, which BERT_LM_mixed/lmft_example/run_lmft.sh makes.
#
# usage: bash iter_exp_hg.sh [more flags of run_ner.py]      variables: see ner_exp.sh
set -euo pipefail
cd "$(dirname "$0")"
export BERT_MODEL="${BERT_MODEL:-../../models/partHG_1epoch}"
export OUT_DIR="${OUT_DIR:-../../runs/BERT_LM_mixed_hg}"

exec bash iter_exp.sh "$@"
