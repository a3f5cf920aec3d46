#!/bin/sh
# make install: the release, in the places asked for; what it has put there is
# what it lists and what make uninstall takes away; a packager's flags count.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
unset T MAKEFLAGS MAKELEVEL MFLAGS PROFILE CFLAGS CPPFLAGS LDFLAGS
of='install'
S=$PWD/stage
mk() { make -C "$TOP" DESTDIR="$S" PREFIX=/opt/net "$@"; }
files() { (cd "$S" && find . \( -type f -o -type l \) | sed 's/^\.//') | LC_ALL=C sort; }
listed() { mk -s list-install "$@" | grep -v '^make'; }
same() { files >is && listed "$@" >wanted && diff wanted is >out; }

# Which build.
t 'alone it is the release' run 0 mk -n install
t 'nothing of another profile' sh -c \
    'grep -q " build/release/bin/p2p-gateway " out && ! grep -q build/debug out'
t 'with PROFILE, that one' run 0 mk -n install PROFILE=debug
t 'and no release' sh -c \
    'grep -q " build/debug/bin/p2p-gateway " out && ! grep -q build/release out'
t 'PROFILE may stand in the environment' run 0 env PROFILE=debug \
    make -C "$TOP" -n install DESTDIR="$S"
t 'too' sh -c '! grep -q build/release out'
t 'what is built stays debug' sh -c "make -C '$TOP' -n all 2>err >out; ! grep -q build/release out"

# What is put where.
t 'make install' run 0 mk install
t 'is what is listed' same
t 'each file once' test -z "$(uniq -d <wanted)"
t 'for root to write, for all to read' test -z \
    "$(find "$S" -type f \( -perm /022 -o ! -perm -044 \))"
t 'programs run' sh -c "for p in sbin/p2p-gateway bin/revcheck sbin/doorman \
    sbin/doorman-sign; do '$S/opt/net/'\$p --version >>out 2>err || exit 1; done"
t 'the page is in the program alone' sh -c \
    "! grep -aq P2P_GATEWAY_UI_DIR '$S/opt/net/sbin/p2p-gateway'"
t "the schema is the program's" sh -c "'$S/opt/net/sbin/p2p-gateway' \
    --config-schema | cmp - '$S/opt/net/share/p2p-gateway/p2p-gateway.schema.json'"

# The example: what it names put beside it, it is taken.
"$FIXTURES/ca" new net >out 2>&1
mkdir etc
cp "$S/opt/net/share/doc/p2p-gateway/examples/p2p-gateway.json" net/gateway.pem \
    net/gateway.key etc
