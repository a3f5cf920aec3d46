#!/bin/sh
# mutate.pl says of each mutant what is known of it, in a small tree whose
# product is one line.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# mutate TESTS: tries the mutant that lets everybody in, with these tests.
mutate() {
	printf 'all-in: rule, serious\n\tBad.\n\t- deny\n\t+ allow\n\ttests: %s\n' \
	    "$*" >table
	perl "$TOP/tests/mutate.pl" table >out 2>&1
}

mkdir tests
echo deny >rule
printf 'tests:\nlist-tests:\n\t@echo $(T)\n' >Makefile
# Two tests that pass as things are, one that does not.
cat >tests/run <<'END'
case $2 in
looks) grep -q deny rule ;;
blind) true ;;
*) false ;;
esac
END
{ git init -q . && git add rule Makefile tests/run; } >out 2>&1 || exit 1

mutate looks && grep -q '^killed   all-in: by looks' out &&
	grep -q '^1 of 1 killed' out
ok $? 'a test that fails for it kills a mutant'

mutate blind
[ $? = 1 ] && grep -q '^SURVIVED all-in' out && grep -q '^0 of 1 killed' out
ok $? 'one that no test notices survives'

mutate broken
[ $? = 1 ] && grep -q '^NOT RUN  all-in: without broken' out &&
	grep -q '^0 of 0 killed' out && grep -q '^1 NOT RUN' out &&
	! grep -q SURVIVED out
ok $? 'one whose test fails by itself was not run'

mutate broken blind
[ $? = 1 ] && grep -q '^NOT RUN  all-in: without broken' out
ok $? 'nor one that the other tests do not notice'

mutate broken looks
[ $? = 1 ] && grep -q '^killed   all-in: by looks' out &&
	grep -q '^broken fails without a mutant' out
ok $? 'killed by another it is killed, and the run fails for the test'

[ "$(cat rule)" = deny ] && [ "$(cat build/mutate/tree/rule)" = deny ]
ok $? 'the product is as it was'
echo "1..$n"
exit $bad
