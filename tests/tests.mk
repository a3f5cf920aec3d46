# Tests. A test is a program that prints TAP ("ok N - name", "not ok ...",
# "# SKIP" after the name) and exits 0 or not; tests/run counts them.
#
#   tests/unit/test_*.c   cmocka, linked with the library's internals
#   tests/net/NN-*.c      real processes on loopback, linked with tests/lib only
#   tests/net/NN-*.sh     the same as a script
#   tests/vectors/*.c     programs that run tables of vectors
# More objects or libraries for one test: <name>_OBJ, <name>_LIBS here.

UNIT  := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
NETC  := $(patsubst tests/net/%.c,%,$(wildcard tests/net/[0-9][0-9]-*.c))
NETSH := $(wildcard tests/net/[0-9][0-9]-*.sh)

# Embeds the library as a stranger would: the public, static one.
15-engine_OBJ = $(LIB_A)
15-responses_OBJ = $(LIB_A)

# Tests start and watch processes as fixtures do.
$(B)/lib/libtest.a: $(TESTLIB_OBJ) $(FIXLIB_OBJ)
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

# Gateway files without main(), so that unit tests can reach them.
$(B)/lib/libgateway-internal.a: $(filter-out %/main.o,$(GATEWAY_OBJ))
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

define unit_rule
$(B)/tests/$(1): $(B)/obj/tests/unit/$(1).o $$($(1)_OBJ) \
    $(if $(filter-out %/main.o,$(GATEWAY_OBJ)),$(B)/lib/libgateway-internal.a) \
    $(B)/lib/librevcheck-internal.a $(if $(TESTLIB_OBJ),$(B)/lib/libtest.a)
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS) -lcmocka $$($(1)_LIBS)
endef
$(foreach t,$(UNIT),$(eval $(call unit_rule,$(t))))

define net_rule
$(B)/tests/$(1): $(B)/obj/tests/net/$(1).o $$($(1)_OBJ) \
    $(if $(TESTLIB_OBJ),$(B)/lib/libtest.a)
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS) -lcmocka $$($(1)_LIBS)
endef
$(foreach t,$(NETC),$(eval $(call net_rule,$(t))))

UNIT_BINS := $(addprefix $(B)/tests/,$(UNIT))
NET_BINS  := $(addprefix $(B)/tests/,$(NETC))
-include $(wildcard tests/*/module.mk)

.PHONY: tests check check-unit check-net check-asan check-tsan
tests: all $(UNIT_BINS) $(NET_BINS) $(EXTRA_TESTS)
check: tests
	@sh tests/run $(abspath $(B)) $(UNIT_BINS) $(EXTRA_TESTS) $(NET_BINS) $(NETSH)
check-unit: $(UNIT_BINS)
	@sh tests/run $(abspath $(B)) $(UNIT_BINS)
check-net: all $(NET_BINS)
	@sh tests/run $(abspath $(B)) $(NET_BINS) $(NETSH)
check-asan:
	@+$(MAKE) PROFILE=asan check
check-tsan:
	@+$(MAKE) PROFILE=tsan check
