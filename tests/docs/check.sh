#!/bin/sh
# check.sh NAMES OBJECTS: whether the manual has every public function, key,
# route and metric. NAMES prints the tables of the gateway; OBJECTS is the
# folder of what it is linked from.
set -u
bad=0
page=gateway/man/p2p-gateway.8
list=$(mktemp)
trap 'rm -f "$list"' EXIT
lacks() {
	echo "check-docs: $1 does not have $2"
	bad=1
}
# named KIND PAGE PATTERN: each line of the list, where @ stands, is in PAGE.
named() {
	[ -s "$list" ] || lacks 'what is checked' "any $1"
	while read -r name; do
		grep -qE "$(printf '%s' "$3" |
		    sed "s|@|$(printf '%s' "$name" | sed 's/[{}]/\\\\&/g')|")" \
		    "$2" || lacks "$2" "the $1 $name"
	done <"$list"
}

awk '/^\/\*|^ \*/ {next} {print}' revcheck/revcheck.h |
    grep -oE 'revcheck_[a-z0-9_]+\(' | tr -d '(' | grep -v '_fn$' |
    sort -u >"$list"
named function revcheck/man/revcheck.3 '^\.Fn @ "'

"$1" routes >"$list"
named route $page '^\.It Li @$'

# What has its HELP written, by the texts of the objects that write it. Those
# of counters are put together; they are in a list of their own.
for o in $(find "$2" -name '*.o'); do
	nm -u "$o" | grep -qE ' prometheus_head$' || continue
	strings -d -n 8 "$o"
done | grep -oE '^(p2p_gateway|revcheck|process)_[a-z0-9_]+[a-z0-9]' |
    sed -E 's/_(bucket|sum|count)$//' | sort -u >"$list"
named metric $page '^\.It Li @([{].*)? Em (counter|gauge|histogram)$'

sh tests/docs/lists.sh "$1" check || bad=1

if command -v mandoc >/dev/null; then
	mandoc -Tlint -W warning revcheck/man/* gateway/man/* || bad=1
else
	echo 'check-docs: no mandoc, pages are not linted'
fi
[ $bad = 1 ] || echo 'check-docs: every function, key, route and metric is in the manual'
exit $bad
