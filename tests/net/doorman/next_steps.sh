#!/bin/sh
# What `doorman init` says comes next is run as it stands there.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/doorman/net.sh
. "$TOP/tests/doorman/net.sh"
# shellcheck source=tests/lib/ports.sh
. "$TOP/tests/lib/ports.sh"
of='next steps'
ports_hold 1
t 'init' run 0 doorman init d --ocsp-listen "127.0.0.1:$ports"
cp out said
t 'where the certificates are' shows "$D/ca/root.pem, $D/ca/doorman.pem"
t 'where the keys are' shows "$D/ca/root-key.pem, $D/ca/doorman-key.pem"
t 'under systemd' shows 'doorman-sign-reissue.timer'
sed -n '/^Start it/,/^Under/{s/^  //p}' said |
    sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba' -e '}' >steps
t 'there are steps' test "$(wc -l <steps)" = 10
while IFS= read -r step; do
	case $step in
	*check-config* | *status* | openssl* | curl* | *tickets*)
		t "$step" sh -c "$step >out 2>err"
		;;
	'doorman serve '* | 'doorman ocsp '*)
		mkfifo "ready$n"
		eval "exec $step" >"ready$n" 2>>serve.log &
		pids="$pids $!"
		IFS= read -r line <"ready$n"
		t "$step" expr "$line" : ready
		;;
	doorman-sign*)
		echo 'sign certificates +1' >confirm
		t "$step" sh -c "$step --confirm-fd 3 3<confirm >out 2>err"
		;;
	*) t "$step" false ;;
	esac
done <steps
t 'the last shows a list' shows 'Certificate Revocation List'
t 'without OCSP' run 0 doorman init d2
t 'there is no responder to start' sh -c '! grep -q ocsp out'
t 'a directory that is in use' run 1 doorman init d
t 'nothing comes next' test ! -s out
echo "1..$n"
exit $bad
