#!/usr/bin/env bash
# Writes packaging/lock/*.txt anew: every dependency with its hashes, for all supported Pythons and
# systems, and without the address of any package index.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly tools=.cache/lock-tools
[ -x "$tools/bin/uv" ] || { python3 -m venv "$tools" && "$tools/bin/pip" install --quiet uv; }

mkdir -p packaging/lock
compile() {
    local name="$1"
    shift
    "$tools/bin/uv" pip compile "$@" --quiet --universal --python-version 3.11 --upgrade \
        --generate-hashes --only-binary :all: --no-emit-index-url --no-emit-find-links \
        --custom-compile-command "make lock" --output-file "packaging/lock/$name.txt"
}
compile runtime pyproject.toml
compile build --group pyproject.toml:build
compile dev pyproject.toml --group pyproject.toml:dev \
    --constraints packaging/lock/runtime.txt --constraints packaging/lock/build.txt

if grep -nE '://|--(extra-)?index-url|--find-links' packaging/lock/*.txt; then
    echo "lock: an address is in a lock file (above)" >&2
    exit 1
fi
