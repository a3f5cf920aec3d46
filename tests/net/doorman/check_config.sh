#!/bin/sh
# --check-config: reads everything, says every mistake, starts and changes
# nothing. And no service starts on what it refuses.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
PATH=$FIXTURES:$PATH
of='check-config'
doorman init d --ocsp-listen 127.0.0.1:0 >init.log 2>&1
cp d/doorman.conf good.conf

state() { find d | sort; cat d/doorman.sqlite d/doorman.conf | cksum; }
says_right() { quiet && shows 'all right' && [ "$(state)" = "$before" ]; }
quiet() { [ ! -s err ]; }
before=$(state)
for c in 'doorman serve -c d/doorman.conf' 'doorman ocsp -c d/doorman.conf' \
    'doorman check-config -c d/doorman.conf' \
    'doorman-sign -c d/sign.conf' 'doorman-sign -c d/sign.conf crl'; do
	# shellcheck disable=SC2086 # its words
	t "$c" run 0 $c --check-config
	t "$c: it is all right, and as it was" says_right
done

# Three mistakes at once, and each is said; nothing starts on any of them.
refused() { # refused ROLE LINES SAYS...
	role=$1
	{ cat good.conf; printf '%b' "$2"; } >d/doorman.conf
	shift 2
	run 1 doorman "$role" -c d/doorman.conf --check-config || return 1
	for s in "$@"; do says "$s" || return 1; done
	run 1 timeout 20 doorman "$role" -c d/doorman.conf || return 1
	for s in "$@"; do says "$s" || return 1; done
	[ ! -s out ]
}
t 'all mistakes are said' refused serve \
    'sign_uids = -1\nhttp_lisden = x\ncrl_max_age_sec = 5m\n' \
    "sign_uids: '-1'" "did you mean 'http_listen'?" "crl_max_age_sec: '5m'" \
    '3 mistakes'
t 'a socket with too long a name' refused serve \
    "sign_socket = /$(printf '%0120d' 0)\n" 'longer than 107'
t 'a user who does not exist' refused serve 'sign_uids = no-such-user\n' \
    "'no-such-user' is neither a user id nor the name of a user here"
t 'a name that needs nothing' refused serve 'name_require =\n' \
    'name_require: it names none of'
t 'a key that is not there' refused ocsp 'ocsp_root_key = none.pem\n' \
    'ocsp_root_key: cannot read'
t 'an OCSP signer of another CA' refused ocsp \
    'ocsp_root_cert = ocsp/doorman.pem\nocsp_root_key = ocsp/doorman-key.pem\n' \
    "ocsp_root_cert: '" 'is not signed by its CA'
echo 'not a database, but long enough to be looked at as one' >text.sqlite
t 'no database at all' refused serve "database = $PWD/text.sqlite\n" \
    'text.sqlite'
: >empty.sqlite
t 'an empty one' refused serve "database = $PWD/empty.sqlite\n" \
    "holds no doorman's tables"

# A file that is not there, and one that is a directory.
t 'no file' run 1 doorman serve -c none.conf --check-config
t 'and it is named' says none.conf
t 'a directory' run 1 doorman serve -c d --check-config
t 'the signer: no file' run 1 doorman-sign -c none.conf --check-config
echo 'delta = perhaps' >>d/sign.conf
echo 'ocsp_url = ftp://x' >>d/sign.conf
t 'the signer: mistakes' run 1 doorman-sign -c d/sign.conf --check-config
t 'the signer: one is said' says 'delta is given twice'
t 'the signer: the other, too' says 'ocsp_url is given twice'
echo "1..$n"
exit $bad
