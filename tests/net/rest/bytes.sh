#!/bin/sh
# What REST gives as it is: a CRL that is kept, by its type; and the files of
# the page, which a debug build reads from a directory for who works on them.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
of='bytes'
FIX=$FIXTURES TMPDIR=$PWD
# shellcheck source=/dev/null
. "$TOP/fixtures/demo/stage.sh"
trap stage_down EXIT
mkdir ui
cp "$TOP"/gateway/ui/* ui
export P2P_GATEWAY_UI_DIR="$PWD/ui"
stage_up && gateway_configure || exit 1
# Its CRL is fetched where OCSP does not answer.
kill "$OCSP_PID"
gateway_up "$D/gateway.log" || exit 1
get() { # get PATH [OPTION...]: the body in out, the status in code
	at=$1
	shift
	code=$(curl -sk -u "$REST_API_USER:$REST_API_PASSWORD" -o out \
	    -D head -w '%{http_code}' "$@" "${REST_API_URL%/api/v1}$at")
}
is() { get "$@" && [ "$code" = "$want" ]; }
typed() { grep -qi "^content-type: $1.\$" head; }

"$FIX/peer" --connect "$PORT" --as "$NET/peers/crlonly" >log 2>&1
get '/api/v1/sources?kind=crl'
key=$(jq -r '.[0].key' out)
want=200
t 'a CRL by its type' is "/api/v1/cache/$key" -H 'Accept: application/pkix-crl'
t 'which it has' typed application/pkix-crl
t 'is a CRL' openssl crl -inform DER -in out -noout
curl -s "$CRL_URL" >published
t 'the one that was published' cmp out published
t 'JSON without it' is "/api/v1/cache/$key"
t 'which it is, too' typed application/json
want=406
t 'no OCSP response' is "/api/v1/cache/$key" \
    -H 'Accept: application/ocsp-response'

want=200
t 'the style' is /ui/page.css
case $BUILD in
*/debug)
	echo '/* another */' >ui/page.css
	t 'is read again' is /ui/page.css
	t 'as it is now' cmp out ui/page.css
	rm ui/page.css
	t 'without it' is /ui/page.css
	;;
esac
t 'it is that of the program' cmp out "$TOP/gateway/ui/page.css"
echo "1..$n"
exit $bad
