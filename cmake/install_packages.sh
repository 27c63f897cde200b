#!/bin/sh
# Installs the packages of packages.txt that are missing; quiet and without root where nothing is.
set -eu

folder=$(cd -- "$(dirname -- "$0")" && pwd)

fail() {
    echo "install_packages: $1" >&2
    exit 1
}

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "install_packages: no dpkg here, so nothing is installed; cmake/packages.txt lists what the build needs" >&2
    exit 0
fi
missing=
# shellcheck disable=SC2013
for package in $(sed 's/#.*//' "$folder/packages.txt"); do
    # shellcheck disable=SC2016
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1; then
    as_root=sudo
else
    fail "needs root or sudo to install:$missing"
fi

apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

# The lists of a fresh image are empty, those of an old one name packages that are gone.
echo "install_packages: installing$missing" >&2
# shellcheck disable=SC2086
if ! apt install -y --no-install-recommends $missing >/dev/null 2>&1; then
    apt update
    apt install -y --no-install-recommends $missing || fail "apt-get could not install:$missing"
fi
