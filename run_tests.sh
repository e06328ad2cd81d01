#!/usr/bin/env bash
# Sets itself up and runs the tests, one process a core with one torch thread each.
#
# usage: bash run_tests.sh                            all of them
#        bash run_tests.sh --fast                     without those marked `slow`: under a minute
#        bash run_tests.sh tests/test_bio.py -k crlf  pytest's own arguments
# Variables: WORKERS (processes; 0: in this one, for a debugger), OMP_NUM_THREADS.
set -euo pipefail
cd "$(dirname "$0")"
source env/setup.sh
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
unset PYTHONDONTWRITEBYTECODE  # pytest keeps the tests that it has compiled: 8 s a process
if [ "${1:-}" = --fast ]; then shift; set -- -m "not slow" "$@"; fi
"$PYTHON" -m pytest -n "${WORKERS:-auto}" --dist loadfile --no-loadscope-reorder "$@"
