#!/bin/sh
# The doorman's state in /status: what a real one says, and what is said of one
# that is away, or of a server in its place that means harm. Peers come in all
# the while, and without the key nobody is asked.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/doorman/net.sh
. "$TOP/tests/doorman/net.sh"
DOOR=$D FIX=$FIXTURES TMPDIR=$PWD
# shellcheck source=/dev/null
. "$TOP/fixtures/demo/stage.sh"
of='doorman in REST'
# shellcheck disable=SC2086,SC2154
trap 'stage_down; [ -z "$pids" ] || { kill $pids 2>/dev/null; wait; }' EXIT

# of_door COMMAND...: with the doorman's directory as D.
of_door() {
	staged=$D D=$DOOR
	"$@"
	rc=$?
	D=$staged
	return $rc
}
# watch URL [CA]: a gateway that looks at it each second.
watch() {
	[ -z "${GATEWAY:-}" ] || end_of "$GATEWAY"
	gateway_configure
	jq --arg url "$1" --arg ca "${2-}" '.doorman = {status_url: $url,
	    interval_ms: 1000, timeout_ms: 1000} +
	    if $ca == "" then {} else {ca_file: $ca} end' \
	    "$D/gateway.json" >"$D/more" && mv "$D/more" "$D/gateway.json"
	gateway_up "$D/gateway.log"
}
status() {
	curl -sk -u "$REST_API_USER:$REST_API_PASSWORD" -o out \
	    "$REST_API_URL/status" 2>err
}
# holds [OPTION...] FILTER FILE
holds() { jq -e "$@" >err; }
# until_is FILTER: holds of the state, soon; a peer comes in at each look.
until_is() {
	i=0
	until status && jq -e ".doorman | $1" out >/dev/null; do
		"$FIX/peer" --connect "$PORT" --as "$NET/peers/good" >>log || return 1
		i=$((i + 1))
		[ $i -lt 1500 ] || return 1
	done
}
mode() { echo "$1" >mode.new && mv mode.new mode; }
face() { # face [CERTIFICATE KEY]: serves this directory
	mkfifo face.out
	python3 "$TOP/tests/lib/doorman_face.py" "$@" >face.out 2>>face.err &
	pids="$pids $!" face_pid=$!
	read -r _ face_port <face.out
	rm face.out
}

stage_up && gateway_configure && gateway_up "$D/gateway.log" || exit 1
t 'without the key' status
t 'there is nothing of it' holds 'has("doorman") | not' out
curl -sk -u "$REST_API_USER:$REST_API_PASSWORD" -o out \
    "${REST_API_URL%/api/v1}/ui/state"
t 'and in what the page shows' holds 'has("process") and (has("doorman") | not)' out

of_door init || exit 1
of_door up || exit 1
of_door enrol alice /O=Alice/C=GB >log || exit 1
of_door ask bob /O=Bob/C=GB >log
rev=$(of_door revoke 'O=Alice, C=GB' KEY_COMPROMISE)
of_door dm tickets approve "$rev" --by carol --note 'phoned' >log
watch "$U/" || exit 1
t 'a real one' until_is '.answers and .ready'
cp out well.json
curl -sk -u "$REST_API_USER:$REST_API_PASSWORD" -o document \
    "$REST_API_URL/openapi.json"
t 'as the document says' python3 "$TOP/tests/lib/openapi_check.py" document \
    GET /status 200 well.json
t 'which one' holds --arg u "$U" '.doorman.url == $u' out
t 'its version' holds '.doorman.version | test("^[0-9]+[.]")' out
t 'no error, not silent' holds '.doorman | .silentSince == null and
    (has("error") | not) and .reasons == [] and .answeredAt != null' out
t 'its lists' holds '[.doorman.lists[].name] == ["doorman", "root", "empty"]' out
t 'with numbers' holds '.doorman.lists[0] | .number == 1 and .entries == 0' out
t 'signed, and until when' holds '.doorman.lists[0] |
    (.nextUpdate | fromdate) > now and (.signedAt | fromdate) <= now + 1' out
