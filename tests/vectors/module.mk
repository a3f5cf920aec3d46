# The vector suite: minted once per build, then run. Every tests/vectors/*.c
# is a program over the public library.

VECTORC := $(patsubst tests/vectors/%.c,%,$(wildcard tests/vectors/*.c))
VECTOR_BINS := $(addprefix $(B)/tests/,$(VECTORC))

define vector_rule
$(B)/tests/$(1): $(B)/obj/tests/vectors/$(1).o $(LIB_A)
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach t,$(VECTORC),$(eval $(call vector_rule,$(t))))

$(B)/vectors/manifest.tsv: $(B)/fixtures/vectors
	$(call say,MINT,$(@D))
	$(Q)rm -rf $(@D) && $(B)/fixtures/vectors $(@D)

$(VECTOR_BINS): | $(B)/vectors/manifest.tsv
EXTRA_TESTS += $(VECTOR_BINS)

.PHONY: check-vectors
check-vectors: $(VECTOR_BINS)
	@sh tests/run $(abspath $(B)) $(VECTOR_BINS)
