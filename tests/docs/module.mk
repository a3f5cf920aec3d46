# What the manual must have, printed by the tables themselves; see check-docs.
$(eval $(call test_rule,docs/names,$(UNIT_A),))
tests: $(B)/tests/docs/names