t 'one waits for the approver' until_is \
    '[.waiting[] | select(.for == "approval" or .for == "ticket") | .certificates] | add == 1'
t 'one for the signer' holds '.doorman.waiting[] |
    select(.for == "signature") | .revocations == 1' out
of_door sign 'sign doorman 2 +1' crl
t 'a signature is seen' until_is '.lists[0] | .number == 2 and .entries == 1'
t 'and nothing waits for one' until_is \
    '[.waiting[] | select(.for == "signature") | .revocations] == [0]'
curl -s "$U/metrics" >metrics
curl -s "$U/readyz" >readyz
of_door down
t 'one that is away' until_is '.answers | not'
t 'as the document says' python3 "$TOP/tests/lib/openapi_check.py" document \
    GET /status 200 out
t 'in words' holds '.doorman.error | test("^/readyz: .*(connect|refused)"; "i")' out
t 'since when' holds '.doorman.silentSince | fromdate' out
t 'with what it said last' holds '.doorman | .lists[0].number == 2 and
    (.answeredAt | fromdate) > 0' out
t 'the log says it once' test \
    "$(grep -c 'the doorman does not answer' "$D/gateway.log")" = 1
t 'the gateway is as ready as before' holds '.ready and (.degraded | not)' out

mode well
face
watch "http://127.0.0.1:$face_port" || exit 1
t 'somebody in its place' until_is .answers
for m in elsewhere:'status 302' endless:'has more than' drip:'tim' \
    forbidden:'status 403' rubbish:'no metrics of a doorman'; do
	mode "${m%%:*}"
	t "${m%%:*}" until_is ".error | test(\"${m#*:}\"; \"i\")? // false"
	t "after ${m%%:*}" holds '.doorman.answers | not' out
done
t 'nobody was led elsewhere' sh -c '! grep -v -x -e /readyz -e /metrics asked'
printf 'THE LIST doorman EXPIRED\n<b>\033[31m\n' >readyz
mode well
t 'not ready is an answer' until_is '.answers and (.ready | not)'
t 'with its reasons, as text' holds '.doorman.reasons ==
    ["THE LIST doorman EXPIRED", "<b>?[31m"]' out
kill "$face_pid"

printf 'ok\n' >readyz
for who in one other; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -days 2 -subj "/CN=$who" -addext subjectAltName=IP:127.0.0.1 \
	    -keyout "$who.key" -out "$who.pem" 2>>openssl.log || exit 1
done
face one.pem one.key
watch "https://127.0.0.1:$face_port/" "$PWD/one.pem" || exit 1
t 'by TLS, with its anchor' until_is .answers
watch "https://127.0.0.1:$face_port/" "$PWD/other.pem" || exit 1
t 'by TLS, with another' until_is '.error | test("certificate"; "i")? // false'
t 'nothing was said' holds '.doorman | .answeredAt == null and (has("lists") | not)' out

# refused URL [CA]: no configuration.
refused() {
	jq --arg url "$1" --arg ca "${2-}" '.doorman = {status_url: $url} +
	    if $ca == "" then {} else {ca_file: $ca} end' \
	    "$D/gateway.json" >bad.json
	run 1 "$BIN/p2p-gateway" --config bad.json --check-config
}
for url in http://doorman.example/ ftp://127.0.0.1/ https://user:pw@127.0.0.1/ \
    https://127.0.0.1/x https://127.0.0.1/?x http://127.0.0.1.example/ ''; do
	t "refused: '$url'" refused "$url"
	t "by its name: '$url'" says 'doorman.status_url'
	t "without a password: '$url'" sh -c '! grep user:pw err'
done
t 'an anchor that is not there' refused https://127.0.0.1/ /nowhere.pem
t 'by its name' says 'doorman.ca_file'
echo "1..$n"
exit $bad
