#!/bin/sh
# lint.sh CPPFLAGS FILE...: clang-tidy and cppcheck, warnings are errors.
set -u
cpp=$1
shift
# shellcheck disable=SC2086
printf '%s\n' "$@" | xargs -P2 -n4 clang-tidy --quiet 2>/dev/null \
    --extra-arg=-std=gnu11 $(for f in $cpp; do echo "--extra-arg=$f"; done) \
    || { echo 'lint: clang-tidy found something'; exit 1; }
# shellcheck disable=SC2086
cppcheck -q -j2 --std=c11 --language=c --error-exitcode=1 --inline-suppr \
    --enable=warning,performance,portability \
    --suppress=missingIncludeSystem --suppress=checkersReport -I. "$@" ||
    { echo 'lint: cppcheck found something'; exit 1; }
echo 'lint: ok'
