#!/bin/sh
# check.sh NAMES OBJECTS GATEWAY: whether the manual has every public function,
# key, route and metric. NAMES prints the tables of the gateway; OBJECTS is the
# folder of what it is linked from; GATEWAY the program.
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

# What the page of the fleet says to write is there, and every command of it
# is in the page.
fleet=gateway/man/p2p-gateway-fleet.7
grep -ohE '^\.Ic fleet\.[a-z_.]+[a-z]' $fleet | sed 's/^.Ic //' | sort -u >"$list"
named 'key of the fleet' gateway/man/p2p-gateway.conf.5 '^\.It Ic @$'
"$3" --help | grep -oE -e '--fleet-[a-z]+' | sed 's/^--//' | sort -u >"$list"
named command $fleet '^\.It Fl Fl @( |$)'


if command -v mandoc >/dev/null; then
	mandoc -Tlint -W warning revcheck/man/* gateway/man/* || bad=1
else
	echo 'check-docs: no mandoc, pages are not linted'
fi
[ $bad = 1 ] || echo 'check-docs: every function, key, route and metric is in the manual'
exit $bad
