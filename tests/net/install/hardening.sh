#!/bin/sh
# What make install puts is hardened: each program and the shared library, by
# what the linker has written into them and the compiler into their debug data.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
R=${RELEASE:-$TOP/build/release}
: >out 2>err

dyn() { grep -q "$1" dynamic; }
symbol() { grep -qE " $1(@|\$)" symbols; }
# The least that any translation unit was compiled with.
all_compiled() { [ -s producers ] && ! grep -v -e "$1" producers >out; }

for f in bin/p2p-gateway bin/revcheck lib/librevcheck.so \
    fixtures/doorman fixtures/doorman-sign; do
	of=${f##*/}
	b=$R/$f
	readelf -W -d "$b" >dynamic 2>err
	readelf -W -l "$b" >segments
	readelf -W --dyn-syms "$b" | awk '{print " " $8}' >symbols
	readelf --debug-dump=info "$b" 2>/dev/null | sed -n 's/.*DW_AT_producer *: //p' |
	    grep 'GNU C' | sort -u >producers
	t 'position independent' grep -q 'Elf file type is DYN' segments
	case $f in bin/* | fixtures/*) t 'PIE' dyn 'FLAGS_1.* PIE' ;; esac
	t 'RELRO' grep -q GNU_RELRO segments
	t 'all of it: bound at once' dyn 'BIND_NOW\|FLAGS_1.*NOW'
	t 'no stack is executed' grep -qE 'GNU_STACK .* RW +0x' segments
	t 'nothing is both written and executed' sh -c '! grep -q "LOAD.* RWE" segments'
	t 'no text is relocated' sh -c '! grep -q TEXTREL dynamic'
	t 'no path of this machine' sh -c '! grep -qE "RPATH|RUNPATH" dynamic'
	t 'stack protector' symbol __stack_chk_fail
	t 'of the strong kind' all_compiled -fstack-protector-strong
	t 'fortified' symbol '__[a-z]+_chk'
	t 'stacks do not clash' all_compiled -fstack-clash-protection
	# Not by the note: what libc brings to the link has none in Debian 12.
	case $(uname -m) in
	x86_64) t 'control flow is marked' all_compiled -fcf-protection ;;
	aarch64) t 'control flow is marked' all_compiled -mbranch-protection ;;
	esac
done
of='release'
t 'as far as gcc and libc can' sh -c "
    want=\$(echo level __USE_FORTIFY_LEVEL | cc -O2 -U_FORTIFY_SOURCE \
	-D_FORTIFY_SOURCE=3 -include features.h -E -P - | sed -n 's/^level //p')
    grep -q -e \"-D_FORTIFY_SOURCE=\$want \" '$R/.flags'"
t 'nothing is linked that is not used' sh -c "
    for b in bin/p2p-gateway bin/revcheck fixtures/doorman; do
	ldd -u '$R'/\$b; done 2>&1 | grep '/lib' >out; test ! -s out"
echo "1..$n"
exit $bad
