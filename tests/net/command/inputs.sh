#!/bin/sh
# What check reads: PEM, DER, PKCS#7, PKCS#12, standard input; anchors from
# files, directories and the system.
set -u
exec 2>&1
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/lib/pki.sh
. "$TOP/tests/lib/pki.sh"
of=inputs
R=$BIN/revcheck
pki_new
pki_leaf good
pki_leaf other
E="--anchors root.pem --crl www --offline"
check() { run "$1" "$R" check $E --json "$2"; }
is_good() { member .status good && member '.certificates | length' 3; }
good() { check 0 "$1" && is_good; }

t 'a file as argument' good good.chain.pem
t '--chain says the same' run 0 "$R" check $E --chain good.chain.pem
from_stdin() { "$R" check $E --json - <good.chain.pem >out 2>err && is_good; }
t '- is standard input' from_stdin
twice() {
	"$R" check $E --json - - <good.chain.pem >out 2>err
	[ $? = 64 ] && says 'can be read once'
}
t 'which is read once' twice
pipe() {
	mkfifo chain.pipe
	cat good.chain.pem >chain.pipe &
	good chain.pipe
}
t 'a pipe' pipe

openssl x509 -in good.pem -outform DER -out good.der
one() {
	run 0 "$R" check $E --untrusted ca.pem --json good.der && is_good
}
t 'DER' one
for form in PEM DER; do
	openssl crl2pkcs7 -nocrl -certfile ca.pem -certfile good.pem \
	    -outform $form -out good.$form.p7b
	t "PKCS#7 in $form, the leaf not first" good good.$form.p7b
done
openssl crl2pkcs7 -in ca.crl.pem -out empty.p7b
t 'PKCS#7 without certificates' check 65 empty.p7b
t 'says so' says 'holds no certificate'

p12() { # FILE OPTION...
	out=$1
	shift
	openssl pkcs12 -export -in good.pem -inkey good.key -certfile ca.pem \
	    -out "$out" "$@" 2>/dev/null
}
p12 open.p12 -passout pass:
p12 shut.p12 -passout pass:secret
p12 old.p12 -passout pass:secret -legacy
p12 nokey.p12 -nokeys -passout pass:secret
printf 'secret\nnot this line\n' >password
echo wrong >wrong
t 'PKCS#12 without a password' good open.p12
t 'PKCS#12 with one, nobody to ask' check 65 shut.p12
t 'names the option' says "give '--password-file'"
with_password() {
	run 0 "$R" check $E --json --password-file password "$1" && is_good
}
t '--password-file' with_password shut.p12
t 'of an old tool (RC2)' with_password old.p12
t 'without a key' with_password nokey.p12
t 'a wrong password' run 65 "$R" check $E --password-file wrong shut.p12
t 'is said, and not shown' says 'does not open with that password'
kept_secret() { ! grep -q 'wrong' err || ! grep -q secret err; }
t 'no secret in a message' kept_secret
t 'a password file that is not there' run 65 "$R" check $E \
    --password-file none shut.p12
prompt="password of 'shut.p12': "
asked() {
	mkfifo typed shown
	script -qefc "$R check $E --json --color never shut.p12 >out 2>err" \
	    /dev/null <typed >shown &
	exec 7>typed 6<shown
	# What is typed before the question is thrown away.
	[ "$(head -c ${#prompt} <&6)" = "$prompt" ] && echo secret >&7
	exec 7>&-
	rest=$(cat <&6)
	exec 6<&-
	wait $!
	member .status good && [ "${rest#*secret}" = "$rest" ]
}
t 'a terminal is asked, and shows nothing' asked

cat good.key good.pem ca.pem >with_key.pem
t 'a key beside the certificates' good with_key.pem
t 'a key alone' check 65 good.key
t 'says what it is' says 'holds no certificate but a PRIVATE KEY'
{
	echo 'some words'
	cat good.chain.pem
	printf '\357\273\277'
} >words.pem
t 'text around' good words.pem
tr -d '\n' <good.der | head -c 100 >short.der
t 'DER cut short' check 65 short.der
sed 's/^M/!/' good.pem >broken.pem
t 'broken PEM' check 65 broken.pem
t 'says which object' says "object 1"
: >empty
t 'an empty file' check 65 empty

# -- anchors
mkdir anchors anchors/sub
cp root.pem anchors/root.pem
cp root.pem "anchors/$(openssl x509 -in root.pem -noout -subject_hash).0"
openssl x509 -in root.pem -outform DER -out anchors/root.der
echo 'not a certificate' >anchors/README
cp good.key anchors/some.key
in_dir() {
	run 0 "$R" check --anchors "$1" --crl www --offline --json \
	    good.chain.pem && is_good
}
t 'anchors in a directory' in_dir anchors
t 'without a word about the rest' test ! -s err
printf -- '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' \
    >anchors/broken.pem
t 'one of them broken' in_dir anchors
t 'is said' says 'broken.pem'
mkdir nothing
t 'a directory without any' run 65 "$R" check --anchors nothing good.pem
t 'says so' says 'holds no certificate'
several() {
	run 0 "$R" check --anchors nothing.pem --anchors root.pem --crl www \
	    --offline --json good.chain.pem && is_good
}
pki_sign nothing '/CN=nothing' nothing 10 </dev/null
t 'several --anchors' several
openssl crl2pkcs7 -nocrl -certfile root.pem -out root.p7b
t 'anchors in PKCS#7' in_dir root.p7b
t 'the system s anchors' run 3 "$R" check --offline good.chain.pem
the_systems() {
	if [ -r /etc/ssl/certs/ca-certificates.crt ]; then
		shows "the system's, /etc/ssl/certs/ca-certificates.crt"
	else
		shows "the system's"
	fi
}
t 'are named' the_systems
t 'also for programs' run 3 "$R" check --offline --json good.chain.pem
t 'as a member' member '.anchors | startswith("/etc/")' true
echo "1..$n"
exit $bad
