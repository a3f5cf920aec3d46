#!/bin/sh
# The command against real servers: the town's CRL server and OCSP responder,
# and openssl s_server with and without a staple.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
of=command
R=$BIN/revcheck
LOCAL='--allow-address 127.0.0.1 --any-port'

# The town ends when the last writer of `alive` has gone: this shell.
mkfifo alive town.out
"$FIXTURES/town" --dir net <alive >town.out 2>town.err &
exec 9>alive 8<town.out
json=
while IFS= read -r line <&8; do
	case $line in
	ready*) break ;;
	*) json=$line ;;
	esac
done
part() { printf '%s' "$json" | jq -r "$1"; }
WEB=$(part .web.url) CONTROL=$(part .ocsp.control)
CA=net/doorman/ca.pem
servers=
trap 'for p in $servers; do kill "$p" 2>/dev/null; done; exec 9>&-; wait' EXIT

# -- check over the network
A="--anchors net/root/ca.pem --untrusted $CA"
t 'check asks the responder' run 0 "$R" check --chain net/peers/good.pem \
    $A $LOCAL --mode HARD_FAIL --json
t 'check says where it asked' member '.certificates[0].source' network
t 'check: revoked' run 1 "$R" check --chain net/peers/revoked.pem $A $LOCAL \
    --mode HARD_FAIL --json
t 'check: by CRL when told so' run 1 "$R" check --chain net/peers/revoked.pem \
    $A $LOCAL --mode HARD_FAIL --method crl --json
t 'check: and says so' member '.certificates[0].method' crl
t 'check: a certificate that names no source' run 2 "$R" check --chain \
    net/peers/nosource.pem $A $LOCAL --mode HARD_FAIL --json
t 'check: no-source' member .why no-source
t 'check: local addresses are refused by default' run 2 "$R" check --chain \
    net/peers/good.pem $A --mode HARD_FAIL --json
t 'check: url-refused' member .why url-refused
t 'check: the same for people' run 2 "$R" check net/peers/good.pem $A
t 'check: names the flags' shows '--allow-address HOST permits'
t 'check: names --soft' shows '--soft accepts what is not determined'
t 'check: revoked, and nobody could be asked' run 2 "$R" check \
    net/peers/revoked.pem $A
t 'check: is not determined' shows 'not determined unknown (mode HARD_FAIL)'
t 'check: and let in by --soft alone' run 0 "$R" check net/peers/revoked.pem \
    $A --soft
t 'check --nonce required' run 0 "$R" check --chain net/peers/good.pem $A \
    $LOCAL --mode HARD_FAIL --nonce required --method ocsp
t 'check --offline fetches nothing' run 2 "$R" check --chain \
    net/peers/good.pem $A $LOCAL --mode HARD_FAIL --offline
kept() {
	run 0 "$R" check --chain net/peers/good.pem $A $LOCAL --mode HARD_FAIL \
	    --method crl --state-dir state &&
	    run 0 "$R" check --chain net/peers/good.pem $A --offline \
		--mode HARD_FAIL --method crl --state-dir state --json &&
	    member '.certificates[0].source' disk
}
t 'check --state-dir answers from disk the next time' kept

# -- cache
S='--state-dir state'
t 'cache list' run 0 "$R" cache list $S --json
t 'cache list: two CRLs' member length 2
t 'cache list: with their numbers' member 'map(.number) | all' true
key=$(jq -r '.[0].key' out)
t 'cache list for people' run 0 "$R" cache list $S
t 'cache list names the source' shows "$WEB/certificate-revocation-list"
t 'cache show' run 0 "$R" cache show "$key" $S --out kept.crl
t 'cache show --out is a CRL' run 0 openssl crl -inform DER -in kept.crl -noout
t 'cache show: no such key' run 65 "$R" cache show 0000 $S
cat net/root/ca.pem $CA >signers.pem
t 'cache refresh' run 0 "$R" cache refresh $S $LOCAL \
    --anchors net/root/ca.pem --untrusted signers.pem
t 'cache export' run 0 "$R" cache export bundle $S
t 'cache import' run 0 "$R" cache import bundle --state-dir other \
    --anchors net/root/ca.pem --untrusted signers.pem
t 'cache import took them' shows '2 taken, 0 refused'
t 'cache import: not under another anchor' run 2 "$R" cache import bundle \
    --state-dir third --anchors net/foreign/ca.pem
t 'cache import says what was refused' shows '0 taken, 2 refused'
t 'what was imported answers offline' run 0 "$R" check --chain \
    net/peers/good.pem $A --offline --mode HARD_FAIL --method crl \
    --state-dir other
t 'cache flush one' run 0 "$R" cache flush "$key" $S
t 'cache flush all' run 0 "$R" cache flush $S
t 'cache flush: what was left' shows '1 forgotten'
t 'cache list: nothing' run 0 "$R" cache list $S
t 'cache known: nobody among those' run 0 "$R" cache known --state-dir other --json
t 'cache known: an empty list' member length 0
t 'cache forget: who is not known' run 65 "$R" cache forget "$key" 0abc $S
t 'cache forget: no serial' run 64 "$R" cache forget "$key" $S
t 'cache forget: no serial is that' run 64 "$R" cache forget "$key" 0xyz $S
t 'cache: a word too many' run 64 "$R" cache flush "$key" more $S
t 'cache without a directory' run 64 "$R" cache list
t 'cache: unknown' run 64 "$R" cache frob $S

