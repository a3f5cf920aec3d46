# make soak [SOAK_SECONDS=60]: see tests/soak/soak.c and floods.c.

SOAK := soak floods
FLOODS_OBJ := $(call objs,$(wildcard tests/soak/floods_*.c))
$(B)/soak/floods: $(FLOODS_OBJ)
$(SOAK:%=$(B)/soak/%): $(B)/soak/%: $(B)/obj/tests/soak/%.o \
    $(B)/lib/librevcheck-internal.a $(if $(TESTLIB_OBJ),$(B)/lib/libtest.a)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS) \
	    -lcmocka

.PHONY: soak soak-run
soak:
	@+$(MAKE) PROFILE=release soak-run
soak-run: all fixtures $(SOAK:%=$(B)/soak/%)
	@for t in $(SOAK); do FIXTURES=$(abspath $(B))/fixtures \
	    BIN=$(abspath $(B))/bin $(B)/soak/$$t || exit 1; done
