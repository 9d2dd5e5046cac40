#!/usr/bin/env bash
# What `make hosts` needs besides `make setup`: Debian's packages (where this is root), Rust's targets, Python's packages.
# A tool per line: the command, and the packages that have it and what it needs.
set -euo pipefail
pip=$1
missing=()
while read -r command packages; do
  command -v "$command" >/dev/null && continue
  read -ra names <<<"$packages"
  missing+=("${names[@]}")
done <<'TOOLS'
curl curl
valgrind valgrind
java default-jre-headless
node nodejs
npm npm
chromium chromium
qemu-aarch64 qemu-user
aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross
i686-linux-gnu-gcc gcc-i686-linux-gnu libc6-dev-i386-cross
riscv64-linux-gnu-gcc gcc-riscv64-linux-gnu libc6-dev-riscv64-cross
qemu-system-arm qemu-system-arm
arm-none-eabi-gcc gcc-arm-none-eabi libnewlib-arm-none-eabi
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
  rustup -q target add wasm32-unknown-unknown wasm32-wasip1 aarch64-unknown-linux-gnu i686-unknown-linux-gnu riscv64gc-unknown-linux-gnu \
    thumbv7em-none-eabihf
fi
if command -v npm >/dev/null; then
  npm install --prefix build/npm --no-save --silent --no-audit --no-fund playwright-core@1 typescript@7
fi
"$pip" install -q --disable-pip-version-check -e '.[hosts,docs]'