cp net/trust.pem etc/anchors.pem
echo not-so-secret >etc/operator.password
chmod 600 etc/*
t "the example names the service's folder" grep -q '"state_dir": "/var/lib/p2p-gateway"' \
    etc/p2p-gateway.json
sed -i "s|/var/lib/p2p-gateway|$PWD/etc|" etc/p2p-gateway.json
t 'it is taken' run 0 "$S/opt/net/sbin/p2p-gateway" \
    --config etc/p2p-gateway.json --check-config
rm etc/operator.password
t 'not without a password' run 1 "$S/opt/net/sbin/p2p-gateway" \
    --config etc/p2p-gateway.json --check-config
t 'no mark is left' sh -c "! grep -rEl '@[A-Z]+@' '$S' --include='*.service' \
    --include='*.socket' --include='*.timer' --include='*.conf' --include='*.pc' >out"
mkdir -p "$S/opt/net/share/doc/p2p-gateway" "$S/opt/net/lib/pkgconfig"
echo theirs >"$S/opt/net/lib/pkgconfig/theirs.pc"
t 'make uninstall' run 0 mk uninstall
files >out
t 'takes that away, and nothing else' test "$(cat out)" = \
    /opt/net/lib/pkgconfig/theirs.pc
t 'nor leaves a folder of its own' test ! -e "$S/opt/net/share/doc/p2p-gateway"
rm -rf "$S"
t 'a part alone' run 0 mk install-command
files >out
t 'is that part' sh -c '! grep -vE "/revcheck(\.1|\.fish)?$|/_revcheck$" out'
rm -rf "$S"

# Each place by its variable.
set -- BINDIR=/v/bin SBINDIR=/v/sbin LIBDIR=/v/lib/x86_64-linux-gnu \
    INCLUDEDIR=/v/inc DATADIR=/v/share MANDIR=/v/man DOCDIR=/v/doc UNITDIR=/v/unit \
    SYSUSERSDIR=/v/sysusers TMPFILESDIR=/v/tmpfiles BASHCOMPDIR=/v/bash \
    ZSHCOMPDIR=/v/zsh FISHCOMPDIR=/v/fish SYSCONFDIR=/v/etc
t 'every place has its variable' run 0 mk install "$@"
files >out
t 'nothing is elsewhere' sh -c '! grep -v ^/v/ out'
t 'the list follows' same "$@"
for f in bin/revcheck sbin/doorman lib/x86_64-linux-gnu/librevcheck.so \
    inc/revcheck.h man/man8/p2p-gateway.8 unit/p2p-gateway.service \
    sysusers/p2p-gateway.conf tmpfiles/doorman.conf bash/revcheck zsh/_doorman \
    fish/p2p-gateway.fish; do
	t "$f" test -e "$S/v/$f"
done
export PKG_CONFIG_PATH="$S/v/lib/x86_64-linux-gnu/pkgconfig"
t 'pkg-config follows' run 0 pkg-config --cflags --libs librevcheck
t 'into both' sh -c 'grep -q -e -I/v/inc out && grep -q -e -L/v/lib/x86_64-linux-gnu out'
t 'units follow' run 0 grep -r --include='p2p-gateway.*' --include='doorman*' \
    -hE '^(Exec|Condition)' "$S/v/unit"
t 'everywhere' sh -c '! grep -E "(^|[^v])/(usr|etc|opt)/" out'
t 'make uninstall with them' run 0 mk uninstall "$@"
t 'leaves nothing' test -z "$(files)"

# One version.
V=$(pkg-config --version >/dev/null; sed -n 's/^#define REVCHECK_VERSION "\(.*\)"/\1/p' \
    "$TOP/revcheck/revcheck.h")
for p in p2p-gateway revcheck; do
	t "$p has the header's version" run 0 "$BIN/$p" --version
	t "on its first line" test "$(head -1 out)" = "$p $V"
	t "and OpenSSL's" grep -q '^OpenSSL 3' out
done
for p in doorman doorman-sign; do
	t "$p has the header's version" run 0 "$FIXTURES/$p" --version
	t "on its first line" test "$(head -1 out)" = "$p $V"
done
t 'the README tells what is new in it' grep -qE "^### $V( |,|\$)" "$TOP/README.md"

# A packager's flags, on the command line or in the environment, beside ours.
compiled() { # compiled NAME=VALUE...: the command that compiles a file
	rm -rf flags
	run 0 make -C "$TOP" V=1 B="$PWD/flags" PROFILE=release "$@" \
	    "$PWD/flags/obj/cache/base/bytes.o" && grep -e ' -c ' out >line
}
F='CPPFLAGS=-DPACKAGER=1 CFLAGS=-O3 LDFLAGS=-Wl,-O1'
# shellcheck disable=SC2086
t 'flags of a packager' compiled $F
t 'are taken, ours stay, theirs come last' sh -c \
    'grep -q -e "-DPACKAGER=1.*-O2.*-fstack-protector-strong.*-fPIC.*-O3" line'
# shellcheck disable=SC2086
t 'from the environment' run 0 env $F make -C "$TOP" V=1 B="$PWD/env" \
    PROFILE=release "$PWD/env/obj/cache/base/bytes.o"
t 'too' grep -q -e '-DPACKAGER=1.* -O3' out
t 'for linking' grep -q -e '-Wl,-z,now.*-Wl,-O1' env/.flags
t 'a level of FORTIFY of theirs' compiled 'CPPFLAGS=-D_FORTIFY_SOURCE=2'
t 'is the only one' sh -c '! grep -q _FORTIFY_SOURCE=3 line && test ! -s err'
t 'a flag with quotes' compiled "CPPFLAGS=-DWHO='\"me\"'"
echo "1..$n"
exit $bad
