#!/usr/bin/env bash
# Pre-trains an encoder as a masked LM for so many minutes, on a GPU where there is one: builds the corpus, measures the
# speed, trains as many steps as the time allows, and writes the encoder in half precision (OUT_DIR/encoder). The same
# command resumes what broke off; what is done already is not repeated.
#
# usage: TEXTS=/my/texts bash models/pretrain.sh --minutes 8                    general science, from models/cbp_mini
#        TEXTS=/my/texts KIND=biomedical BERT_MODEL=runs/pretrain/general/encoder bash models/pretrain.sh --minutes 8
#        CORPUS=/my/corpus DEVICE=cpu bash models/pretrain.sh --minutes 480     a folder with train.txt, on the processor
#        bash models/pretrain.sh --minutes 8 --lr 5e-4                           more flags go to run_lm_finetuning.py
# Relative paths count from the project's folder. PYTHON=python3 takes that interpreter as it is, with its own torch.
set -euo pipefail
cd "$(dirname "$0")/.."
KIND="${KIND:-general}"                          # general or biomedical, of data/build_pretraining.py
TEXTS="${TEXTS:-}"                               # where the corpora lie that it reads; needed once
CORPUS="${CORPUS:-data/corpora/pretrain_$KIND}"  # train.txt, and test_$KIND.txt or test.txt for the perplexity
BERT_MODEL="${BERT_MODEL:-cbp_mini}"             # to start from
DEVICE="${DEVICE:-}"                             # cuda or cpu; empty: a GPU if there is one
GPU_ID="${GPU_ID:-}"                             # which GPU; empty: the first
OUT_DIR="${OUT_DIR:-runs/pretrain/$KIND}"

[ -n "${PYTHON:-}" ] || source env/setup.sh
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
[ -z "$GPU_ID" ] || export CUDA_VISIBLE_DEVICES="$GPU_ID"
[ "$DEVICE" != cpu ] || export CUDA_VISIBLE_DEVICES=""
if [ ! -f "$CORPUS/train.txt" ]; then
  "$PYTHON" data/build_pretraining.py "$KIND" -o "$CORPUS.part" --texts "${TEXTS:?expected it: no $CORPUS/train.txt}"
  mkdir -p "$CORPUS"; mv "$CORPUS.part"/* "$CORPUS/"; rmdir "$CORPUS.part"
fi
held_out=""; for name in test "test_$KIND"; do [ ! -f "$CORPUS/$name.txt" ] || held_out="$CORPUS/$name.txt"; done
"$PYTHON" models/pretrain.py "$CORPUS/train.txt" ${held_out:+--held-out "$held_out"} -o "$OUT_DIR" \
  ${DEVICE:+--device "$DEVICE"} --model_name_or_path "$BERT_MODEL" "$@"
