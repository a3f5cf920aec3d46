#!/bin/sh
# lists.sh NAMES [check]: writes what NAMES prints into the manual, between the
# marks of each list. With check: says whether it is there already.
set -u
new=$(mktemp)
made=$(mktemp)
trap 'rm -f "$new" "$made"' EXIT
bad=0
list() { # LIST NAMES PAGE [check]
	"$2" "$1" >"$made" || exit 1
	{
		sed '/^\.\\" '"$1"': begin/q' "$3"
		cat "$made"
		sed -n '/^\.\\" '"$1"': end/,$p' "$3"
	} >"$new"
	if [ "$4" != check ]; then
		cat "$new" >"$3"
	elif ! diff -u "$3" "$new"; then
		echo "check-docs: the $1 of $3 are others: make man-lists"
		bad=1
	fi
}
list keys "$1" gateway/man/p2p-gateway.conf.5 "${2:-}"
list counters "$1" gateway/man/p2p-gateway.8 "${2:-}"
exit $bad
