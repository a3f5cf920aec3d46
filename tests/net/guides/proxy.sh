#!/bin/sh
# The guide to a caching proxy, with the real nginx: what three gateways ask is
# asked once, and when the CA is dead the proxy stands in for it.
set -u
of=guides-proxy
. "$TOP/tests/lib/tap.sh"
. "$TOP/tests/lib/guide.sh"
NGINX=/usr/sbin/nginx
[ -x $NGINX ] || {
	echo "1..0 # SKIP no nginx"
	exit 0
}
guide_up caching-proxy.md
: >out
: >err

# A town has no names to resolve: its hosts are an address.
stage_ports 1
PROXY=$ports
sed "s|resolver .*||; s|10\.0\.0\.5:3128|127.0.0.1:$PROXY|
s|10\.0\.0\.0/24|127.0.0.0/8|
s|server_name .*|server_name 127.0.0.1;|; s|/var/cache/nginx|$D|
s|^http {|http { access_log $D/access; client_body_temp_path $D/t1; \
proxy_temp_path $D/t2; fastcgi_temp_path $D/t3; uwsgi_temp_path $D/t4; \
scgi_temp_path $D/t5;|" "$D/guide--nginx.conf" >"$D/nginx.conf" || exit 1
u=
[ "$(id -u)" != 0 ] || u="user $(id -un);"
guide_run nginx.log $NGINX -p "$D" -c "$D/nginx.conf" -e stderr -g \
    "daemon off; pid $D/nginx.pid; $u"
await test -s "$D/nginx.pid" || {
	sed 's/^/# /' nginx.log
	exit 1
}

# one_more N: another gateway with a state of its own, on PORT_N, REST_N.
one_more() {
	mkdir "$D/var$1"
	guide_gateway "" ".state_dir = \"$D/var$1\" |
	    .revocation.proxy = \"http://127.0.0.1:$PROXY\""
	guide_pids="$guide_pids $GATEWAY"
	GATEWAY=''
	eval "PORT_$1=$PORT REST_$1=$REST_API_URL"
}
# knock N PEER WORDS: what gateway N does to that peer.
knock() {
	eval "p=\$PORT_$1"
	"$FIXTURES/peer" --connect "$p" --as "$NET/peers/$2" >out 2>err
	grep -q "$3" out
}
# asked SERVER PATH: how often the proxy asked.
asked() {
	curl -s "http://127.0.0.1:$(json_part "$1" control)/_hits$2" |
	    jq 'if type == "object" then .total else . end'
}
asked_of() { [ "$(asked "$1" "$2")" = "$3" ]; }
CRL=/certificate-revocation-list/doorman

one_more 1
one_more 2
one_more 3
for i in 1 2 3; do
	t "gateway $i lets in whom a CRL speaks for" knock $i crlonly "came back"
	t "gateway $i, whom a responder speaks for" \
	    knock $i ocsponly "came back"
	t "gateway $i refuses the revoked" knock $i revoked certificate_revoked
done
t "three gateways asked the proxy" \
    test "$(grep -c "GET [^ ]*$CRL HTTP" "$D/access")" = 3
t "the CRL was fetched once" asked_of web "$CRL" 1
by_get() {
	grep -c '"GET http://[^ ]*/doorman/M' "$D/access" >out
	! grep '"POST' "$D/access" && [ "$(cat out)" -ge 3 ]
}
t "OCSP came by GET" by_get
different=$(grep -o '"GET http://[^ ]*/doorman/M[^ ]*' "$D/access" |
    sort -u | wc -l)
t "each OCSP question was asked once" asked_of ocsp "/doorman/*" "$different"

# Where others are not meant to get by it.
refused_host() {
	[ "$(curl -s -o out -w '%{http_code}' -x "http://127.0.0.1:$PROXY" \
	    "http://localhost:$(json_part web port)$CRL")" = 403 ]
}
t "a host that is no CA's is refused" refused_host
tunnel() {
	! curl -s -p -x "http://127.0.0.1:$PROXY" "http://127.0.0.1:$(
		json_part web port)$CRL" >out 2>err
}
t "there is no tunnel" tunnel

# The CA dies, and what the proxy has is too old: a kept answer begins with
# the version of that form and the second until which it is fresh.
kill "$WEB_PID" "$OCSP_PID"
dead() { ! curl -s -o out "$CRL_URL" && ! curl -s -o out "$OCSP_URL"; }
await dead || exit 1
find "$D/revocation" -type f -exec perl -e 'for (@ARGV) {
	open my $f, "+<", $_ or die; seek $f, 8, 0;
	print $f pack "q<", time - 1; close $f or die }' {} + || exit 1
before=$(wc -l <"$D/access")
one_more 4
t "the CA is dead, the disk empty: good by what the proxy has kept" \
    knock 4 crlonly "came back"
t "by a responder's answer, too" knock 4 ocsponly "came back"
t "the revoked are refused" knock 4 revoked certificate_revoked
t "it was the proxy that was asked" test "$(wc -l <"$D/access")" -gt "$before"
"$FIXTURES/ca" leaf "$NET" doorman peers/late --crl-url none || exit 1
t "whom the proxy has nothing about is not let in" knock 4 late \
    certificate_unknown
echo "1..$n"
exit $bad
