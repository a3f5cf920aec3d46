#!/bin/sh
# HTTP mode, profile any, between servers that are not ours: nginx is the node,
# and it is a peer that comes by proxy_pass with a client certificate; curl is
# another one. Addresses but the gateway's are Unix sockets.
set -u
# shellcheck source=/dev/null
. "$TOP/tests/lib/tap.sh"
FIX=$FIXTURES
TMPDIR=$(pwd)
of=http-nginx
# shellcheck source=/dev/null
. "$TOP/fixtures/demo/stage.sh"
nginx_down() {
	[ ! -s "$D/nginx.pid" ] || kill -TERM "$(cat "$D/nginx.pid")"
}
trap 'nginx_down; stage_down' EXIT
stage_up || exit 1
"$FIXTURES/ca" leaf "$NET" doorman peers/alice \
    --san DNS:a.alice.example || exit 1
gateway_configure
jq --arg node "unix:$D/node.sock" '. + {
    "node": {"addresses": [$node]},
    "http": {"profile": "any", "paths": "/api", "max_request_bytes": 200000},
    "allow": [{"o": "good"}, {"dns": "*.alice.example", "path": "/api/alice"}]
    }' "$D/gateway.json" >"$D/http" && mv "$D/http" "$D/gateway.json"
gateway_up "$D/gateway.log" || exit 1

