# Allocation failures: the library's own objects linked with malloc and its
# kin replaced by ones that fail on request.
OOM := oom/oom oom/oom_store
OOM_WRAP := malloc calloc realloc reallocarray strdup strndup asprintf
comma := ,

$(addprefix $(B)/tests/,$(OOM)): $(B)/tests/%: $(B)/obj/tests/%.o \
	$(B)/obj/tests/oom/failing.o $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $(addprefix -Wl$(comma)--wrap=,$(OOM_WRAP)) \
	    -o $@ $^ $(LDLIBS)

$(B)/tests/oom/oom: | $(B)/vectors/manifest.tsv
EXTRA += $(OOM)

.PHONY: check-oom
check-oom: $(call needs,$(OOM))
	@sh tests/run $(abspath $(B)) $(OOM)
