# Measurements. Every tests/bench/bench_*.c is a program over the library's
# internals; build them in PROFILE=release. They print, they judge nothing.

BENCH := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/bench_*.c))

bench_archive_LIBS := -lcmocka
bench_growth_LIBS := -lcmocka -lm
bench_growth_OBJ := $(B)/lib/libgateway-internal.a
bench_page_LIBS := -lcmocka
bench_session_LIBS := -lcmocka
bench_session_OBJ := $(call objs,tests/bench/tls_figures.c)
bench_recheck_LIBS := -lcmocka
bench_recheck_OBJ := $(call objs,gateway/base/source_box.c gateway/base/source_index.c)
bench_tls_OBJ := $(call objs,$(wildcard tests/bench/tls_*.c) tests/bench/cost_count.c)
bench_cost_LIBS := -lcmocka
bench_cost_OBJ := $(call objs,$(wildcard tests/bench/cost_*.c tests/bench/tls_*.c))
bench_fleet_LIBS := -lcmocka
bench_fleet_OBJ := $(call objs,$(wildcard tests/bench/fleet_*.c) \
	tests/bench/tls_figures.c) $(B)/lib/libtest.a $(B)/lib/libgateway-internal.a

define bench_rule
$(B)/bench/$(1): $(B)/obj/tests/bench/$(1).o $($(1)_OBJ) $(B)/lib/librevcheck-internal.a \
    $(if $(TESTLIB_OBJ),$(B)/lib/libtest.a)
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(LDLIBS) $$($(1)_LIBS)
endef
$(foreach t,$(BENCH),$(eval $(call bench_rule,$(t))))

BENCH_ARCHIVE := $(filter bench_crl% bench_archive% bench_recheck bench_store,$(BENCH))

.PHONY: bench-archive bench-archive-run
bench-archive:
	@+$(MAKE) PROFILE=release bench-archive-run
bench-archive-run: fixtures $(addprefix $(B)/bench/,$(BENCH_ARCHIVE))
	@for b in $(BENCH_ARCHIVE); do FIXTURES=$(abspath $(B))/fixtures \
	    $(B)/bench/$$b || exit 1; done

# From one of a kind to as many as a large installation has.
.PHONY: bench-growth bench-growth-run
bench-growth:
	@+$(MAKE) PROFILE=release bench-growth-run
bench-growth-run: $(B)/bench/bench_growth
	@$(B)/bench/bench_growth

# Beside Java where that is installed.
.PHONY: bench-session bench-session-run
bench-session:
	@+$(MAKE) PROFILE=release bench-session-run
bench-session-run: all $(B)/bench/bench_session
	@dir=$$(mktemp -d) && cd $$dir && BUILD=$(abspath $(B)) \
	    BIN=$(abspath $(B))/bin FIXTURES=$(abspath $(B))/fixtures \
	    BENCH_JAVA=$(abspath tests/bench)/SessionCheck.java \
	    $(abspath $(B))/bench/bench_session; rc=$$?; rm -rf $$dir; exit $$rc

# tests/run gives it a directory and an environment; here it also speaks.
.PHONY: bench-page bench-page-run
bench-page:
	@+$(MAKE) PROFILE=release bench-page-run
bench-page-run: all $(B)/bench/bench_page
	@dir=$$(mktemp -d) && cd $$dir && BUILD=$(abspath $(B)) \
	    BIN=$(abspath $(B))/bin FIXTURES=$(abspath $(B))/fixtures \
	    $(abspath $(B))/bench/bench_page; rc=$$?; rm -rf $$dir; exit $$rc

-include tests/bench/gateway.mk tests/bench/fleet.mk

.PHONY: bench
bench: deps-test
	@+$(MAKE) bench-archive
	@+$(MAKE) bench-session
	@+$(MAKE) bench-gateway

