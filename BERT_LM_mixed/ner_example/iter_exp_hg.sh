#!/usr/bin/env bash
# iter_exp.sh on top of models/partHG_1epoch, which BERT_LM_mixed/lmft_example/run_lmft.sh makes.
#
# usage: bash iter_exp_hg.sh    variables and more flags: see iter_exp.sh
set -euo pipefail
cd "$(dirname "$0")"
export BERT_MODEL="${BERT_MODEL:-../../models/partHG_1epoch}"
export OUT_DIR="${OUT_DIR:-../../runs/BERT_LM_mixed_hg}"

bash iter_exp.sh "$@"
