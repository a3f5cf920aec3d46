# counted: a gateway of the demo's network whose instructions callgrind counts,
# which no other process on the machine disturbs. Sourced, in an empty
# directory, with tap.sh:
#   counted_or_skip       ends the test as skipped where that cannot be done
#   counted_gateway OPTIONS...   from now on gateway_up starts it so
#   handshakes N          so many of a known peer's, then the gateway ends
# Start and end cancel out where the same gateway runs for some and for more,
# and the difference counts.

skip() {
	echo '1..1'
	echo "ok 1 # SKIP $1"
	exit 0
}
counted_or_skip() {
	command -v valgrind >/dev/null || skip 'there is no valgrind'
	case $BUILD in
	*/asan | */tsan | */cov) skip 'this build is not for valgrind' ;;
	esac
}

TMPDIR=$(pwd)
FIX=$FIXTURES
REAL=$BIN
# shellcheck source=/dev/null
. "$TOP/fixtures/demo/stage.sh"

# $NAME in OPTIONS is what it is when the gateway starts.
counted_gateway() {
	mkdir -p counted
	cat >counted/p2p-gateway <<-END
		#!/bin/sh
		exec valgrind --tool=callgrind $* "$REAL/p2p-gateway" "\$@"
	END
	chmod +x counted/p2p-gateway
	BIN=$(pwd)/counted
}

handshakes() {
	i=0
	while [ $i -lt "$1" ]; do
		"$FIX/peer" --connect "$PORT" --as "$NET/peers/good" >out || exit 1
		i=$((i + 1))
	done
	end_of "$GATEWAY"
	GATEWAY=''
}
