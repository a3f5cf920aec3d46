#!/bin/sh
# A handshake costs the same with a fleet as without, in instructions. The
# control thread, where the fleet lives, counts for itself: its heart beats by
# the clock and not by handshakes.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/lib/counted.sh
. "$TOP/tests/lib/counted.sh"
# shellcheck source=tests/lib/etcd.sh
. "$TOP/tests/lib/etcd.sh"
of='instructions'
FEW=10 MORE=60
counted_or_skip
etcd_have || skip 'there is no etcd'
trap 'stage_down; kill "$ETCD_PID"' EXIT
etcd_node engine || exit 1
openssl rand -hex 32 >fleet.secret
# Thread by thread.
counted_gateway --separate-threads=yes --callgrind-out-file=counts.%p

# join: what is configured has a fleet, made anew each time.
join() {
	fleets=$((fleets + 1))
	jq --arg name "f$fleets" --arg url "$ETCD_URL" \
	    --arg secret "$(pwd)/fleet.secret" \
	    '.fleet = {$name, endpoints: [$url], secret_file: $secret,
		member: "one"}' "$D/gateway.json" >joined.json &&
	    mv joined.json "$D/gateway.json" &&
	    "$REAL/p2p-gateway" --config "$D/gateway.json" --fleet-create \
		>>create.log 2>&1
}

# count HANDSHAKES [join]: the instructions that they came to.
count() {
	fleets=$1
	stage_up && gateway_configure || exit 1
	[ $# -eq 1 ] || join || exit 1
	gateway_up "$D/gateway.log" || exit 1
	pid=$GATEWAY
	handshakes "$1"
	cp "$D/gateway.log" "log.$1.$#"
	stage_down
	cat "counts.$pid"-* | awk '/^thread:/ {of = $2}
	    /^totals:/ && of != 1 {sum += $2} END {print sum}'
}

few=$(count $FEW) && more=$(count $MORE) && alone=$(((more - few) / (MORE - FEW)))
few=$(count $FEW join) && more=$(count $MORE join) &&
    joined=$(((more - few) / (MORE - FEW)))
echo "# instructions a handshake: $alone alone, $joined in a fleet"
t 'a handshake was counted' test "${alone:-0}" -gt 1000000
t 'it was in a fleet' grep -q 'the fleet .* is up' "log.$MORE.2"
t 'and cost nothing more' test "$((joined * 100))" -le "$((alone * 101))"
echo "1..$n"
exit $bad
