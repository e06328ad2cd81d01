#!/usr/bin/env bash
# Names the folder of a run after what is not the default, so that runs with other settings lie side by side.
#
# usage: source env/run_name.sh; run_name METHOD   prints METHOD_paper_lower_bert-base-chinese_seed7 for RECIPE=paper,
#        CASING=lower, BERT_MODEL=bert-base-chinese and SEED=7; METHOD_my_data for DATA_DIR=/some/my_data
# Of a BERT_MODEL='/my/model_{split}' it takes `model`. Flags are not seen: they need an OUT_DIR of their own.
[ "${BASH_SOURCE[0]}" != "$0" ] || set -euo pipefail

run_name() {
  local name="$1" encoder="${BERT_MODEL:-}"
  [ "${RECIPE:-cbp}" = cbp ] || name+="_$RECIPE"
  [ -z "${CASING:-}" ] || name+="_$CASING"
  [ -z "$encoder" ] || name+="_$(basename "${encoder//_\{split\}/}")"
  [ -z "${DATA_DIR:-}" ] || [ "$(basename "$DATA_DIR")" = cbp_gold ] || name+="_$(basename "$DATA_DIR")"
  [ "${SEED:-0}" = 0 ] || name+="_seed$SEED"
  printf '%s' "$name"
}
