#!/usr/bin/env bash
# Makes models/final_trained again: the tagger of BERT_LM_mixed on all 21 gold patents, the mean of three seeds' weights,
# in half precision, with the temperature of its scores. What was done already is not repeated. OUT_DIR keeps the runs.
#
# usage: bash models/build_final.sh
#        CALIBRATE="runs/a runs/b" bash models/build_final.sh   runs on splits, with their models, for the temperature
#        bash models/build_final.sh --epochs 3         more flags go to run_ner.py
# Relative paths count from the project's folder.
set -euo pipefail
cd "$(dirname "$0")/.."
DATA_DIR="${DATA_DIR:-data/cbp_gold}"             # as data/get_cbp_gold.sh leaves it
OUT_DIR="${OUT_DIR:-runs/final}"
MODEL="${MODEL:-models/final_trained}"
SEEDS="${SEEDS:-0 1 2}"
CALIBRATE="${CALIBRATE:-}"                       # empty: the temperature stays 1

source env/setup.sh
runs=()
for seed in $SEEDS; do
  "$PYTHON" BERT_LM_mixed/ner_example/run_ner.py --data_dir "$DATA_DIR" --train_filename no_long_cbp_gold_total.bio \
    --output_dir "$OUT_DIR/seed_$seed" --recipe cbp_patent --selection last --do_train --seed "$seed" "$@"
  runs+=("$OUT_DIR/seed_$seed")
done
"$PYTHON" -m cbpner ensemble "${runs[@]}" -o "$OUT_DIR/averaged"
"$PYTHON" models/ship_model.py "$OUT_DIR/averaged/model" -o "$MODEL"
[ -z "$CALIBRATE" ] || "$PYTHON" -m cbpner calibrate $CALIBRATE --data-dir "$DATA_DIR" \
  -o "$OUT_DIR/calibration.json" --into "$MODEL" --overwrite
