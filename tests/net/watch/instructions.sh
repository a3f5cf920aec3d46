#!/bin/sh
# What is kept about a handshake for those who watch (the decision with its
# certificate, the counts of the minute, the times) is a thousandth of its
# instructions at the most.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/lib/counted.sh
. "$TOP/tests/lib/counted.sh"
of='instructions'
FEW=10 MORE=40
OBSERVERS='decision_ring_add histogram_add'
counted_or_skip
trap 'stage_down' EXIT
# Counted where toggled on.
counted_gateway --callgrind-out-file=/dev/null '$TOGGLE'

# count HANDSHAKES: the instructions of a gateway that they came to.
count() {
	stage_up && gateway_configure && gateway_up "$D/gateway.log" || exit 1
	handshakes "$1"
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
