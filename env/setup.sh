#!/usr/bin/env bash
# Makes an environment that runs this project, once; where nothing is to do, it takes a moment and says nothing.
#
# usage: bash env/setup.sh      set up
#        source env/setup.sh    set up, and leave the interpreter's absolute path in $PYTHON
#
# The environment is CBP_PYTHON (an interpreter) where that is set, else the active venv or conda environment (but not
# conda's base), else .venv in the project's folder, made with the first Python 3.11 to 3.13 of the system.
[ "${BASH_SOURCE[0]}" != "$0" ] || set -euo pipefail
cbp_root="$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)"

cbp_fail() { printf 'error: %s\n' "$*" >&2; return 1; }

cbp_find_python() {  # sets PYTHON; whether it works is seen later
  PYTHON="$cbp_root/.venv/bin/python"
  if [ -n "${CBP_PYTHON:-}" ]; then
    PYTHON="$(type -P -- "$CBP_PYTHON")" || cbp_fail "CBP_PYTHON=$CBP_PYTHON: no such program; give its full path" ||
      return
    case "$PYTHON" in /*) ;; *) PYTHON="$PWD/$PYTHON" ;; esac
    export CBP_PYTHON="$PYTHON"
  elif [ -n "${VIRTUAL_ENV:-}" ]; then PYTHON="$VIRTUAL_ENV/bin/python"
  elif [ -n "${CONDA_PREFIX:-}" ] && [ "${CONDA_DEFAULT_ENV:-}" != base ]; then PYTHON="$CONDA_PREFIX/bin/python"
  fi
  export PYTHON
}

cbp_probe() {  # INTERPRETER: prints its version and prefix; fails where it is none or not 3.11 to 3.13
  "$1" -I -c 'import sys
print("%d.%d" % sys.version_info[:2], sys.prefix)
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

cbp_make_venv() {  # remakes a .venv whose interpreter does not run
  local name found seen=""
  for name in python3 python3.13 python3.12 python3.11; do
    if ! found="$(cbp_probe "$name")"; then found="${found%% *}"; seen+=", $name: ${found:-none}"
    elif ! "$name" -I -c 'import venv, ensurepip' 2>/dev/null; then seen+=", $name: without venv or ensurepip"
    else "$name" -m venv --clear "$cbp_root/.venv" >&2 || cbp_fail "$name could not make $cbp_root/.venv"; return
    fi
  done
  cbp_fail "no Python 3.11 to 3.13 that can make an environment (found ${seen#, }). Install one (Debian, Ubuntu: apt" \
    "install python3 python3-venv), or activate an environment (conda env create -f env/cbp.yml), or set CBP_PYTHON"
}

cbp_is_installed() {  # the pins and this very checkout; one look at the metadata, nothing of it is imported
  "$PYTHON" -I - "$cbp_root" <<'PY' 2>/dev/null
import os, sys
from importlib import metadata, util
with open(f"{sys.argv[1]}/env/cbp.txt", encoding="utf-8") as file:
    pins = [line.split("==") for line in file.read().split("\n") if "==" in line and not line.startswith("#")]
assert all(metadata.version(name).split("+")[0] == version.strip() for name, version in pins)
assert metadata.version("cbpner")
assert os.path.samefile(util.find_spec("cbpner").origin, f"{sys.argv[1]}/cbpner/__init__.py")
PY
}

cbp_run_pip() {
  local quiet=-q; [ ! -t 2 ] || quiet=""
  printf 'Setting up %s: once, a few minutes ...\n' "${PYTHON%/bin/*}" >&2
  "$PYTHON" -m pip --version > /dev/null 2>&1 || "$PYTHON" -m ensurepip > /dev/null 2>&1
  ( cd "$cbp_root" && "$PYTHON" -m pip install ${quiet:+"$quiet"} --disable-pip-version-check -r env/cbp.txt >&2 ) ||
    cbp_fail "pip could not install env/cbp.txt with $PYTHON (its messages are above). Check the connection, the" \
      "free disk space and that the environment may be written to, then run this again: what is installed is kept"
}

cbp_stamp() {  # PROBE: what the stamp of a finished set-up holds
  printf '%s %s %s\n' "$1" "$(cat "$cbp_root/env/cbp.txt" "$cbp_root/pyproject.toml" | cksum)" "$cbp_root"
}

cbp_is_ready() {  # the environment's stamp is that of this checkout, its pins and this interpreter
  local probe; probe="$(cbp_probe "$PYTHON")" &&
    [ "$(cat "${probe#* }/cbpner.stamp" 2>/dev/null)" = "$(cbp_stamp "$probe")" ]
}

cbp_install() {
  local probe stamp
  ! cbp_is_ready || return 0  # another process has finished it
  [ "$PYTHON" != "$cbp_root/.venv/bin/python" ] || cbp_probe "$PYTHON" > /dev/null || cbp_make_venv || return
  probe="$(cbp_probe "$PYTHON")" || cbp_fail "$PYTHON (CBP_PYTHON, or the active environment's) does not run or is" \
    "not Python 3.11 to 3.13. Deactivate it (a .venv is made then), or name another in CBP_PYTHON" || return
  stamp="${probe#* }/cbpner.stamp"
  if [ -e "$stamp" ] || ! cbp_is_installed; then
    rm -f "$stamp" && cbp_run_pip || return
  fi
  cbp_stamp "$probe" 2>/dev/null > "$stamp" || true
}

cbp_lock() {  # on file descriptor 9; without flock two first set-ups at the same time are the user's to avoid
  ! command -v flock > /dev/null || flock -n 9 || { echo "Waiting for another set-up of this folder ..." >&2; flock 9; }
}

cbp_find_python && { cbp_is_ready || ( cbp_lock; cbp_install ) 9< "$cbp_root/env/cbp.txt"; } ||
  { return 1 2>/dev/null || exit 1; }

export TOKENIZERS_PARALLELISM="${TOKENIZERS_PARALLELISM:-false}"
