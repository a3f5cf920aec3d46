#!/bin/sh
# Includes point down: gateway -> revcheck.h -> cache -> cache/base; the
# command uses the public header only; fixtures and the product share nothing.
set -u
bad=0
# rule FILES FORBIDDEN EXCEPT SENTENCE: in FILES no include that matches
# FORBIDDEN, unless it matches EXCEPT.
rule() {
	hits=$(git ls-files "$1" | grep '\.[ch]$' | xargs -r grep -nE \
	    "^[[:space:]]*#[[:space:]]*include[[:space:]]+\"($2)" /dev/null |
	    grep -vE "include[[:space:]]+\"($3)\"")
	[ -z "$hits" ] || { printf '%s\n%s\n' "$4:" "$hits"; bad=1; }
}
none='no-exception'
above='(revcheck|gateway|fixtures|tests)/'
rule 'cache/base/*' "cache/([a-z_0-9]+|[ac-z0-9][a-z0-9]*/[a-z_0-9]+)\\.h|$above" "$none" \
    'the cellar includes nothing above itself'
rule 'cache/*' "$above" "$none" 'the archive does not look up'
rule 'revcheck/*' '(gateway|fixtures|tests)/' "$none" \
    'the judge does not look up'
rule 'revcheck/cli/*' '(cache|revcheck)/' \
    'revcheck/revcheck\.h|revcheck/cli/[a-z_]+\.h' \
    'the command is a user of the public header'
rule 'gateway/*' '(cache|revcheck|fixtures|tests)/' \
    'revcheck/revcheck\.h|cache/base/[a-z_]+\.h' \
    'the door knows the public header and the cellar only'
rule 'fixtures/*' '(cache|revcheck|gateway|tests)/' "$none" \
    'fixtures share no code with what they test'
[ $bad = 0 ] && echo 'check-deps: includes point down'
exit $bad
