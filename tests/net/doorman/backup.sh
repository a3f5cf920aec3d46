#!/bin/sh
# backup, restore, export, crl-at, audit: what is kept, and how it comes back
# without bringing a revoked certificate back to life.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/doorman/net.sh
. "$TOP/tests/doorman/net.sh"
init || exit 1
up || exit 1
alice=$(enrol alice /O=Alice/C=GB)
bob=$(enrol bob /O=Bob/C=GB)
carol=$(ask carol /O=Carol/C=GB)
r1=$(revoke 'O=Alice, C=GB' KEY_COMPROMISE)
dm tickets approve "$r1" >log && sign 'sign doorman 2 +1' crl
r2=$(revoke 'O=Bob, C=GB' SUPERSEDED)

number() { curl -s "$U/certificate-revocation-list/doorman" |
    openssl crl -inform DER -noout -crlnumber | sed 's/.*=0x0*//'; }
listed() { # listed NAME: its serial is on the list
	serial=$(curl -s "$U/certificate/$1" |
	    openssl x509 -noout -serial | sed 's/.*=//')
	curl -s "$U/certificate-revocation-list/doorman" |
	    openssl crl -inform DER -noout -text | grep -q "$serial"
}
state() { curl -s "$U/$1/$2" | jq -r .state; }

of='backup'
t 'while it is served' run 0 dm backup save.sqlite
t 'for its owner only' test "$(stat -c %a save.sqlite)" = 600
t 'one file' test "$(echo save.sqlite*)" = save.sqlite
t 'the database itself is no target' run 1 dm backup "$D/doorman.sqlite"
t 'which is said' says 'is the database itself'
ln "$D/doorman.sqlite" other-name
t 'nor by another name' run 1 dm backup other-name
rm other-name
t 'a folder that is not there' run 1 dm backup none/save.sqlite
mkfifo pipe
t 'something that is no file' run 1 dm backup pipe
t 'nor for a list' run 1 dm crl-at doorman now pipe
t 'it is left alone' test -p pipe
rm pipe
t 'a file is replaced' run 0 dm backup save.sqlite
t 'the audit trail has a head' run 0 dm audit verify
head=$(cat out)
t 'of this form' grep -qE '^[0-9]+:[0-9A-F]{64}$' out

of='export'
t 'everything' run 0 dm export
cp out export
for table in database request report transition certificate crl; do
	t "table $table" \
	    test "$(jq -r "select(.table == \"$table\") | 1" export | wc -l)" -ge 1
done
t 'requests' test \
    "$(jq -r 'select(.table == "request") | .id' export | wc -l)" = 5
t 'every list, by its number' test \
    "$(jq -r 'select(.table == "crl" and .list == "doorman") | .number' \
    export | tr '\n' ' ')" = '1 2 '
t 'a certificate is whole' sh -c \
    "jq -r 'select(.table == \"certificate\") | .der' export | head -1 |
     base64 -d | openssl x509 -inform DER -noout"
t 'each step as the audit trail' run 0 dm audit export
t 'with its hash' test "$(jq -r 'select(.seq == 1) | .hash | length' out)" = 64

of='while it is served'
t 'nothing is restored' run 1 dm restore save.sqlite
t 'which is said' says 'is serving'

# Time goes on: Bob is revoked, Carol gets her certificate.
before=$(date -u +%Y-%m-%dT%H:%M:%SZ)
sleep 1 # lists are told apart by the second
dm tickets approve "$r2" >log && sign 'sign doorman 3 +1' crl
dm tickets approve "$carol" >log && sign 'sign certificates +1' certificates

of='crl-at'
t 'now' run 0 dm crl-at doorman now now.der
t 'it is number 3' grep -q '^number  *3$' out
t 'the bytes that are served' sh -c \
    "curl -s '$U/certificate-revocation-list/doorman' | cmp - now.der"
t 'then' run 0 dm crl-at doorman "$before" then.der
t 'it was number 2' grep -q '^number  *2$' out
t 'with one entry' test "$(openssl crl -inform DER -in then.der -noout -text |
    grep -c 'Serial Number')" = 1
t 'by whom' shows "uid $(id -u)"
t 'before the first' run 1 dm crl-at doorman 2001-01-01T00:00:00Z
t 'there was none' says 'no doorman list was published'
t 'no such list' run 1 dm crl-at nonsense now
t 'no such time' run 1 dm crl-at doorman yesterday
t 'a list that has one number' run 0 dm crl-at empty now
down

