#!/bin/sh
# The examples of embedding against the town: they see revcheck.h only.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
of=examples
X=$BUILD/examples

mkfifo alive town.out
"$FIXTURES/town" --dir net <alive >town.out 2>town.err &
exec 9>alive 8<town.out
while IFS= read -r line <&8; do
	case $line in ready*) break ;; esac
done
servers=
trap 'for p in $servers; do kill "$p" 2>/dev/null; done; exec 9>&-; wait' EXIT
for p in good revoked onhold nosource; do
	cat "net/peers/$p.pem" net/doorman/ca.pem >"$p.pem"
done
ROOT=net/root/ca.pem

# A directory of CRLs, as somebody fetches them by hand.
mkdir crls
for ca in root doorman; do
	url=$(openssl x509 -in net/peers/good.pem -noout -ext crlDistributionPoints |
	    sed -n 's/.*URI://p' | head -n 1)
	[ "$ca" = root ] && url=$(openssl x509 -in net/doorman/ca.pem -noout -ext \
	    crlDistributionPoints | sed -n 's/.*URI://p' | head -n 1)
	curl -s -o "crls/$ca.crl" "$url"
done
t 'offline: good' run 0 "$X/offline" good.pem $ROOT crls
t 'offline: says so' shows 'accepted'
t 'offline: revoked' run 1 "$X/offline" revoked.pem $ROOT crls
t 'offline: says why' shows 'keyCompromise'
t 'offline: no CRL says nothing' run 1 "$X/offline" good.pem $ROOT net/peers
t 'offline: no such file' run 1 "$X/offline" none.pem $ROOT crls
t 'offline: names it' says 'none.pem'

t 'batch: more than at once, all good' run 0 "$X/batch" $ROOT good.pem good.pem \
    good.pem good.pem good.pem good.pem good.pem good.pem good.pem good.pem
ten() { [ "$(grep -c '^good.pem: accepted' out)" = 10 ]; }
t 'batch: each is answered' ten
t 'batch: some are not' run 1 "$X/batch" $ROOT good.pem revoked.pem onhold.pem \
    nosource.pem
each() {
	[ "$(grep -c ': ' out)" = 4 ] && shows 'good.pem: accepted' &&
	    shows 'keyCompromise' && shows 'certificateHold' &&
	    shows 'nosource.pem: refused'
}
t 'batch: each for its own reason' each
t 'batch: no such file' run 1 "$X/batch" $ROOT none.pem good.pem
t 'batch: the others are answered' shows 'good.pem: accepted'

# s_server NAME OPTION...: a TLS server that shows this peer's chain; its port in
# $port. Each has pipes of its own: what drains the last one's would eat its
# first lines.
num=0
s_server() {
	who=$1
	shift
	num=$((num + 1))
	mkfifo "$num.out" "$num.err"
	openssl s_server -accept 127.0.0.1:0 -cert "net/peers/$who.pem" \
	    -key "net/peers/$who.key" -cert_chain net/doorman/ca.pem -www "$@" \
	    </dev/null >"$num.out" 2>"$num.err" &
	servers="$servers $!"
	exec 7<"$num.out" 6<"$num.err"
	while IFS= read -r line <&7; do
		case $line in ACCEPT*) port=${line##*:} && break ;; esac
	done
	cat <&7 >/dev/null &
	servers="$servers $!"
}
s_server good
t 'client: good' run 0 "$X/client" "$port" $ROOT
t 'client: says so' shows accepted
t 'client: another anchor' run 1 "$X/client" "$port" net/foreign/ca.pem
s_server revoked
t 'client: revoked' run 1 "$X/client" "$port" $ROOT
t 'client: the verify result is that of a revoked certificate' \
    says 'certificate revoked'
# Blocks until the server has written it.
alerted() { timeout 30 grep -q -m 1 'alert certificate revoked' <&6; }
t 'client: the server hears certificate_revoked' alerted

# The responder's answer, which the server staples.
ocsp=$(openssl x509 -in net/peers/good.pem -noout -ocsp_uri)
openssl ocsp -issuer net/doorman/ca.pem -cert net/peers/good.pem -no_nonce \
    -url "$ocsp" -respout good.ocsp -noverify >out 2>err
s_server good -status_file good.ocsp
t 'client: a staple' run 0 "$X/client" "$port" $ROOT
t 'client: the leaf is good by it' shows '(leaf: good, from staple)'
s_server good -status_file good.ocsp -no_tls1_3
t 'client: TLS 1.2' run 0 "$X/client" "$port" $ROOT

# serve PROGRAM PEERS: one of our servers; its port in $port, its lines in $num.out
serve() {
	num=$((num + 1))
	mkfifo "$num.ready"
	"$X/$1" net/peers/good.pem net/peers/good.key $ROOT "$2" \
	    >"$num.ready" 2>"$num.err" &
	server=$!
	servers="$servers $server"
	exec 7<"$num.ready"
	IFS= read -r line <&7
	port=${line#ready }
	cat <&7 >"$num.lines" &
	drain=$!
}
# client NAME: what it saw to out; it leaves when it was told.
client() {
	openssl s_client -connect "127.0.0.1:$port" -cert "net/peers/$1.pem" \
	    -key "net/peers/$1.key" -cert_chain net/doorman/ca.pem -ign_eof \
	    </dev/null >out 2>err
	cat err >>out
}
served() {
	client good
	shows 'hello from the server'
}
refused() {
	client revoked
	shows 'alert certificate revoked' && ! shows 'hello from the server'
}
nobody() {
	openssl s_client -connect "127.0.0.1:$port" -ign_eof </dev/null >out 2>&1
	shows 'alert certificate required'
}
foreign() {
	openssl s_client -connect "127.0.0.1:$port" -cert net/peers/stranger.pem \
	    -key net/peers/stranger.key -ign_eof </dev/null >out 2>&1
	shows 'alert unknown ca'
}
ended() { wait "$server" && wait "$drain" && grep -q accepted "$num.lines" &&
    grep -q keyCompromise "$num.lines" &&
    grep -q 'the path does not verify' "$num.lines"; }
for program in server server_async; do
	serve "$program" 6
	t "$program: a good client is served" served
	t "$program: a revoked one hears certificate_revoked" refused
	t "$program: one without a certificate is refused" nobody
	t "$program: one of another network is refused" foreign
	t "$program: nobody is resumed" served
	client good
	t "$program: it ends, and has said what it decided" ended
done

# One whose responder does not answer keeps nobody else waiting.
serve server_async 2
slow_good() {
	client nosource
	client good
	shows 'hello from the server'
}
t 'server_async: goes on with the others' slow_good
echo "1..$n"
exit $bad
