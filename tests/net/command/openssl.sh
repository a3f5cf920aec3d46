#!/bin/sh
# Differential: the OCSP vectors through `openssl ocsp`. Where it answers
# otherwise, a line of tests/vectors/ocsp-openssl.txt says who is right and
# why; a line that no longer applies fails, too. Rows about time are left out
# (OpenSSL compares thisUpdate and nextUpdate with the wall clock), as are
# rows about policy, CRLs or several responses.
set -u
V=$BUILD/vectors
NOW=1768478400
argued=$TOP/tests/vectors/ocsp-openssl.txt

# What OpenSSL says of one row: good, revoked or unknown.
ask() {
	sed '/^-----END/q' "$1/chain.pem" >leaf.pem
	sed '1,/^-----END/d' "$1/chain.pem" >ca.pem
	cat ca.pem "$1/untrusted.pem" >others.pem
	out=$(openssl ocsp -respin "$1/ocsp/00.der" -issuer ca.pem \
	    -cert leaf.pem -CAfile "$1/anchors.pem" -verify_other others.pem \
	    -no_nonce -attime $NOW 2>&1)
	# Its dates are not these rows' business: a warning may stand between.
	case $out in
	*'Response verify OK'*) ;;
	*) out= ;;
	esac
	printf '%s\n' "$out" | sed -n -e 's/^leaf.pem: //' \
	    -e '/^good$/p' -e '/^revoked$/p' | head -n 1 | grep . ||
	    echo unknown
}

awk -F '\t' '$1 ~ /^ocsp-(form|status|certid|signer|algorithm|extension)$/ ||
    ($1 == "ocsp-many" && $2 !~ /^two-|^stale-|future|stale/) {
	if ($5 == "") print $1 "/" $2 "\t" $3 }' "$V/manifest.tsv" >rows
: >differ
while IFS='	' read -r name want; do
	[ "$(ls "$V/$name/ocsp" | wc -l)" = 1 ] || continue
	got=$(ask "$V/$name")
	total=$((${total:-0} + 1))
	[ "$got" = "$want" ] || printf '%s %s %s\n' "$name" "$want" "$got" >>differ
done <rows
echo "# $total rows, $(wc -l <differ) answered otherwise by $(openssl version)"
sort differ >differ.sorted
sed -n 's/^\(ocsp-[^ ]* [a-z]* [a-z]*\):.*/\1/p' "$argued" | sort >argued
echo 1..3
bad=0
result() {
	if [ "$3" = 0 ]; then
		echo "ok $1 - ocsp and openssl: $2"
	else
		echo "not ok $1 - ocsp and openssl: $2"
		sed 's/^/# /' "$4"
		bad=1
	fi
}
result 1 'enough rows are compared' "$([ "${total:-0}" -ge 150 ]; echo $?)" rows
comm -23 differ.sorted argued >new
result 2 'every difference is argued' "$([ ! -s new ]; echo $?)" new
comm -13 differ.sorted argued >gone
result 3 'every argument still applies' "$([ ! -s gone ]; echo $?)" gone
exit $bad
