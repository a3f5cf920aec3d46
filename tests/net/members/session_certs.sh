#!/bin/sh
# The operator's document on session certificates, block by block as a person
# types it, with its variables, against a fresh gateway; the keys, the TLS
# chain and the registration that it presumes come before. Then the identity
# stands at the door, and its sessions are checked. The only liberty: the
# document's /tmp/ca/request is a directory of the test's own.
set -u
of=session-certs
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# The last answer's status is the last line of `out`.
put_out() { is "$(tail -n 1 out)" "$1" || { cat out && false; }; }
FIX=$FIXTURES
TMPDIR=$(pwd)
# shellcheck source=/dev/null
. "$TOP/fixtures/demo/stage.sh"
trap 'stage_down' EXIT
stage_up || exit 1
gateway_configure
gateway_up "$D/gateway.log" || exit 1
WORK_DIR=$D
# The status after every answer: nothing else of the commands is changed.
curl() {
	case " $* " in
	*" --fail-with-body "*) command curl "$@" ;;
	*) command curl -s -w '\n%{http_code}\n' "$@" ;;
	esac
}

# ---- a CA of the operator's choice
mkdir -p "$D/ca/request"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$D/ca/key.pem" -out "$D/ca/root.pem" -subj "/C=GB/O=Group CA" \
    -days 30 2>"$D/ca/log" || exit 1
issue() { # issue CSR: what the CA makes of it, in the document's place
	openssl x509 -req -in "$1" -CA "$D/ca/root.pem" -CAkey "$D/ca/key.pem" \
	    -copy_extensions copyall -days 20 -CAcreateserial \
	    -out "$D/ca/request/certificate.pem" 2>>"$D/ca/log"
}
json_pem() { # json_pem FILE: as it stands in a string of JSON
	awk '{printf "%s\\n", $0}' "$1"
}

# ---- what comes before the document: keys and the TLS chain
HOLDING_ID=A1B2C3D4E5F6
X500_NAME=O=Alice,L=London,C=GB
curl -k -u $REST_API_USER:$REST_API_PASSWORD -X POST $REST_API_URL/keys/$HOLDING_ID/alias/$HOLDING_ID-session/category/SESSION_INIT/scheme/CORDA.ECDSA.SECP256R1 >out
t 'a session key is made' put_out 200
export SESSION_KEY_ID=$(head -n 1 out | jq -r .id)
curl -k -u $REST_API_USER:$REST_API_PASSWORD -X POST $REST_API_URL/keys/p2p/alias/p2p-TLS/category/TLS/scheme/CORDA.ECDSA.SECP256R1 >out
t 'and a TLS key of the cluster' put_out 200
export TLS_KEY_ID=$(head -n 1 out | jq -r .id)
curl --fail-with-body -s -S -k -u $REST_API_USER:$REST_API_PASSWORD  -X POST -H "Content-Type: application/json" -d '{"x500Name": "CN=CordaOperator,C=GB,L=London,O=Org", "subjectAlternativeNames": ["alice.example"]}' $REST_API_URL"/certificates/p2p/"$TLS_KEY_ID > $WORK_DIR/request.csr
t 'the CA signs the TLS request' issue "$WORK_DIR/request.csr"
curl -k -u $REST_API_USER:$REST_API_PASSWORD -X PUT  -F certificate=@$D/ca/request/certificate.pem -F alias=p2p-tls-cert $REST_API_URL/certificates/cluster/p2p-tls >out
t 'its chain is uploaded' put_out 204
cp "$D/ca/request/certificate.pem" "$D/ca/tls.pem"

# ---- "Generate a Certificate Signing Request (CSR)"
curl --fail-with-body -s -S -k -u $REST_API_USER:$REST_API_PASSWORD  -X POST -H "Content-Type: application/json" -d '{"x500Name": "'$X500_NAME'"}' $REST_API_URL"/certificates/"$HOLDING_ID/$SESSION_KEY_ID > $WORK_DIR/request.csr
t 'the request verifies' sh -c "openssl req -in $WORK_DIR/request.csr \
    -verify -noout 2>&1 | grep -q 'verify OK'"
