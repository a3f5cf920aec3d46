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
echo "1..$(wc -l <sample)"
n=0
bad=0
tab=$(printf '\t')
while IFS="$tab" read -r group name status why _; do
	n=$((n + 1))
	d=$BUILD/vectors/$group/$name
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
