# bench_tls needs its rig, the town, and something to compare with: what is
# missing of Debian's packages is installed first.

APT_BENCH_GATEWAY := nginx-light libnginx-mod-stream haproxy hitch stunnel4 \
	valgrind

.PHONY: bench-gateway bench-gateway-run
bench-gateway:
	@sh tests/apt.sh $(APT_BENCH_GATEWAY)
	@+$(MAKE) PROFILE=release bench-gateway-run
bench-gateway-run: $(B)/bench/bench_tls $(B)/bin/p2p-gateway $(FIXBINS)
	@BENCH_GATEWAY=$(abspath $(B))/bin/p2p-gateway \
	    $(B)/bench/bench_tls $(abspath $(B))/fixtures

# Exact figures against the stored ones; in a release, as bench.
.PHONY: check-cost check-cost-run
check-cost:
	@sh tests/apt.sh valgrind strace
	@+$(MAKE) PROFILE=release check-cost-run
check-cost-run: $(B)/bench/bench_cost $(B)/bin/p2p-gateway $(FIXBINS)
	@BENCH_GATEWAY=$(abspath $(B))/bin/p2p-gateway \
	    $(B)/bench/bench_cost $(abspath $(B))/fixtures tests/bench/cost.txt
