# promtool: where it is. Sourced, behind tap.sh: without it the test is skipped.
PROMTOOL=$TOP/build/unpacked/usr/bin/promtool
[ -x "$PROMTOOL" ] || PROMTOOL=$(command -v promtool) || {
	echo 'ok 1 - promtool # SKIP not installed: make deps-test'
	exit 0
}
