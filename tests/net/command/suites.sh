#!/bin/sh
# The two public conformance suites, through the command. They live beside
# the project where they are given at all; tests/suites.md argues about every
# case that is meant not to pass. Its lines "- `ID`: ..." are the list.
set -u
suites=$TOP/../shared/suites
echo 1..3
if [ ! -d "$suites" ] || ! command -v python3 >/dev/null; then
	for name in 'every case' 'no wrong accept' 'no crash'; do
		n=$((${n:-0} + 1))
		echo "ok $n - public suites: $name # SKIP no suites here"
	done
	exit 0
fi
python3 "$suites/run_suite.py" \
    --cmd "$BIN/revcheck check --offline --chain {chain} --anchors {anchors} --at {time} --mode {mode} --security-level 0 --json" \
    '--opt-crl=--crl {crl_dir}' '--opt-ocsp=--ocsp {ocsp_dir}' \
    '--opt-untrusted=--untrusted {untrusted}' '--opt-leaf=--scope leaf' \
    '--opt-max-age=--max-age {max_age}' '--opt-status=--status-only' \
    --verdict-key status --add-map 'path-invalid=path_error' --jobs 2 \
    --timeout 60 --json-out cases.json "$suites/openssl-ocsp" \
    "$suites/limbo" >run.out 2>run.err
tail -n 1 run.out | sed 's/^/# /'
sed -n 's/^- `\([^`]*\)`:.*/\1/p' "$TOP/tests/suites.md" | sort >argued
jq -r '.[] | select(.ok | not) | .id' cases.json | sort >failed
jq -r '.[] | select((.ok | not) and .got == "good") | .id' cases.json |
    sort >unsafe
jq -r '.[] | select(.got == "crash" or .got == "timeout" or
    .got == "unparsed" or .got == "not_run") | .id' cases.json >broken
total=$(jq length cases.json)

result() { # result N NAME FILE
	if [ "${total:-0}" -ge 63 ] && [ ! -s "$3" ]; then
		echo "ok $1 - public suites: $2"
	else
		echo "not ok $1 - public suites: $2"
		head -n 20 "$3" run.err | sed 's/^/# /'
		bad=1
	fi
}
bad=0
comm -13 argued failed >not-argued
comm -13 argued unsafe >unsafe-not-argued
result 1 'every case passes or is argued' not-argued
result 2 'no wrong accept' unsafe-not-argued
result 3 'no crash and no silence' broken
exit $bad
