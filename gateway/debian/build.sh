#!/bin/sh
# build.sh DIR VERSION: Debian packages of what is here, in DIR, by Debian's own
# tools; nothing where they are there already.
set -eu
dir=$1 tree=$1/p2p-gateway-$2
unset T MAKEFLAGS MAKELEVEL MFLAGS PROFILE CFLAGS CPPFLAGS LDFLAGS

now=$(find Makefile README.md cache revcheck gateway fixtures -type f |
    LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum)
if [ "$(cat "$dir/.built" 2>/dev/null)" = "$now" ]; then
	exit 0
fi
rm -rf "$dir"
mkdir -p "$dir"
sh gateway/debian/assemble.sh "$tree"
echo "  DEB     $tree"
(cd "$tree" && dpkg-buildpackage -us -uc -j"$(nproc)") >"$dir/build.log" 2>&1 || {
	tail -n 40 "$dir/build.log"
	echo "deb: see $dir/build.log" >&2
	exit 1
}
rm -rf "$tree"
echo "$now" >"$dir/.built"
ls "$dir"/*.deb
