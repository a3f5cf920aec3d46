#!/bin/sh
# The story of a fleet, as `make demo-fleet` tells it: every line of it holds,
# and nothing is left behind. How long things take is told there and not tested.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/lib/etcd.sh
. "$TOP/tests/lib/etcd.sh"
etcd_have && [ -x /usr/sbin/nginx ] || {
	echo "1..0 # SKIP no etcd or no nginx"
	exit 0
}
left() { # what is still there of a directory that was the stage
	ps -eo args= | grep -F "$PWD/p2p-demo" | grep -v grep
	ls -d "$PWD"/p2p-demo* 2>/dev/null
}
export TMPDIR="$PWD" FLEET_DEMO_MS=60000
sh "$TOP/fixtures/demo/fleet.sh" "$BUILD" "$ETCD" >out 2>&1 </dev/null
ok $? 'the demo of a fleet exits with 0'
grep -q ' checks passed, 0 failed' out
ok $? 'and says that all checks passed'
test -z "$(left)"
ok $? 'and leaves nothing behind'
echo "1..$n"
exit $bad
