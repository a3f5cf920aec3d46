#!/bin/sh
# The command without a network: exit statuses, sentences, JSON, files. The
# evidence is that of the vectors.
set -u
exec 2>&1
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
of=command
R=$BIN/revcheck
V=$BUILD/vectors
AT=2026-01-15T12:00:00Z

quiet() { [ ! -s out ]; }
# refused WHAT-IT-SAYS ARGUMENT...: a usage error that names the option.
refused() {
	text=$1
	shift
	run 64 "$R" "$@" && says "$text" && quiet
}
# vector GROUP/NAME OPTION...: check, as of the clock of the vectors.
vector() {
	dir=$V/$1
	shift
	set -- --offline --chain "$dir/chain.pem" \
	    --anchors "$dir/anchors.pem" --crl "$dir/crls" \
	    --ocsp "$dir/ocsp" --at "$AT" "$@"
	[ ! -s "$dir/untrusted.pem" ] || set -- "$@" --untrusted "$dir/untrusted.pem"
	"$R" check "$@"
}
# answers STATUS WORD GROUP/NAME OPTION...: exit status and JSON agree.
answers() {
	want=$1 word=$2
	shift 2
	run "$want" vector "$@" --json && [ "$(jq -r .status out)" = "$word" ]
}

G=ocsp-form/good
C="--chain $V/$G/chain.pem"
A="--anchors $V/$G/anchors.pem"

# -- exit statuses and JSON
t '0: accepted' answers 0 good $G --mode HARD_FAIL
t '1: revoked' answers 1 revoked ocsp-status/revoked --mode HARD_FAIL
t '1: revoked under SOFT_FAIL' \
    answers 1 revoked ocsp-status/revoked --mode SOFT_FAIL
t '2: undetermined' answers 2 unknown ocsp-status/unknown --mode HARD_FAIL
t '0: undetermined under SOFT_FAIL' \
    answers 0 unknown ocsp-status/unknown --mode SOFT_FAIL
t '2: undetermined is refused by default' answers 2 unknown ocsp-status/unknown
t 'the decision says so, too' member .decision refuse
t '--soft is SOFT_FAIL' answers 0 unknown ocsp-status/unknown --soft
t 'the decision is accept' member .decision accept
t '--soft --mode SOFT_FAIL' answers 0 unknown ocsp-status/unknown --soft \
    --mode SOFT_FAIL
t 'forged evidence is not forgiven' answers 2 unknown ocsp-signer/bad-signature \
    --soft --method ocsp
t 'ON is SOFT_FAIL' answers 0 unknown ocsp-status/unknown --mode on
t 'what was let in is marked' member '.certificates[0].softAccepted' true
t '0: revoked under OFF' answers 0 not-asked ocsp-status/revoked --mode OFF
t 'an exit status is in the document' member .exitStatus 0
t 'OFF asks nobody' member '.certificates[0].status' not-asked
t '3: path invalid' answers 3 path-invalid chains/leaf_expired
t 'a path error is named' member .pathError 'certificate has expired'
# An anchor alone: nobody says whether it is revoked.
anchor_alone() {
	want=$1
	shift
	run "$want" "$R" check --offline --chain "$V/$G/anchors.pem" \
	    --anchors "$V/$G/anchors.pem" --at $AT "$@"
}
t '2: an anchor is asked about by nobody' anchor_alone 2
t 'which is said' shows 'not determined not-asked (mode HARD_FAIL)'
t '2: whatever the word for it' anchor_alone 2 --mode HARD_FAIL --json
t 'and the document agrees' member '[.decision, .status] | tostring' \
    '["refuse","not-asked"]'
