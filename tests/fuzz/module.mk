# Fuzzers. Every tests/fuzz/fuzz_*.c is a libFuzzer target that names its
# seeds (fuzz_seeds: the suffix of files of the vector suite).
#
#   PROFILE=fuzz   a libFuzzer program each; `make fuzz` runs them, FUZZ_SECONDS
#                  each, on a corpus minted from the vectors
#   otherwise      a test each: all seeds, then a fixed number of mutations of
#                  them from a fixed seed, over tests/fuzz/driver.c

FUZZ := $(call names,tests/fuzz/fuzz_*.c)
FUZZ_SECONDS ?= 60
FUZZ_BINS := $(addprefix $(B)/tests/,$(FUZZ))

ifeq ($(PROFILE),fuzz)
FUZZ_DRIVER :=
FUZZ_LD := -fsanitize=fuzzer
else
FUZZ_DRIVER := $(B)/obj/tests/fuzz/driver.o
FUZZ_LD :=
EXTRA += $(FUZZ)
endif

# Seeds that are kept beside them.
FUZZ_SEEDS := $(B)/vectors/gateway/.made
$(FUZZ_SEEDS): $(wildcard tests/fuzz/seeds/*) | $(B)/vectors/manifest.tsv
	$(Q)mkdir -p $(@D) && rm -f $(@D)/* && cp tests/fuzz/seeds/* $(@D)
	$(Q)touch $@

$(foreach t,$(FUZZ),\
    $(eval $(t)_OBJ += $(FUZZ_DRIVER))\
    $(eval $(call test_rule,$(t),$(UNIT_A) $(TEST_A),$(FUZZ_LD))))
$(FUZZ_BINS): | $(B)/vectors/manifest.tsv $(FUZZ_SEEDS)

.PHONY: fuzz fuzz-run
fuzz:
	@+$(MAKE) -j2 PROFILE=fuzz fuzz-run
fuzz-run: $(FUZZ_BINS)
	@sh tests/fuzz/run.sh $(abspath $(B)) $(FUZZ_SECONDS) $(notdir $(FUZZ))