mkdir -p "$D/www/api" "$D/tmp"
head -c 150000 /dev/zero | tr '\0' 'x' >"$D/www/api/file.txt"
cat >"$D/nginx.conf" <<END
user root;
worker_processes 1;
pid $D/nginx.pid;
error_log $D/nginx.err;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path $D/tmp/1;
	proxy_temp_path $D/tmp/2;
	fastcgi_temp_path $D/tmp/3;
	uwsgi_temp_path $D/tmp/4;
	scgi_temp_path $D/tmp/5;
	types { text/plain txt; }
	server {
		listen unix:$D/node.sock;
		root $D/www;
		gzip on;
		gzip_http_version 1.0;
		gzip_types text/plain;
		location /api {
			client_max_body_size 0;
			return 200 "\$request_method \$request_uri \$http_host
length=\$http_content_length coding=\$http_transfer_encoding
subject=\$http_p2p_gateway_subject status=\$http_p2p_gateway_status
forged=\$http_x_forwarded_for cert=\$http_client_cert
";
		}
		location /api/file.txt { }
		location /api/small { client_max_body_size 10; return 200; }
		location /api/gone { return 444; }
		location /api/read {
			client_max_body_size 0;
			proxy_pass http://unix:$D/sink.sock;
		}
	}
	server {
		listen unix:$D/sink.sock;
		client_max_body_size 0;
		location / { return 200 "read \$http_content_length\n"; }
	}
	upstream gateway { server 127.0.0.1:$PORT; keepalive 4; }
	server {
		listen unix:$D/front.sock;
		proxy_ssl_certificate $NET/peers/good.pem;
		proxy_ssl_certificate_key $NET/peers/good.key;
		proxy_ssl_protocols TLSv1.2 TLSv1.3;
		proxy_set_header X-Forwarded-For \$remote_addr;
		proxy_request_buffering off;
		location /old/ { proxy_pass https://gateway/api/; }
		location /new/ {
			proxy_pass https://gateway/api/;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}
	}
}
END
# It returns when it listens.
nginx -p "$D" -c "$D/nginx.conf" 2>err || {
	sed 's/^/# /' err
	exit 1
}
HOST=$(openssl x509 -in "$NET/gateway.pem" -noout -ext subjectAltName |
    sed -n 's/.*DNS:\([^,]*\).*/\1/p' | head -n 1)
URL=https://$HOST:$PORT

# ask PEER CURL-OPTIONS...: the body to `out`, head and status to `err`.
ask() {
	p=$NET/peers/$1
	shift
	curl -sS --max-time 60 --cert "$p.pem" --key "$p.key" \
	    --cacert "$NET/trust.pem" --resolve "$HOST:$PORT:127.0.0.1" \
	    -D err -o out "$@"
}
# over FRONT-PATH CURL-OPTIONS...: the same by way of nginx's proxy_pass.
over() {
	path=$1
	shift
	curl -sS --max-time 60 --unix-socket "$D/front.sock" -D err -o out \
	    "$@" "http://front/$path"
}
status() { head -n 1 err | grep -q "^HTTP/1.1 $1"; }
size() { [ "$(wc -c <out)" = "$1" ]; }

gets() {
	ask good "$URL/api/x?a=1&b=%20" && status 200 &&
	    shows "GET /api/x?a=1&b=%20 $HOST:$PORT" &&
	    shows 'subject=C=GB,L=London,O=good status=good' &&
	    shows 'cert=:MII'
}
each_method() {
	for m in PUT DELETE PATCH OPTIONS PROPFIND; do
		ask good -X "$m" "$URL/api/m" && status 200 &&
		    shows "$m /api/m" || return 1
	done
}
chunked() {
	ask good -T - -H 'Expect:' "$URL/api/t" <"$D/www/api/file.txt" &&
	    status 200 && shows 'length= coding=chunked' &&
	    ask good -T - -H 'Expect:' "$URL/api/read" \
	        <"$D/www/api/file.txt" && shows 'read 150000'
}
continues() {
	ask good -T "$D/www/api/file.txt" -H 'Expect: 100-continue' \
	    "$URL/api/t" && shows 'length=150000 coding='
}
too_large_in_chunks() {
	head -c 300000 /dev/zero |
	    ask good -T - -H 'Expect:' "$URL/api/read"
	status 413 && shows 'larger than'
}
# nginx answers before it reads the body.
early() {
	ask good -T "$D/www/api/file.txt" "$URL/api/small"
	status 413 && grep -qi '^server: nginx' err
}
file() { ask good "$URL/api/file.txt" && size 150000; }
squeezed() {
	ask good --compressed "$URL/api/file.txt" && size 150000 &&
	    grep -qi '^transfer-encoding: chunked' err
}
part() {
	ask good -r 10-19 "$URL/api/file.txt" && status 206 && size 10
}
head_only() {
	rm -f out
	ask good -I "$URL/api/file.txt" && status 200 &&
	    grep -qi '^content-length: 150000' err
}
unchanged() {
	ask good "$URL/api/file.txt" || return 1
	tag=$(sed -n 's/^[Ee][Tt]ag: \([^\r]*\).*/\1/p' err)
	ask good -H "If-None-Match: $tag" "$URL/api/file.txt" && status 304
}
gone() { ask good "$URL/api/gone" && status 502; }
old_curl() {
	ask good -0 --compressed "$URL/api/file.txt" && size 150000 &&
	    ! grep -qi '^transfer-encoding' err
}
elsewhere() {
	ask good "$URL/other" && status 404 &&
	    ask good --path-as-is "$URL/api/../other" && status 400
}
no_upgrade() {
	ask good -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
	    "$URL/api/x" && status 501 && shows Upgrade
}
by_rule() {
	ask alice "$URL/api/alice/1" && status 200 &&
	    ask alice "$URL/api/alicex" && status 403 && shows not-allowed
}
nobody() { ! ask fresh "$URL/api/alice" && ! status 200; }
# nginx asks in HTTP/1.0, unless it is told otherwise.
through() { # through FRONT
	over "$1/x?q=1" && status 200 && shows 'GET /api/x?q=1 gateway' &&
	    shows 'subject=C=GB,L=London,O=good' &&
	    shows 'forged= cert=:MII' &&
	    over "$1/file.txt" && size 150000 &&
	    over "$1/file.txt" --compressed && size 150000 &&
	    over "$1/t" -T "$D/www/api/file.txt" && shows 'length=150000' &&
	    over "$1/gone" && status 502
}
through_in_chunks() {
	over new/t -T - <"$D/www/api/file.txt" && shows 'coding=chunked'
}

: >err
: >out
t 'a GET, and who asks' gets
t 'each method' each_method
t 'a body in chunks' chunked
t '100-continue from end to end' continues
t 'too large, in chunks' too_large_in_chunks
t 'an answer before the body' early
t 'a file' file
t 'a compressed answer in chunks' squeezed
t 'a range' part
t 'HEAD' head_only
t '304' unchanged
t 'a node that closes' gone
t 'HTTP/1.0, chunks of the node' old_curl
t 'paths that are not served' elsewhere
t 'an Upgrade' no_upgrade
t 'a rule with a path' by_rule
t 'a peer of no rule' nobody
t 'proxy_pass, HTTP/1.0' through old
t 'proxy_pass, HTTP/1.1, kept' through new
t 'proxy_pass, chunks' through_in_chunks
echo "1..$n"
exit $bad