t '0: an anchor, by --soft' anchor_alone 0 --soft
json_shape() {
	answers 1 revoked ocsp-status/revoked-key-compromise \
	    --mode HARD_FAIL &&
	    member .decision refuse && member .mode HARD_FAIL &&
	    member .why null && member .index 0 && member .at "$AT" &&
	    member '.certificates | length' 3 &&
	    member '.certificates[0].index' 0 &&
	    member '.certificates[0].reason' keyCompromise &&
	    member '.certificates[0].revocationDate' 2025-12-16T12:00:00Z &&
	    member '.certificates[0].method' ocsp &&
	    member '.certificates[0].source' file &&
	    member '.certificates[0].thisUpdate' 2026-01-15T11:00:00Z &&
	    member '.certificates[0].ageSeconds' 3600 &&
	    member '.certificates[0].signer' 'CN=ca,O=Test' &&
	    member '.certificates[1].method' crl &&
	    member '.certificates[1].crlNumber' 01 &&
	    member '.certificates[2].status' not-asked
}
t 'JSON has the members of the page' json_shape
same_keys() {
	answers 2 unknown ocsp-form/html --mode HARD_FAIL || return 1
	jq -c '.certificates | map(keys) | unique | length' out | grep -qx 1
}
t 'JSON has every member in every certificate' same_keys
one_line() { [ "$(wc -l <out)" = 1 ]; }
t 'JSON into a pipe is one line' one_line
why_row() {
	answers 2 unknown ocsp-form/html --mode HARD_FAIL &&
	    member .why malformed && member '.certificates[0].why' malformed
}
t 'an unreadable file in a directory is malformed evidence' why_row
beside() {
	mkdir -p mixed
	cp "$V/$G/ocsp/00.der" mixed/b.der
	echo nonsense >mixed/a.der
	run 0 "$R" check --offline $C $A --crl "$V/$G/crls" --ocsp mixed \
	    --at $AT --mode HARD_FAIL --json && member .status good
}
t 'and never ends the run' beside
t 'and is reported' shows a.der

odd_name() {
	mkdir -p odd
	cp "$V/$G/ocsp/00.der" "odd/$(printf 'caf\303\251-\377\001.der')"
	run 0 "$R" check --offline $C $A --crl "$V/$G/crls" --ocsp odd \
	    --at $AT --mode HARD_FAIL --json &&
	    jq -r '.certificates[0].url' out | iconv -f UTF-8 -t UTF-8 |
	    grep -q "$(printf 'odd/caf\303\251-?')"
}
t 'a file name that is no text still makes JSON' odd_name

# -- options
t '--scope leaf' answers 0 good ocsp-order/leaf-scope --mode HARD_FAIL \
    --scope leaf
t '--scope chain asks for more' answers 2 unknown ocsp-order/leaf-scope \
    --mode HARD_FAIL
t '--status-only' answers 0 good ocsp-order/status-only-issuer-no-ca \
    --mode HARD_FAIL --status-only
t 'without it the same is no path' answers 3 path-invalid \
    ocsp-order/status-only-issuer-no-ca --mode HARD_FAIL
status_only_anchors() {
	openssl x509 -in "$V/$G/chain.pem" -out leaf.pem
	sed '1,/^-----END/d' "$V/$G/chain.pem" >ca.pem
	run 0 "$R" check --offline --chain leaf.pem --anchors ca.pem \
	    --status-only --ocsp "$V/$G/ocsp" --at $AT --mode HARD_FAIL
}
t '--status-only finds the issuer among the anchors' status_only_anchors
t '--max-age' answers 2 unknown ocsp-time/max-age-beyond --mode HARD_FAIL \
    --max-age 7200
t '--max-age stands in for nextUpdate' answers 0 good \
    ocsp-time/no-next-update-max-age --mode HARD_FAIL --max-age 604800
t '--no-next-update' answers 0 good ocsp-time/no-next-update-own-limit \
    --mode HARD_FAIL --no-next-update 259200
t '--skew 0' answers 2 unknown ocsp-time/next-update-passed-no-skew \
    --mode HARD_FAIL --skew 0
t '--relax' answers 0 good ocsp-form/trailing-after-response-relaxed \
    --mode HARD_FAIL --relax trailing
t '--security-level 0' answers 0 good ocsp-algorithm/sha1-level-0 \
    --mode HARD_FAIL --security-level 0
t '--security-level is 2 by default' answers 2 unknown \
    ocsp-algorithm/sha1-level-0 --mode HARD_FAIL
t '--method ocsp does not look at CRLs' answers 2 unknown \
    ocsp-order/unknown-then-crl-good --mode HARD_FAIL --method ocsp \
    --scope leaf
