#!/bin/sh
# The doorman installed: programs, manual and units where they belong, the
# units well made and confined, and all of it gone after `make uninstall`.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
profile=$(basename "$BUILD")
unset MAKEFLAGS MAKELEVEL MFLAGS
PREFIX=$PWD/stage/opt/net
of='install'

t 'make install-doorman' run 0 make -C "$TOP" PROFILE="$profile" \
    install-doorman DESTDIR="$PWD/stage" PREFIX=/opt/net
t 'make install takes it along' sh -c "make -C '$TOP' -n \
    PROFILE='$profile' install DESTDIR=/x PREFIX=/y 2>err | grep -q /x/y/sbin/"
find stage -type f | sort >files
t 'for root to write' test -z "$(find stage -type f -perm /022)"
for p in doorman doorman-sign; do
	t "$p runs" run 0 "$PREFIX/sbin/$p" --version
	t "$p is executable by all" test -n "$(find "$PREFIX/sbin/$p" -perm 755)"
	t "$p: help" run 0 "$PREFIX/sbin/$p" --help
done
t 'nothing of the tests' sh -c '! grep -q jira files'
for m in man8/doorman.8 man8/doorman-sign.8 man5/doorman.conf.5; do
	t "$m is read without a complaint" sh -c \
	    "LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z \
	    '$PREFIX/share/man/$m' 2>err >/dev/null; test ! -s err"
done

# Every command stands in its page, with every option of the program.
for p in doorman doorman-sign; do
	"$PREFIX/sbin/$p" --help >help
	t "$p(8): every option" sh -c "
	    grep -oE -e '--[a-z][a-z-]+ ?' help | tr -d ' ' | sort -u |
	    while read -r o; do
		grep -qE \"Fl Fl \${o#--}( |\$)\" '$PREFIX/share/man/man8/$p.8' ||
		    { echo \"\$o\" >&2; exit 1; }
	    done 2>err"
done

units=$PREFIX/lib/systemd/system
t 'four units' test "$(ls "$units" | grep -c '^doorman')" = 4
t 'their path is filled in' sh -c "! grep -r '@PREFIX@' '$units'"
# They are looked at where they are now.
mkdir units
for u in "$units"/doorman*; do
	sed "s|/opt/net/sbin|$PREFIX/sbin|" "$u" >"units/$(basename "$u")"
done
if command -v systemd-analyze >/dev/null; then
	t 'they are well made' run 0 systemd-analyze verify --man=no \
	    units/doorman.service units/doorman-ocsp.service \
	    units/doorman-sign-reissue.service units/doorman-sign-reissue.timer
	t 'without a word' sh -c '! grep -h doorman out err'
	for u in doorman doorman-ocsp doorman-sign-reissue; do
		t "$u is confined" run 0 systemd-analyze security \
		    --offline=yes --threshold=30 "units/$u.service"
	done
else
	n=$((n + 1))
	echo "ok $n - units # SKIP no systemd-analyze"
fi
t 'both have a user' test "$(grep -c '^u doorman' \
    "$PREFIX/lib/sysusers.d/doorman.conf")" = 2
t 'the folders are not for others' sh -c \
    "! grep -E '^d .* 07[0-9][1-7] ' '$PREFIX/lib/tmpfiles.d/doorman.conf'"

# The unit's own line re-issues: with a credential, and not needing it.
"$PREFIX/sbin/doorman" init net --encrypt --pin-fd 3 3<<P >init.log 2>&1
secret
P
mkdir creds
echo secret >creds/pin
mkfifo ready
"$PREFIX/sbin/doorman" serve -c net/doorman.conf >ready 2>serve.log &
served=$!
trap 'kill $served; wait' EXIT
IFS= read -r line <ready
line=$(sed -n "s|^ExecStart=/bin/sh -c '\(.*crl doorman.*\)'$|\1|p" \
    "$units/doorman-sign-reissue.service" |
    sed -e "s|/opt/net|$PREFIX|" -e "s|/etc/doorman/sign.conf|net/sign.conf|")
export CREDENTIALS_DIRECTORY=$PWD/creds
t 'the line is there' test -n "$line"
t 'there is nothing to do yet' run 3 sh -c "$line"
t 'that counts as success' grep -qx 'SuccessExitStatus=3' \
    "$units/doorman-sign-reissue.service"
soon=$(echo "$line" | sed 's/--within [0-9]*/--within 1000000/')
t 'near its end the list is signed anew' run 0 sh -c "$soon"
t 'with the passphrase from the credential' run 0 \
    "$PREFIX/sbin/doorman" crl-at doorman now -c net/doorman.conf
t 'it has the next number' grep -q '^number  *2$' out
echo wrong >creds/pin
t 'a wrong one is an error' run 1 sh -c "$soon"

t 'make uninstall-doorman' run 0 make -C "$TOP" PROFILE="$profile" \
    uninstall-doorman DESTDIR="$PWD/stage" PREFIX=/opt/net
t 'nothing is left' test -z "$(find stage -type f)"
echo "1..$n"
exit $bad
