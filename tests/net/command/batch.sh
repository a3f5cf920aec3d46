#!/bin/sh
# Many chains a call: rows of text, CSV and JSON, a list of names, the worst
# exit status, how many at a time.
set -u
exec 2>&1
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/lib/pki.sh
. "$TOP/tests/lib/pki.sh"
of=batch
R=$BIN/revcheck
trap pki_end EXIT
pki_serve
pki_new
for p in a b c d; do pki_leaf $p; done
pki_leaf gone
pki_revoke gone
sed 's/ca.crl/nowhere.crl/' <a.ext >nowhere.ext
pki_sign nowhere '/O=Test/CN=nowhere' ca 90 <nowhere.ext
cat ca.pem >>nowhere.pem
pki_sign stranger '/CN=stranger' stranger 90 </dev/null
echo nothing >junk.pem
E="--anchors root.pem --untrusted ca.pem --allow-address 127.0.0.1 --any-port"
A='a.pem b.pem c.pem d.pem'

t 'all good' run 0 "$R" check $E $A
rows() {
	[ "$(grep -c '^good .*\.pem$' out)" = 4 ] && shows '4 good'
}
t 'a row each, and a sum' rows
in_order() {
	run 0 "$R" check $E --jobs 3 --jsonl $A &&
	    [ "$(jq -r .file out | tr '\n' ' ')" = "$A " ]
}
t 'in the order given' in_order
documents() { [ "$(jq -s 'map(.status) | unique | tojson' out)" = '"[\"good\"]"' ]; }
t 'JSON lines' documents
t 'one revoked' run 1 "$R" check $E a.pem gone.pem b.pem
t 'is told' shows 'gone.pem: '
t 'one not determined' run 2 "$R" check $E a.pem nowhere.pem
t 'revoked is worse' run 1 "$R" check $E nowhere.pem gone.pem junk.pem stranger.pem
t 'no path is worse than not determined' run 3 "$R" check $E nowhere.pem stranger.pem a.pem
t 'one that cannot be read' run 65 "$R" check $E a.pem junk.pem nowhere.pem b.pem
t 'is a row, and ends nothing' shows 'failed         junk.pem: '
t '--soft' run 0 "$R" check $E --soft a.pem nowhere.pem
t 'is said' shows '1 good, 1 accepted though not determined'

# -- CSV
t '--csv' run 1 "$R" check $E --csv a.pem gone.pem junk.pem nowhere.pem
columns() {
	tr -d '\r' <out >rows.csv
	[ "$(sed -n 1p rows.csv)" = 'file,subject,serial,notAfter,decision,status,why,reason,revocationDate,index,method,source,url,thisUpdate,nextUpdate,exitStatus,text' ]
}
t 'names its columns' columns
values() {
	cut -d, -f1,5,6 rows.csv >three
	grep -qx 'a.pem,accept,good' three &&
	    grep -qx 'gone.pem,refuse,revoked' three &&
	    grep -qx 'junk.pem,refuse,failed' three &&
	    grep -qx 'nowhere.pem,refuse,unknown' three &&
	    grep -q '^gone.pem,.*,keyCompromise,20' rows.csv
}
t 'a row each' values
lines() { [ "$(wc -l <rows.csv)" = 5 ] && grep -q "$(printf '\r')" out; }
t 'lines end as RFC 4180 has it' lines
cp a.pem '=cmd,"x".pem'
t 'a name that is a formula' run 0 "$R" check $E --csv '=cmd,"x".pem'
t 'is none in the file' shows "\"'=cmd,\"\"x\"\".pem\""

odd=$(printf 'b\303\274cher-\377.pem')
cp a.pem "$odd"
t 'a name of octets' run 0 "$R" check $E --jsonl "$odd" a.pem
octets() { [ "$(jq -r .file out | head -n 1)" = "$(printf 'b\303\274cher-?.pem')" ]; }
t 'is text in JSON' octets

# -- lists
printf 'a.pem\n\n# not this one\nb.pem\r\n' >list
t '--list' run 0 "$R" check $E --list list --jsonl
two() { [ "$(jq -r .file out | tr '\n' ' ')" = 'a.pem b.pem ' ]; }
t 'has a name a line' two
by_stdin() {
	ls a.pem b.pem | "$R" check $E --list - --csv >out 2>err &&
	    [ "$(wc -l <out)" = 3 ]
}
t '--list -' by_stdin
: >none
t 'an empty list is nothing good' run 65 "$R" check $E --list none
# What a reader of lines would cut off is no name that may be left out.
printf 'a.pem\0gone.pem\0' >nul
t 'names that end in NUL' run 65 "$R" check $E --list nul
t 'are told' says "'nul' has a NUL: expected names of files, one a line"
printf 'a.pem\rgone.pem\r\n' >cr
t 'names that end in CR' run 65 "$R" check $E --list cr
t 'are told, too' says "'cr' has a CR within a line"
t '--json: an array' run 1 "$R" check $E --json a.pem gone.pem
array() { [ "$(jq -r 'map(.exitStatus) | tojson' out)" = '[0,1]' ]; }
t 'with all of them' array
many() {
	for i in $(seq 300); do echo a.pem; done >many
	run 0 "$R" check $E --list many --jobs 16 --csv &&
	    [ "$(grep -c ',accept,good,' out)" = 300 ]
}
t 'three hundred' many
hits() {
	n1=$(curl -s "$WEBCONTROL/_hits/ca.crl")
	run 0 "$R" check $E --jobs 8 $A $A &&
	    [ "$(curl -s "$WEBCONTROL/_hits/ca.crl")" = $((n1 + 1)) ]
}
t 'a list is fetched once for all' hits
t '--csv --jsonl' run 64 "$R" check $E --csv --jsonl $A
t '--jobs 0' run 64 "$R" check $E --jobs 0 $A
t '--urls is for one' run 64 "$R" check $E --urls $A
full() {
	"$R" check $E --csv $A >/dev/full 2>err
	[ $? = 70 ]
}
t 'what cannot be written is a failure' full
echo "1..$n"
exit $bad
