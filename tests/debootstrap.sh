#!/bin/sh
# debootstrap.sh DIR: a small Debian in DIR/root, as this machine's is, with the
# packages that tests install in DIR/root/var/cache/apt/archives, so that it is
# fetched once. Where that cannot be, DIR/why says why, and tests skip with it.
set -u
dir=$1 root=$1/root
mkdir -p "$dir"
[ ! -e "$root/.made" ] || exit 0
rm -rf "$root"
no() { echo "  ROOT    none: $*"; echo "$*" >"$dir/why"; exit 0; }

[ "$(id -u)" = 0 ] || no 'making a root takes root'
command -v debootstrap >/dev/null || no 'no debootstrap'
unshare --mount true 2>/dev/null || no 'no mount namespaces'
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
echo "  ROOT    $root"
debootstrap --variant=minbase --include=systemd,systemd-sysv,openssl \
    "$suite" "$root" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" \
    >"$dir/log" 2>&1 || no "debootstrap failed: $(tail -n 1 "$dir/log")"
# What our packages depend on, to have it here; tests let apt find that out.
chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends --download-only gcc libc6-dev pkg-config \
    libssl-dev libcurl4-openssl-dev libevent-dev libcjson-dev libsqlite3-dev \
    libcurl4 libevent-openssl-2.1-7 libevent-pthreads-2.1-7 libcjson1 \
    libsqlite3-0 libicu72 libzip4 >>"$dir/log" 2>&1 || :
rm -f "$dir/why"
touch "$root/.made"