t 'the CA signs it' issue "$WORK_DIR/request.csr"
curl -k -u $REST_API_USER:$REST_API_PASSWORD -X PUT  -F certificate=@$D/ca/request/certificate.pem -F alias=session-certificate $REST_API_URL/certificates/vnode/$HOLDING_ID/p2p-session >out
t 'the session chain is uploaded, without its root' put_out 204
cat "$D/ca/root.pem" >>"$D/ca/request/certificate.pem"
curl -k -u $REST_API_USER:$REST_API_PASSWORD -X PUT  -F certificate=@$D/ca/request/certificate.pem -F alias=session-certificate $REST_API_URL/certificates/vnode/$HOLDING_ID/p2p-session >out
t 'and with it' put_out 204
tr -d '\n' <"$D/ca/request/certificate.pem" >"$D/ca/request/joined.pem"
curl -k -u $REST_API_USER:$REST_API_PASSWORD -X PUT  -F certificate=@$D/ca/request/joined.pem -F alias=session-certificate $REST_API_URL/certificates/vnode/$HOLDING_ID/p2p-session >out
t 'without new lines it is refused, as the note says' put_out 400

# ---- "Revocation Checks"
curl --insecure -u $REST_API_USER:$REST_API_PASSWORD -X GET $REST_API_URL/config/corda.p2p.linkManager >out
t 'the configuration is shown' put_out 200
export CONFIG_VERSION=$(head -n 1 out | jq .version)
curl -k -u $REST_API_USER:$REST_API_PASSWORD -X PUT -d '{"section":"corda.p2p.linkManager", "version":"'$CONFIG_VERSION'", "config": { "revocationCheck": { "mode": "OFF" } }, "schemaVersion": {"major": 1, "minor": 0}}' $REST_API_URL"/config" >out
t 'the checks are switched off' put_out 202

# ---- "Build Registration Context"
ROOT=$(json_pem "$D/ca/root.pem")
context() { # context SESSION-ROOT [NUMBER]
	cat >"$D/context" <<-END
	{"memberRegistrationRequest": {"action": "requestJoin", "context": {
	  "corda.group.pki.session": "Standard",
	  "corda.group.pki.tls": "Standard",
	  "corda.group.truststore.tls.0": "$ROOT",
	  "corda.group.truststore.session.${2:-0}": "$1"}}}
	END
}
refused() { # refused WORDS: by what the last answer says
	put_out 400 && grep -q "$1" out
}
openssl x509 -in "$NET/peers/expired.pem" -out "$D/expired.pem"
context "$(json_pem "$D/expired.pem")"
curl --insecure -u $REST_API_USER:$REST_API_PASSWORD -d @$D/context $REST_API_URL/membership/$HOLDING_ID >out
t 'a root that is not valid now is refused' refused 'is not valid now'
context "$ROOT$ROOT"
curl --insecure -u $REST_API_USER:$REST_API_PASSWORD -d @$D/context $REST_API_URL/membership/$HOLDING_ID >out
t 'two in the place of one are' refused 'expected one certificate'
context "$ROOT" 1
curl --insecure -u $REST_API_USER:$REST_API_PASSWORD -d @$D/context $REST_API_URL/membership/$HOLDING_ID >out
t 'and numbers with a gap' refused 'without a gap'
context "$ROOT"
curl --insecure -u $REST_API_USER:$REST_API_PASSWORD -d @$D/context $REST_API_URL/membership/$HOLDING_ID >out
t 'the identity is registered' put_out 200

# ---- "Configure Virtual Node as Network Participant"
curl -k -u $REST_API_USER:$REST_API_PASSWORD -X PUT -d '{"p2pTlsCertificateChainAlias": "p2p-tls-cert", "useClusterLevelTlsCertificateAndKey": true, "sessionKeyId": "'$SESSION_KEY_ID'", "sessionCertificateChainAlias": "session-certificate", "useClusterLevelSessionCertificateAndKey": false}' $REST_API_URL/network/setup/$HOLDING_ID >out
t 'and set up' put_out 204

# ---- what all of that was for
shown() { # the certificate that answers to a name
	openssl s_client -connect "127.0.0.1:${PORT##*:}" -servername "$1" \
	    -cert "$NET/peers/good.pem" -key "$NET/peers/good.key" \
	    </dev/null 2>/dev/null | openssl x509 -noout -fingerprint
}
t 'its TLS certificate is at the door' is "$(shown alice.example)" \
    "$(openssl x509 -in "$D/ca/tls.pem" -noout -fingerprint)"
openssl x509 -in "$D/ca/request/certificate.pem" -out "$D/leaf.pem"
jq -n --rawfile c "$D/leaf.pem" \
    '{certificates: [$c], mode: "HARD_FAIL"}' >"$D/check"
curl -k -u $REST_API_USER:$REST_API_PASSWORD -X POST -d @$D/check $REST_API_URL/revocation/check >out
t 'its session chain ends in the session roots of the group' is \
    "$(head -n 1 out | jq -c .status)" '{"Active":{}}'
end_of "$GATEWAY"
status=$?
GATEWAY=''
t 'SIGTERM ends it well' is $status 0
echo "1..$n"
exit $bad
