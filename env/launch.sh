#!/usr/bin/env bash
# Starts an entry script with $PYTHON (env/setup.sh), under torchrun with one process a GPU where there are several: the
# processes share each batch, so that steps and result are those of one.
#
# usage: source env/launch.sh; launch run_ner.py FLAGS   on the GPUs that GPU_ID names (0, or 0,1), or else on those of
#        CUDA_VISIBLE_DEVICES, or on all that nvidia-smi lists; without any on the CPU
[ "${BASH_SOURCE[0]}" != "$0" ] || set -euo pipefail

launch() {
  local names count=0
  [ -z "${GPU_ID:-}" ] || export CUDA_VISIBLE_DEVICES="$GPU_ID"
  if [ -n "${CUDA_VISIBLE_DEVICES+set}" ]; then
    IFS=, read -ra names <<< "$CUDA_VISIBLE_DEVICES"
    count="${#names[@]}"
  elif command -v nvidia-smi > /dev/null; then
    count="$(nvidia-smi --list-gpus 2> /dev/null | grep -c '^GPU ' || true)"
  fi
  [ "$count" -lt 2 ] || set -- -m torch.distributed.run --standalone --nproc_per_node "$count" "$@"
  "$PYTHON" "$@"
}
