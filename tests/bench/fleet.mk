# bench_fleet stands for many members, and needs an etcd to be a fleet at.

.PHONY: bench-fleet bench-fleet-run
bench-fleet:
	@sh tests/apt-unpack.sh build/unpacked etcd-server etcd-client
	@+$(MAKE) PROFILE=release bench-fleet-run
bench-fleet-run: $(B)/bench/bench_fleet $(B)/bin/p2p-gateway $(FIXBINS)
	@BIN=$(abspath $(B))/bin FIXTURES=$(abspath $(B))/fixtures \
	    TOP=$(abspath .) $(B)/bench/bench_fleet
