#!/bin/sh
# What is kept about a handshake for those who watch (the decision with its
# certificate, the counts of the minute, the times) is a thousandth of its
# instructions at the most: counted by callgrind, which no other process on the
# machine disturbs. Start and end cancel out: the same gateway runs for some
# handshakes and for more, and the difference counts.
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
TMPDIR=$(pwd)
FEW=10 MORE=40
OBSERVERS='decision_ring_add histogram_add'
FIX=$FIXTURES
# shellcheck source=/dev/null
. "$TOP/fixtures/demo/stage.sh"
trap 'stage_down' EXIT

# The gateway's place is taken by one that is counted, where toggled on.
mkdir counted
cat >counted/p2p-gateway <<END
#!/bin/sh
exec valgrind --tool=callgrind --callgrind-out-file=/dev/null \$TOGGLE \\
    "$BIN/p2p-gateway" "\$@"
END
chmod +x counted/p2p-gateway
BIN=$(pwd)/counted

# count HANDSHAKES: the instructions of a gateway that they came to.
count() {
	stage_up && gateway_configure && gateway_up "$D/gateway.log" || exit 1
	i=0
	while [ $i -lt "$1" ]; do
		"$FIX/peer" --connect "$PORT" --as "$NET/peers/good" >out || exit 1
		i=$((i + 1))
	done
	end_of "$GATEWAY"
	GATEWAY=''
	sed -n 's/.*Collected : \([0-9]*\)$/\1/p' "$D/gateway.log"
	stage_down
}

# each: of one handshake.
each() {
	few=$(count $FEW) && more=$(count $MORE) &&
	    echo $(((more - few) / (MORE - FEW)))
}

export TOGGLE=''
whole=$(each)
TOGGLE=--collect-atstart=no
for f in $OBSERVERS; do TOGGLE="$TOGGLE --toggle-collect=$f"; done
observed=$(each)
echo "# instructions a handshake: $whole, and $observed of them for who watches"
t 'a handshake was counted' test "${whole:-0}" -gt 1000000
t 'and what is kept about it' test "${observed:-0}" -gt 100
t 'which is a thousandth at most' test "$((${observed:-1} * 1000))" -le "${whole:-0}"
echo "1..$n"
exit $bad
