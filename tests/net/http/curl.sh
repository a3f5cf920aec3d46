#!/bin/sh
# HTTP mode with a client that is not ours: curl with a peer's certificate,
# TLS 1.2 and 1.3. It waits for 100 Continue, keeps its connection, is told
# what is wrong, and its 100 MB pass through in bounded memory.
set -u
of=http-curl
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
FIX=$FIXTURES
TMPDIR=$(pwd)
# shellcheck source=/dev/null
. "$TOP/fixtures/demo/stage.sh"
trap 'stage_down' EXIT
stage_up || exit 1
curl -s -X POST -o /dev/null \
    "http://127.0.0.1:$(json_part node control)/_mode/http" || exit 1
gateway_configure
jq '. + {"http": {"paths": ["/gateway/send"]}}' "$D/gateway.json" >"$D/http" &&
    mv "$D/http" "$D/gateway.json"
# Memory is measured here: what is freed must not stay for long.
ASAN_OPTIONS=${ASAN_OPTIONS:-}:quarantine_size_mb=8
export ASAN_OPTIONS
gateway_up "$D/gateway.log" || exit 1
HOST=$(openssl x509 -in "$NET/gateway.pem" -noout -ext subjectAltName |
    sed -n 's/.*DNS:\([^,]*\).*/\1/p' | head -n 1)
URL=https://$HOST:$PORT/gateway/send
TYPE='Content-Type: application/json'

ask() { # ask VERSION PEER CURL-OPTIONS...: the body to `out`, words to `err`
	v=$1 p=$NET/peers/$2
	shift 2
	curl -sS -v --max-time 60 "--tlsv$v" --tls-max "$v" --cert "$p.pem" \
	    --key "$p.key" --cacert "$NET/trust.pem" \
	    --resolve "$HOST:$PORT:127.0.0.1" -o out \
	    -w '%{http_code} %{num_connects}\n' "$@" >codes 2>err
}
codes() { # codes LINE...: what the answers were
	printf '%s\n' "$@" | cmp -s - codes
}

posts() {
	ask "$1" good -H "$TYPE" --data '{"a": 1}' "$URL" && codes '200 1' &&
	    grep -q '^P2P-Gateway-Subject: C=GB,L=London,O=good' out &&
	    grep -q '^body 8 ' out
}
twice() {
	ask "$1" good -H "$TYPE" --data '{"a": 1}' "$URL" --next -sS -v \
	    "--tlsv$1" --tls-max "$1" --cert "$NET/peers/good.pem" \
	    --key "$NET/peers/good.key" --cacert "$NET/trust.pem" \
	    --resolve "$HOST:$PORT:127.0.0.1" -o out \
	    -w '%{http_code} %{num_connects}\n' -H "$TYPE" --data '{"b": 2}' \
	    "$URL" && codes '200 1' '200 0'
}
large() {
	before=$(ps -o rss= -p "$GATEWAY")
	ask "$1" good -X POST -H "$TYPE" -T big "$URL" && codes '200 1' &&
	    grep -q '^< HTTP/1.1 100 Continue' err &&
	    grep -q '^body 104857600 ' out || return 1
	after=$(ps -o rss= -p "$GATEWAY")
	echo "# $before KiB before, $after KiB after"
	[ "$after" -lt $((before + 24576)) ]
}
# curl sends its body only after 100 Continue, which does not come.
refused() { # refused VERSION STATUS CURL-OPTIONS...
	v=$1 want=$2
	shift 2
	ask "$v" good "$@" && codes "$want 1" &&
	    grep -q "\"status\":$want" out &&
	    grep -qi '^< content-type: application/json' err
}
is_told() {
	if ask "$1" revoked -H "$TYPE" --data '{}' "$URL"; then
		return 1
	fi
	grep -qi 'certificate[ _]revoked' err
}

truncate -s 104857600 big
truncate -s 600000000 larger
for v in 1.2 1.3; do
	t "TLS $v: an answer" posts $v
	t "TLS $v: one connection for two" twice $v
	t "TLS $v: 100 MB, 100 Continue" large $v
	t "TLS $v: 413 before the body" refused $v 413 -X POST -H "$TYPE" \
	    -T larger "$URL"
	t "TLS $v: 404" refused $v 404 -H "$TYPE" --data '{}' "$URL/x"
	t "TLS $v: 501" refused $v 501 "$URL"
	t "TLS $v: 505" refused $v 505 --http1.0 "$URL"
	t "TLS $v: 411" refused $v 411 -H "$TYPE" --data '{}' \
	    -H 'Transfer-Encoding: chunked' "$URL"
	t "TLS $v: 415" refused $v 415 --data '{}' "$URL"
	t "TLS $v: revoked" is_told $v
done
echo "1..$n"
exit $bad
