#!/bin/sh
# A handshake costs the same with a fleet as without: its instructions, counted
# by callgrind, which no other process on the machine disturbs. Start and end
# cancel out: the same gateway runs for some handshakes and for more, and the
# difference counts. The control thread, where the fleet lives, counts for
# itself: its heart beats by the clock and not by handshakes.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
of='instructions'
skip() {
	echo '1..1'
	echo "ok 1 # SKIP $1"
	exit 0
}
command -v valgrind >/dev/null || skip 'there is no valgrind'
case $BUILD in
*/asan | */tsan | */cov) skip 'this build is not for valgrind' ;;
esac
# shellcheck source=tests/lib/etcd.sh
. "$TOP/tests/lib/etcd.sh"
etcd_have || skip 'there is no etcd'
TMPDIR=$(pwd)
FEW=10 MORE=60
FIX=$FIXTURES REAL=$BIN
# shellcheck source=/dev/null
. "$TOP/fixtures/demo/stage.sh"
trap 'stage_down; kill "$ETCD_PID"' EXIT
etcd_node engine || exit 1
openssl rand -hex 32 >fleet.secret

# The gateway's place is taken by one that is counted, thread by thread.
mkdir counted
cat >counted/p2p-gateway <<END
#!/bin/sh
exec valgrind --tool=callgrind --separate-threads=yes \\
    --callgrind-out-file=counts.%p "$REAL/p2p-gateway" "\$@"
END
chmod +x counted/p2p-gateway
BIN=$(pwd)/counted

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
	i=0
	while [ $i -lt "$1" ]; do
		"$FIX/peer" --connect "$PORT" --as "$NET/peers/good" >out || exit 1
		i=$((i + 1))
	done
	pid=$GATEWAY
	end_of "$GATEWAY"
	GATEWAY=''
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
