#!/bin/sh
# The README's chapter "Running the network's revocation service", from two
# empty machines (folders here) by its own text: an HSM, TLS between the hosts,
# nginx in front, a day, a backup, a loss and the recovery. The chapter's ports
# and host names become loopback's; what a person types is typed.
set -u
pids=''
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/lib/ports.sh
. "$TOP/tests/lib/ports.sh"
# shellcheck disable=SC2086
trap '[ -z "$pids" ] || { kill $pids 2>/dev/null; wait; }' EXIT
command -v nginx >/dev/null || PATH=$PATH:/usr/sbin

sed -n '/^## Running the network/,/^## doorman.conf/p' \
    "$TOP/fixtures/doorman/README.md" >chapter
# block N: its N-th block of code, an indented one, a command a line.
block() {
	awk -v n="$1" '/^    / {if (!in_code) num++; in_code = 1; if (num == n)
	    print substr($0, 5); next} /^$/ {if (in_code) print_blank = 1; next}
	    {in_code = 0}' chapter |
	    sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba' -e '}' -e 's/  *# *$//'
}
HOME=$PWD
mkdir signer service member proxy tokens bin
SOFTHSM2_CONF=$PWD/softhsm.conf
export HOME SOFTHSM2_CONF
echo "directories.tokendir = $PWD/tokens" >softhsm.conf
echo 48151623 >pin
ports_hold 3
# shellcheck disable=SC2086
set -- $ports
PLAIN=$1 TLS=$2 RESPONDER=$3
cat >bin/curl <<END
#!/bin/sh
exec $(command -v curl) -s --cacert "$PWD/proxy/proxy.pem" \\
    --connect-to pki.my-network.example:80:127.0.0.1:$PLAIN \\
    --connect-to pki.my-network.example:443:127.0.0.1:$TLS "\$@"
END
cat >bin/doorman <<END
#!/bin/sh
[ "\$1" != init ] || set -- "\$@" --pin-fd 3
exec "$FIXTURES/doorman" "\$@" 3<"$PWD/pin"
END
cat >bin/doorman-sign <<END
#!/bin/sh
exec "$FIXTURES/doorman-sign" "\$@" --pin-fd 3 --confirm-fd 4 \\
    3<"$PWD/pin" 4<"$PWD/confirm"
END
chmod +x bin/*
PATH=$PWD/bin:$PATH ID='' TOPDIR=$PWD

# run_in HOST COMMAND
run_in() {
	(cd "$TOPDIR/$1" && sh -ec "$2") >out 2>&1
	ok $? "$1: $2"
}
# beside HOST COMMAND: a service; $line is what it says when it is ready.
beside() {
	mkfifo "said$n"
	eval "exec $2" >"said$n" 2>>"$1.log" 3>&- &
	pids="$pids $!"
	last=$!
	IFS= read -r line <"said$n"
	echo "$line" >out
	case $line in ready*) true ;; *) false ;; esac
	ok $? "$1: $2"
}

# The signer's host.
block 1 >commands
while IFS= read -r c; do
	c=$(printf '%s' "$c" | sed -e 's/:8080/:0/' -e "s/:8081/:$RESPONDER/" \
	    -e 's/0.0.0.0:9443/127.0.0.1:0/')
	run_in signer "$c"
done <commands
[ ! -e signer/net/doorman.sqlite ] && [ ! -e signer/net/ca/root-key.pem ]
ok $? 'the signer keeps nothing of the service'
tar -tf signer/service.tar >out
! grep -qE '^(\./)?(ca/.*key|internal/(ca|signer)-key|sign\.conf)' out
ok $? 'the service is given no key of a CA'
mv signer/service.tar .

# The service's host. It runs beside; what follows needs its addresses.
block 2 >commands
while IFS= read -r c; do
	c=$(printf '%s' "$c" | sed -e 's/:9090/:0/')
	case $c in
	*' serve '* | *' ocsp '*)
		cd service || exit 1
		beside service "$c"
		cd ..
		case $c in
		*' serve '*)
			HTTP=$(expr "$line" : '.* http=[^ ]*:\([0-9]*\)')
			DESK=$(expr "$line" : '.* sign-tls=[^ ]*:\([0-9]*\)')
			serving=$last
			;;
		*) OCSP=$(expr "$line" : '.* ocsp=[^ ]*:\([0-9]*\)') ;;
		esac
		;;
	*) run_in service "$c" ;;
	esac
done <commands
sed -i "s/service.example:9443/127.0.0.1:$DESK/" signer/net/sign.conf

# nginx, as the chapter has it.
{
	echo "$([ "$(id -u)" != 0 ] || echo 'user root;') daemon off; pid nginx.pid;"
	echo 'error_log stderr; events {} http { access_log off;'
	for d in client_body proxy fastcgi uwsgi scgi; do
		echo "${d}_temp_path $d;"
	done
	block 3 | sed -e "s/listen 80;/listen 127.0.0.1:$PLAIN;/" \
	    -e "s/listen 443 ssl;/listen 127.0.0.1:$TLS ssl;/" \
	    -e "s/:8080/:$HTTP/" -e "s/:8081/:$OCSP/"
	echo '}'
} >proxy/nginx.conf
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \
    proxy/proxy-key.pem -out proxy/proxy.pem -days 30 -subj \
    /CN=pki.my-network.example -addext \
    subjectAltName=DNS:pki.my-network.example 2>>openssl.log
nginx -p "$PWD/proxy" -c nginx.conf >proxy/log 2>&1 &
pids="$pids $!"
# It has no line that says when it listens.
tries=0
until curl -o out http://pki.my-network.example/certificate-revocation-list/doorman ||
    [ "$tries" = 300 ]; do
	tries=$((tries + 1))
	sleep 0.1
done
openssl crl -inform DER -in out -noout
ok $? 'the world has the list through nginx'

# A day.
block 4 >commands
num_signed=0
while IFS= read -r c; do
	case $c in
	*"service's host"*) host=service ;;
	*"signer's host"*) host=signer ;;
	*) host=member ;;
	esac
	c=$(printf '%s' "$c" | sed -e 's/  *#.*//' -e "s/ ID/ $ID/;s|/ID|/$ID|")
	case $c in
	*' approve '*) host=service ;;
	*' certificates') echo 'sign certificates +1' >confirm ;;
	*' crl') echo 'sign doorman 2 +1' >confirm ;;
	esac
	run_in $host "$c"
	case $c in
	*--data-binary* | *'-d '*) ID=$(grep -oE '[0-9A-F]{64}' out) ;;
	*doorman-sign*) num_signed=$((num_signed + 1)) ;;
	esac
