#!/usr/bin/env bash
# Sets itself up and runs the tests.
#
# usage: bash run_tests.sh                            all of them
#        bash run_tests.sh tests/test_bio.py -k crlf  pytest's own arguments
set -euo pipefail
cd "$(dirname "$0")"
source env/setup.sh
"$PYTHON" -m pytest "$@"
