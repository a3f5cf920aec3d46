#!/bin/sh
# `revcheck crl` and `revcheck ocsp` on files: what check would make of them,
# flaws, dates, signatures, and one JSON document. The evidence is that of the
# vectors.
set -u
exec 2>&1
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
of=show
R=$BIN/revcheck
V=$BUILD/vectors
AT=2026-01-15T12:00:00Z

# certs GROUP/NAME: its leaf and its CA.
certs() {
	openssl x509 -in "$V/$1/chain.pem" -out leaf.pem
	sed '1,/^-----END/d' "$V/$1/chain.pem" >ca.pem
}

# -- crl: that of the CA
crl() { # STATUS GROUP/NAME OPTION...
	want=$1 dir=$2
	shift 2
	certs "$dir"
	run "$want" "$R" crl "$V/$dir/crls/00.crl" --at "${at:-$AT}" "$@"
}
G=forms/crl_number_20_octets
t 'a good CRL' crl 0 $G
t 'its silence counts' shows 'counts: it is in date and without flaws'
t 'its signature is not checked' shows "not checked: give '--issuer'"
t 'its issuer' crl 0 $G --issuer ca.pem
t 'signed it' shows 'by CN=ca,O=Test'
t 'as JSON' crl 0 $G --issuer ca.pem --json
t 'signed' member '[.signature, .signer, .silenceCounts, .why] | tostring' \
    '[true,"CN=ca,O=Test",true,null]'
t 'another than its issuer' crl 2 $G --issuer leaf.pem --json
t 'did not sign it' member '[.signature, .silenceCounts] | tostring' \
    '[false,false]'
t 'a bad signature' crl 2 signers/bad_signature --issuer ca.pem
t 'is forged' shows 'forged, '
t 'a bad signature is not seen without the issuer' crl 0 \
    signers/bad_signature
t 'an expired CRL' crl 0 dates/next_update_passed_not_listed
t 'proves nothing' shows 'proves nothing (stale)'
at=2025-12-01T00:00:00Z
t 'an earlier time' crl 0 dates/next_update_passed_not_listed
at=
t 'comes before it' shows 'proves nothing (not-yet-valid)'
t 'an empty IDP' crl 0 points/idp_empty --json
t 'is a remark' member '.remarks' \
    'an issuingDistributionPoint without content'
t 'proves nothing, and what forgives it' shows "relax 'empty-idp' forgives it"
t 'forgiven' crl 0 points/idp_empty --relax empty-idp --json
t 'counts' member .silenceCounts true
t 'a malformed IDP' crl 0 points/idp_not_a_sequence
t 'is no scope' shows 'it cannot be read'
t 'proves nothing either' shows 'proves nothing (malformed)'
t 'a delta' crl 0 "$(awk -F '\t' '$1 == "deltas" { print $1 "/" $2; exit }' \
    "$V/manifest.tsv")"
t 'a long number' crl 0 forms/crl_number_21_octets --json
whole() {
	[ "$(jq -r .number out | wc -c)" = 43 ] &&
	    [ "$(jq -r '.authorityKey' out | wc -c)" = 41 ]
}
t 'is shown whole' whole
t 'a list in one document' crl 0 listing/listed_without_reason --list --json
one_document() {
	[ "$(jq -s length out)" = 1 ] &&
	    [ "$(jq '.list | length' out)" = "$(jq .entries out)" ] &&
	    [ "$(jq '.list[0].serial | length' out)" -gt 0 ]
}
t 'is one document' one_document
t 'an empty list' crl 0 listing/empty_crl_without_list --list --json
t 'is one, too' member '.list | length' 0

