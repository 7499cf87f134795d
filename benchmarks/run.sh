#!/usr/bin/env bash
# Makes the environment of the benchmarks, with the wheel in dist/ and its peers, and runs them.
# The words after it are those of benchmarks/run.py.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV=benchmarks/.venv
REQUIREMENTS=benchmarks/requirements.txt

if ! cmp -s "$REQUIREMENTS" "$VENV/.requirements"; then
    echo "== virtual environment $VENV"
    python3 -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check -r "$REQUIREMENTS"
    cp "$REQUIREMENTS" "$VENV/.requirements"
fi
wheel=$(ls dist/*.whl)
if [ "$VENV/.wheel" -ot "$wheel" ]; then
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "$wheel"
    touch -r "$wheel" "$VENV/.wheel"
    "$VENV/bin/python" -c 'from benchmarks import machine; print(machine.commit_of_sources())' >"$VENV/.commit"
fi
exec "$VENV/bin/python" -m benchmarks.run "$@"