t '--method crl does not look at OCSP' answers 0 good \
    ocsp-order/unknown-then-crl-good --mode HARD_FAIL --method crl
t '--method all: revoked wins' answers 1 revoked \
    ocsp-order/trylater-then-crl-revoked --mode HARD_FAIL --method all
equals_form() {
	run 0 "$R" check --offline "--chain=$V/$G/chain.pem" \
	    "--anchors=$V/$G/anchors.pem" "--crl=$V/$G/crls" \
	    "--ocsp=$V/$G/ocsp/00.der" --at=$AT --mode=HARD_FAIL
}
t '--name=value, and a file instead of a directory' equals_form

# -- usage: 64, and the option is named
t 'no command' run 64 "$R"
t 'no command prints the usage' says 'usage: revcheck'
t 'an unknown command' refused "unknown command 'chekc'" chekc
t 'an unknown option' refused "unknown option '--chian'" check --chian x
t 'an unknown option of main' refused "unknown option '--frob'" --frob
t 'an option without value' refused "option '--at' needs a value" check --at
t 'a flag with value' refused "option '--json' takes no value" check --json=1
t 'an option given twice' refused "option '--mode' was given twice" \
    check --mode OFF --mode OFF
t 'an argument too many' refused "unexpected argument 'y'" crl x y
t 'no file' refused 'give a file with a chain' check $A
t '--soft --mode HARD_FAIL' refused "option '--soft' is" check $C $A --soft \
    --mode HARD_FAIL
t '--offline --fetch-issuers' refused 'exclude each other' check $C $A \
    --offline --fetch-issuers
t '--color' refused "option '--color' expects one of auto, always, never" \
    check $C $A --color yes
t '--mode' refused "option '--mode' expects OFF" check $C $A --mode HARD
t '--method' refused "option '--method' expects one of" check $C $A --method x
t '--scope' refused "option '--scope' expects one of" check $C $A --scope all
t '--nonce' refused "option '--nonce' expects one of" check $C $A --nonce yes
t '--relax' refused "option '--relax' expects one of" check $C $A --relax all
t '--security-level 6' refused "option '--security-level' expects a number" \
    check $C $A --security-level 6
t '--security-level -1' refused "option '--security-level' expects a number" \
    check $C $A --security-level -1
t '--max-age 0' refused "option '--max-age' expects a number" \
    check $C $A --max-age 0
t '--max-age 1x' refused "option '--max-age' expects a number" \
    check $C $A --max-age 1x
t '--deadline-ms' refused "option '--deadline-ms' expects a number" \
    check $C $A --deadline-ms ''
for at in 2026-01-15 2026-01-15T12:00:00 2026-02-30T00:00:00Z \
    2026-01-15T25:00:00Z '2026-01-15 12:00:00Z' 26-01-15T12:00:00Z \
    2026-01-15T12:00:00Zx ''; do
	t "--at '$at'" refused "option '--at' expects YYYY-MM-DDThh:mm:ssZ" \
	    check $C $A --at "$at"
done
t 'connect without a host' refused 'give a server' connect
t 'connect to a port that is none' refused 'a port is a number' connect localhost:x
t 'connect to port 0' refused 'a port is a number' connect localhost:0
t 'connect to a URL without TLS' refused "'http' has no TLS" connect \
    http://localhost/
t 'connect to a URL of another kind' refused "scheme 'gopher'" connect \
    gopher://localhost/
t 'connect to a URL with a user' refused 'before the @' connect \
    https://me:secret@localhost/
no_secret() { ! grep -q secret err; }
t 'does not repeat the password' no_secret
t 'connect: two STARTTLS' refused 'different things' connect \
    imap://localhost --starttls smtp
t 'connect: brackets' refused 'brackets are for' connect '[localhost]:1'
t 'connect: open brackets' refused 'expected [ADDRESS]:PORT' connect '[::1:443'
t 'connect --name --no-name' refused 'exclude each other' connect localhost:1 \
    --name x --no-name
t 'connect --servername ADDRESS' refused 'expects a name' connect localhost:1 \
    --servername 127.0.0.1
