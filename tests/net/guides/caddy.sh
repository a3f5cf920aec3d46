#!/bin/sh
# The guide to Caddy, with the real Caddy, which asks at each request.
set -u
of=guides-caddy
. "$TOP/tests/lib/tap.sh"
. "$TOP/tests/lib/guide.sh"
command -v caddy >/dev/null || {
	echo "1..0 # SKIP no caddy"
	exit 0
}
guide_up caddy.md
ME=$(id -un)
curl -s -X POST -o /dev/null \
    "http://127.0.0.1:$(json_part node control)/_mode/http" || exit 1
guide_gateway 1 ".authorize.users = [\"$ME\"] | del(.authorize.socket_group)"
sed "s|^	tls |	bind unix/$D/caddy.sock\\
	tls |" "$D/guide-1-Caddyfile" >"$D/Caddyfile"
HOME=$D XDG_DATA_HOME=$D XDG_CONFIG_HOME=$D
export HOME XDG_DATA_HOME XDG_CONFIG_HOME
guide_run caddy.log caddy run --adapter caddyfile --config "$D/Caddyfile"
await test -S "$D/caddy.sock" || {
	sed 's/^/# /' caddy.log
	exit 1
}
status() { # status WANTED PEER CURL-OPTIONS...
	want=$1 c="--cert $NET/peers/$2.pem --key $NET/peers/$2.key"
	[ "$2" != - ] || c=
	shift 2
	# shellcheck disable=SC2086
	got=$(curl -k -s -o out --max-time 60 --unix-socket "$D/caddy.sock" $c \
	    -w '%{http_code}' "$@" https://service.example/ 2>err)
	[ "$got" = "$want" ] || {
		echo "# $got, expected $want"
		return 1
	}
}
good=":$(sed '/END/q' "$NET/peers/good.pem" | grep -v -e ----- |
    tr -d '\n'):"
t "a good peer's request reaches the node" status 200 good
t "the node is told who it is" \
    grep -qi '^P2P-Gateway-Subject: C=GB,L=London,O=good' out
t "also where it says something else" status 200 good \
    -H 'P2P-Gateway-Subject: O=somebody'
t "and that is not passed on" sh -c '! grep -q "O=somebody" out'
t "a body reaches the node" status 200 good -d '{"a": 1}'
t "a revoked peer is refused" status 403 revoked
t "and reads why" grep -q "^refused: certificate 0 .*revoked since" out
t "no certificate is refused" status 403 -
t "a header of the peer's is nobody's word" status 403 revoked \
    -H "Client-Cert: $good" -H "Client-Cert-Chain: $good"
t "a status that is not determined is refused" status 403 nosource
echo "1..$n"
exit $bad
