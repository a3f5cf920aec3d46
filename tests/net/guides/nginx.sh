#!/bin/sh
# The nginx guide, with the real nginx: it asks at each request (auth_request),
# and it stands behind the gateway. What its peers send by the names of the
# question's or the answer's headers is nobody's word.
set -u
of=guides-nginx
. "$TOP/tests/lib/tap.sh"
. "$TOP/tests/lib/guide.sh"
NGINX=/usr/sbin/nginx
[ -x $NGINX ] || {
	echo "1..0 # SKIP no nginx"
	exit 0
}
guide_up nginx.md
ME=$(id -un)
curl -s -X POST -o /dev/null \
    "http://127.0.0.1:$(json_part node control)/_mode/http" || exit 1
guide_gateway 1 ".authorize.users = [\"$ME\"] | del(.authorize.socket_group)"

# nginx_up PART SED-EXPRESSIONS...
nginx_up() {
	sed "$2" "$D/guide-$1-nginx.conf" >"$D/nginx.conf" || exit 1
	u=
	[ "$(id -u)" != 0 ] || u="user $ME;"
	guide_run nginx.log $NGINX -p "$D" -c "$D/nginx.conf" -e stderr -g \
	    "daemon off; pid $D/nginx.pid; $u"
	await test -S "$D/nginx.sock" || exit 1
}
sed_ask="s|listen 443 ssl|listen unix:$D/nginx.sock ssl|
s|^http {|http { access_log off; client_body_temp_path $D/t1; \
proxy_temp_path $D/t2; fastcgi_temp_path $D/t3; uwsgi_temp_path $D/t4; \
scgi_temp_path $D/t5;|"
nginx_up 1 "$sed_ask"

# ask PEER CURL-OPTIONS...: the status of a request to nginx, `-` for no peer.
ask() {
	p=$1
	shift
	c="--cert $NET/peers/$p.pem --key $NET/peers/$p.key"
	[ "$p" != - ] || c=
	# shellcheck disable=SC2086
	curl -k -s -o out --max-time 60 --unix-socket "$D/nginx.sock" $c \
	    -w '%{http_code}' "$@" https://service.example/ 2>err
}
status() { # status WANTED PEER CURL-OPTIONS...
	want=$1
	shift
	got=$(ask "$@")
	[ "$got" = "$want" ] || {
		echo "# $got, expected $want: $*"
		return 1
	}
}
reason() { grep -q "authorize: refused .*$1" "$D/gateway.log"; }

t "a good peer's request reaches the node" status 200 good
t "the node is told who it is" \
    grep -q '^P2P-Gateway-Subject: C=GB,L=London,O=good' out
t "a peer cannot say who it is" status 200 good \
    -H 'P2P-Gateway-Subject: O=somebody'
t "the node is told the truth" \
    grep -q '^P2P-Gateway-Subject: C=GB,L=London,O=good' out
t "a body reaches the node" status 200 good -d '{"a": 1}' \
    -H 'Content-Type: application/json'
head -c 500000 /dev/zero >big
t "a large body, too" status 200 good --data-binary @big \
    -H 'Content-Type: application/json'
t "a revoked peer is refused" status 403 revoked
t "the log says why" reason "status=revoked"
t "no certificate is refused" status 403 -
t "nor is one in a header" status 403 - -H "X-SSL-Client-Cert: $(
	sed 's/$/%0A/' "$NET/peers/good.pem" | sed 's/ /%20/g; s/+/%2B/g' |
	    tr -d '\n')"
t "a revoked peer is not another by a header" status 403 revoked \
    -H "X-SSL-Client-Cert: $(
	sed 's/$/%0A/' "$NET/peers/good.pem" | sed 's/ /%20/g; s/+/%2B/g' |
	    tr -d '\n')"
t "a stranger is refused" status 403 stranger
t "of an unknown status: refused under HARD_FAIL" status 403 nosource
t "the log says so" reason "status=unknown"
PUT='{"section":"corda.p2p.linkManager","version":-1,"config":
    {"revocationCheck":{"mode":"SOFT_FAIL"}},
    "schemaVersion":{"major":1,"minor":0}}'
t "SOFT_FAIL is switched on" operator PUT /config -d "$PUT"
t "of an unknown status: let in under SOFT_FAIL" status 200 nosource
t "a revoked peer is refused still" status 403 revoked

# Where a client ends early that is a failed test, and not the end of all.
trap '' PIPE
# One connection, kept while its peer is revoked.
kept_request() { # kept_request N STATUS
	printf 'GET / HTTP/1.1\r\nHost: h\r\n\r\n' >&6
	await sh -c "[ \$(grep -c '^HTTP/1.1 ' kept.log) = $1 ]" &&
	    grep '^HTTP/1.1 ' kept.log | tail -n 1 | grep -q "^HTTP/1.1 $2"
}
mkfifo "$D/in"
openssl s_client -quiet -unix "$D/nginx.sock" -cert "$NET/peers/fresh.pem" \
    -key "$NET/peers/fresh.key" <"$D/in" >kept.log 2>err 7<&- 8<&- 9>&- &
guide_pids="$guide_pids $!"
exec 6>"$D/in"
t "a connection that is kept: the first request" kept_request 1 200
"$FIXTURES/ca" revoke "$NET" peers/fresh
t "what is remembered is forgotten" operator DELETE /cache
t "the same connection, its peer revoked: the next request" kept_request 2 403
exec 6>&-

# The CA falls silent.
kill -STOP "$OCSP_PID" "$WEB_PID"
operator DELETE /cache
t "a silent CA under SOFT_FAIL" status 200 good
operator GET /config/corda.p2p.linkManager
PUT=$(printf '%s' "$PUT" | sed "s/SOFT/HARD/
s/\"version\":[-0-9]*/\"version\":$(jq .version out)/")
t "HARD_FAIL is switched on" operator PUT /config -d "$PUT"
operator DELETE /cache
t "a silent CA under HARD_FAIL" status 403 good
kill -CONT "$OCSP_PID" "$WEB_PID"
guide_gateway_end
t "without the gateway nobody gets in" status 500 good
kill "$PID"
wait "$PID"
rm -f "$D/nginx.sock"

# In front.
guide_gateway 2 ".node.addresses = [\"unix:$D/nginx.sock\"]"
nginx_up 2 "s|listen 127.0.0.1:8080|listen unix:$D/nginx.sock|
s|^http {|http { access_log off; client_body_temp_path $D/t1; \
proxy_temp_path $D/t2; fastcgi_temp_path $D/t3; uwsgi_temp_path $D/t4; \
scgi_temp_path $D/t5;|"
front() {
	p=$1
	curl -k -s -o out --max-time 60 --cert "$NET/peers/$p.pem" --key \
	    "$NET/peers/$p.key" -w '%{http_code}' "https://127.0.0.1:$PORT/" \
	    2>err
}
through() { [ "$(front "$1")" = "$2" ]; }
t "in front: a good peer's request reaches the node" through good 200
t "in front: its address is the peer's" grep -q '^X-Real-IP: 127.0.0.1' out
t "in front: a revoked peer gets no answer" through revoked 000
t "in front: of an unknown status, neither" through nosource 000
echo "1..$n"
exit $bad
