# The vector suite: minted once per build, then run. Every tests/vectors/*.c
# is a program over the public library.

VECTORS := $(call names,tests/vectors/*.c)
EXTRA += $(VECTORS)
VECTOR_BINS := $(addprefix $(B)/tests/,$(VECTORS))
$(foreach t,$(VECTORS),\
    $(eval $(t)_OBJ := $(LIB_A)) $(eval $(call test_rule,$(t),,)))

# Fuzzers keep seeds of their own beside them: these stay.
$(B)/vectors/manifest.tsv: $(B)/fixtures/vectors
	$(call say,MINT,$(@D))
	$(Q)rm -rf $(@D).new && $(B)/fixtures/vectors $(@D).new
	$(Q)for d in doorman gateway; do \
	    [ ! -d $(@D)/$$d ] || mv $(@D)/$$d $(@D).new; done
	$(Q)rm -rf $(@D) && mv $(@D).new $(@D)

$(VECTOR_BINS): | $(B)/vectors/manifest.tsv

.PHONY: vectors check-vectors
vectors: $(B)/vectors/manifest.tsv
check-vectors: $(call needs,$(VECTORS))
	@sh tests/run $(abspath $(B)) $(VECTORS)
