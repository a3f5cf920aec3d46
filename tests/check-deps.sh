#!/bin/sh
# check-deps OBJ TABLE: proves, in the tree it is called in, what the table of
# rooms says. OBJ is the folder of the objects, TABLE is tests/rooms.txt.
#
#   1. a file includes headers of its own room and of those listed only;
#   2. the same for what its object calls, so that a prototype that is
#      declared again does not get round it;
#   3. the table has no circle;
#   4. no two files of a room call each other, directly or by way of others.
#
# And fixtures share no code with what they test. There are no exceptions.
set -u
obj=$1 table=$2
tops=$(awk '/^[a-z]/ && $1 ~ /:$/ {sub(/[:\/].*/, ""); print}' "$table" |
    sort -u)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2086 # names of folders
# Examples are strangers' programs: they see what is installed.
find $tops -name '*.[ch]' ! -path '*/examples/*' | sort >"$work/files"
[ -s "$work/files" ] || { echo 'check-deps: no files'; exit 1; }
xargs grep -E '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' /dev/null \
    <"$work/files" | sed -E 's/^([^:]+):[^"]*"([^"]*)".*/\1 \2/' \
    >"$work/includes"
sed -n 's/\.c$/.o/p' "$work/files" | sed "s|^|$obj/|" >"$work/objects"
xargs ls <"$work/objects" >/dev/null || { echo 'check-deps: not built'; exit 1; }
# file symbol type; nm names the file alone when it is given one.
xargs nm -gAP <"$work/objects" | sed "s|^$obj/||; s|\.o: | |" >"$work/symbols"
grep -hoE 'revcheck_[a-z0-9_]+' revcheck/*.h 2>/dev/null | sort -u >"$work/public"

awk -v table="$table" '
function fail(what) { print "check-deps: " what; bad = 1 }
function room_of(file) { sub(/\/[^\/]*$/, "", file); return file }
function allowed(file, to) {
	return to == room_of(file) || (room_of(file), to) in may
}
function in_library(file) {
	return file ~ /^(cache|revcheck)\// && file !~ /^revcheck\/cli\//
}
FILENAME == table {
	sub(/#.*/, "")
	if (NF == 0)
		next
	if ($1 !~ /:$/) {
		fail(table ":" FNR ": expected a room and a colon")
		next
	}
	name = $1
	sub(/:$/, "", name)
	rooms[name] = 1
	order[++num_rooms] = name
	for (i = 2; i <= NF; i++)
		may[name, $i] = 1
	next
}
FILENAME ~ /\/files$/ {
	if (!(room_of($1) in rooms))
		fail($1 " is in no room of " table)
	next
}
# 1
FILENAME ~ /\/includes$/ {
	if (index($2, "/") == 0)
		fail($1 " includes \"" $2 "\": expected its room, too")
	else if (!allowed($1, room_of($2)))
		fail($1 " includes \"" $2 "\", which " room_of($1) \
		    " may not")
	next
}
FILENAME ~ /\/public$/ { public[$1] = 1; next }
FILENAME ~ /\/symbols$/ {
	if ($3 != "U" && $3 != "w") {
		definer[$2] = $1
	} else {
		from[++num_calls] = $1
		call[num_calls] = $2
	}
	files[$1] = 1
	next
}
END {
	# 2
	for (i = 1; i <= num_calls; i++) {
		to = definer[call[i]]
		if (to == "" || to == from[i])
			continue
		if (room_of(to) == room_of(from[i])) {
			link[from[i], to] = 1
			continue
		}
		where = room_of(to)
		if (call[i] in public && !in_library(from[i]))
			where = "revcheck"
		if (!allowed(from[i], where))
			fail(from[i] " calls " call[i] " of " to ", which " \
			    room_of(from[i]) " may not")
	}
	# 3: rooms whose listed rooms are all done are done.
	for (e in may) {
		split(e, part, SUBSEP)
		if (!(part[2] in rooms))
			fail(table ": " part[1] ": there is no room " part[2])
	}
	for (left = num_rooms; left > 0; left -= found) {
		found = 0
		for (i = 1; i <= num_rooms; i++) {
			if (done[order[i]])
				continue
			ready = 1
			for (j = 1; j <= num_rooms; j++)
				if (!done[order[j]] && \
				    ((order[i], order[j]) in may))
					ready = 0
			if (ready) {
				done[order[i]] = 1
				found++
			}
		}
		if (found == 0)
			break
	}
	if (left > 0) {
		text = ""
		for (i = 1; i <= num_rooms; i++)
			if (!done[order[i]])
				text = text " " order[i]
		fail(table ": a circle among, or above one among:" text)
	}
	# 4: who reaches whom within a room.
	for (f in files)
		in_room[room_of(f)] = in_room[room_of(f)] " " f
	for (r in in_room) {
		n = split(in_room[r], v, " ")
		for (k = 1; k <= n; k++)
			for (i = 1; i <= n; i++)
				if ((v[i], v[k]) in link)
					for (j = 1; j <= n; j++)
						if ((v[k], v[j]) in link)
							link[v[i], v[j]] = 1
		for (i = 1; i <= n; i++) {
			text = ""
			for (j = 1; j <= n; j++)
				if ((v[i], v[j]) in link && \
				    (v[j], v[i]) in link)
					text = text " " v[j]
			if (text != "" && !told[text]++)
				fail("a circle of calls:" text)
		}
	}
	exit bad
}' "$table" "$work/files" "$work/includes" "$work/public" "$work/symbols"
bad=$?

hits=$(find fixtures -name '*.[ch]' 2>/dev/null | xargs -r grep -nE \
    '^[[:space:]]*#[[:space:]]*include[[:space:]]+"(cache|revcheck|gateway|tests)/' \
    /dev/null)
[ -z "$hits" ] || {
	printf '%s\n%s\n' 'fixtures share no code with what they test:' "$hits"
	bad=1
}
[ $bad = 0 ] && echo 'check-deps: rooms use what they may, without a circle'
exit $bad
