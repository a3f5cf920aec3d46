#!/bin/sh
# The operator's commands, literally as a person types them, against a fresh
# gateway: configuration by curl, then by a watched file, and SIGHUP.
set -u
of=operator
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
FIX=$FIXTURES
TMPDIR=$(pwd)
# shellcheck source=/dev/null
. "$TOP/fixtures/demo/stage.sh"
trap 'stage_down' EXIT
stage_up || exit 1
gateway_configure
mkdir "$D/pushed"
sed -i "s|\"state_dir\"|\"watch\": \"$D/pushed\", \"state_dir\"|" \
    "$D/gateway.json"
gateway_up "$D/gateway.log" || exit 1

shown() { # what GET shows now
	curl --insecure -s -u $REST_API_USER:$REST_API_PASSWORD -X GET $REST_API_URL/config/corda.p2p.linkManager
}
version() {
	shown | jq .version
}
mode() {
	shown | jq -r .configWithDefaults | jq -r .revocationCheck.mode
}
await_mode() { # polls the gateway, bounded
	i=0
	while [ "$(mode)" != "$1" ]; do
		i=$((i + 1))
		[ $i -lt 300 ] || return 1
	done
}
peer_gets_in() {
	"$FIX/peer" --connect "$PORT" --as "$NET/peers/$1" >/dev/null 2>&1
}
peer_is_refused() {
	! peer_gets_in "$1"
}

t 'nothing is stored at first' is "$(version)" -1
t 'a revoked peer is refused' peer_is_refused revoked

# ---- the document, block by block
curl --insecure -s -u $REST_API_USER:$REST_API_PASSWORD -X GET $REST_API_URL/config/corda.p2p.linkManager >get.out
export CONFIG_VERSION=$(jq .version get.out)
curl -k -s -u $REST_API_USER:$REST_API_PASSWORD -X PUT -d '{"section":"corda.p2p.linkManager", "version":"'$CONFIG_VERSION'", "config": { "revocationCheck": { "mode": "OFF" } }, "schemaVersion": {"major": 1, "minor": 0}}' $REST_API_URL"/config" >put.out
t 'the change is accepted' is "$(jq .version put.out)" 1
t 'and acts on the next handshake' peer_gets_in revoked

export CONFIG_VERSION=$(version)
curl -k -s -u $REST_API_USER:$REST_API_PASSWORD -X PUT -d '{"section":"corda.p2p.linkManager", "version":"'$CONFIG_VERSION'", "config": { "revocationCheck": { "mode": "ON" } }, "schemaVersion": {"major": 1, "minor": 0}}' $REST_API_URL"/config" >put.out
t 'checks are on again' is "$(mode)" SOFT_FAIL
t 'and the revoked peer is refused' peer_is_refused revoked
t 'a good one is let in' peer_gets_in good

curl -k -s -u $REST_API_USER:$REST_API_PASSWORD -X PUT -d '{"section":"corda.p2p.linkManager", "version":"1", "config": {}, "schemaVersion": {"major": 1, "minor": 0}}' $REST_API_URL"/config" >put.out
t 'an old version is refused' is "$(jq -r .title put.out)" \
    'Wrong Config Version'
t 'wrong credentials are 401' is "$(curl -k -s -o /dev/null \
    -w '%{http_code}' -u $REST_API_USER:no "$REST_API_URL/config/revcheck")" 401

# ---- pushed through the file system
echo '{"section":"corda.p2p.linkManager","config":{"revocationCheck":{"mode":"HARD_FAIL"}}}' >"$D/new"
mv "$D/new" "$D/pushed/link.json"
t 'a file moved into place acts' await_mode HARD_FAIL
echo '{"section":"corda.p2p.linkManager","config":{"revocationCheck":{"mode":"OFF"}}}' >"$D/pushed/link.json"
t 'a file written in place acts' await_mode OFF
before=$(version)
echo '{"section":"corda.p2p.linkManager","config":{"mode":"OFF"}}' >"$D/pushed/link.json"
echo '{"section":"revcheck","config":{"order":"CRL"}}' >"$D/pushed/rev.json"
i=0
until [ "$(curl -k -s -u $REST_API_USER:$REST_API_PASSWORD "$REST_API_URL/config/revcheck" | jq .version)" = 1 ]; do
	i=$((i + 1))
	[ $i -lt 300 ] || break
done
t 'a wrong file changes nothing' is "$(version)" "$before"
t 'and is named in the log' grep -q "link.json.*'mode' is not a key" \
    "$D/gateway.log"
t 'the history says who' is "$(curl -k -s -u \
    $REST_API_USER:$REST_API_PASSWORD \
    "$REST_API_URL/config/revcheck/history" | jq -r '.[0].who')" file

# ---- SIGHUP
cp "$D/gateway.json" "$D/gateway.good"
echo '{' >"$D/gateway.json"
kill -HUP "$GATEWAY"
i=0
until grep -q 'cannot reload' "$D/gateway.log"; do
	i=$((i + 1))
	[ $i -lt 100000 ] || break
done
t 'a broken file is refused, all of it' peer_gets_in good
cp "$D/gateway.good" "$D/gateway.json"
kill -HUP "$GATEWAY"
i=0
until grep -q 'reloaded the configuration' "$D/gateway.log"; do
	i=$((i + 1))
	[ $i -lt 100000 ] || break
done
t 'a good one is taken' grep -q 'reloaded the configuration' "$D/gateway.log"

# promtool comes with the server, which need not be installed for it.
promtool=$(command -v promtool)
if [ -z "$promtool" ] && timeout 120 apt-get -q download prometheus \
    >promtool.log 2>&1 && dpkg -x prometheus_*.deb promtool.d \
    >>promtool.log 2>&1; then
	promtool=promtool.d/usr/bin/promtool
fi
if [ -n "$promtool" ]; then
	curl -k -s -u $REST_API_USER:$REST_API_PASSWORD "$REST_API_URL/metrics" >metrics
	t 'promtool accepts the metrics' "$promtool" check metrics <metrics
else
	n=$((n + 1))
	echo "ok $n - promtool accepts the metrics # SKIP no promtool, and it cannot be downloaded"
fi
rm -rf promtool.d prometheus_*.deb
end_of "$GATEWAY"
status=$?
GATEWAY=''
t 'SIGTERM ends it well' is $status 0
echo "1..$n"
exit $bad
