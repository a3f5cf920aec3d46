#!/bin/sh
# The start in a line: --init, flags in place of a file, --config-schema, and
# what is said of command lines that are not meant.
set -u
of=start
pids=''
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck disable=SC2086
trap '[ -z "$pids" ] || { kill $pids 2>/dev/null; wait; }' EXIT
G=$BIN/p2p-gateway

mode() { [ "$(stat -c %a "$1")" = "$2" ]; }
made() {
	run 0 "$G" --init try --demo-pki && shows "shown this once" &&
	    mode try 750 && mode try/p2p-gateway.json 640 &&
	    mode try/state 700 && mode try/pki/root-key.pem 600 &&
	    mode try/pki/gateway.key 600 &&
	    run 0 "$G" --config try/p2p-gateway.json --check-config
}
t 'a directory to start from is made, and starts' made
# What it says last is what it says next.
next() {
	run 0 "$G" --init two --demo-pki --listen 127.0.0.1:7443 || return 1
	sed -n 's/^    \(p2p-gateway .*--check-config\)$/\1/p' out >command
	[ -s command ] && PATH=$BIN:$PATH run 0 sh command
}
t 'the next command is printed' next
once() {
	before=$(cat try/p2p-gateway.json try/pki/*)
	run 1 "$G" --init try --demo-pki && says 'File exists' &&
	    [ "$before" = "$(cat try/p2p-gateway.json try/pki/*)" ]
}
t 'a second time nothing is touched' once
# One password, not in the file, and of 100 bits.
secret() {
	run 0 "$G" --init three || return 1
	p=$(sed -n 's/.*shown this once: //p' out)
	[ "${#p}" = 20 ] && ! grep -q "$p" three/p2p-gateway.json
}
t 'the password is shown and not written' secret
wrong_value() { # wrong_value WORD FLAG VALUE: nothing is made
	run 1 "$G" --init never "$2" "$3" && says "$1" && says "$3" &&
	    [ ! -e never ]
}
t 'a listen that is none is refused' wrong_value listen --listen 0.0.0.0
t 'a node that is none is refused' wrong_value addresses --node a:b
t 'a mode that is none is refused' wrong_value mode --mode MAYBE
# Files that come later are meant where they were named from.
later() {
	run 0 "$G" --init four --cert later/g.pem --state-dir kept \
	    --anchors later/a.pem && [ ! -e four/state ] &&
	    grep -qF "\"certificate\": \"$PWD/later/g.pem\"" \
	        four/p2p-gateway.json &&
	    grep -qF "\"state_dir\": \"$PWD/kept\"" four/p2p-gateway.json &&
	    run 1 "$G" --config four/p2p-gateway.json --check-config &&
	    says "$PWD/later/g.pem"
}
t 'what is not there yet is named from here' later
crl() { openssl verify -crl_check -CAfile try/pki/root.pem \
    -CRLfile try/pki/root.crl "try/pki/$1.pem" >out 2>err; }
t 'the demo CA vouches for the good peer' crl good
revoked() { ! crl revoked && grep -q 'certificate revoked' out err; }
t 'and has revoked the other' revoked

SMALL="--listen 127.0.0.1:0 --node 127.0.0.1:9 --cert try/pki/gateway.pem
    --key try/pki/gateway.key --anchors try/pki/root.pem --crl try/pki/root.crl
    --mode HARD_FAIL"
flags() {
	# shellcheck disable=SC2086
	run 0 "$G" $SMALL --check-config || return 1
	mkfifo ready
	# shellcheck disable=SC2086
	"$G" $SMALL >ready 2>log &
	pids=$!
	IFS= read -r line <ready
	port=$(expr "$line" : '.* listen=[^ ]*:\([0-9]*\)')
	[ -n "$port" ] || return 1
	for who in good revoked; do
		openssl s_client -connect "127.0.0.1:$port" -CAfile \
		    try/pki/root.pem -cert "try/pki/$who.pem" -key \
		    "try/pki/$who.key" -ign_eof </dev/null >"$who" 2>&1
	done
	grep -q 'Verify return code: 0' good &&
	    ! grep -q 'certificate revoked' good &&
	    grep -q 'certificate revoked' revoked
}
t 'flags are enough' flags
# The same again, from the same flags.
reloaded() {
	kill -HUP "$pids" && kill -TERM "$pids" && wait "$pids"
	rc=$?
	pids=''
	[ "$rc" = 0 ]
}
t 'and are read again on SIGHUP' reloaded
# Rules, each for whom it is for: `good` is one, and then another.
allowed() { # allowed STATUS FLAG VALUE...
	want=$1
	shift
	rm -f ready
	mkfifo ready
	# shellcheck disable=SC2086
	"$G" $SMALL "$@" >ready 2>log &
	pids=$!
	IFS= read -r line <ready
	port=$(expr "$line" : '.* listen=[^ ]*:\([0-9]*\)')
	openssl s_client -connect "127.0.0.1:$port" -CAfile try/pki/root.pem \
	    -cert try/pki/good.pem -key try/pki/good.key -ign_eof \
	    </dev/null >good 2>&1
	kill -TERM "$pids" && wait "$pids"
	pids=''
	grep -q 'status=not-allowed' log
	[ $? = "$want" ]
}
# Status 1: nobody was refused for that.
rules() {
	cn=$(openssl x509 -in try/pki/good.pem -noout -subject -nameopt \
	    multiline | sed -n 's/.*commonName *= //p')
	allowed 0 --allow-cn nobody --allow-dns a.example &&
	    allowed 1 --allow-uri spiffe://a/b --allow-cn "$cn" &&
	    run 1 "$G" $SMALL --allow-dns 'a*.b' --check-config &&
	    says 'a DNS name'
}
t 'flags say who may come in' rules
both() { run 0 sh -c "cat try/pki/gateway.pem try/pki/gateway.key >both.pem" &&
    run 0 "$G" --listen 127.0.0.1:0 --node 127.0.0.1:9 --cert both.pem \
	--anchors try/pki/root.pem --check-config; }
t 'one file may hold certificate and key' both

refused() { # refused SENTENCE ARGUMENT...
	s=$1
	shift
	run 2 "$G" "$@" && says "$s"
}
t 'a flag that is missing is named' refused '--anchors FILE is missing' \
    --listen 0 --node a:1 --cert x
t 'a flag that was meant is named' refused 'did you mean --listen?' --lisen 0
t 'a value that is missing is named' refused '--listen needs a value' --listen
t 'flags and a file are refused' refused 'but not both' --config x --listen 0
t '--demo-pki alone is refused' refused '--init DIR' --demo-pki
t '--demo-pki and a certificate are refused' refused 'do not go with it' \
    --init x --demo-pki --cert y
t 'rules do not go with --init' refused 'do not go with --init' \
    --init x --allow-cn a
t 'two things at a time are refused' refused 'one thing at a time' \
    --hash-password --init x
t 'a word is no option' refused 'not an option: serve' serve
# The certificate of REST, before it is there, and as a client sees it.
fingerprint() {
	run 1 "$G" --config try/p2p-gateway.json --rest-fingerprint &&
	    says 'when the gateway first starts' || return 1
	sed -i 's/127.0.0.1:8443/127.0.0.1:0/; s/127.0.0.1:8888/127.0.0.1:0/' \
	    try/p2p-gateway.json
	mkfifo again
	"$G" --config try/p2p-gateway.json >again 2>log2 &
	pids=$!
	IFS= read -r line <again
	at=${line##*rest=https://}
	seen=$(openssl s_client -connect "$at" </dev/null 2>/dev/null |
	    openssl x509 -noout -fingerprint -sha256)
	kill "$pids"
	wait "$pids"
	pids=''
	run 0 "$G" --config try/p2p-gateway.json --rest-fingerprint &&
	    [ -n "$seen" ] && [ "${seen##*=}" = "$(cat out)" ]
}
t 'the certificate of REST is told by its SHA-256' fingerprint
help() { run 0 "$G" --init never --help && shows 'usage:' && [ ! -e never ]; }
t '--help does nothing else' help
version() { run 0 "$G" --version && shows OpenSSL && shows libevent; }
t '--version has the libraries' version

# The schema is one, and takes what the reader takes.
python() { /usr/bin/python3 -c "$1" >out 2>err; }
valid='
import json, re, sys, jsonschema
schema = json.load(open("schema.json"))
jsonschema.Draft202012Validator.check_schema(schema)
v = jsonschema.Draft202012Validator(schema)
'
t 'the schema is JSON Schema' python "
import json, subprocess
open('schema.json', 'w').write(subprocess.check_output(['$G', '--config-schema'], text=True))
$valid"
t 'the README example is valid by it' python "$valid
text = open('$TOP/README.md').read()
block = re.search(r'\`\`\`json\n(.*?)\`\`\`', text, re.S).group(1)
v.validate(json.loads(block))"
t 'the example of --init is valid by it' python "$valid
text = open('try/p2p-gateway.json').read()
text = re.sub(r'^ *//.*\$', '', text, flags=re.M)
text = re.sub(r',(\s*[}\]])', r'\1', text)
v.validate(json.loads(text))"
t 'one stands for a list, a port for an address' python "$valid
v.validate({'listen': 8443, 'node': {'addresses': 'a:1'}, 'identities': {'name': 'i', 'certificate': 'c'}, 'trust': {'group': 'g', 'anchors': 'a'}, 'rest': {'users': {'name': 'u', 'roles': 'read', 'password': 'p'}}})"
t 'a wrong key, type and range are not' python "$valid
good = {'listen': 1, 'node': {'addresses': ['a:1']}, 'identities': [], 'trust': []}
v.validate(good)
for bad in ({'wokers': 1}, {'workers': 0}, {'workers': 'x'}, {'rest': {'listne': 1}}, {'trust': 7}, {'tls': {'min_version': '1.1'}}):
    assert not v.is_valid({**good, **bad}), bad
assert not v.is_valid({})"
echo "1..$n"
exit $bad
