#!/bin/sh
# explain: how a decision came about, as a tree and as JSON; --urls: what is at
# every URL.
set -u
exec 2>&1
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/lib/pki.sh
. "$TOP/tests/lib/pki.sh"
of=explain
R=$BIN/revcheck
trap pki_end EXIT
pki_serve
pki_new
pki_leaf good
pki_leaf gone
pki_revoke gone
E="--anchors root.pem --allow-address 127.0.0.1 --any-port"
script() { curl -s -X POST --data-binary "$1" "$WEBCONTROL/_script" >/dev/null; }

t 'good' run 0 "$R" explain $E good.chain.pem
tree() {
	sed "s|$WEB|WEB|g; s/serial [0-9A-Fa-f]*/serial S/; s/[0-9]* bytes, [0-9]* ms/N bytes, M ms/" \
	    out >tree
	grep -qxF 'good.chain.pem' tree &&
	    grep -qxF '|- path: 3 certificates, the anchor included' tree &&
	    grep -qxF '|  `- anchors: root.pem' tree &&
	    grep -qxF '|- certificate 0 (leaf): CN=good,O=Test, serial S' tree &&
	    grep -qxF '|  |- sources: named in the certificate' tree &&
	    grep -qxF '|  |  `- CRL WEB/ca.crl' tree &&
	    grep -qxF '|  |- asked: over the network' tree &&
	    grep -qxF '|  |  `- GET WEB/ca.crl: HTTP 200, N bytes, M ms; authentic' tree &&
	    grep -qF '|  |  `- crl from network WEB/ca.crl: good;' tree &&
	    grep -qxF '|  |- fact: good' tree &&
	    grep -qxF '|  `- policy HARD_FAIL: good is accepted' tree &&
	    grep -qF '|  `- not asked about: it is the anchor' tree &&
	    grep -qxF '`- decision: accept good (mode HARD_FAIL, exit status 0)' tree
}
t 'is a tree' tree
t 'revoked' run 1 "$R" explain $E gone.chain.pem
t 'has its fact' shows '|- fact: revoked'
t 'and its row' shows 'policy HARD_FAIL: revoked is refused, whatever the mode'

script '/ca.crl 404'
t 'not there' run 2 "$R" explain $E good.chain.pem
t 'says what came' shows 'HTTP 404'
t 'and that it does not count' shows 'does not count, http-error'
t 'the row' shows 'policy HARD_FAIL: unknown is refused'
t 'what to do' shows '--soft accepts what is not determined'
t 'with --soft' run 0 "$R" explain $E --soft good.chain.pem
t 'another row' shows 'policy SOFT_FAIL: unknown is accepted'
{
	head -c -4 www/ca.crl
	printf XXXX
} >bad.crl
script "/ca.crl file=$PWD/bad.crl"
t 'forged' run 2 "$R" explain $E good.chain.pem --json
asked() {
	[ "$(jq -r '.asked[] | select(.url | endswith("/ca.crl")) | [.httpStatus, .authentic] | tojson' out)" = '[200,false]' ]
}
t 'is among what was asked' asked
weighed() { member '.certificates[0].weighed | length > 0' true; }
t 'and weighed' weighed
script '/ca.crl origin'
t 'offline' run 2 "$R" explain --anchors root.pem --offline good.chain.pem
t 'nobody was asked' shows 'asked: nobody (--offline)'
t 'from a file' run 0 "$R" explain --anchors root.pem --offline --crl www \
    good.chain.pem
t 'is weighed, too' shows 'crl from file www/ca.crl: good'
pki_sign stray '/CN=stray' stray 10 </dev/null
t 'no path' run 3 "$R" explain $E stray.pem
t 'is said' shows '|- path: none, '
t '--status-only' run 0 "$R" explain $E --status-only good.chain.pem
t 'has its sources, too' shows "CRL $WEB/ca.crl"
t '--urlfetch is --urls' run 0 "$R" explain $E --urlfetch good.chain.pem
t 'and told' shows 'URLs of certificate 1'
t 'two files' run 64 "$R" explain $E good.pem gone.pem

# OCSP before the CRL, for two certificates at one responder.
mkfifo town.alive town.out
"$FIXTURES/town" --dir net <town.alive >town.out 2>town.err &
pki_child $!
exec 6>town.alive 5<town.out
while IFS= read -r line <&5; do case $line in ready*) break ;; esac; done
T="--anchors net/root/ca.pem --untrusted net/doorman/ca.pem --allow-address 127.0.0.1 --any-port"
t 'OCSP' run 1 "$R" explain $T net/peers/revoked.pem
t 'was asked by GET or POST' shows '; authentic'
t 'says revoked' shows 'ocsp from network'
mine() {
	run 0 "$R" explain $T net/peers/good.pem --json || return 1
	leaf=$(jq -r '.certificates[0].serial' out)
	[ "$(jq -r --arg s "$leaf" '[.asked[] | select(.kind == "ocsp" and (.serial | ltrimstr("0")) == ($s | ltrimstr("0")))] | length' out)" = 1 ]
}
t 'each request with its serial' mine

# -- --urls
t '--urls' run 0 "$R" check $E --urls good.chain.pem
each() {
	shows 'URLs of certificate 0' && shows 'URLs of certificate 1' &&
	    grep -q "^  issuer  *$WEB/ca.der" out &&
	    grep -q "^  crl  *$WEB/ca.crl" out &&
	    shows 'the certificate that signed this one' &&
	    shows 'verified, good' && shows 'signed by CN=ca,O=Test'
}
t 'each is told' each
script '/ca.crl 500'
script '/ca.der garbage=100'
t 'some are broken' run 2 "$R" check $E --urls --json good.chain.pem
broken() {
	[ "$(jq -r '[.urls[] | select(.certificate == 0) | [.kind, .httpStatus, .fetched, .verified]] | tojson' out)" = \
	    '[["issuer",200,true,false],["crl",500,false,false]]' ]
}
t 'which is told' broken
script '/ca.crl origin'
script '/ca.der origin'
t 'a revoked one' run 1 "$R" explain $E --urls gone.chain.pem
t 'is so by its list' shows 'verified, revoked'
t '--urls with OCSP' run 1 "$R" check $T --urls --json net/peers/revoked.pem
responders() {
	[ "$(jq -r '[.urls[] | select(.certificate == 0 and .kind == "ocsp") | [.verified, .says]] | tojson' out)" = \
	    '[[true,"revoked"]]' ]
}
t 'says what the responder says' responders
t '--urls keeps to the rules' run 2 "$R" check --anchors root.pem --urls good.chain.pem
t 'nothing local' shows 'is not allowed'
exec 6>&-
echo "1..$n"
exit $bad
