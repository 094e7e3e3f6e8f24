#!/usr/bin/env bash
# One command for everything a developer does here: finds a Python, the rest is scripts/dev.py.
# Kept to what bash 3.2 (macOS) knows.
set -eu

script=${BASH_SOURCE[0]}
while [ -L "$script" ]; do
  folder=$(cd -P "$(dirname "$script")" && pwd)
  script=$(readlink "$script")
  case $script in /*) ;; *) script=$folder/$script ;; esac
done
root=$(cd -P "$(dirname "$script")/.." && pwd)

# Python 3.11 to 3.13 have wheels of every dependency; a later one may need a compiler, so it is the last choice.
works() { "$1" -c "import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] $2))" >/dev/null 2>&1; }
for limit in "<= (3, 13)" ""; do
  for python in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.14 python; do
    if works "$python" "$limit"; then
      exec "$python" -B "$root/scripts/dev.py" "$@"
    fi
  done
done

found=$(python3 --version 2>/dev/null || echo "no python3")
echo "dev.sh: Python 3.11 or later is needed, and this machine has $found." >&2
echo "  -> Install one (Debian, Ubuntu: sudo apt-get install python3; macOS: brew install python@3.13)," >&2
echo "     or name one you have: PYTHON=/path/to/python3.13 $0 ${*:-start}" >&2
exit 1
