#!/bin/sh
# Everything `make test` runs: the static checks, then every test in the debug
# and in the sanitizer build. The last line counts all of it.
set -u
sums=$(mktemp)
trap 'rm -f "$sums"' EXIT
export TEST_SUMS="$sums"
for c in check-deps check-headers check-symbols check-docs check-mutants; do
	if make "$c"; then
		echo "1 0 0" >>"$sums"
	else
		echo "FAIL $c"
		echo "0 1 0" >>"$sums"
	fi
done
for profile in debug asan; do
	echo "== $profile"
	if ! make -j2 PROFILE=$profile tests; then
		echo "FAIL build $profile"
		echo "0 1 0" >>"$sums"
		continue
	fi
	make PROFILE=$profile check || :
done
set -- $(awk '{p += $1; f += $2; s += $3} END {print p + 0, f + 0, s + 0}' \
    "$sums")
# The last line counts what ran; what could not is on the one before.
[ "$3" = 0 ] || echo "$3 skipped"
echo "$1 passed, $2 failed"
[ "$2" = 0 ]