# -- ocsp: shown
show() { # STATUS GROUP/NAME OPTION...
	want=$1 dir=$2
	shift 2
	certs "$dir"
	run "$want" "$R" ocsp "$V/$dir/ocsp/00.der" --at $AT "$@"
}
serial() { openssl x509 -in leaf.pem -noout -serial | cut -d= -f2; }
t 'a response without a certificate' show 0 ocsp-status/revoked-superseded
t 'what it says' shows superseded
t 'about whom' shows "$(serial)"
t 'unchecked' shows "not checked: give '--issuer'"
t 'as JSON' show 0 ocsp-status/revoked-superseded --json
t 'the answer' member '[.answers[] | .status, .reason] | tostring' \
    '["revoked","superseded"]'
t 'with its issuer' show 0 ocsp-status/revoked-superseded --issuer ca.pem --json
t 'the signature' member '[.signature, .signer] | tostring' \
    '[true,"CN=ca,O=Test"]'
t 'forged' show 2 ocsp-signer/bad-signature --issuer ca.pem --json
t 'its why' member '[.signature, .why] | tostring' '[false,"forged"]'
t 'forged, nobody asked' show 0 ocsp-signer/bad-signature
t 'flawed' show 0 ocsp-flawed/version-2-revoked --json
t 'its flaw' member .remarks 'its version is not v1'
t 'several answers' show 0 ocsp-bounds/16-answers --json
t 'are all shown' member '.answers | length' 16
t 'expired' show 0 ocsp-time/next-update-passed
t 'it says so' shows 'it has passed'
t 'an error of the responder' show 0 ocsp-status/status-trylater
t 'by name' shows tryLater
t 'no response' show 65 ocsp-form/html
t 'is said' says 'a web page'
t 'another response' show 65 ocsp-form/response-type-other
t 'is said, too' says 'not an OCSP response: its responseType'

# -- green is for what is known
green() { grep -q "$(printf '\033')\[32m$1" out; }
not_green() { ! green "$1"; }
t 'a CRL whose signature was not checked' crl 0 $G --color always
t 'has a silence that is not green' not_green counts
t 'nor is a serial that it does not list' crl 1 $G --color always --serial 77
t 'because who signed it is not known' not_green 77
t 'with its issuer' crl 1 $G --color always --serial 77 --issuer ca.pem
t 'it is' green 77
t 'an answer whose signature was not checked' show 0 ocsp-form/good --color always
t 'is not green' not_green good
t 'with its issuer, too' show 0 ocsp-form/good --color always --issuer ca.pem
t 'an answer is' green good
t 'one that has expired' show 0 ocsp-time/next-update-passed --color always --issuer ca.pem
t 'is not' not_green good

# -- ocsp: judged
t 'a file and a certificate' show 1 ocsp-flawed/version-2-revoked \
    --cert leaf.pem --issuer ca.pem --json
t 'revoked whatever the flaw' member '[.status, .remarks] | tostring' \
    '["revoked","its version is not v1"]'
t 'good is void' show 2 ocsp-form/version-2 --cert leaf.pem --issuer ca.pem
t 'and the flaw told' shows 'proves nothing: its version is not v1'
t 'what can be relaxed' show 2 ocsp-form/trailing-after-response \
    --cert leaf.pem --issuer ca.pem
t 'says by which word' shows "relax 'trailing' forgives it"
t 'and by that it is' show 0 ocsp-form/trailing-after-response \
    --cert leaf.pem --issuer ca.pem --relax trailing
t 'weak by default as for check' show 2 ocsp-algorithm/sha1-level-0 \
    --cert leaf.pem --issuer ca.pem
pem() {
	{
		echo '# as tools write it'
		echo '-----BEGIN OCSP RESPONSE-----'
		base64 "$V/ocsp-status/revoked-superseded/ocsp/00.der"
		echo '-----END OCSP RESPONSE-----'
	} >response.pem
	run 0 "$R" ocsp response.pem && shows superseded
}
t 'PEM' pem
two() {
	cat response.pem response.pem >both.pem
	run 65 "$R" ocsp both.pem && says 'it has 2 objects'
}
t 'two in a file' two
t 'two files' run 64 "$R" ocsp "$V/$G/ocsp/00.der" --respin x
t 'are one too many' says 'not both'
echo "1..$n"
exit $bad
