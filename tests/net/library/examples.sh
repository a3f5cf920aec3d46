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
for p in good revoked onhold; do
	cat "net/peers/$p.pem" net/doorman/ca.pem >"$p.pem"
done
cp net/peers/nosource.pem nosource.pem
cat net/doorman/ca.pem >>nosource.pem
ROOT=net/root/ca.pem

t 'blocking: good' run 0 "$X/blocking" good.pem $ROOT
t 'blocking: says so' shows 'accepted'
t 'blocking: revoked' run 1 "$X/blocking" revoked.pem $ROOT
t 'blocking: says why' shows 'keyCompromise'
t 'blocking: no such file' run 1 "$X/blocking" none.pem $ROOT
t 'blocking: names it' says 'none.pem'
t 'loop: many at once, all good' run 0 "$X/loop" $ROOT good.pem good.pem good.pem
three() { [ "$(grep -c '^good.pem: accepted' out)" = 3 ]; }
t 'loop: each is answered' three
t 'loop: one is revoked' run 1 "$X/loop" $ROOT good.pem revoked.pem onhold.pem \
    nosource.pem
each() {
	[ "$(grep -c ': ' out)" = 4 ] && shows 'good.pem: accepted' &&
	    shows 'keyCompromise' && shows 'certificateHold' &&
	    shows 'nosource.pem: refused'
}
t 'loop: each for its own reason' each
t 'loop: no such file' run 1 "$X/loop" $ROOT good.pem none.pem

# serve NAME: a TLS server that shows this peer's chain; its port in $port. Each
# has pipes of its own: what drains the last one's would eat its first lines.
serve() {
	mkfifo "$1.out" "$1.err"
	openssl s_server -accept 127.0.0.1:0 -cert "net/peers/$1.pem" \
	    -key "net/peers/$1.key" -cert_chain net/doorman/ca.pem -www \
	    </dev/null >"$1.out" 2>"$1.err" &
	servers="$servers $!"
	exec 7<"$1.out" 6<"$1.err"
	while IFS= read -r line <&7; do
		case $line in ACCEPT*) port=${line##*:} && break ;; esac
	done
	cat <&7 >/dev/null &
	servers="$servers $!"
}
serve good
t 'tls: good' run 0 "$X/tls" "$port" $ROOT
t 'tls: says so' shows accepted
t 'tls: another anchor' run 1 "$X/tls" "$port" net/foreign/ca.pem
serve revoked
t 'tls: revoked' run 1 "$X/tls" "$port" $ROOT
t 'tls: the verify result is that of a revoked certificate' \
    says 'certificate revoked'
# Blocks until the server has written it.
alerted() { timeout 30 grep -q -m 1 'alert certificate revoked' <&6; }
t 'tls: the server hears certificate_revoked' alerted
echo "1..$n"
exit $bad
