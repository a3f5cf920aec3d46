#!/bin/sh
# The Corda 5 guide: its commands as they stand there.
set -u
of=guides-corda5
. "$TOP/tests/lib/tap.sh"
. "$TOP/tests/lib/guide.sh"
guide_up corda5.md
curl -s -X POST -o /dev/null \
    "http://127.0.0.1:$(json_part node control)/_mode/http" || exit 1
guide_gateway "" .
export REST_API_URL REST_API_USER REST_API_PASSWORD
guide() { run 0 sh "$D/guide--$1.sh"; }
t "the section is shown" guide show
t "it is the file's SOFT_FAIL" shows SOFT_FAIL
t "another mode is put" guide switch
t "the section is shown again" guide show
t "with the other mode" sh -c 'jq -r .configWithDefaults out | grep -q HARD_FAIL'
post() {
	[ "$(curl -k -s -o out --max-time 60 --cert "$NET/peers/$1.pem" --key \
	    "$NET/peers/$1.key" -w '%{http_code}' -H \
	    'Content-Type: application/json' -d '{}' \
	    "https://127.0.0.1:$PORT/gateway/send" 2>err)" = "$2" ]
}
t "a member's message reaches the node" post good 200
t "a revoked member's does not" post revoked 000
cd "$D" || exit 1
for who in good revoked; do
	"$FIXTURES/ca" body "$NET" sessions/$who --mode HARD_FAIL --trust trust \
	    >body.json 2>err
	guide check
	case $who in
	good) t "a session certificate is Active" member \
	    '.status.Active | type' object ;;
	revoked) t "a revoked one is Revoked" member \
	    '.status.Revoked.certificateIndex' 0 ;;
	esac
done
echo "1..$n"
exit $bad
