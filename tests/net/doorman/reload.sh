#!/bin/sh
# SIGHUP: the configuration is read anew. A wrong one changes nothing.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/doorman/net.sh
. "$TOP/tests/doorman/net.sh"
# shellcheck source=tests/lib/ports.sh
. "$TOP/tests/lib/ports.sh"
ports_hold 1
init --ocsp-listen "127.0.0.1:$ports" || exit 1
cp "$D/doorman.conf" good.conf
up || exit 1

logged() { # logged FILE LINES TEXT: behind so many lines of the log
	for _ in $(seq 200); do
		tail -n "+$(($2 + 1))" "$1" >new
		grep -qF -e "$3" new && return 0
		sleep 0.05
	done
	sed 's/^/# log: /' new
	return 1
}
reread() { # reread LINES SAYS: with these lines added
	{ cat good.conf; printf '%b' "$1"; } >"$D/doorman.conf"
	seen=$(wc -l <serve.log)
	kill -HUP "$served"
	logged serve.log "$seen" "$2"
}
max_age() { curl -sI "$U/certificate-revocation-list/doorman" |
    grep -qi "^cache-control:.*max-age=$1\b"; }
anew='the configuration was read anew'

of='SIGHUP'
t 'Cache-Control before' max_age 60
t 'a limit' reread 'crl_max_age_sec = 7\n' "$anew"
t 'is in force' max_age 7
t 'a wrong one' reread 'crl_max_age_sec = 9\nsign_uids = -1\n' \
    'SIGHUP: nothing has changed'
t 'says what is wrong' grep -q "sign_uids: '-1'" new
t 'and changes nothing' max_age 7
t 'two wrong ones' reread 'crl_max_age_sec = 9\nnonsense = 1\nport = 2\n' \
    'SIGHUP: nothing has changed'
t 'are both said' grep -q "unknown key 'nonsense'" new
t 'the other, too' grep -q "unknown key 'port'" new
rm "$D/doorman.conf"
seen=$(wc -l <serve.log)
kill -HUP "$served"
t 'no file' logged serve.log "$seen" 'SIGHUP: nothing has changed'
t 'changes nothing' max_age 7
t 'what needs a restart is named' \
    reread 'crl_max_age_sec = 8\nmax_connections = 77\ndatabase = d2\n' \
    'nothing has changed'
cp "$D/doorman.sqlite" "$D/d2"
t 'each of it' reread \
    'crl_max_age_sec = 8\nmax_connections = 77\ndatabase = d2\n' "$anew"
t 'the database' grep -q 'database changes at the next start' new
t 'the number of connections' \
    grep -q 'max_connections changes at the next start' new
t 'the rest is in force' max_age 8

may() { doorman-sign -c "$D/sign.conf" ping >out 2>err; }
may_not() { ! may; }
t 'I may sign' may
t 'another user instead' reread 'sign_uids = 4242\n' "$anew"
t 'I may not' may_not
t 'the socket is for others' test "$(stat -c %a "$D/sign.sock")" = 666
t 'I again' reread '' "$anew"
t 'I may sign' may
t 'the socket is for me' test "$(stat -c %a "$D/sign.sock")" = 600

# Tickets of another tool, whose token is right at the second time.
of='tickets'
mkfifo jira
doorman-jira me:right >jira 2>jira.log &
pids="$pids $!"
IFS= read -r line <jira
JIRA="tickets = jira\njira_url = http://${line#*=}\njira_project = P\n"
JIRA="${JIRA}jira_credentials = $PWD/token\n"
echo me:wrong >token
chmod 600 token
state() { curl -s "$U/certificate-request/$1" | jq -r .state; }
t 'in JIRA now' reread "$JIRA" "$anew"
id=$(ask alice /O=Alice/C=GB)
t 'a request has no ticket' test "$(state "$id")" = NEW
chmod 000 token
rm -f token
t 'no credentials' reread "$JIRA" 'SIGHUP: nothing has changed'
echo me:right >token
chmod 600 token
t 'the right ones' reread "$JIRA" "$anew"
created() {
	for _ in $(seq 200); do
		[ "$(state "$id")" = TICKET_CREATED ] && return 0
		sleep 0.05
	done
	return 1
}
t 'it gets its ticket' created
t 'the service ends' down
t 'and starts with what was read' up
t 'the database of the next start' test "$(state "$id")" = TICKET_CREATED
down

of='ocsp'
mkfifo ready
doorman ocsp -c "$D/doorman.conf" >ready 2>ocsp.log &
ocsp=$!
pids="$pids $ocsp"
IFS= read -r line <ready
O=http://${line#*ocsp=}
window() { # the answer's validity in seconds
	openssl ocsp -issuer "$D/ca/root.pem" -cert "$D/ca/doorman.pem" \
	    -CAfile "$D/ca/root.pem" -url "$O" >out 2>&1 || return 1
	a=$(sed -n 's/.*This Update: //p' out)
	b=$(sed -n 's/.*Next Update: //p' out)
	[ $(($(date -d "$b" +%s) - $(date -d "$a" +%s))) = "$1" ]
}
t 'an answer is good for 300 s' window 300
{ cat good.conf; echo 'ocsp_next_update_sec = 77'; } >"$D/doorman.conf"
kill -HUP "$ocsp"
t 'SIGHUP' logged ocsp.log 0 "$anew"
t 'for 77 s now' window 77
mv "$D/ocsp/root-key.pem" key
kill -HUP "$ocsp"
t 'a key that is gone' logged ocsp.log 0 'SIGHUP: nothing has changed'
t 'changes nothing' window 77
mv key "$D/ocsp/root-key.pem"
t 'it ends as it should' sh -c "kill $ocsp"
wait "$ocsp"
t 'with status 0' test $? = 0
echo "1..$n"
exit $bad
