#!/bin/sh
# The Debian packages: lintian has nothing to say, each has what it should, and
# in a clean root they are installed, used, upgraded, removed and purged, with
# nothing left behind.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
of=deb
unset T MAKEFLAGS MAKELEVEL MFLAGS PROFILE
: >out 2>err
# shellcheck source=tests/lib/debroot.sh
. "$TOP/tests/lib/debroot.sh"
V=$(sed -n 's/^#define REVCHECK_VERSION "\(.*\)"/\1/p' "$TOP/revcheck/revcheck.h")

# As they are.
if command -v lintian >/dev/null; then
	t 'lintian' run 0 lintian --allow-root --fail-on error,warning \
	    "$debs/p2p-gateway_${V}_$(dpkg --print-architecture).changes"
	t 'has nothing to say' sh -c '! grep . out'
else
	n=$((n + 1))
	echo "ok $n - lintian # SKIP no lintian"
fi
for p in p2p-gateway revcheck librevcheck0 librevcheck-dev doorman; do
	t "$p has the version" test "$(dpkg-deb -f "$debs/$p"_[0-9]*.deb Version)" = "$V"
	dpkg-deb -x "$debs/$p"_[0-9]*.deb deb
done
for f in usr/sbin/p2p-gateway usr/bin/revcheck usr/sbin/doorman \
    usr/sbin/doorman-sign; do
	readelf -W -d -l "deb/$f" >out
	t "$f is hardened" sh -c 'grep -q GNU_RELRO out && grep -q "FLAGS_1.*NOW.*PIE" out'
done
sed -n '/^Build-Depends/,/^$/p' "$TOP/gateway/debian/control" >bd
make -s -C "$TOP" list-packages | tr ' ' '\n' | grep '^lib.*-dev$' |
    grep -v '^libc6-dev$' >wanted
t 'every library that is built against is asked for' sh -c "
    test \$(wc -l <wanted) -gt 5 || exit 1
    while read -r l; do grep -qE \" \$l( |,|\\\$)\" bd || exit 1; done <wanted"

# Installed.
find "$R" -xdev ! -type d | sed "s|^$R||" | sort >before
t 'installs' run 0 apt p2p-gateway revcheck librevcheck0 doorman
t 'without a warning' sh -c '! grep -iE "warning|error|failed" err'
for c in 'p2p-gateway --version' 'doorman --version' 'doorman-sign --version' \
    'revcheck --version'; do
	# shellcheck disable=SC2086
	t "$c" run 0 in_root $c
	t 'is this one' test "$(head -n 1 out)" = "${c%% *} $V"
done
t 'revcheck --help' run 0 in_root revcheck --help
for u in p2p-gateway doorman doorman-sign; do
	t "there is the user $u" run 0 in_root getent passwd $u
	t 'who cannot log in' grep -q nologin out
done
mode() { [ "$(in_root stat -c '%a %U:%G' "$1")" = "$2" ]; }
t 'who else reads the configuration' mode /etc/p2p-gateway '750 root:p2p-gateway'
t 'what it keeps is its own' mode /var/lib/p2p-gateway '700 p2p-gateway:p2p-gateway'
t "the doorman's folders too" mode /var/lib/doorman '700 doorman:doorman'
t 'the gateway is enabled, for when it is configured' test -L \
    "$R/etc/systemd/system/multi-user.target.wants/p2p-gateway.service"
t 'no port is' test ! -e "$R/etc/systemd/system/sockets.target.wants/p2p-gateway.socket"
t 'nor the signer' test ! -e \
    "$R/etc/systemd/system/timers.target.wants/doorman-sign-reissue.timer"

# Used.
t 'a first configuration' run 0 in_root p2p-gateway --init /root/try --demo-pki
t 'is taken' run 0 in_root p2p-gateway --config /root/try/p2p-gateway.json --check-config
t 'the command asks' run 1 in_root revcheck check --chain /root/try/pki/revoked.pem \
    --anchors /root/try/pki/root.pem --crl /root/try/pki/root.crl
t 'and says revoked' shows revoked
t 'a doorman is made' run 0 in_root doorman init /root/net --unencrypted
mkdir -p "$R/usr/local/src"
awk '/^```c$/ {on = 1; next} /^```$/ {on = 0} on' "$TOP/README.md" \
    >"$R/usr/local/src/sample.c"
t 'the library for programs of others' run 0 apt librevcheck0 librevcheck-dev
t 'with a compiler' run 0 in_root apt-get install -y -qq --no-install-recommends \
    gcc libc6-dev pkg-config
