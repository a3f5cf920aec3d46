#!/bin/sh
# The command lines of the doorman's programs: help that does nothing whatever
# else is asked for, and mistakes that are named before anything happens.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
PATH=$FIXTURES:$PATH
mkdir empty && cd empty || exit 1

nothing_made() { [ -z "$(ls -A | grep -vx -e out -e err)" ]; }
quiet() { [ ! -s err ]; }

# helps LINE...: prints help, on stdout alone, and touches nothing.
of='help'
helps() { run 0 "$@" && shows 'usage: ' && quiet && nothing_made; }
for p in doorman doorman-sign doorman-jira; do
	for h in --help -h; do
		t "$p $h" helps $p $h
	done
	t "$p --version" run 0 $p --version
	t "$p: its version says which" shows "$p"
done
t 'init --help' helps doorman init --help
t 'init DIR --help' helps doorman init DIR --help
t '--help init DIR' helps doorman --help init DIR
t 'init DIR with options --help' helps doorman init DIR --name -h --encrypt
t 'a wrong option beside it' helps doorman init DIR --wrong --help
t 'a wrong command beside it' helps doorman nonsense --help
t 'too many words beside it' helps doorman serve a b c d e f g h i j --help
t 'of a command it is that one' shows 'usage: doorman serve'
t 'tickets approve X --help' helps doorman tickets approve X --help
t 'of two words it is that one' shows 'usage: doorman tickets approve TICKET'
t 'with its options' shows '--note TEXT'
t 'help tickets reject' helps doorman help tickets reject
t 'and that one' shows 'tickets reject TICKET'
t 'certificates --help' helps doorman-sign certificates --help
t 'crl doorman -c nowhere -h' helps doorman-sign crl doorman -c nowhere -h
t 'doorman-jira u:t 0 file --help' helps doorman-jira u:t 0 file --help

# Each command that the help knows has its own.
doorman --help | sed -n 's/^\(usage:\|      \) doorman \([a-z -]*[a-z]\).*/\2/p' \
    >../commands
t 'there are commands' test "$(wc -l <../commands)" -ge 8
while IFS= read -r c; do
	# shellcheck disable=SC2086 # its words
	t "$c --help" helps doorman $c --help
done <../commands

of='mistakes'
wrong() { # wrong SAYS LINE...
	what=$1
	shift
	run 2 "$@" && says "$what" && [ ! -s out ] && nothing_made
}
t 'no command' wrong 'which command?' doorman
t 'a command misspelt' wrong "unknown command 'serv': did you mean 'serve'?" \
    doorman serv
t 'its second word misspelt' \
    wrong "unknown command 'tickets aprove': did you mean 'tickets approve'?" \
    doorman tickets aprove X
t 'a command unlike any' wrong "unknown command 'xyzzy'" doorman xyzzy
t 'then nothing is guessed' sh -c '! grep -q "did you mean" err'
t 'an option misspelt' \
    wrong "unknown option '--nmae': did you mean '--name'?" \
    doorman init DIR --nmae 'O=X, C=GB'
t 'an option of another command' wrong "unknown option '--encrypt'" \
    doorman serve --encrypt
t 'an option without its argument' wrong '--name needs an argument' \
    doorman init DIR --name
t 'a flag with one' wrong '--encrypt=yes takes no argument' \
    doorman init DIR --encrypt=yes
t 'an unknown letter' wrong "unknown option '-x'" doorman serve -x
t 'a word too many' wrong "unexpected word 'extra'" doorman serve extra
t 'a word missing' wrong 'init needs DIR' doorman init
t 'a kind of key that is none' wrong "unknown kind of key 'dsa'" \
    doorman init DIR --ca-keys dsa
for fd in -1 x 3x 99999 '' ' 3'; do
	t "descriptor '$fd'" wrong "--pin-fd: '$fd' is not a number" \
	    doorman init DIR "--pin-fd=$fd"
done
t 'a list that is none' wrong "unknown command 'cll': did you mean 'crl'?" \
    doorman-sign cll
t 'minutes with a unit' wrong "--within: '5m' is not a number" \
    doorman-sign crl --unattended --within 5m
t 'an option of the signer misspelt' \
    wrong "unknown option '--unatended': did you mean '--unattended'?" \
    doorman-sign crl --unatended
t 'a port that is none' wrong 'usage: doorman-jira' doorman-jira u:t 70000
t 'an option that it does not have' wrong 'usage: doorman-jira' \
    doorman-jira --port

# The name of the release is the library's, and that of the packages.
v=$(sed -n 's/^#define REVCHECK_VERSION "\(.*\)"/\1/p' "$TOP/revcheck/revcheck.h")
run 0 doorman --version
t 'the release is the library'\''s' shows "doorman ${v:-none}"
echo "1..$n"
exit $bad
