# tap: how a test script says what holds. Sourced, by scripts that end with
# `exit $bad`:  . "$TOP/tests/lib/tap.sh"
n=0 bad=0

# ok STATUS NAME: one test, which ended so; what it wrote is in the file out.
ok() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		bad=1
		echo "not ok $n - $2"
		sed 's/^/# /' out
	fi
}

# t NAME COMMAND...: one test; the command says whether it holds. Names begin
# with $of.
t() {
	name=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n - $of: $name"
	else
		echo "not ok $n - $of: $name"
		sed 's/^/# out: /' out
		sed 's/^/# err: /' err
		bad=1
	fi
}

# run WANTED-STATUS COMMAND...: output in files out and err.
run() {
	want=$1
	shift
	"$@" >out 2>err </dev/null
	got=$?
	[ "$got" = "$want" ] && return 0
	echo "# exit status $got, expected $want: $*"
	return 1
}
is() { [ "$1" = "$2" ] || { echo "# '$1' is not '$2'" && false; }; }
says() { grep -qF -e "$1" err; }
shows() { grep -qF -e "$1" out; }
member() { [ "$(jq -r "$1" out)" = "$2" ]; }
