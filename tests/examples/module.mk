# Examples of embedding: they see revcheck.h and the library, nothing else.

EXAMPLES := $(patsubst tests/examples/%.c,%,$(wildcard tests/examples/*.c))
EXAMPLE_BINS := $(addprefix $(B)/examples/,$(EXAMPLES))

$(B)/examples/%: tests/examples/%.c revcheck/revcheck.h $(LIB_A) $(B)/.flags
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -pedantic -D_POSIX_C_SOURCE=200809L -Irevcheck \
	    $(PKG_CFLAGS) $(filter-out -std=%,$(CFLAGS)) $(LDFLAGS) -o $@ $< \
	    $(LIB_A) $(LDLIBS)

.PHONY: examples
examples: $(EXAMPLE_BINS)
