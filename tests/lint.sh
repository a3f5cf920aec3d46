#!/bin/sh
# lint.sh CPPFLAGS FILE...: clang-tidy and cppcheck, warnings are errors.
set -u
cpp=$1
shift
# tidy ARGUMENT... <FILES: the examples include <revcheck.h> as installed, hence
# -Irevcheck.
tidy() {
	# shellcheck disable=SC2046,SC2086
	xargs -P"$(nproc)" -n4 clang-tidy --quiet 2>/dev/null \
	    --extra-arg=-std=gnu11 --extra-arg=-Irevcheck \
	    $(for f in $cpp "$@"; do echo "--extra-arg=$f"; done)
}
ok=1
cmocka='^tests/(unit|net|lib|doorman)/'
printf '%s\n' "$@" | grep -vE "$cmocka" | tidy || ok=0
printf '%s\n' "$@" | grep -E "$cmocka" | tidy -include tests/lint.h || ok=0
[ $ok = 1 ] || echo 'lint: clang-tidy found something'
# varFuncNullUB: NULL is a pointer wherever POSIX is, so that it may end a list
# of arguments. unknownEvaluationOrder, uninitdata: wrong about initializers and
# about p = q = malloc(). A test that has no memory may leak.
cppcheck -q -j2 --std=c11 --language=c --error-exitcode=1 --inline-suppr \
    --enable=warning,performance,portability \
    --suppress=missingIncludeSystem --suppress=checkersReport \
    --suppress=varFuncNullUB --suppress=unknownEvaluationOrder \
    --suppress=uninitdata --suppress='memleakOnRealloc:tests/*' \
    --suppress='nullPointerRedundantCheck:tests/*' \
    --suppress='legacyUninitvar:tests/bench/*' \
    --suppress='assertWithSideEffect:tests/fuzz/*' --library=tests/cppcheck.cfg -I. "$@" ||
    { echo 'lint: cppcheck found something'; ok=0; }
[ $ok = 1 ] && echo 'lint: ok'
