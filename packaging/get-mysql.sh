#!/usr/bin/env bash
# Puts a real MySQL server and its programs into a folder, for tests; nothing is installed.
#
#   packaging/get-mysql.sh FOLDER     then FOLDER/bin/mysqld, mysql, mysqldump, mysqladmin, mysqlbinlog
#
# Debian carries MySQL in its development suite only, built against newer system libraries than a
# release has. So the packages and everything they are linked against are downloaded with apt, under
# folders of our own (no root is needed, and the system's package database is neither read nor
# written), unpacked side by side, and started with the dynamic loader that came with them.
set -euo pipefail

target=$(realpath -m "${1:?usage: packaging/get-mysql.sh FOLDER}")
readonly target
readonly programs=(sbin/mysqld bin/mysql bin/mysqldump bin/mysqladmin bin/mysqlbinlog)
readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg

if "$target/bin/mysqld" --version >/dev/null 2>&1; then exit 0; fi

fail() {
    echo "get-mysql: $* Or set ALTUS4_TEST_MYSQL to a folder that holds bin/mysqld." >&2
    exit 1
}

for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || fail "$tool is needed; this recipe is for Debian."
done
[ -r "$keyring" ] || fail "the keys of Debian's archive ($keyring) are not on this machine."

echo "get-mysql: downloading MySQL (about 65 MB)" >&2
mkdir -p "$(dirname "$target")"
# Beside the target, so that the finished folder is moved into place in one step.
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists/partial,archives/partial,empty,tree/bin}
: >"$work/status"

# The machine's own mirror: first by what its index says of itself, then by what is configured.
targets() { apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' "$@"; }
mirror=$(targets 'Origin: Debian' 'Label: Debian' | awk 'NR == 1 { print $1 }')
if [ -z "$mirror" ]; then
    mirror=$(targets 'Component: main' | awk '$2 !~ /security|updates|backports/ && !seen++ { print $1 }')
fi
[ -n "$mirror" ] || fail "apt has no Debian mirror configured."
echo "deb [signed-by=$keyring] $mirror sid main" >"$work/sources.list"

apt=(apt-get -qq -y
    -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts="$work/empty"
    -o Dir::Etc::PreferencesParts="$work/empty" -o Dir::Etc::Preferences="$work/none"
    -o Dir::State="$work" -o Dir::State::Lists="$work/lists" -o Dir::State::Status="$work/status"
    -o Dir::Cache="$work" -o Dir::Cache::Archives="$work/archives"
    -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Install-Recommends=false
    -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=true)
log="$work/log"
"${apt[@]}" update >"$log" 2>&1 &&
    "${apt[@]}" install --download-only mysql-server-core mysql-client-core >"$log" 2>&1 || {
    # The last lines name a mirror, which is nobody's business in a log that is passed on.
    sed -E 's#[a-z+]+://[^ ]*#(mirror)#g' "$log" | tail -n 10 >&2
    fail "the download failed."
}

for package in "$work"/archives/*.deb; do dpkg-deb -x "$package" "$work/tree/root"; done
rm -rf "$work"/tree/root/usr/share/{doc,locale,man}

loader=$(cd "$work/tree/root" && find usr -type f -name 'ld-linux*.so*' -print -quit)
[ -n "$loader" ] || fail "the unpacked packages hold no dynamic loader."
for program in "${programs[@]}"; do
    launcher="$work/tree/bin/${program#*/}"
    {
        echo '#!/usr/bin/env bash'
        echo 'root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../root" && pwd)'
        echo "libraries=\$root/$(dirname "$loader")"
        echo 'first=() own=()'
        if [ "$program" = sbin/mysqld ]; then
            # These options must stay the first, whatever is added.
            echo 'case "${1:-}" in --no-defaults | --defaults-*) first=("$1") && shift ;; esac'
            echo 'own=(--basedir="$root/usr" --lc-messages-dir="$root/usr/share/mysql"'
            echo '    --plugin-dir="$root/usr/lib/mysql/plugin" --secure-file-priv=NULL)'
            echo 'if [ "$(id -u)" = 0 ]; then own+=(--user=root); fi'
        fi
        echo "exec \"\$root/$loader\" --library-path \"\$libraries\" \"\$root/usr/$program\" \\"
        echo '    "${first[@]}" "${own[@]}" "$@"'
    } >"$launcher"
    chmod 755 "$launcher"
done

version=$("$work/tree/bin/mysqld" --version) || fail "the unpacked server does not start."
rm -rf "$target"
mv "$work/tree" "$target"
echo "get-mysql: $(sed -E 's/.*(Ver [^ ]+).*/MySQL \1/' <<<"$version") is in $target" >&2
