#!/usr/bin/env bash
# Makes this checkout ready on a machine that has nothing but make, bash and a package manager.
#
#   packaging/setup.sh run    the window and the command line
#   packaging/setup.sh demo   and a MariaDB server for the demo, unless a server is there
#   packaging/setup.sh test   and the tests' tools, MariaDB and MySQL
#
# A second run only looks whether everything is still in place.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly purpose="${1:-}"
readonly venv=.venv
readonly debian_python=(python3 python3-venv)

case "$purpose" in
    run | demo) packages_of=runtime locks=(packaging/lock/{runtime,build}.txt) ;;
    test) packages_of=dev locks=(packaging/lock/dev.txt) ;;
    *)
        echo "usage: packaging/setup.sh run|demo|test" >&2
        exit 2
        ;;
esac

say() { echo "setup: $*" >&2; }
fail() {
    say "$*"
    exit 1
}

# --- what the machine lacks, as names of Debian packages -------------------------------------

missing_libraries() {
    # What PySide6's modules, its X11, Wayland and offscreen platforms are linked against and do
    # not bring along. Asked for by library, because package names differ between releases.
    local known soname package
    known=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p) || return 0
    while read -r soname package; do
        case "$known" in
            *"$soname "*) ;;
            *) echo "$package" ;;
        esac
    done <<'LIBRARIES'
libEGL.so.1 libegl1
libGL.so.1 libgl1
libX11-xcb.so.1 libx11-xcb1
libdbus-1.so.3 libdbus-1-3
libfontconfig.so.1 libfontconfig1
libfreetype.so.6 libfreetype6
libglib-2.0.so.0 libglib2.0-0
libgssapi_krb5.so.2 libgssapi-krb5-2
libwayland-client.so.0 libwayland-client0
libwayland-cursor.so.0 libwayland-cursor0
libwayland-egl.so.1 libwayland-egl1
libxcb-cursor.so.0 libxcb-cursor0
libxcb-glx.so.0 libxcb-glx0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-image.so.0 libxcb-image0
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-randr.so.0 libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0 libxcb-shape0
libxcb-shm.so.0 libxcb-shm0
libxcb-sync.so.1 libxcb-sync1
libxcb-xfixes.so.0 libxcb-xfixes0
libxcb-xkb.so.1 libxcb-xkb1
libxkbcommon-x11.so.0 libxkbcommon-x11-0
libxkbcommon.so.0 libxkbcommon0
LIBRARIES
}

missing_fonts() {
    local font
    font=$(find -L /usr/share/fonts /usr/local/share/fonts "$HOME/.local/share/fonts" "$HOME/.fonts" \
        \( -name '*.ttf' -o -name '*.otf' -o -name '*.ttc' \) -print -quit 2>/dev/null || true)
    [ -n "$font" ] || echo fonts-dejavu-core
}

has_program() { PATH="$PATH:/usr/sbin:/sbin:/usr/local/sbin" command -v "$1" >/dev/null; }

missing_servers() {
    # The client package is needed to make a data folder too: it holds my_print_defaults.
    if [ "$purpose" = demo ] && ! has_program mariadbd && has_program mysqld; then return; fi
    if [ "$purpose" = run ]; then return; fi
    has_program mariadbd && has_program mariadb-install-db || echo mariadb-server-core
    has_program mariadb && has_program my_print_defaults || echo mariadb-client-core
    [ "$purpose" = demo ] || has_program mariadb-dump || echo mariadb-client
    [ "$purpose" = demo ] || has_program ssh-agent || echo openssh-client
    # On a workstation its package would start a server that the network can reach; the tests that
    # need it are skipped there.
    [ "$purpose" = demo ] || [ -d /run/systemd/system ] || has_program sshd || echo openssh-server
}

find_python() {
    # The system's own first: one in a home folder is out of reach for other users.
    local candidate
    for candidate in ${PYTHON:-} /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
}

missing_packages() {
    [ "$(uname -s)" = Linux ] || return 0
    missing_libraries
    missing_fonts
    missing_servers
    if [ ! -x "$venv/bin/python" ] && [ -z "$(find_python)" ]; then
        echo "${debian_python[@]}"
    fi
}

# --- getting it ------------------------------------------------------------------------------

install_packages() {
    local packages=("$@") root=() command
    command="apt-get install --no-install-recommends ${packages[*]}"
    has_program apt-get ||
        fail "this machine lacks what Debian calls ${packages[*]}: install it, then run this again."
    if [ "$(id -u)" != 0 ]; then
        if has_program sudo && sudo -n true 2>/dev/null; then
            root=(sudo -n)
        else
            fail "some system packages are missing. Type this as root (with sudo or su), then run it again:
  apt-get update && $command"
        fi
    fi
    say "installing ${packages[*]}"
    local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300)
    local log
    log=$(mktemp)
    # The index of a fresh machine is empty or old; it is only fetched when the first try fails.
    if ! "${apt[@]}" install --no-install-recommends "${packages[@]}" >"$log" 2>&1 &&
        ! { "${apt[@]}" update >"$log" 2>&1 &&
            "${apt[@]}" install --no-install-recommends "${packages[@]}" >"$log" 2>&1; }; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        fail "apt-get could not install the packages; its last words are above. The command was: $command"
    fi
    rm -f "$log"
}

fingerprint() {
    # The folder is part of it: a virtual environment does not survive being moved.
    { pwd && cat "${locks[@]}" pyproject.toml packaging/setup.sh; } | sha256sum | cut -d' ' -f1
}

environment_works() {
    "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 &&
        grep -qsF "$PWD/$venv" "$venv/bin/pip"
}

install_environment() {
    local python requirements=() lock
    if ! environment_works; then
        python=$(find_python)
        [ -n "$python" ] || fail "no Python 3.11 or newer with the venv module was found; set PYTHON to one."
        say "making a virtual environment with $("$python" --version)"
        rm -rf "$venv"
        "$python" -m venv "$venv"
    fi
    for lock in "${locks[@]}"; do requirements+=(-r "$lock"); done
    say "installing locked Python packages"
    # Wheels only: a source distribution would run code that no hash of ours has seen built.
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check \
        --require-hashes --only-binary :all: "${requirements[@]}" ||
        fail "pip could not install the locked packages; its message is above."
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check \
        --no-deps --no-build-isolation --editable .
}

# --- the run ---------------------------------------------------------------------------------

mkdir -p .cache
exec 9>.cache/setup.lock
if has_program flock; then flock 9; fi

mapfile -t packages < <(missing_packages | tr ' ' '\n' | sort -u)
if [ "${#packages[@]}" -gt 0 ]; then install_packages "${packages[@]}"; fi

stamp="$venv/ready-$packages_of"
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$(fingerprint)" ] || ! environment_works; then
    install_environment
    "$venv/bin/python" -c 'import PySide6.QtWidgets, PySide6.QtSvg' ||
        fail "Qt cannot be loaded; the line above names the system library that is missing."
    fingerprint >"$stamp"
fi

if [ "$purpose" = test ] && [ -z "${ALTUS4_TEST_MYSQL:-}" ]; then
    packaging/get-mysql.sh .cache/mysql
fi
