#!/bin/sh
# check-deps finds what it is for, each time by the one thing that was changed
# in a small tree that is as it should be.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# Two rooms: high/ may use low/, which knows nothing; in low/ one file calls
# another.
tree() {
	rm -rf tree
	mkdir -p tree/gate/low tree/gate/high
	cd tree || exit 1
	printf 'gate/low:\ngate/high: gate/low # downwards\n' >rooms
	printf 'int low(int);\nint deep(int);\n' >gate/low/low.h
	printf 'int high(int);\n' >gate/high/high.h
	printf '#include "gate/low/low.h"\nint low(int i) {return deep(i);}\n' \
	    >gate/low/low.c
	printf '#include "gate/low/low.h"\nint deep(int i) {return i;}\n' \
	    >gate/low/deep.c
	printf '#include "gate/low/low.h"\nint high(int i) {return low(i);}\n' \
	    >gate/high/high.c
}
# Compiles and checks; the status is that of check-deps.
check() {
	for c in gate/*/*.c; do
		mkdir -p "obj/${c%/*}"
		cc -I. -c -o "obj/${c%.c}.o" "$c" || exit 1
	done
	sh "$TOP/tests/check-deps.sh" obj rooms >../out 2>&1
	status=$?
	cd ..
	return $status
}
# finds TEXT NAME: it fails, and says so.
finds() {
	check
	[ $? = 1 ] && grep -qF "$1" out
	ok $? "$2"
}

tree
check
ok $? 'a tree that is as it should be passes'
tree
echo '#include "gate/high/high.h"' >>gate/low/deep.c
finds 'gate/low/deep.c includes "gate/high/high.h"' \
    'a header of a room that is not listed'
tree
echo '#include "high.h"' >>gate/high/high.c
finds 'expected its room' 'a header that does not say its room'
tree
printf 'int high(int);\nint deep(int i) {return high(i);}\n' >gate/low/deep.c
finds 'gate/low/deep calls high of gate/high/high' \
    'a prototype declared again'
tree
sed -i 's|^gate/low:|& gate/high|' rooms
finds 'rooms: a circle' 'a circle in the table'
tree
printf '#include "gate/low/low.h"\nint deep(int i) {return low(i);}\n' \
    >gate/low/deep.c
finds 'a circle of calls: gate/low/' 'a circle in a room'
tree
mkdir gate/new
echo 'int new;' >gate/new/new.c
finds 'is in no room' 'a folder that is no room'
tree
mkdir -p fixtures/a
echo '#include "gateway/conf/conf.h"' >fixtures/a/a.c
finds 'fixtures share no code' 'a fixture that includes what it tests'
echo "1..$n"
exit $bad
