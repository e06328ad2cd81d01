#!/usr/bin/env bash
# Makes models/final_trained again, in half precision, with the temperature of its scores: the tagger of BERT_LM_mixed on
# all 21 gold patents, the mean of three seeds' weights (the teacher); then one epoch more on the gold text and on what
# the teacher and lists of names label in other texts (data/build_distant.py). What was done already is not repeated.
# OUT_DIR keeps the runs.
#
# usage: TEXTS=FOLDER NAMES=FOLDER bash models/build_final.sh
#        bash models/build_final.sh                    without them: the teacher itself
#        CALIBRATE="runs/a runs/b" bash models/build_final.sh   runs on held-out patents, with their models, for the temperature
#        bash models/build_final.sh --epochs 3         more flags go to run_ner.py
# Relative paths count from the project's folder.
set -euo pipefail
cd "$(dirname "$0")/.."
DATA_DIR="${DATA_DIR:-data/cbp_gold}"             # as data/get_cbp_gold.sh leaves it
OUT_DIR="${OUT_DIR:-runs/final}"
MODEL="${MODEL:-models/final_trained}"
SEEDS="${SEEDS:-0 1 2}"
TEXTS="${TEXTS:-}"                               # folder with the texts of data/build_pretraining.py (data/README.md)
NAMES="${NAMES:-}"                               # folder with the lists of names of data/build_distant.py
CALIBRATE="${CALIBRATE:-}"                       # empty: the temperature stays 1

source env/setup.sh
runs=()
for seed in $SEEDS; do
  "$PYTHON" BERT_LM_mixed/ner_example/run_ner.py --data_dir "$DATA_DIR" --train_filename no_long_cbp_gold_total.bio \
    --output_dir "$OUT_DIR/seed_$seed" --recipe cbp_patent --selection last --do_train --seed "$seed" "$@"
  runs+=("$OUT_DIR/seed_$seed")
done
"$PYTHON" -m cbpner ensemble "${runs[@]}" -o "$OUT_DIR/averaged"
final="$OUT_DIR/averaged"
if [ -n "$TEXTS" ]; then
  gold="$DATA_DIR/no_long_cbp_gold_total.bio"
  [ -d "$OUT_DIR/corpus" ] || "$PYTHON" data/build_pretraining.py biomedical --texts "$TEXTS" -o "$OUT_DIR/corpus"
  [ -f "$OUT_DIR/distant.bio" ] || "$PYTHON" data/build_distant.py "$OUT_DIR/corpus/train.txt" --tagger "$final" \
    --gold "$gold" --names "$NAMES" -o "$OUT_DIR/distant.bio"
  { cat "$gold"; echo; cat "$OUT_DIR/distant.bio"; } > "$OUT_DIR/mixed.bio"
  "$PYTHON" -m cbpner train --recipe cbp_patent --encoder "$final/model" --train "$OUT_DIR/mixed.bio" --epochs 1 \
    --selection last --seed 0 -o "$OUT_DIR/mixed"
  final="$OUT_DIR/mixed"
fi
"$PYTHON" models/ship_model.py "$final/model" -o "$MODEL"
[ -z "$CALIBRATE" ] || "$PYTHON" -m cbpner calibrate $CALIBRATE --data-dir "$DATA_DIR" \
  -o "$OUT_DIR/calibration.json" --into "$MODEL" --overwrite
