#!/bin/sh
# doorman.sh PROGRAMS [check]: writes the lists of the doorman's manual, between
# their marks: keys, metrics and paths as its README's tables have them,
# commands and options as its programs' --help does. With check: says whether
# they are there already.
set -u
bin=$1 check=${2:-}
top=fixtures/doorman
readme=$top/README.md
new=$(mktemp)
made=$(mktemp)
trap 'rm -f "$new" "$made"' EXIT
bad=0

# put PAGE LIST: standard input is the list.
put() {
	cat >"$made"
	[ -s "$made" ] || { echo "check-docs: nothing for $2 of $1"; bad=1; }
	{
		sed '/^\.\\" '"$2"': begin/q' "$top/man/$1"
		cat "$made"
		sed -n '/^\.\\" '"$2"': end/,$p' "$top/man/$1"
	} >"$new"
	if [ "$check" != check ]; then
		cat "$new" >"$top/man/$1"
	elif ! diff -u "$top/man/$1" "$new"; then
		echo "check-docs: the $2 of $1 are others: make man-lists"
		bad=1
	fi
}

# Running text in mdoc: a sentence begins a line.
text='
function plain(s) {
	gsub(/[`*]/, "", s)
	while (match(s, /\[[^]]*\]\([^)]*\)/)) {
		link = substr(s, RSTART + 1, RLENGTH - 1)
		sub(/\].*/, "", link)
		s = substr(s, 1, RSTART - 1) link substr(s, RSTART + RLENGTH)
	}
	gsub(/\\\|/, "|", s)
	gsub(/\\/, "\\e", s)
	gsub(/^ +| +$/, "", s)
	return s
}
function say(s) {
	s = plain(s)
	if (s == "") return
	gsub(/e\.g\. /, "for example ", s)
	gsub(/\. +/, ".\n", s)
	if (s !~ /[.!?)]$/) s = s "."
	n = split(s, lines, "\n")
	for (i = 1; i <= n; i++) {
		if (lines[i] ~ /^[.\047]/) lines[i] = "\\&" lines[i]
		# Names stay as they are written.
		word = lines[i]; sub(/[ ,:;].*/, "", word)
		if (word ~ /^[a-z]+$/ && word !~ /^doorman/ &&
		    lines[i] !~ /^[a-z]+:\/\//)
			lines[i] = toupper(substr(lines[i], 1, 1)) substr(lines[i], 2)
		print lines[i]
	}
}'

# rows HEADING: the rows of the first table below it.
rows() {
	awk -v head="$1" '
	$0 == head {on = 1; next}
	on && /^## / {exit}
	on && /^\|---/ {in_table = 1; next}
	on && in_table && !/^\|/ {exit}
	on && in_table' "$readme"
}

keys() {
	rows "$1" | awk -F' \\| ' "$text"'
	BEGIN {print ".Bl -tag -width Ds"}
	{
		sub(/^\| /, "", $1); sub(/ \|$/, "", $NF)
		name = plain($1); gsub(/, /, " , ", name)
		print ".It Ic " name
		value = plain($2)
		print (value == "required" ? "Required." : "Default: " value ".")
		say($3)
	}
	END {print ".El"}'
}

list_of() { # list_of: first column is the name, second what it says
	awk -F' \\| ' "$text"'
	BEGIN {print ".Bl -tag -width Ds"}
	{
		sub(/^\| /, "", $1); sub(/ \|$/, "", $NF)
		name = plain($1); gsub(/, /, " , ", name)
		print ".It Li " name
		say($2)
	}
	END {print ".El"}'
}

commands() {
	"$bin/$1" --help | awk -v program="$1" "$text"'
	/^options/ {exit}
	/^(usage:|      ) doorman/ {
		sub(/^(usage:|      ) [^ ]+/, ""); sub(/ \[options\]$/, "")
		sub(/^ /, "")
		word = ""
		while ($0 ~ /^[a-z]/) {
			word = word (word == "" ? "" : " ") $1
			sub(/^[^ ]+ ?/, "")
		}
		if (!begun++) print ".Bl -tag -width Ds"
		item = word == "" ? ".It No without a command" : ".It Cm " word
		m = split($0, args, " ")
		for (j = 1; j <= m; j++) {
			a = args[j]
			if (a ~ /^\[/) {
				gsub(/[\[\]]/, "", a)
				item = item " Op Ar " a
			} else
				item = item " Ar " a
		}
		print item
		next
	}
	{say($0)}
	END {print ".El"}'
}

options() {
	"$bin/$1" --help | awk "$text"'
	function flush() {
		if (item != "") {print item; say(words)}
		item = words = ""
	}
	/^options/ {on = 1; print ".Bl -tag -width Ds"; next}
	/^status/ {exit}
	!on {next}
	/^  (-.|  ) ?,? *--/ || /^  -., --/ || /^      --/ {
		flush()
		line = $0
		letter = match(line, /^  -., /) ? substr(line, 4, 1) : ""
		sub(/^ *(-., )?--/, "", line)
		name = line; sub(/ .*/, "", name)
		rest = substr(line, length(name) + 1)
		arg = ""
		if (rest ~ /^ [^ ]/) {
			arg = rest; sub(/^ /, "", arg); sub(/ .*/, "", arg)
			sub(/^ [^ ]+/, "", rest)
		}
		item = ".It " (letter != "" ? "Fl " letter " , " : "") "Fl Fl " name (arg != "" ? " Ar " arg : "")
		words = rest
		next
	}
	{words = words " " $0}
	END {flush(); print ".El"}' | sed 's/  */ /g'
}

keys '## doorman.conf' | put doorman.conf.5 keys
keys '## sign.conf' | put doorman.conf.5 signer-keys
rows '## HTTP' | list_of | put doorman.8 paths
awk '/^\| metric \|/ {on = 1; next} on && /^\|---/ {next} on && !/^\|/ {exit} on' \
    "$readme" | list_of | put doorman.8 metrics
for p in doorman doorman-sign; do
	commands "$p" | put "$p.8" commands
	options "$p" | put "$p.8" options
done

# What has its HELP written, by the texts of the object that writes it.
strings -d -n 8 "$bin/../obj/$top/service/web/http_status.o" |
    grep -oE '^doorman_[a-z0-9_]+[a-z0-9]' | sort -u >"$made"
while read -r name; do
	case $name in doorman_http_*_total) name=doorman_http_ ;; esac
	grep -q "$name" "$top/man/doorman.8" ||
	    { echo "check-docs: doorman.8 does not have $name"; bad=1; }
done <"$made"

if [ "$check" = check ] && command -v mandoc >/dev/null; then
	mandoc -Tlint -W warning "$top"/man/* || bad=1
fi
[ $bad = 1 ] || [ "$check" != check ] ||
    echo "check-docs: every command, key and metric of the doorman is in its manual"
exit $bad
