# The vector suite: minted once per build, then run. Every tests/vectors/*.c
# is a program over the public library.

VECTORS := $(call names,tests/vectors/*.c)
EXTRA += $(VECTORS)
VECTOR_BINS := $(addprefix $(B)/tests/,$(VECTORS))
$(foreach t,$(VECTORS),\
    $(eval $(t)_OBJ := $(LIB_A)) $(eval $(call test_rule,$(t),,)))

$(B)/vectors/manifest.tsv: $(B)/fixtures/vectors
	$(call say,MINT,$(@D))
	$(Q)rm -rf $(@D) && $(B)/fixtures/vectors $(@D)

$(VECTOR_BINS): | $(B)/vectors/manifest.tsv

.PHONY: vectors check-vectors
vectors: $(B)/vectors/manifest.tsv
check-vectors: $(call needs,$(VECTORS))
	@sh tests/run $(abspath $(B)) $(VECTORS)
