#!/bin/sh
# The stunnel guide, with the real stunnel: as a peer of the gateway, which has
# taken the place of the server, and as the partner that a link talks to.
set -u
of=guides-stunnel
. "$TOP/tests/lib/tap.sh"
. "$TOP/tests/lib/guide.sh"
STUNNEL=/usr/bin/stunnel
[ -x $STUNNEL ] || {
	echo "1..0 # SKIP no stunnel"
	exit 0
}
guide_up stunnel.md
cp "$NET/trust.pem" "$E/network-root.pem"

partner() { # partner CERTIFICATE: a stunnel server at $D/partner.sock
	cat >"$D/partner-$1.conf" <<-END
	foreground = yes
	pid =
	[service]
	accept = 127.0.0.1:0
	connect = $NODE
	cert = $NET/$2.pem
	key = $NET/$2.key
	END
}
HOST=$(openssl x509 -in "$NET/gateway.pem" -noout -ext subjectAltName |
    sed -n 's/.*DNS:\([^,]*\).*/\1/p' | head -n 1)
# port_of PID: the port that a process listens at.
port_of() {
	for s in /proc/"$1"/fd/*; do
		i=$(readlink "$s" | sed -n 's/socket:\[\([0-9]*\)\]/\1/p')
		[ -n "$i" ] || continue
		p=$(awk -v i="$i" '$10 == i && $4 == "0A" {
			sub(/.*:/, "", $2); print $2 }' /proc/net/tcp)
		[ -z "$p" ] || {
			printf '%d\n' "0x$p"
			return 0
		}
	done
	return 1
}
partner good gateway
guide_run partner.log $STUNNEL "$D/partner-good.conf"
PARTNER_PID=$PID
await port_of "$PARTNER_PID" || {
	sed 's/^/# /' partner.log
	exit 1
}
guide_gateway 1 ".links[0].listen = \"unix:$D/link.sock\" |
    .links[0].peers = [\"127.0.0.1:$(port_of "$PARTNER_PID")\"] |
    .links[0].server_name = \"$HOST\"" 

# as PEER: a stunnel client with the peer's certificate; PORT_OF_PEER.
as() {
	cp "$NET/peers/$1.pem" "$E/peer.pem"
	cp "$NET/peers/$1.key" "$E/peer.key"
	sed "s|127.0.0.1:7001|127.0.0.1:0|; s|192.0.2.1:8443|127.0.0.1:$PORT|" \
	    "$D/guide-3-peer.conf" >"$D/peer-$1.conf"
	guide_run "peer-$1.log" $STUNNEL "$D/peer-$1.conf"
	await port_of "$PID" || return 1
	PEER_PORT=$(port_of "$PID")
}
# hello CURL-OPTIONS...: sends a line; whether the node's echo came back before
# the connection ended. Curl looks at the network for 0.1 s and then reads its
# input, which blocks: a line now and then wakes it.
mkfifo "$D/hello"
came_or_ended() {
	grep -q hello out || ! kill -0 $c || {
		(printf 'hello\n' >&5)
		return 1
	}
}
hello() {
	: >out
	curl -s -N --max-time 60 "$@" <"$D/hello" >out 2>err &
	c=$!
	exec 5>"$D/hello"
	await came_or_ended
	exec 5>&-
	kill $c 2>/dev/null
	wait $c 2>/dev/null
	grep -q hello out
}
comes_back() {
	as "$1" && hello "telnet://127.0.0.1:$PEER_PORT"
}
refused() {
	as "$1" && ! hello "telnet://127.0.0.1:$PEER_PORT" &&
	    await grep -q 'alert certificate revoked' "peer-$1.log"
}
t "a good peer's stunnel gets through" comes_back good
t "a revoked peer's is refused, and told so" refused revoked
link() { hello --unix-socket "$D/link.sock" telnet://partner.example:7000; }
t "a link talks to a stunnel" link
"$FIXTURES/ca" revoke "$NET" gateway
operator DELETE /cache
cut() { ! link && await grep -q "refused outbound peer" "$D/gateway.log"; }
t "and does not once its certificate is revoked" cut
[ $bad = 0 ] || tail -n 15 partner.log peer-*.log err "$D/gateway.log" >&2
echo "1..$n"
exit $bad
