# browser: runs tests/ui/NAME.mjs, NAME being that of the script that sources
# this, if there is a browser and what drives it; else says so.
set -u
script=$TOP/tests/ui/$(basename "$0" .sh).mjs
UI_TOOLS=$(dirname "$BUILD")/ui-tools
CHROMIUM=$(command -v chromium || :)
export UI_TOOLS CHROMIUM
skip() {
	echo '1..1'
	echo "ok 1 # SKIP $1"
	exit 0
}
[ -n "$CHROMIUM" ] || skip 'there is no chromium'
command -v node >/dev/null || skip 'there is no node'
[ -e "$UI_TOOLS/node_modules/puppeteer-core/package.json" ] ||
    skip "puppeteer-core is not in $UI_TOOLS: make ui-tools"
exec node "$script"
