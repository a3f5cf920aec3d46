#!/bin/sh
# --fetch-issuers: CA certificates from where a chain says they are, within
# bounds, and never from where nobody may ask.
set -u
exec 2>&1
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/lib/pki.sh
. "$TOP/tests/lib/pki.sh"
of=issuers
R=$BIN/revcheck
trap pki_end EXIT
pki_serve
pki_new
pki_leaf good
LOCAL='--allow-address 127.0.0.1 --any-port'
E="--anchors root.pem $LOCAL"
F="$E --fetch-issuers"
script() { curl -s -X POST --data-binary "$1" "$WEBCONTROL/_script" >/dev/null; }
hits() { curl -s "$WEBCONTROL/_hits/$1"; }

t 'without the CA there is no path' run 3 "$R" check $E good.pem
t 'the option is named' shows '--fetch-issuers gets them'
t 'and nobody was asked' [ "$(hits ca.der)" = 0 ]
t '--fetch-issuers' run 0 "$R" check $F good.pem --json
t 'is told' member '.issuersFetched | tojson' "[\"$WEB/ca.der\"]"
t 'for people, too' run 0 "$R" check $F good.pem
t 'in a line' shows "issuer from  $WEB/ca.der"
t 'not where there is a path' run 0 "$R" check $F good.chain.pem --json
t 'then nothing is told' member '.issuersFetched | length' 0
t 'and asked for so often' [ "$(hits ca.der)" = 2 ]

for form in pem p7b; do
	case $form in
	pem) cp ca.pem www/ca.pem ;;
	p7b) openssl crl2pkcs7 -nocrl -certfile ca.pem -outform DER -out www/ca.p7b ;;
	esac
	AIA=ca.$form pki_leaf as_$form
	t "as $form" run 0 "$R" check $F as_$form.pem
done

# Two CAs are missing.
pki_sign sub '/O=Test/CN=sub' ca 100 <<-END
	basicConstraints = critical, CA:TRUE
	keyUsage = critical, keyCertSign, cRLSign
	crlDistributionPoints = URI:$WEB/ca.crl
	authorityInfoAccess = caIssuers;URI:$WEB/ca.der
END
openssl x509 -in sub.pem -outform DER -out www/sub.der
pki_crl sub
pki_sign deep '/O=Test/CN=deep' sub 90 <<-END
	crlDistributionPoints = URI:$WEB/sub.crl
	authorityInfoAccess = caIssuers;URI:$WEB/nowhere.der,caIssuers;URI:ldap://127.0.0.1/x,caIssuers;URI:$WEB/sub.der
END
t 'two of them, at the third URL' run 0 "$R" check $F deep.pem --json
t 'are told in order' member '.issuersFetched | tojson' \
    "[\"$WEB/sub.der\",\"$WEB/ca.der\"]"
t 'what failed is said' says "no issuer from '$WEB/nowhere.der': HTTP status 404"

# -- not everywhere
t 'not from a local address' run 3 "$R" check --anchors root.pem --any-port \
    --fetch-issuers good.pem
t 'says why' says 'is not allowed (loopback)'
t 'nor another port' run 3 "$R" check --anchors root.pem \
    --allow-address 127.0.0.1 --fetch-issuers good.pem
t 'says why, too' says 'is not allowed'
sed 's|caIssuers;URI:http://127.0.0.1|caIssuers;URI:http://localhost|' <good.ext >by
pki_sign byname '/O=Test/CN=byname' ca 90 <by
t 'nor by a name' run 3 "$R" check --anchors root.pem --any-port \
    --fetch-issuers byname.pem
t 'that leads there' says "'localhost' is at an address that is not allowed (loopback)"
t 'unless it is allowed' run 0 "$R" check $F --allow-address localhost byname.pem
script "/hop redirect=http://127.0.0.2:1/ca.der"
AIA=hop pki_leaf hop
t 'nor by a redirect' run 3 "$R" check $F hop.pem
t 'is said' says "address '127.0.0.2' is not allowed (loopback)"
script '/round redirect=/round'
AIA=round pki_leaf round
t 'a redirect in a circle' run 3 "$R" check $F round.pem
t 'ends' says 'more than 2 redirects'
script "/moved redirect=/ca.der"
AIA=moved pki_leaf moved
t 'one redirect' run 0 "$R" check $F moved.pem

# -- what comes
script '/forever endless'
AIA=forever pki_leaf forever
t 'without end' run 3 "$R" check $F forever.pem
t 'is cut off' says 'more than 262144 bytes'
script '/junk garbage=500'
AIA=junk pki_leaf junk
t 'garbage' run 3 "$R" check $F junk.pem
once() { [ "$(grep -c junk err)" = 1 ]; }
t 'is said once' once
pki_sign impostor '/O=Test/CN=ca' impostor 100 <<-END
	basicConstraints = critical, CA:TRUE
END
openssl x509 -in impostor.pem -outform DER -out www/impostor.der
AIA=impostor.der pki_leaf fooled
t 'one of the same name' run 3 "$R" check $F fooled.pem
t 'did not sign it' says 'did not sign the certificate'
# What comes is no anchor: a root that names itself.
pki_sign foreign '/CN=foreign' foreign 100 <<-END
	basicConstraints = critical, CA:TRUE
	authorityInfoAccess = caIssuers;URI:$WEB/foreign.der
END
openssl x509 -in foreign.pem -outform DER -out www/foreign.der
pki_sign alien '/CN=alien' foreign 90 <<-END
	authorityInfoAccess = caIssuers;URI:$WEB/foreign.der
END
t 'a foreign root' run 3 "$R" check $F alien.pem
t 'was asked for once' [ "$(hits foreign.der)" = 1 ]
# A chain that never ends: each names the next.
prev=foreign
for i in 1 2 3 4 5 6 7; do
	pki_sign c$i "/CN=c$i" $prev 90 <<-END
		basicConstraints = critical, CA:TRUE
		authorityInfoAccess = caIssuers;URI:$WEB/$prev.der
	END
	openssl x509 -in c$i.pem -outform DER -out www/c$i.der
	prev=c$i
done
t 'a long way up' run 3 "$R" check $F c7.pem --json
t 'four, and no more' member '.issuersFetched | length' 4
server() {
	mkfifo ready
	openssl s_server -accept 127.0.0.1:0 -cert good.pem -key good.key -www \
	    <web.alive >ready 2>server.err &
	pki_child $!
	exec 7<ready
	while IFS= read -r line <&7; do
		case $line in ACCEPT*) port=${line##*:} && break ;; esac
	done
	cat <&7 >/dev/null &
	pki_child $!
	run 3 "$R" connect "127.0.0.1:$port" $E --name good.example &&
	    run 0 "$R" connect "127.0.0.1:$port" $F --name good.example
}
t 'of a server that forgets to send them' server
many() {
	pki_leaf b1
	pki_leaf b2
	before=$(hits ca.der)
	run 0 "$R" check $F b1.pem b2.pem good.pem &&
	    [ "$(hits ca.der)" = $((before + 1)) ]
}
t 'once for many chains' many
echo "1..$n"
exit $bad
