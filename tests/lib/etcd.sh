# etcd: a real engine of a fleet, for scripts. Sourced:
#   . "$TOP/tests/lib/etcd.sh"
#   etcd_have             whether it is there: $ETCD, $ETCDCTL are its programs
#   etcd_pki DIR          certificates for it in DIR (below)
#   etcd_node NAME OPTIONS...   one node alone, on ports of the kernel's choice,
#                         data in NAME.data; $ETCD_URL its URL, $ETCD_PID it
#   etcd_again NAME OPTIONS...  the same node once more, on the same ports
#                         both return when it serves; 1: it does not
# Who sources it ends the nodes: kill "$ETCD_PID".

etcd_have() {
	for ETCD in "$TOP/build/unpacked/usr/bin/etcd" /usr/bin/etcd; do
		ETCDCTL=${ETCD}ctl
		[ -x "$ETCD" ] && [ -x "$ETCDCTL" ] && return 0
	done
	return 1
}

# A CA (etcd-ca.pem); server.pem, which is a client, too: etcd asks itself over
# TLS for who speaks JSON; trap.pem, a server's that is none; member.pem of a
# machine without a common name, named.pem with one; other-ca.pem.
etcd_pki() {
	(
		mkdir -p "$1" && cd "$1" || exit 1
		. "$TOP/tests/lib/pki.sh"
		for ca in etcd-ca other-ca; do
			pki_sign "$ca" "/O=Test/CN=$ca" "$ca" 300 <<-END
				basicConstraints = critical, CA:TRUE
				keyUsage = critical, keyCertSign, cRLSign
				subjectKeyIdentifier = hash
			END
		done
		etcd_leaf server /CN=etcd serverAuth,clientAuth
		etcd_leaf trap /CN=etcd serverAuth
		etcd_leaf member / clientAuth
		etcd_leaf named /CN=gateway clientAuth
	)
}

etcd_leaf() {
	pki_sign "$1" "$2" etcd-ca 100 <<-END
		basicConstraints = critical, CA:FALSE
		keyUsage = critical, digitalSignature
		extendedKeyUsage = $3
		authorityKeyIdentifier = keyid
		subjectAltName = IP:127.0.0.1, DNS:localhost
	END
}

etcd_node() {
	# Two ports that are free now: a fixture's, which ends at once.
	set -- "$(: | "$FIXTURES/badhttp" |
	    sed 's|[^0-9]*\([0-9]*\)[^0-9]*\([0-9]*\).*|\1 \2|')" "$@"
	ETCD_PORTS=$1
	shift
	etcd_again "$@"
}

etcd_again() {
	name=$1 scheme=http
	shift
	case " $* " in *" --cert-file"*) scheme=https ;; esac
	ETCD_URL=$scheme://127.0.0.1:${ETCD_PORTS% *}
	etcd_peer=http://127.0.0.1:${ETCD_PORTS#* }
	"$ETCD" --name "$name" --data-dir "$name.data" \
	    --listen-client-urls "$ETCD_URL" --advertise-client-urls "$ETCD_URL" \
	    --listen-peer-urls "$etcd_peer" \
	    --initial-advertise-peer-urls "$etcd_peer" \
	    --initial-cluster "$name=$etcd_peer" \
	    --logger zap --log-outputs stdout "$@" >"$name.log" 2>&1 </dev/null &
	ETCD_PID=$!
	# Until it says that it serves, or has ended.
	rm -f "$name.fifo" && mkfifo "$name.fifo"
	tail -n +1 -f --pid="$ETCD_PID" "$name.log" >"$name.fifo" 2>/dev/null &
	etcd_tail=$! etcd_up=1
	while [ $etcd_up = 1 ] && read -r line; do
		case $line in *"serving client traffic"*) etcd_up=0 ;; esac
	done <"$name.fifo"
	kill "$etcd_tail" 2>/dev/null
	wait "$etcd_tail" 2>/dev/null
	return $etcd_up
}
