#!/bin/sh
# The MQTT guide, with mosquitto as the broker and its own clients as peers.
set -u
of=guides-mqtt
. "$TOP/tests/lib/tap.sh"
. "$TOP/tests/lib/guide.sh"
command -v mosquitto_pub >/dev/null && [ -x /usr/sbin/mosquitto ] || {
	echo "1..0 # SKIP no mosquitto"
	exit 0
}
guide_up mqtt.md
sed "s|listener 1883 127.0.0.1|listener 0 $D/mqtt.sock|" \
    "$D/guide--mosquitto.conf" >"$D/mosquitto.conf"
[ "$(id -u)" != 0 ] || echo "user $(id -un)" >>"$D/mosquitto.conf"
: >out
: >err
guide_run mosquitto.log /usr/sbin/mosquitto -c "$D/mosquitto.conf"
await test -S "$D/mqtt.sock" || exit 1
guide_gateway "" ".node.addresses = [\"unix:$D/mqtt.sock\"] |
    .revocation.min_refresh_sec = 1"
# PROGRAM of mosquitto with the certificate of PEER, and its options: options
# PEER sets O, without blanks in them.
options() {
	O="-h 127.0.0.1 -p $PORT --insecure --cafile $E/network-root.pem
	    --cert $NET/peers/$1.pem --key $NET/peers/$1.key -q 1 -t news"
}
publish() { # publish PEER OPTIONS...
	options "$1"
	shift
	# shellcheck disable=SC2086
	timeout 60 mosquitto_pub $O "$@"
}
t "a good peer publishes" run 0 publish good -r -m "it works"
options fresh
# shellcheck disable=SC2086
guide_run sub.log mosquitto_sub $O
t "another one hears of it" await grep -q "it works" sub.log
publishes_not() {
	publish "$1" -m "by $1" >out 2>err && return 1
	! grep -q "by $1" sub.log
}
t "a revoked peer publishes nothing" publishes_not revoked
t "one whose status is not determined, neither" publishes_not nosource
"$FIXTURES/ca" revoke "$NET" peers/fresh
cut() {
	operator POST /cache/refresh
	grep -q "cutting off inbound peer .*O=fresh" "$D/gateway.log"
}
t "the subscriber is cut when it is revoked" await cut
echo "1..$n"
exit $bad
