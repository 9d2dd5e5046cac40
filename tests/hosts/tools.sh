#!/usr/bin/env bash
# What `make hosts` needs besides `make setup`: Debian's packages (where this is root), Rust's targets, Python's packages.
# A tool per line: the command, and the package that has it.
set -euo pipefail
pip=$1
missing=()
while read -r command package; do
  command -v "$command" >/dev/null || missing+=("$package")
done <<'TOOLS'
curl curl
valgrind valgrind
java default-jre-headless
node nodejs
npm npm
chromium chromium
TOOLS
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${missing[*]} …"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "not here, so their tests are skipped: ${missing[*]} (Debian's names)" >&2
  fi
fi
if command -v rustup >/dev/null; then
  rustup -q target add wasm32-unknown-unknown wasm32-wasip1
fi
if command -v npm >/dev/null; then
  npm install --prefix build/npm --no-save --silent --no-audit --no-fund playwright-core@1 typescript@7
fi
"$pip" install -q --disable-pip-version-check -e '.[hosts,docs]'
