#!/bin/sh
# The HAProxy guide, with the real HAProxy behind the gateway.
set -u
of=guides-haproxy
. "$TOP/tests/lib/tap.sh"
. "$TOP/tests/lib/guide.sh"
HAPROXY=/usr/sbin/haproxy
[ -x $HAPROXY ] || {
	echo "1..0 # SKIP no haproxy"
	exit 0
}
guide_up haproxy.md
curl -s -X POST -o /dev/null \
    "http://127.0.0.1:$(json_part node control)/_mode/http" || exit 1
F=$D/guide-0-haproxy.cfg
[ -f "$F" ] || F=$D/guide--haproxy.cfg
sed "s|bind 127.0.0.1:8080|bind unix@$D/haproxy.sock|" "$F" >"$D/haproxy.cfg"
guide_run haproxy.log $HAPROXY -db -f "$D/haproxy.cfg"
await test -S "$D/haproxy.sock" || exit 1
guide_gateway "" ".node.addresses = [\"unix:$D/haproxy.sock\"]"
front() {
	[ "$(curl -k -s -o out --max-time 60 --cert "$NET/peers/$1.pem" --key \
	    "$NET/peers/$1.key" -w '%{http_code}' "https://127.0.0.1:$PORT/" \
	    2>err)" = "$2" ]
}
t "a good peer's request reaches the service" front good 200
t "the service is told its address" grep -qi '^X-Forwarded-For: 127.0.0.1' out
t "a revoked peer gets no answer" front revoked 000
t "no certificate, no answer" sh -c "! curl -k -s -o out --max-time 60 \
    https://127.0.0.1:$PORT/"
t "a status that is not determined, neither" front nosource 000
echo "1..$n"
exit $bad