t 'connect to a bare IPv6 address' refused 'into brackets' connect ::1:443
t 'connect --starttls gopher' refused "option '--starttls' expects one of none" \
    connect localhost:1 --starttls gopher
t 'crl without a file' refused 'give a CRL' crl
t 'crl --serial' refused "option '--serial' expects hexadecimal" \
    crl "$V/$G/crls/00.crl" --serial xyz
t 'ocsp without --cert' refused "option '--cert' is missing" ocsp
t 'ocsp --get --post' refused 'exclude each other' ocsp --cert \
    "$V/$G/chain.pem" --issuer "$V/$G/anchors.pem" --url http://127.0.0.1/ \
    --get --post
t 'ocsp without a responder' refused 'names no OCSP responder' ocsp --cert \
    "$V/$G/chain.pem" --issuer "$V/$G/anchors.pem"

# -- unreadable input: 65, and the file is named
unreadable() { # NAME-IN-MESSAGE ARGUMENT...
	text=$1
	shift
	run 65 "$R" "$@" && says "$text" && quiet
}
echo nothing >junk
: >empty
t 'a chain that is not there' unreadable no-such check --chain no-such $A
t 'a chain that is no certificate' unreadable junk check --chain junk $A
t 'an empty chain' unreadable empty check --chain empty $A
t 'a chain that is a directory' unreadable "'.'" check --chain . $A
t 'anchors that are not there' unreadable no-such check $C --anchors no-such
t 'untrusted that is none' unreadable junk check $C $A --untrusted junk
t 'evidence that is not there' unreadable no-such check $C $A --crl no-such
t 'crl: no CRL' unreadable 'expected a CRL' crl junk
t 'crl: not there' unreadable no-such crl no-such
t 'ocsp: no certificate' unreadable junk ocsp --cert junk --issuer junk
t 'ocsp: no response' unreadable empty ocsp --cert "$V/$G/chain.pem" \
    --issuer "$V/$G/anchors.pem" --respin empty

# -- people
t 'text names the decision' run 1 vector ocsp-status/revoked --mode HARD_FAIL
t 'text says refuse' shows 'refuse revoked (mode HARD_FAIL)'
t 'text says why' shows 'revoked since 2025-12-16T12:00:00Z'
t 'not determined' run 2 vector ocsp-status/unknown
t 'is said so' shows 'not determined unknown (mode HARD_FAIL)'
t 'with the flag to add' shows '--soft accepts what is not determined'
t 'accepted softly' run 0 vector ocsp-status/unknown --soft
t 'is said, too' shows 'accepted only because SOFT_FAIL'
tinted() { # CODE WORD: the decision is in this colour
	grep -q "^$(printf '\033')\[$1m$2$(printf '\033')\[0m " out
}
t 'colour where it is asked for' run 0 vector $G --color always
t 'good is green' tinted 32 accept
t 'revoked in colour' run 1 vector ocsp-status/revoked --color=always
t 'is red' tinted '1;31' refuse
t 'not determined in colour' run 2 vector ocsp-status/unknown --color always
t 'is amber' tinted 33 'not determined'
t 'accepted softly in colour' run 0 vector ocsp-status/unknown --color always --soft
t 'is amber still' tinted 33 accept
t 'OFF in colour' run 0 vector ocsp-status/revoked --color always --mode OFF
t 'is amber, too' tinted 33 accept
in_spite() { NO_COLOR=1 run 0 vector $G --color always && tinted 32 accept; }
t '--color always goes before NO_COLOR' in_spite
t 'text for a pipe' run 0 vector $G
no_colour() { ! grep -q "$(printf '\033')" out; }
t 'no colour into a pipe' no_colour
hostile() {
	grep -qaP '[\x00-\x08\x0b-\x1f\x7f-\xff]' out && return 1
	return 0
}
t 'no control characters' hostile
t '--version' run 0 "$R" --version
t '--version says it' shows 'revcheck 0.'
for c in check connect explain crl ocsp cache; do
	t "$c --help" run 0 "$R" "$c" --help
	t "$c --help shows usage" shows "usage: revcheck $c"
done

