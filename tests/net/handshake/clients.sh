#!/bin/sh
# Clients that are not ours, through the gateway to an HTTP server: curl,
# openssl s_client and Node.js, TLS 1.2 and 1.3. A good peer gets the file, byte
# for byte; a revoked one, and one without a certificate, are told so.
set -u
of=clients
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
FIX=$FIXTURES
TMPDIR=$(pwd)
# shellcheck source=/dev/null
. "$TOP/fixtures/demo/stage.sh"
trap 'stage_down' EXIT
stage_up || exit 1
FILE=/certificate-revocation-list/doorman
# The node is the town's web server.
NODE=${CRL_URL#http://}
NODE=${NODE%%/*}
curl -s -o want "$CRL_URL"
gateway_configure
gateway_up "$D/gateway.log" || exit 1
# A name that the gateway's certificate has, if it has any.
HOST=$(openssl x509 -in "$NET/gateway.pem" -noout -ext subjectAltName |
    sed -n 's/.*DNS:\([^,]*\).*/\1/p' | head -n 1)
t 'the file is worth fetching' test -s want
t 'the gateway has a name' test -n "$HOST"

# Each writes what came to `got` and what it complained of to `err`.
by_curl() { # by_curl VERSION PEER
	peer=
	[ -z "$2" ] || peer="--cert $NET/peers/$2.pem --key $NET/peers/$2.key"
	# shellcheck disable=SC2086
	curl -sS --max-time 60 --tlsv$1 --tls-max $1 $peer \
	    --cacert "$NET/trust.pem" --resolve "$HOST:$PORT:127.0.0.1" \
	    -o got "https://$HOST:$PORT$FILE" 2>err
}
by_openssl() {
	peer= v=tls1_3
	[ "$1" = 1.3 ] || v=tls1_2
	[ -z "$2" ] || peer="-cert $NET/peers/$2.pem -cert_chain $NET/peers/$2.pem
	    -key $NET/peers/$2.key"
	# shellcheck disable=SC2086
	printf 'GET %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n' \
	    $FILE "$HOST" | timeout 60 openssl s_client -quiet -$v \
	    -connect "127.0.0.1:$PORT" -servername "$HOST" \
	    -verify_hostname "$HOST" -CAfile "$NET/trust.pem" \
	    -verify_return_error $peer >answer 2>err || return 1
	# The header ends with the first empty line; the body has its length.
	tail -c "$(wc -c <want)" answer >got
}
by_node() {
	VERSION=$1 PEER=$2 HOST=$HOST PORT=$PORT FILE=$FILE NET=$NET \
	    timeout 60 node -e '
const fs = require("fs"), https = require("https"), e = process.env;
const o = {host: "127.0.0.1", port: e.PORT, servername: e.HOST, path: e.FILE,
    minVersion: "TLSv" + e.VERSION, maxVersion: "TLSv" + e.VERSION,
    ca: fs.readFileSync(e.NET + "/trust.pem"), agent: false};
if (e.PEER) {
	o.cert = fs.readFileSync(e.NET + "/peers/" + e.PEER + ".pem");
	o.key = fs.readFileSync(e.NET + "/peers/" + e.PEER + ".key");
}
const fail = (err) => { console.error(err.message); process.exit(1); };
https.get(o, (r) => {
	const parts = [];
	r.on("data", (d) => parts.push(d));
	r.on("error", fail);
	r.on("end", () => fs.writeFileSync("got", Buffer.concat(parts)));
}).on("error", fail);' 2>err
}

gets_it() { # gets_it CLIENT VERSION
	rm -f got
	"by_$1" "$2" good && cmp got want
}
is_told() { # is_told CLIENT VERSION PEER WORDS
	rm -f got
	if "by_$1" "$2" "$3" && cmp -s got want; then
		echo '# it got in'
		return 1
	fi
	grep -qi "$4" err
}

clients='curl openssl'
if command -v node >/dev/null; then
	clients="$clients node"
fi
for c in $clients; do
	for v in 1.2 1.3; do
		t "$c, TLS $v" gets_it "$c" $v
		t "$c, TLS $v: a second time" gets_it "$c" $v
		t "$c, TLS $v, revoked" is_told "$c" $v revoked \
		    'certificate[ _]revoked'
		# TLS 1.2 has handshake_failure, TLS 1.3 a word of its own.
		t "$c, TLS $v, without certificate" is_told "$c" $v '' \
		    'handshake[ _]failure\|certificate[ _]required'
	done
done
case $clients in
*node*) ;;
*)
	n=$((n + 1))
	echo "ok $n - clients: node # SKIP not installed"
	;;
esac
echo "1..$n"
exit $bad
