#!/usr/bin/env bash
# From raw patents to the network of genes: reads the demo's patents, tags them, relates what they name, and draws it.
#
# usage: bash demo_network.sh [more flags of cbpner relations]     network.html, relations.csv and others in OUT_DIR
#
# MODEL: the tagger (a run, or a folder with a model); without it models/final_trained, or where that is not there one
# that is trained on the shipped data first, which takes some minutes. PATENTS: files or folders of other patents.
# UNIT: sentence, window or patent. Relative paths count from this folder.
set -euo pipefail
cd "$(dirname "$0")"
OUT_DIR="${OUT_DIR:-runs/network}"
PATENTS="${PATENTS:-data/demo/patents}"
UNIT="${UNIT:-patent}"
MODEL="${MODEL:-models/final_trained}"
source env/setup.sh

if [ "$MODEL" = models/final_trained ] && [ ! -d "$MODEL" ]; then
  MODEL="$OUT_DIR/tagger/0"
  "$PYTHON" -m cbpner train --data-dir data/demo --split 0 --epochs 12 -o "$MODEL"
fi
"$PYTHON" -m cbpner patents $PATENTS -o "$OUT_DIR/patents" --overwrite
"$PYTHON" -m cbpner predict "$OUT_DIR/patents/documents.jsonl" --id-field number --model "$MODEL" \
  -o "$OUT_DIR/tagged.jsonl" --overwrite
"$PYTHON" -m cbpner relations "$OUT_DIR/tagged.jsonl" --patents "$OUT_DIR/patents/documents.jsonl" --unit "$UNIT" \
  -o "$OUT_DIR/relations.csv" -o "$OUT_DIR/network.html" -o "$OUT_DIR/network.svg" -o "$OUT_DIR/network.graphml" \
  --overwrite "$@"
