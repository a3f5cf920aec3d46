#!/bin/sh
# Java as a peer: HttpsURLConnection and SSLSocket through the gateway to an
# HTTP server, TLS 1.2 and 1.3. The tests are in Peer.java, one JVM for all.
set -u
if ! command -v java >/dev/null; then
	echo "ok 1 - java # SKIP not installed"
	echo 1..1
	exit 0
fi
FIX=$FIXTURES
TMPDIR=$(pwd)
# shellcheck source=/dev/null
. "$TOP/fixtures/demo/stage.sh"
trap 'stage_down' EXIT
stage_up || exit 1
# The node is the town's web server.
NODE=${CRL_URL#http://}
NODE=${NODE%%/*}
curl -s -o want "$CRL_URL"
gateway_configure
gateway_up "$D/gateway.log" || exit 1
HOST=$(openssl x509 -in "$NET/gateway.pem" -noout -ext subjectAltName |
    sed -n 's/.*DNS:\([^,]*\).*/\1/p' | head -n 1)
echo "127.0.0.1 $HOST" >hosts
# A small JVM that compiles little: it lives for two seconds.
timeout 120 java -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
    -Djdk.net.hosts.file=hosts "$TOP/tests/net/handshake/Peer.java" "$NET" \
    "https://$HOST:$PORT/certificate-revocation-list/doorman" want
