#!/bin/sh
# Everything `make test` runs: the static checks, then every test in the debug
# and in the sanitizer build. The last line counts all of it.
#
# Tests wait more than they compute: what later ones need is built meanwhile,
# behind them, and what is fetched for them is begun first.
set -u
dir=$(mktemp -d)
export TEST_SUMS="$dir/sums"
jobs=$(nproc) began=$(date +%s) root='' asan='' packages='' install=''
# shellcheck disable=SC2086 # numbers
trap 'rm -rf "$dir"; kill $root $asan $packages $install 2>/dev/null' EXIT
trap 'exit 130' INT TERM

part() {
	echo "== $* ($(($(date +%s) - began)) s)"
}

# failed WHAT: it counts as one test.
failed() {
	echo "FAIL $*"
	echo "0 1 0" >>"$TEST_SUMS"
}

# behind NAME COMMAND...: begins it, and remembers what it says.
behind() {
	name=$1
	shift
	nice "$@" >"$dir/$name" 2>&1 &
	eval "$name=$!"
}

# ended NAME: waits for it; what it said is shown now, and whether it failed.
ended() {
	eval "wait \$$1"
	set -- "$1" $?
	eval "$1="
	cat "$dir/$1"
	return "$2"
}

behind root make debroot
part build debug
make -j"$jobs" all
for c in check-deps check-headers check-symbols check-docs check-mutants; do
	if make "$c"; then
		echo "1 0 0" >>"$TEST_SUMS"
	else
		failed "$c"
	fi
done
make -j"$jobs" tests && debug=built || debug=
behind asan make -j"$jobs" PROFILE=asan tests
behind packages make -j"$jobs" release deb
if [ -n "$debug" ]; then
	part debug
	make BUT=net/install check || :
else
	failed build debug
fi
part what was built meanwhile
ended root
ended packages || failed build packages
# These look at packages, and wait for dpkg.
[ -z "$debug" ] || behind install make T=net/install check
if ended asan; then
	part asan
	make PROFILE=asan check || :
else
	failed build asan
fi
[ -z "$debug" ] || ended install || :
part end
# shellcheck disable=SC2046 # three numbers
set -- $(awk '{p += $1; f += $2; s += $3} END {print p + 0, f + 0, s + 0}' \
    "$TEST_SUMS")
# The last line counts what ran; what could not is on the one before.
[ "$3" = 0 ] || echo "$3 skipped"
echo "$1 passed, $2 failed"
[ "$2" = 0 ]