# -- the tables of options, the help and the manual
t '--list-commands' run 0 "$R" --list-commands
commands() { [ "$(tr '\n' ' ' <out)" = 'check connect explain crl ocsp cache ' ]; }
t 'has them all' commands
t '--list-options' run 0 "$R" --list-options check
options() {
	grep -qx -- '--anchors FILE|DIR' out && grep -qx -- '--soft' out &&
	    grep -qx -- '--color auto|always|never' out
}
t 'says which take a value' options
helped() {
	for c in check connect explain crl ocsp cache; do
		"$R" --list-options $c | cut -d' ' -f1 >options
		"$R" $c --help >page
		for o in $(grep -v -e --help options); do
			grep -qE -e "(^|[ ,\[])$o([], =]|\$)" page && continue
			echo "# $c --help lacks $o"
			return 1
		done
	done
}
t 'each is in the help' helped
paged() {
	for c in check connect explain crl ocsp cache; do
		"$R" --list-options $c | cut -d' ' -f1
	done | sort -u | cut -c3- >names
	for o in $(cat names); do
		grep -q "Fl Fl $o\b" "$TOP/revcheck/man/revcheck.1" && continue
		echo "# revcheck.1 lacks --$o"
		return 1
	done
}
t 'each is in the manual' paged

# -- crl
t 'crl' run 0 "$R" crl "$V/$G/crls/00.crl"
t 'crl shows the issuer' shows 'CN=root,O=Test'
t 'crl --json' run 0 "$R" crl "$V/$G/crls/00.crl" --json
t 'crl --json has the number' member .number 01
t 'crl: a serial that is not listed' run 1 "$R" crl "$V/$G/crls/00.crl" \
    --serial 0a
listed() {
	dir=$V/ocsp-order/unknown-then-crl-revoked
	serial=$(openssl x509 -in "$dir/chain.pem" -noout -serial | cut -d= -f2)
	run 0 "$R" crl "$dir/crls/00.crl" --serial "$serial" --list
}
t 'crl: a serial that is listed' listed
t 'crl says so' shows 'is listed since'
pem_crl() {
	openssl crl -inform DER -in "$V/$G/crls/00.crl" -out crl.pem &&
	    run 0 "$R" crl crl.pem && shows 'CN=root,O=Test'
}
t 'crl in PEM' pem_crl

# -- ocsp --respin
respin() { # STATUS GROUP/NAME
	openssl x509 -in "$V/$2/chain.pem" -out leaf.pem
	sed '1,/^-----END/d' "$V/$2/chain.pem" >ca.pem
	run "$1" "$R" ocsp --cert leaf.pem --issuer ca.pem \
	    --respin "$V/$2/ocsp/00.der" --at $AT --json
}
t 'ocsp: good' respin 0 $G
t 'ocsp: revoked' respin 1 ocsp-status/revoked-superseded
t 'ocsp: the reason' member .reason superseded
t 'ocsp: unknown' respin 2 ocsp-status/unknown
t 'ocsp: forged' respin 2 ocsp-signer/bad-signature
t 'ocsp: why' member .why forged
pinned() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout own.key -out own.pem -subj /CN=Pinned -days 3650 \
	    2>/dev/null
	openssl x509 -in "$V/$G/chain.pem" -out leaf.pem
	sed '1,/^-----END/d' "$V/$G/chain.pem" >ca.pem
	serial=$(openssl x509 -in leaf.pem -noout -serial | cut -d= -f2)
	printf 'V\t330101000000Z\t\t%s\tunknown\t/CN=ee\n' "$serial" >index.txt
	openssl ocsp -index index.txt -rsigner own.pem -rkey own.key \
	    -CA ca.pem -issuer ca.pem -cert leaf.pem -respout own.der \
	    -ndays 1 -noverify >/dev/null 2>&1
	run 2 "$R" ocsp --cert leaf.pem --issuer ca.pem --respin own.der &&
	    shows forged &&
	    run 0 "$R" ocsp --cert leaf.pem --issuer ca.pem \
		--respin own.der --responder own.pem
}
t 'ocsp: a pinned responder signs, and nobody else' pinned
echo "1..$n"
exit $bad
