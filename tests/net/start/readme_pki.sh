#!/bin/sh
# The chapter "Your own PKI in five minutes" of the README, run as it stands
# there, from an empty directory. What has a terminal of its own there runs
# beside it; ports are the kernel's to choose.
set -u
pids=''
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck disable=SC2086
trap '[ -z "$pids" ] || { kill $pids 2>/dev/null; wait; }' EXIT
PATH=$BIN:$PATH NODE=0 DOOR=0

sed -n '/^### Your own PKI/,/^## /s/^    //p' "$TOP/README.md" |
    sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba' -e '}' >commands
cp commands out
test "$(wc -l <commands)" -ge 12
ok $? 'the chapter has commands'

# beside WORD COMMAND: starts it, and waits until it says the line with WORD.
beside() {
	mkfifo "said$n"
	eval "exec $2" >"said$n" 2>&1 3>&- &
	pids="$pids $!"
	exec 3<"said$n"
	line=''
	while IFS= read -r line <&3; do
		echo "$line" >>out
		case $line in *"$1"*) break ;; esac
	done
	cat <&3 >>"log$n" &
	pids="$pids $!"
	exec 3<&-
	[ -n "$line" ]
}

num_clients=0
while IFS= read -r c; do
	c=$(printf '%s' "$c" | sed "s/:8443/:$DOOR/; s/:9000/:$NODE/")
	: >out
	case $c in
	socat*)
		beside 'listening on' "socat -d -d ${c#socat}"
		ok $? "$c"
		NODE=${line##*:}
		;;
	'p2p-gateway --config'*)
		sed -i 's/127.0.0.1:8888/127.0.0.1:0/' gw/p2p-gateway.json
		beside 'ready ' "$c"
		ok $? "$c"
		DOOR=$(expr "$line" : '.* listen=[^ ]*:\([0-9]*\)')
		;;
	*s_client*)
		num_clients=$((num_clients + 1))
		case $num_clients in
		1)
			sh -c "$c" >out 2>&1
			grep -q 'the node heard hello' out
			ok $? "answered: $c"
			;;
		*)
			# The new CRL is noticed in its own time.
			tries=0
			until sh -c "$c" >out 2>&1
			      grep -q 'alert certificate revoked' out ||
				  [ "$tries" = 300 ]; do
				tries=$((tries + 1))
			done
			[ "$tries" -lt 300 ]
			ok $? "refused: $c"
			;;
		esac
		;;
	*)
		sh -ec "$c" >out 2>&1
		ok $? "$c"
		;;
	esac
done <commands
test "$num_clients" = 3
ok $? 'three tried to get in'
echo "1..$n"
exit $bad
