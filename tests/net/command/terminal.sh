#!/bin/sh
# What a terminal gets and a file does not: colour, and a line of progress for
# what takes long. And how long the command is patient.
set -u
exec 2>&1
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/lib/pki.sh
. "$TOP/tests/lib/pki.sh"
of=terminal
R=$BIN/revcheck
trap pki_end EXIT
pki_serve
pki_new
pki_leaf good
E="--anchors root.pem --allow-address 127.0.0.1 --any-port"
script_for() { curl -s -X POST --data-binary "$1" "$WEBCONTROL/_script" >/dev/null; }
ESC=$(printf '\033')
# tty WANTED-STATUS ARGUMENT...: on a terminal, which shows up in the file out.
tty() {
	want=$1
	shift
	script -qec "$R $*" /dev/null </dev/null >out 2>err
	got=$?
	[ "$got" = "$want" ] && return 0
	echo "# exit status $got, expected $want"
	return 1
}
coloured() { grep -q "$ESC\\[" out; }
plain() { ! coloured; }
export TERM=xterm
unset NO_COLOR

t 'a terminal' tty 0 check $E good.chain.pem
t 'gets colour' coloured
t '--color never' tty 0 check $E --color never good.chain.pem
t 'does without' plain
NO_COLOR=1
export NO_COLOR
t 'NO_COLOR' tty 0 check $E good.chain.pem
t 'does, too' plain
t 'unless told otherwise' tty 0 check $E --color always good.chain.pem
t 'by the option' coloured
unset NO_COLOR
dumb() { TERM=dumb tty 0 check $E good.chain.pem && plain; }
t 'and so does a dumb one' dumb

# An octet every ten milliseconds: two seconds and more.
script_for '/ca.crl drip=10'
t 'a slow list' tty 0 check $E --color never good.chain.pem
progress() {
	grep -q "B of [0-9]* B  $WEB/ca.crl" out && grep -q '\[#* *\]' out
}
t 'shows how far it is' progress
wiped() { grep -q "$(printf '\r')$ESC\\[K" out; }
t 'and wipes that' wiped
t 'a file gets no such line' run 0 "$R" check $E good.chain.pem
silent() { [ ! -s err ] && ! grep -q "$(printf '\r')" out; }
t 'nor do its errors' silent
for i in 1 2 3; do echo good.chain.pem; done >list
script_for '/ca.crl drip=10'
t 'a long list of chains' tty 0 check $E --color never --list list
counted() { grep -q ' of 3  ' out; }
t 'counts them' counted

# Longer than the deadline by default, while something arrives.
script_for '/ca.crl drip=25'
t 'what arrives is waited for' run 0 "$R" check $E good.chain.pem
t 'not beyond a deadline that is given' run 2 "$R" check $E --deadline-ms 1000 \
    good.chain.pem
t 'which is told' shows '--deadline-ms N waits longer'
script_for '/ca.crl never'
t 'what says nothing is not' run 2 "$R" check $E good.chain.pem
t 'on a terminal' tty 2 check $E --color never --deadline-ms 2000 good.chain.pem
t 'says who is asked' shows "asking $WEB/ca.crl"
echo "1..$n"
exit $bad
