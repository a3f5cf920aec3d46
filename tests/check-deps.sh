#!/bin/sh
# Includes point down: gateway -> revcheck.h -> cache -> cache/base; the
# command uses the public header only; fixtures and the product share nothing.
set -u
bad=0
rule() { # rule FILES-GLOB FORBIDDEN-REGEX SENTENCE
	hits=$(git ls-files "$1" | xargs -r grep -nE \
	    "^[[:space:]]*#[[:space:]]*include[[:space:]]+[\"<]($2)" /dev/null)
	[ -z "$hits" ] || { printf '%s\n%s\n' "$3:" "$hits"; bad=1; }
}
rule 'cache/base/*' '(cache/[a-z_]+\.h|revcheck|gateway|fixtures|tests)' \
    'the cellar includes nothing above itself'
rule 'cache/*' '(revcheck|gateway|fixtures|tests)' \
    'the archive does not look up'
rule 'revcheck/*' '(gateway|fixtures|tests)' 'the judge does not look up'
rule 'revcheck/cli/*' '(cache/|revcheck/[^r]|revcheck/r[^e]|revcheck/rep)' \
    'the command is a user of the public header'
rule 'gateway/*' '(cache/[a-z_]+\.h|revcheck/[^r]|revcheck/r[^e]|fixtures|tests)' \
    'the door knows the public header and the cellar only'
rule 'fixtures/*' '(cache|revcheck|gateway|tests)/' \
    'fixtures share no code with what they test'
[ $bad = 0 ] && echo 'check-deps: includes point down'
exit $bad