of='restore'
last=$(dm audit verify)
t 'going back behind a list' run 1 dm restore save.sqlite
t 'is refused' says 'its doorman list has number 2, and number 3 is in force'
t 'with --older it takes a note' run 1 dm restore save.sqlite --older
t 'which is said' says 'needs a --note'
t 'a note of words' run 1 dm restore save.sqlite --older --note "$(printf 'x\033[2J')"
t 'it says so' says 'note has a control character'
head -c 20000 save.sqlite >cut.sqlite
t 'half a file' run 1 dm restore cut.sqlite
echo 'this is no database, though it has some length' >text.sqlite
t 'a text' run 1 dm restore text.sqlite
: >empty.sqlite
t 'nothing' run 1 dm restore empty.sqlite
t 'no file' run 1 dm restore none.sqlite
t 'which is named' says none.sqlite
doorman init other </dev/null >log 2>&1
t 'of another network' run 1 dm restore other/doorman.sqlite
t 'is refused' says 'is not of this network'
t 'nothing of it is left behind' test -z "$(ls "$D" | grep restore)"
up
t 'and nothing has changed' test "$(number)" = 3
down

# It dies on the way: the old one is in force, or the new one, and whole.
dies() { # dies PLACE
	DOORMAN_CRASH=$1 dm restore save.sqlite --older --note crash >out 2>err
	[ $? = 137 ]
}
t 'it dies before' dies restore.before-exchange
t 'the history is the old one' run 0 dm audit verify
t 'to its last step' test "$(cat out)" = "$last"
t 'it dies behind' dies restore.after-exchange
t 'the history is the new one' run 0 dm audit verify --known "$head"
t 'it has gone on from there' test "$(cat out)" != "$last"
inode=$(stat -c %i "$D/doorman.sqlite")
mkfifo ready
doorman ocsp -c "$D/doorman.conf" >ready 2>ocsp.log &
pids="$pids $!"
IFS= read -r line <ready
rm ready
O=http://${line#*ocsp=}
ocsp() { # ocsp NAME: what the responder says of its certificate
	openssl ocsp -issuer "$D/ca/doorman.pem" -cert "$1.pem" -url "$O" \
	    -CAfile "$D/ca/root.pem" -verify_other "$D/ca/doorman.pem" >out 2>&1
	sed -n "s/^$1.pem: //p" out
}
t 'with a note' run 0 dm restore save.sqlite --older --note 'disk of monday'
t 'the old one is kept' test -n "$(ls "$D" | grep before-restore)"
t 'what was carried over is said' shows \
    'carried over: 1 lists, 1 certificates, 2 fulfilled requests'
t 'the file is the same one, for who has it open' \
    test "$(stat -c %i "$D/doorman.sqlite")" = "$inode"
t 'private as before' test "$(stat -c %a "$D/doorman.sqlite")" = 600
up
t 'the list is the greatest' test "$(number)" = 3
t 'Alice is on it' listed "$alice"
t 'Bob still, too' listed "$bob"
t 'his request is done' \
    test "$(state certificate-revocation-request "$r2")" = DONE
t 'Carol has her certificate' test "$(state certificate-request "$carol")" = DONE
t 'she can get it' sh -c "curl -s '$U/certificate/$carol' | grep -q BEGIN"
t 'why it was done is kept' run 0 dm crl-at doorman now
t 'with the list' shows 'disk of monday'
t 'the history holds' run 0 dm audit verify --known "$head"
t 'and goes on' test "$(cat out)" != "$head"
t 'a step that never was' run 1 dm audit verify \
    --known "1:$(printf '%064d' 7)"
t 'a head that is none' run 2 dm audit verify --known nonsense
r3=$(revoke 'O=Carol, C=GB' SUPERSEDED)
dm tickets approve "$r3" >log && sign 'sign doorman 4 +1' crl
t 'signing goes on from there' test "$(number)" = 4
curl -s "$U/certificate/$carol" >carol.pem
t 'a responder that ran meanwhile knows it' test "$(ocsp carol)" = revoked
down

of='after a loss'
rm -f "$D"/doorman.sqlite*
t 'the database is gone' run 1 doorman serve -c "$D/doorman.conf"
t 'restored without --older' run 0 dm restore save.sqlite
t 'what may be missing is said' shows 'if a later list than these'
up
t 'as it was' test "$(number)" = 2
down
run 0 dm import-crl doorman now.der
up
t 'the last list can be given to it' test "$(number)" = 3
down
dd if=/dev/zero of="$D/doorman.sqlite" bs=4096 count=4 conv=notrunc 2>log
t 'a damaged one in place' run 1 dm restore save.sqlite
t 'what was published last is not known' says 'is not known'
t 'goes on when told so' run 0 dm restore save.sqlite --older --note 'damaged'
echo "1..$n"
exit $bad
