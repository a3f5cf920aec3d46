#!/bin/sh
# apt-unpack.sh DIR PACKAGE...: the files of Debian packages below DIR, not
# installed: servers that tests run by hand must not become services of this
# machine. What cannot be had is said, and its tests are skipped.
set -u
dir=$1
shift
mkdir -p "$dir"
cd "$dir" || exit 1
for p in "$@"; do
	[ -e ".$p" ] && continue
	rm -f "$p"_*.deb
	if apt-get download -qq "$p" >/dev/null 2>&1 &&
	    dpkg-deb -x "$p"_*.deb .; then
		echo "unpacked: $p"
		: >".$p"
	else
		echo "cannot get the package $p: what runs it is skipped"
	fi
	rm -f "$p"_*.deb
done
