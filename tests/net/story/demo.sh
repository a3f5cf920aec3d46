#!/bin/sh
# The two commands a newcomer types, as they are typed: every line of the demo
# holds, `run` stays until it is interrupted, and neither leaves a process or a
# directory behind.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
left() { # what is still there of a directory that was the stage
	ps -eo args= | grep -F "$PWD/p2p-demo" | grep -v grep
	ls -d "$PWD"/p2p-demo* 2>/dev/null
}

echo 1..9
export TMPDIR="$PWD"
sh "$TOP/fixtures/demo/demo.sh" "$BUILD" >out 2>&1 </dev/null
ok $? 'the demo exits with 0'
grep -q ' checks passed, 0 failed' out
ok $? 'and says that all checks passed'
test -z "$(left)"
ok $? 'and leaves nothing behind'

mkfifo said
sh "$TOP/fixtures/demo/run.sh" "$BUILD" >said 2>&1 </dev/null &
run=$!
exec 3<said
: >out
while IFS= read -r line <&3; do
	printf '%s\n' "$line" >>out
	case $line in
	*'Decisions, as they are made'*) break ;;
	esac
done
grep -q '^p2p-gateway is up' out
ok $? 'run says where everything is'
# The second thing to try, as it is printed.
try=$(sed -n '/^2\. /{n;p;}' out)
sh -c "$try" >tried 2>&1
grep -q 'certificate_revoked (44)' tried
ok $? 'what it proposes to try works'
# Something to look at, where and as whom it says, before anybody tries anything.
page=$(sed -n 's|^ *\(https://.*/ui/\)$|\1|p' out)
who=$(sed -n 's/^ *log in as \([^ ]*\) with \([^;]*\);.*/\1:\2/p' out)
curl -sk -u "$who" "$page" | grep -q '<title>p2p-gateway'
ok $? 'the page is where it says'
i=0
until curl -sk -u "$who" "${page}state" | jq -e '.summary | .soft > 0 and
    .good > 0 and .refused.revoked > 0 and .refused.path > 0' >state; do
	i=$((i + 1))
	[ $i -lt 1500 ] || break
done
grep -q true state
ok $? 'somebody is in softly, a revoked one was refused'
# A shell ignores SIGINT in background children, so the terminal's Ctrl-C is
# played by SIGTERM, which takes the same way out.
kill -TERM $run
cat <&3 >>out
wait $run && grep -q '^stopped' out
ok $? 'told to stop, it stops and exits with 0'
grep -q 'refused inbound peer' out && test -z "$(left)"
ok $? 'it has shown the decision, and leaves nothing behind'
exit $bad
