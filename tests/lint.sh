#!/bin/sh
# lint.sh CPPFLAGS FILE...: clang-tidy and cppcheck, warnings are errors.
set -u
cpp=$1
shift
# The examples include <revcheck.h> as installed: hence -Irevcheck.
# shellcheck disable=SC2086
printf '%s\n' "$@" | xargs -P2 -n4 clang-tidy --quiet 2>/dev/null \
    --extra-arg=-std=gnu11 --extra-arg=-Irevcheck \
    $(for f in $cpp; do echo "--extra-arg=$f"; done) \
    || { echo 'lint: clang-tidy found something'; exit 1; }
# varFuncNullUB: NULL is a pointer wherever POSIX is, so that it may end a list
# of arguments.
cppcheck -q -j2 --std=c11 --language=c --error-exitcode=1 --inline-suppr \
    --enable=warning,performance,portability \
    --suppress=missingIncludeSystem --suppress=checkersReport \
    --suppress=varFuncNullUB --library=tests/cppcheck.cfg -I. "$@" ||
    { echo 'lint: cppcheck found something'; exit 1; }
echo 'lint: ok'
