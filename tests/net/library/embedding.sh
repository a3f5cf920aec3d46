#!/bin/sh
# What the README shows, as a stranger takes it from there: the program against
# the installed library, shared and static, compiles, runs, says yes and no; the
# configuration is one that the gateway takes.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"

profile=$(basename "$BUILD")
case $profile in
asan) san='-fsanitize=address,undefined' ;;
tsan) san='-fsanitize=thread' ;;
*) san='' ;;
esac

echo 1..10
unset MAKEFLAGS MAKELEVEL MFLAGS
make -C "$TOP" PROFILE="$profile" install DESTDIR="$PWD/stage" \
    PREFIX=/opt/revcheck \
    >out 2>&1
ok $? 'make install DESTDIR PREFIX'

awk '/^```c$/ {on = 1; next} /^```$/ {on = 0} on' "$TOP/README.md" >sample.c
test "$(grep -c 'int' sample.c)" -gt 0 -a "$(wc -l <sample.c)" -le 40 >out 2>&1
ok $? 'the README has a program of at most 40 lines'

export PKG_CONFIG_SYSROOT_DIR="$PWD/stage"
export PKG_CONFIG_PATH="$PWD/stage/opt/revcheck/lib/pkgconfig"
# shellcheck disable=SC2046,SC2086
cc -std=c11 -Wall -Wextra -Werror $san -o shared sample.c \
    $(pkg-config --cflags --libs librevcheck) >out 2>&1
ok $? 'it compiles and links with pkg-config --libs'
# The library alone is static: Debian has no static libcurl to link whole.
# shellcheck disable=SC2046,SC2086
cc -std=c11 -Wall -Wextra -Werror $san -o static sample.c \
    $(pkg-config --cflags librevcheck) stage/opt/revcheck/lib/librevcheck.a \
    $(pkg-config --libs libcurl libevent libevent_pthreads libcjson sqlite3 openssl) \
    -pthread >out 2>&1
ok $? 'it links with the static library'

"$FIXTURES/ca" new net >out 2>&1 || exit 1
export LD_LIBRARY_PATH="$PWD/stage/opt/revcheck/lib"
./shared net/peers/good.pem net/trust.pem >out 2>&1
ok $? 'a chain without a known status is let in by SOFT_FAIL'
grep -q "unknown.*SOFT_FAIL" out
ok $? 'and the sentence says so'
./shared net/peers/good.pem net/foreign/ca.pem >out 2>&1
test $? = 1
ok $? 'a chain of somebody else is refused'
./static net/peers/good.pem net/trust.pem >out 2>&1
ok $? 'the static program says the same'
./shared net/ca.conf net/trust.pem >out 2>&1
test $? = 1
ok $? 'a file that is no certificate is refused'

cp net/gateway.pem net/gateway.key .
cp net/trust.pem network-root.pem
hash=$(echo secret | stage/opt/revcheck/sbin/p2p-gateway --hash-password)
awk '/^```json$/ {on = 1; next} /^```$/ {on = 0} on' "$TOP/README.md" |
    sed -e "s|\"\.\.\.\"|\"$hash\"|" -e "s|/var/lib|$PWD|" >gateway.json
stage/opt/revcheck/sbin/p2p-gateway --config gateway.json --check-config \
    >out 2>&1
ok $? "the README's configuration passes --check-config"
exit $bad