done <commands
grep -q 'Key Compromise' out
ok $? 'Alice is on the list'
test "$num_signed" = 2
ok $? 'two were signed on the other host'
openssl verify -CAfile service/net/ca/root.pem -untrusted service/net/ca/doorman.pem \
    member/alice.pem >out 2>&1
ok $? 'her certificate is the network'"'"'s'
(cd service && openssl ocsp -issuer net/ca/doorman.pem -cert ../member/alice.pem \
    -CAfile net/ca/root.pem -url "http://127.0.0.1:$PLAIN/ocsp" -header \
    Host=pki.my-network.example) >out 2>&1
grep -q 'alice.pem: revoked' out
ok $? 'the responder says so through nginx'
(cd service && doorman tickets show "$ID" -c net/doorman.conf) >out 2>&1
grep -q 'Came from: 127.0.0.1' out
ok $? 'who asked is known behind nginx'

# The list is signed again before its end; the backup is of before.
block 6 >commands
while IFS= read -r c; do run_in service "$c"; done <commands
c=$(block 5 | sed 's/ 720 / 100000 /')
(cd signer && sh -ec "$c") >out 2>&1
ok $? "signer: $c"
curl -o service/last-known.crl \
    http://pki.my-network.example/certificate-revocation-list/doorman
openssl crl -inform DER -in service/last-known.crl -noout -crlnumber >out
grep -q 'crlNumber=0x03' out
ok $? 'and is the third'

# The service's host is gone.
kill "$serving"
wait "$serving"
rm service/net/doorman.sqlite*
block 7 >commands
while IFS= read -r c; do
	case $c in
	*' serve '*)
		cd service || exit 1
		beside service "$c"
		cd ..
		;;
	*) run_in service "$c" ;;
	esac
done <commands
DESK=$(expr "$line" : '.* sign-tls=[^ ]*:\([0-9]*\)')
sed -i "s/^service = .*/service = tls:127.0.0.1:$DESK/" signer/net/sign.conf
c=$(block 5 | sed 's/ 720 / 100000 /')
(cd signer && sh -ec "$c") >out 2>&1
ok $? "signer: $c"
HTTP=$(expr "$line" : '.* http=\([^ ]*\)')
curl "http://$HTTP/certificate-revocation-list/doorman" |
    openssl crl -inform DER -noout -text >out 2>&1
grep -q 'Key Compromise' out && grep -A1 'CRL Number' out | grep -q '4$'
ok $? 'what was revoked is revoked, and the next list has the next number'
echo "1..$n"
exit $bad
