#!/bin/sh
# connect: names, ports, URLs, and what comes before TLS in each protocol. The
# fixture is one that openssl s_client gets on with.
set -u
exec 2>&1
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/lib/pki.sh
. "$TOP/tests/lib/pki.sh"
of=server
R=$BIN/revcheck
trap pki_end EXIT
mkfifo alive
exec 9<>alive
pki_new
pki_leaf named DNS:localhost,DNS:xn--bcher-kva.example,DNS:*.wild.example,IP:127.0.0.1
pki_leaf cn_only email:nobody@example
pki_leaf elsewhere DNS:elsewhere.example
E="--anchors root.pem --crl www --offline"

# begin PROTOCOL MOOD [LEAF]: a server; its port in $port.
begin() {
	rm -f ready
	mkfifo ready
	"$FIXTURES/starttls" --protocol "$1" --mood "$2" \
	    --cert "${3:-named}.chain.pem" --key "${3:-named}.key" \
	    <alive >ready 2>server.err &
	server=$!
	read -r line <ready
	port=${line#ready port=}
}
end() {
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
}
# plain LEAF: a server that speaks TLS at once; its port in $port.
plain() {
	rm -f ready
	mkfifo ready
	openssl s_server -accept 127.0.0.1:0 -cert "$1.pem" -key "$1.key" \
	    -cert_chain ca.pem -www <alive >ready 2>server.err &
	pki_child $!
	exec 7<ready
	while IFS= read -r line <&7; do
		case $line in ACCEPT*) port=${line##*:} && break ;; esac
	done
	cat <&7 >/dev/null &
	pki_child $!
}

# -- names
plain named
t 'a name that fits' run 0 "$R" connect "localhost:$port" $E
t 'is said' shows "the certificate is for 'localhost'"
t 'an address that fits' run 0 "$R" connect "127.0.0.1:$port" $E --json
t 'is in the document' member '[.name.checked, .name.matches] | tostring' \
    '["127.0.0.1",true]'
t 'no server_name for an address' member .serverName null
t '--name' run 0 "$R" connect "127.0.0.1:$port" $E --name a.wild.example --json
t 'is sent, too, where there is none' member .serverName a.wild.example
t '--name of another' run 3 "$R" connect "127.0.0.1:$port" $E --name b.example --json
t 'is a path that is invalid' member \
    '[.status, .decision, .pathError, .exitStatus] | tostring' \
    '["path-invalid","refuse","hostname mismatch",3]'
t 'the certificate is good all the same' member '.certificates[0].status' good
t 'two labels for a star' run 3 "$R" connect "127.0.0.1:$port" $E --name a.b.wild.example
t 'says which names there are' shows "it is for localhost, xn--bcher-kva.example, *.wild.example, 127.0.0.1"
t '--servername is the name that counts' run 3 "$R" connect "localhost:$port" $E \
    --servername other.example
t 'unless --name says another' run 0 "$R" connect "localhost:$port" $E \
    --servername other.example --name localhost --json
t 'and is sent' member .serverName other.example
t 'letters beyond ASCII' run 0 "$R" connect "127.0.0.1:$port" $E --name bücher.example
t 'a dot at the end' run 0 "$R" connect "127.0.0.1:$port" $E --servername localhost. --json
t 'is neither sent nor certified' member '[.serverName, .name.checked] | tostring' \
    '["localhost","localhost"]'
t '--no-name' run 0 "$R" connect "127.0.0.1:$port" $E --no-name --json
t 'is in the document, too' member '[.name.checked, .name.matches] | tostring' '[null,null]'
t 'a URL' run 0 "$R" connect "https://localhost:$port/some/path?x#y" $E
t 'another URL' run 0 "$R" connect "TLS://127.0.0.1:$port" $E
t 'a URL that needs a port' run 64 "$R" connect tls://localhost $E
t 'ports by default' run 69 "$R" connect https://127.0.0.7/ $E
t 'https: 443' says "'127.0.0.7:443'"
for row in ldaps:636 imaps:993 smtps:465 pop3s:995 smtp:25 imap:143 pop3:110 \
    ldap:389 postgres:5432 mysql:3306 ftp:21 xmpp:5222; do
	by_scheme() {
		run 69 "$R" connect "${row%:*}://127.0.0.7" $E &&
		    says "'127.0.0.7:${row#*:}'"
	}
	t "port of $row" by_scheme
done
for row in none:443 smtp:25 imap:143 pop3:110 ldap:389 postgres:5432 \
    mysql:3306 ftp:21 xmpp:5222 xmpp-server:5269; do
	by_starttls() {
		run 69 "$R" connect 127.0.0.7 --starttls "${row%:*}" $E &&
		    says "'127.0.0.7:${row#*:}'"
	}
	t "--starttls, port of $row" by_starttls
done
plain elsewhere
t 'another name' run 3 "$R" connect "localhost:$port" $E
t 'says so' shows "refused: the certificate is not for 'localhost': it is for elsewhere.example"
t 'and what to do' shows '--no-name that it does not matter'
t '--soft does not forgive it' run 3 "$R" connect "localhost:$port" $E --soft
t '--mode OFF neither' run 3 "$R" connect "localhost:$port" $E --mode OFF
plain cn_only
t 'without a name' run 3 "$R" connect "localhost:$port" $E
pki_leaf bad DNS:localhost
pki_revoke bad
plain bad
t 'revoked is worse than a name' run 1 "$R" connect "127.0.0.1:$port" $E
t 'revoked' run 1 "$R" connect "localhost:$port" $E
six() {
	rm -f ready
	mkfifo ready
	openssl s_server -accept '[::1]:0' -6 -cert named.pem -key named.key \
	    -cert_chain ca.pem -www <alive >ready 2>server.err &
	pki_child $!
	exec 7<ready
	port=
	while [ -z "$port" ] && IFS= read -r line <&7; do
		case $line in ACCEPT*) port=${line##*:} ;; esac
	done
	[ -n "$port" ] || return 1
	cat <&7 >/dev/null &
	pki_child $!
	run 0 "$R" connect "[::1]:$port" $E --name localhost --json &&
	    member .address ::1 &&
	    run 3 "$R" connect "[::1]:$port" $E
}
if [ -e /proc/net/if_inet6 ] && grep -q '^0*1 ' /proc/net/if_inet6; then
	t 'IPv6 in brackets' six
fi

# -- STARTTLS
# talks PROTOCOL MOOD STATUS [TEXT]: connect meets that server.
talks() {
	begin "$1" "$2"
	run "$3" "$R" connect "localhost:$port" --starttls "$1" $E --json
	rc=$?
	end
	[ $rc = 0 ] && { [ -z "${4:-}" ] || says "$4"; }
}
client() {
	begin "$1" normal
	timeout 20 openssl s_client -starttls "$1" -connect "127.0.0.1:$port" \
	    -name localhost -brief </dev/null >out 2>err
	end
	says 'CONNECTION ESTABLISHED'
}
for p in smtp lmtp imap pop3 ftp nntp sieve ldap postgres mysql xmpp \
    xmpp-server; do
	t "$p: openssl gets on with the fixture" client $p
	t "$p" talks $p normal 0
	t "$p: in the document" member '[.starttls, .status] | tostring' \
	    "[\"$p\",\"good\"]"
	t "$p, an octet at a time" talks $p drip 0
	t "$p: more than consent" talks $p inject 69 'more in plain text'
	t "$p: not offered" talks $p none 69 'cannot begin TLS'
	t "$p: refused" talks $p refuse 69 'cannot begin TLS'
	t "$p: a line without end" talks $p longline 69
	t "$p: garbage" talks $p garbage 69
	t "$p: hangs up" talks $p close 69
	t "$p: hangs up instead of consent" talks $p halfway 69
done
for p in smtp imap ftp sieve xmpp; do
	t "$p: talks without end" talks $p endless 69
done
silence() {
	begin "$1" silent
	run 69 "$R" connect "localhost:$port" --starttls "$1" $E \
	    --timeout-ms 200
	rc=$?
	end
	[ $rc = 0 ] && says 'it says nothing'
}
for p in smtp imap ldap postgres mysql xmpp; do
	t "$p: silent" silence $p
done
begin smtp normal
t 'a URL says what is spoken' run 0 "$R" connect "smtp://localhost:$port" $E --json
t 'and the document, too' member .starttls smtp
end

# A real one, where there is one: it is started for each connection.
vsftpd=
for f in "$TOP/build/unpacked/usr/sbin/vsftpd" /usr/sbin/vsftpd; do
	[ -z "$vsftpd" ] && [ -x "$f" ] && vsftpd=$f
done
if [ -n "$vsftpd" ] && [ "$(id -u)" = 0 ]; then
	mkdir -p empty
	cat >ftp.conf <<-END
		listen=NO
		anonymous_enable=YES
		ftp_username=nobody
		nopriv_user=nobody
		anon_root=$PWD/empty
		secure_chroot_dir=$PWD/empty
		ssl_enable=YES
		rsa_cert_file=$PWD/named.chain.pem
		rsa_private_key_file=$PWD/named.key
	END
	real() {
		rm -f ready
		mkfifo ready
		"$FIXTURES/starttls" --exec "$vsftpd" "$PWD/ftp.conf" <alive >ready \
		    2>server.err &
		server=$!
		read -r line <ready
		run 0 "$R" connect "localhost:${line#ready port=}" \
		    --starttls ftp $E
		rc=$?
		end
		return $rc
	}
	t 'vsftpd' real
else
	n=$((n + 1))
	echo "ok $n - $of: vsftpd # SKIP none here"
fi
echo "1..$n"
exit $bad
