#!/bin/sh
# run.sh BUILD SECONDS TARGET...: runs libFuzzer targets for so long each. The
# corpus is BUILD/fuzz/TARGET, begun with the seeds the target asks for.
set -u
build=$1
seconds=$2
shift 2
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=0}"
bad=0
for t in "$@"; do
	corpus=$build/fuzz/$t
	mkdir -p "$corpus"
	suffix=$(sed -n 's/^const char fuzz_seeds\[\] = "\(.*\)";/\1/p' \
	    "tests/fuzz/$t.c")
	n=0
	find "$build/vectors" -type f -name "*$suffix" | sort |
	    while read -r f; do
		n=$((n + 1))
		cp "$f" "$corpus/seed-$n"
	    done
	if (cd "$build/fuzz" && "$build/tests/fuzz/$t" -max_total_time="$seconds" \
	    -max_len=16384 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	    "$corpus") >"$build/fuzz/$t.log" 2>&1; then
		echo "ok   $t: $(sed -n 's/^stat::number_of_executed_units: *//p' \
		    "$build/fuzz/$t.log") runs"
	else
		echo "FAIL $t: see $build/fuzz/$t.log"
		tail -n 20 "$build/fuzz/$t.log"
		bad=1
	fi
done
exit $bad
