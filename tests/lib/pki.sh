# pki: a small PKI by openssl alone, served by badhttp, for test scripts. Sourced:
#   . "$TOP/tests/lib/pki.sh"
#   pki_serve             the server; $WEB its URL, $WEBCONTROL its control
#   pki_new               root.pem, ca.pem, www/ca.der, www/ca.crl, www/root.crl
#   pki_leaf NAME [SAN]   NAME.pem, NAME.key; signed by ca, names its AIA and CDP
#   pki_revoke NAME       and a new list of ca
# pki_end, in a trap, stops what pki_serve and pki_child began.
children=
pki_child() { children="$children $1"; }
pki_end() {
	for p in $children; do kill "$p" 2>/dev/null; done
	exec 9>&-
	wait
}

pki_serve() {
	mkdir -p www
	mkfifo web.out web.alive
	"$FIXTURES/badhttp" --root "$PWD/www" <web.alive >web.out 2>web.err &
	exec 9>web.alive 8<web.out
	read -r line <&8
	WEB=http://127.0.0.1:$(printf '%s' "$line" | sed 's/.*port=\([0-9]*\).*/\1/')
	WEBCONTROL=http://127.0.0.1:$(printf '%s' "$line" |
	    sed 's/.*control=\([0-9]*\).*/\1/')
}

pki_key() {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
	    -out "$1.key" 2>/dev/null
}

# pki_sign NAME SUBJECT ISSUER DAYS: extensions come on stdin.
pki_sign() {
	cat >"$1.ext"
	[ -s "$1.key" ] || pki_key "$1"
	openssl req -new -key "$1.key" -subj "$2" -out "$1.csr" 2>/dev/null
	if [ "$3" = "$1" ]; then
		set -- "$1" "$2" "$3" "$4" -signkey "$1.key"
	else
		set -- "$1" "$2" "$3" "$4" -CA "$3.pem" -CAkey "$3.key"
	fi
	name=$1 days=$4
	shift 4
	openssl x509 -req -in "$name.csr" -days "$days" -extfile "$name.ext" \
	    -set_serial "0x$(openssl rand -hex 8 | sed 's/^./4/')" \
	    "$@" -out "$name.pem" 2>/dev/null
}

# pki_crl CA: its list, from CA.index.
pki_crl() {
	cat >"$1.cnf" <<-END
		[ca]
		default_ca = x
		[x]
		database = $1.index
		crlnumber = $1.number
		default_md = sha256
		default_crl_days = 7
	END
	[ -e "$1.index" ] || : >"$1.index"
	[ -e "$1.number" ] || echo 01 >"$1.number"
	openssl ca -gencrl -config "$1.cnf" -cert "$1.pem" -keyfile "$1.key" \
	    -out "$1.crl.pem" 2>/dev/null &&
	    openssl crl -in "$1.crl.pem" -outform DER -out "www/$1.crl"
}

pki_new() {
	mkdir -p www
	pki_sign root '/O=Test/CN=root' root 300 <<-END
		basicConstraints = critical, CA:TRUE
		keyUsage = critical, keyCertSign, cRLSign
		subjectKeyIdentifier = hash
	END
	pki_sign ca '/O=Test/CN=ca' root 200 <<-END
		basicConstraints = critical, CA:TRUE
		keyUsage = critical, keyCertSign, cRLSign
		subjectKeyIdentifier = hash
		authorityKeyIdentifier = keyid
		crlDistributionPoints = URI:${WEB:-http://127.0.0.1:1}/root.crl
		authorityInfoAccess = caIssuers;URI:${WEB:-http://127.0.0.1:1}/root.der
	END
	openssl x509 -in ca.pem -outform DER -out www/ca.der
	openssl x509 -in root.pem -outform DER -out www/root.der
	pki_crl root
	pki_crl ca
}

pki_leaf() {
	pki_sign "$1" "/O=Test/CN=$1" ca 100 <<-END
		basicConstraints = critical, CA:FALSE
		keyUsage = critical, digitalSignature
		authorityKeyIdentifier = keyid
		crlDistributionPoints = URI:${WEB:-http://127.0.0.1:1}/ca.crl
		authorityInfoAccess = caIssuers;URI:${WEB:-http://127.0.0.1:1}/${AIA:-ca.der}
		subjectAltName = ${2:-DNS:$1.example}
	END
	cat "$1.pem" ca.pem >"$1.chain.pem"
}

pki_revoke() {
	serial=$(openssl x509 -in "$1.pem" -noout -serial | cut -d= -f2)
	printf 'R\t%s\t%s\t%s\tunknown\t/O=Test/CN=%s\n' "$(date -u -d +90days +%y%m%d%H%M%SZ)" \
	    "$(date -u +%y%m%d%H%M%SZ),keyCompromise" "$serial" "$1" >>ca.index
	pki_crl ca
}
