#!/bin/sh
# A sample of the vectors once more, through the command: the same verdict,
# the same why, and the exit status that belongs to it.
set -u
manifest=$BUILD/vectors/manifest.tsv
if [ ! -f "$manifest" ]; then
	echo "Bail out! no $manifest"
	exit 1
fi
# Every ninth row of those that need no option.
awk -F '\t' '$5 == "" && NR % 9 == 0' "$manifest" >sample
# OpenSSL before 3.0.22 loses a few bytes of policy constraints that do not
# parse: leaks are looked for in those rows with newer ones only.
case $(openssl version) in
"OpenSSL 3.0."[0-9]" "* | "OpenSSL 3.0."1[0-9]" "* | "OpenSSL 3.0."2[01]" "*)
	leaky=path-policy
	;;
*) leaky= ;;
esac
asan=${ASAN_OPTIONS:-}
echo "1..$(wc -l <sample)"
n=0
bad=0
tab=$(printf '\t')
while IFS="$tab" read -r group name status why _; do
	n=$((n + 1))
	d=$BUILD/vectors/$group/$name
	ASAN_OPTIONS=$asan
	[ "$group" != "$leaky" ] || ASAN_OPTIONS=$asan:detect_leaks=0
	export ASAN_OPTIONS
	set --
	[ ! -s "$d/untrusted.pem" ] || set -- --untrusted "$d/untrusted.pem"
	"$BIN/revcheck" check --offline --at 2026-01-15T12:00:00Z \
	    --mode HARD_FAIL --chain "$d/chain.pem" --anchors "$d/anchors.pem" \
	    --crl "$d/crls" --ocsp "$d/ocsp" "$@" --json >out 2>err
	rc=$?
	case $status in
	good) want=0 ;;
	revoked) want=1 ;;
	unknown) want=2 ;;
	*) want=3 ;;
	esac
	got=$(jq -r '.status + " " + (.why // "none")' out)
	if [ "$rc" = "$want" ] && [ "$got" = "$status $why" ]; then
		echo "ok $n - command $group/$name"
	else
		echo "not ok $n - command $group/$name"
		echo "# want $status $why ($want), got $got ($rc)"
		sed 's/^/# /' err
		bad=1
	fi
done <sample
exit $bad
