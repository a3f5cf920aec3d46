# make soak [SOAK_SECONDS=60]: see tests/soak/soak.c.

$(B)/soak/soak: $(B)/obj/tests/soak/soak.o $(B)/lib/librevcheck-internal.a \
    $(if $(TESTLIB_OBJ),$(B)/lib/libtest.a)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

.PHONY: soak soak-run
soak:
	@+$(MAKE) PROFILE=release soak-run
soak-run: fixtures $(B)/soak/soak
	@FIXTURES=$(abspath $(B))/fixtures $(B)/soak/soak