# shellcheck disable=SC2016
t "the README's program" run 0 in_root sh -c 'cc -Wall -Werror -o /root/sample \
    /usr/local/src/sample.c $(pkg-config --cflags --libs librevcheck)'
t 'runs' run 0 in_root /root/sample /root/try/pki/good.pem /root/try/pki/root.pem
# shellcheck disable=SC2016
t 'the examples' run 0 in_root sh -c 'for f in \
    /usr/share/doc/librevcheck-dev/examples/*.c; do cc -o /root/example "$f" \
    $(pkg-config --cflags --libs librevcheck openssl libevent libevent_pthreads) || exit 1; done'

# An older version goes over into this one; what is whose stays.
mkdir "$R/old"
for p in p2p-gateway doorman; do
	dpkg-deb -R "$debs/$p"_[0-9]*.deb old
	sed -i 's/^Version: .*/Version: 0.0.1/' old/DEBIAN/control
	dpkg-deb --root-owner-group -b old "$R/old/$p.deb" >out 2>err
	rm -rf old
done
t 'an older one' run 0 in_root dpkg -i --force-downgrade /old/p2p-gateway.deb /old/doorman.deb
cp "$R/root/try/p2p-gateway.json" "$R/etc/p2p-gateway/"
echo kept >"$R/var/lib/p2p-gateway/state.db"
t 'is upgraded' run 0 apt p2p-gateway doorman
t 'to this one' sh -c "chroot '$R' dpkg-query -W p2p-gateway | grep -q '$V\$'"
t 'the configuration stays' cmp "$R/root/try/p2p-gateway.json" \
    "$R/etc/p2p-gateway/p2p-gateway.json"
t 'what is kept stays' grep -q kept "$R/var/lib/p2p-gateway/state.db"

# Gone.
all='p2p-gateway revcheck librevcheck0 librevcheck-dev doorman'
# shellcheck disable=SC2086
t 'removed' run 0 in_root apt-get remove -y -qq $all
t 'no program is left' test ! -e "$R/usr/sbin/p2p-gateway"
t 'what is kept is' test -e "$R/var/lib/p2p-gateway/state.db"
echo mine >"$R/var/lib/doorman/doorman.sqlite"
# shellcheck disable=SC2086
t 'purged' run 0 in_root dpkg --purge $all
t 'what the gateway has kept is gone' test ! -e "$R/var/lib/p2p-gateway"
t "what the operator has put stays" test -e "$R/etc/p2p-gateway/p2p-gateway.json"
t "and the doorman's record" grep -q mine "$R/var/lib/doorman/doorman.sqlite"
t 'which is said' says '/var/lib/doorman is not empty and stays'
rm "$R/etc/p2p-gateway/p2p-gateway.json" "$R/var/lib/doorman/doorman.sqlite"
rm -rf "$R/root" "$R/usr/local/src" "$R/debs" "$R/old"
t 'installed once more' run 0 apt p2p-gateway doorman
t 'and purged' run 0 in_root dpkg --purge p2p-gateway doorman
rm -rf "$R/debs"

# make install, for who takes no packages: what they wanted is there still.
mk() { make -s -C "$TOP" DESTDIR="$R" "$@"; }
t 'make install into it' run 0 mk install
t "the README's next line" run 0 in_root sh -c \
    'systemd-sysusers && systemd-tmpfiles --create p2p-gateway.conf doorman.conf'
t 'makes the folders' mode /etc/p2p-gateway '750 root:p2p-gateway'
t 'the units are there' run 0 in_root systemctl enable p2p-gateway
t 'the program runs' run 0 in_root p2p-gateway --version
t 'the library is found' run 0 in_root sh -c 'ldconfig; ldconfig -p | grep librevcheck.so.0'
t 'make uninstall' run 0 mk uninstall
in_root systemctl disable p2p-gateway >out 2>err
in_root rmdir /etc/p2p-gateway /var/lib/p2p-gateway /etc/doorman /var/lib/doorman
# Of others: what dpkg knows, and what their scripts, apt and its logs write.
cat "$R"/var/lib/dpkg/info/*.list | sort -u >theirs
find "$R" -xdev ! -type d | sed "s|^$R||" | sort | comm -13 before - |
    comm -23 - theirs | grep -vE '^/(var/(lib/(dpkg|apt)|cache|log)|tmp|proc|dev)/' >left
grep -E 'p2p-gateway|revcheck|doorman' left >out
t 'nothing of ours is left' test ! -s out
find "$R" -xdev -type d | grep -E 'p2p-gateway|revcheck|doorman' >out
t 'no folder' test ! -s out
echo "# left by others: $(tr '\n' ' ' <left)"
echo "1..$n"
exit $bad
