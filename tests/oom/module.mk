# Allocation failures: the library's own objects linked with malloc and its
# kin replaced by ones that fail on request.
OOM_WRAP := malloc calloc realloc reallocarray strdup strndup asprintf
comma := ,

$(B)/tests/oom/oom: $(B)/obj/tests/oom/oom.o $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $(addprefix -Wl$(comma)--wrap=,$(OOM_WRAP)) \
	    -o $@ $^ $(LDLIBS)

$(B)/tests/oom/oom: | $(B)/vectors/manifest.tsv
EXTRA += oom/oom

# And of the store, SQLite's among them.
OOM_STORE_WRAP := malloc calloc realloc strdup asprintf

$(B)/tests/oom/oom_store: $(B)/obj/tests/oom/oom_store.o $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) \
	    $(addprefix -Wl$(comma)--wrap=,$(OOM_STORE_WRAP)) -o $@ $^ $(LDLIBS)
EXTRA += oom/oom_store

.PHONY: check-oom
check-oom: $(call needs,oom/oom oom/oom_store)
	@sh tests/run $(abspath $(B)) oom/oom oom/oom_store
