#!/bin/sh
# assemble.sh TREE: what Debian's tools build from: the sources as they are here,
# debian/ at their root, and its changelog from the README's.
set -eu
tree=$1
who="${DEBFULLNAME:-p2p-gateway maintainers} <${DEBEMAIL:-maintainers@p2p-gateway.invalid}>"

rm -rf "$tree"
mkdir -p "$tree"
tar -cf - --exclude-vcs --exclude=./build --exclude='*.o' . | tar -xf - -C "$tree"
mv "$tree/gateway/debian" "$tree/debian"
rm "$tree/debian/assemble.sh" "$tree/debian/build.sh"
sed -i "s|@MAINTAINER@|$who|" "$tree/debian/control"
# One date for one state of the sources, so that they build alike twice.
date=$(git log -1 --format=%cD 2>/dev/null) || date=$(date -R -r README.md)
awk -v who="$who" -v date="$date" '
function end() {
	if (left != "") print left
	left = ""
	if (open) printf "\n -- %s  %s\n\n", who, date
	open = 0
}
/^## / {end(); on = $0 == "## Changelog"; next}
!on || NF == 0 {next}
/^### / {
	end()
	sub(/,.*/, ""); sub(/^### /, "")
	printf "p2p-gateway (%s) unstable; urgency=medium\n\n", $0
	open = 1
	next
}
{
	line = /^- /? "  *" : "   "
	sub(/^- /, "")
	if (line == "   ") {line = left} else if (left != "") print left
	for (i = 1; i <= NF; i++) {
		if (length(line) + 1 + length($i) > 78) {print line; line = "   "}
		line = line " " $i
	}
	left = line
}
END {end()}' README.md >"$tree/debian/changelog"
