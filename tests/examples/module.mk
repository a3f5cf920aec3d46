# The examples of embedding (revcheck/examples): they see revcheck.h and the
# library, nothing else.

EXAMPLES := $(patsubst revcheck/examples/%.c,%,$(wildcard revcheck/examples/*.c))
EXAMPLE_BINS := $(addprefix $(B)/examples/,$(EXAMPLES))

$(B)/examples/%: revcheck/examples/%.c revcheck/revcheck.h $(LIB_A) $(B)/.flags
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -pedantic -D_POSIX_C_SOURCE=200809L -Irevcheck \
	    $(PKG_CFLAGS) $(filter-out -std=%,$(ALL_CFLAGS)) $(ALL_LDFLAGS) -o $@ $< \
	    $(LIB_A) $(LDLIBS)

.PHONY: examples
examples: $(EXAMPLE_BINS)
