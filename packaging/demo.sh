#!/usr/bin/env bash
# Shows the demo: in the window where there is a display, in the terminal where there is none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "$(uname -s)" != Linux ] || [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    exec .venv/bin/altus4-desktop demo "$@"
fi
.venv/bin/altus4-desktop demo --no-window "$@"
echo
echo "There is no display here. On one with a display, \"make demo\" opens the window on the same data."