# -- ocsp
O="--cert net/peers/good.pem --issuer $CA"
t 'ocsp by GET' run 0 "$R" ocsp $O --json
t 'ocsp: it was GET' member .transport get
t 'ocsp by POST' run 0 "$R" ocsp $O --post --json
t 'ocsp: it was POST' member .transport post
t 'ocsp with a nonce' run 0 "$R" ocsp $O --nonce --respout kept.der
t 'ocsp: text says so' shows 'POST with a nonce'
t 'ocsp: what was kept is the response' run 0 "$R" ocsp $O --respin kept.der
t 'ocsp: revoked' run 1 "$R" ocsp --cert net/peers/revoked.pem --issuer $CA
t 'ocsp: the reason' shows keyCompromise
t 'ocsp --text shows all of it' run 0 "$R" ocsp $O --text
t 'ocsp --text is complete' shows 'OCSP Response Status: successful'
t 'ocsp: openssl reads it' run 0 openssl ocsp -issuer $CA \
    -cert net/peers/good.pem -respin kept.der -CAfile net/root/ca.pem \
    -verify_other $CA -no_nonce
t 'ocsp: openssl reads it alike' shows 'net/peers/good.pem: good'
t 'ocsp: nobody listens' run 69 "$R" ocsp $O --url http://127.0.0.1:1/
t 'ocsp: and says so' says 'cannot fetch'
t 'ocsp: not found' run 69 "$R" ocsp $O --url "$WEB/nowhere"
t 'ocsp: the HTTP status is named' says 'HTTP status 404'
accepting() {
	curl -s -X POST "http://127.0.0.1:$CONTROL/_accept/$1" >/dev/null
}
silence() {
	accepting silent
	run 69 "$R" ocsp $O --timeout-ms 300
	rc=$?
	accepting normal
	return $rc
}
t 'ocsp: a responder that says nothing' silence
t 'ocsp: only http and https' run 64 "$R" ocsp $O --url file:///etc/passwd

# -- crl
CRL=$WEB/certificate-revocation-list/doorman
t 'crl from a URL' run 0 "$R" crl "$CRL" --json
t 'crl: entries' member .entries 2
serial=$(openssl x509 -in net/peers/revoked.pem -noout -serial | cut -d= -f2)
t 'crl --serial' run 0 "$R" crl "$CRL" --serial "$serial" --json
t 'crl: listed' member .serial.listed true
t 'crl: not there' run 69 "$R" crl "$WEB/nowhere.crl"
t 'crl: not a CRL' run 65 "$R" crl "http://127.0.0.1:$CONTROL/_hits"

# -- connect
# serve NAME OPTION...: a TLS server; its port in $port.
serve() {
	who=$1
	shift
	mkfifo "server.$who"
	openssl s_server -accept 127.0.0.1:0 -cert "net/peers/$who.pem" \
	    -key "net/peers/$who.key" -cert_chain $CA -www "$@" \
	    </dev/null >"server.$who" 2>"server.$who.err" &
	servers="$servers $!"
	exec 7<"server.$who"
	port=
	while IFS= read -r line <&7; do
		case $line in
		ACCEPT*)
			port=${line##*:}
			break
			;;
		esac
	done
	# What the server prints from now on must not block it.
	cat <&7 >/dev/null &
	servers="$servers $!"
}
serve good
W="--anchors net/root/ca.pem --mode HARD_FAIL --no-name"
t 'connect' run 0 "$R" connect "127.0.0.1:$port" $W $LOCAL
t 'connect shows the protocol' shows TLSv1.3
t 'connect shows that the name was not looked at' shows 'not checked (--no-name)'
t 'connect: no staple' shows 'staple       none'
t 'connect --json' run 0 "$R" connect "localhost:$port" $W $LOCAL --json
t 'connect: JSON has the answer' member .status good
t 'connect: and the connection' member '[.protocol, .staple.present] | tostring' \
    '["TLSv1.3",false]'
t 'connect: purpose' run 3 "$R" connect "127.0.0.1:$port" --anchors \
    net/foreign/ca.pem --mode HARD_FAIL --json
serve revoked
t 'connect: revoked' run 1 "$R" connect "127.0.0.1:$port" $W $LOCAL
revoked=$port
"$R" ocsp --cert net/peers/crlonly.pem --issuer $CA \
    --url "$(part .ocsp.url)/doorman" --respout staple.der >out 2>err
serve crlonly -status_file staple.der
t 'connect: a staple' run 0 "$R" connect "127.0.0.1:$port" $W --offline \
    --scope leaf --json
t 'connect: by the staple' member '.certificates[0].source' staple
t 'connect: which is told' member '[.staple.present, .staple.status, .staple.verified] | tostring' \
    '[true,"good",true]'
t 'connect: nobody listens' run 69 "$R" connect 127.0.0.1:1 $W
t 'connect: and says so' says 'cannot connect'
t 'connect: no TLS' run 69 "$R" connect "127.0.0.1:$(part .web.port)" $W
t 'connect: a server that is silent' run 69 "$R" connect \
    "127.0.0.1:$(part .node.port)" $W --timeout-ms 300
echo "1..$n"
exit $bad
