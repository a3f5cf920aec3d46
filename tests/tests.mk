# Tests. A test is a program that prints TAP ("ok N - name", "not ok ...",
# "# SKIP" after the name) and exits 0 or not; tests/run counts them. Its name
# is its path below tests/, and so is that of its object and its program below
# $(B)/obj/tests and $(B)/tests.
#
#   tests/unit/test_*.c    cmocka, linked with the library's internals
#   tests/unit/test_*.sh   of the tools beside it
#   tests/net/AREA/*.c     real processes on loopback, linked with tests/lib only
#   tests/net/AREA/*.sh    the same as a script
#   tests/*/module.mk      other kinds: vectors, fuzz, oom, examples
#
#   make check [T=NAME...]   builds and runs these. NAME is that of a test, or
#                            else how the names begin: net/http/bodies, net/live,
#                            unit/test_conf, vectors. `make tests` only builds.
#   make list-tests [T=...]  prints the names. BUT=NAME... leaves out those
#                            that begin so, here and above.
#
# More objects or libraries for one test: <name>_OBJ, <name>_LIBS here.

names = $(patsubst tests/%.c,%,$(wildcard $(1)))
UNIT  := $(call names,tests/unit/test_*.c)
NETC  := $(call names,tests/net/*/*.c)
NETSH := $(patsubst tests/%.sh,%,$(wildcard tests/net/*/*.sh))
UNITSH := $(patsubst tests/%.sh,%,$(wildcard tests/unit/test_*.sh))
# What is installed is the release, whatever is built: once is enough.
ifneq ($(PROFILE),debug)
  NETSH := $(filter-out net/install/%,$(NETSH))
endif
# A fragment adds the names of its tests to this.
EXTRA :=

# Embeds the library as a stranger would: the public, static one.
net/library/answered_OBJ = $(LIB_A)
net/library/attached_OBJ = $(LIB_A)
net/library/blinded_OBJ = $(LIB_A)
net/library/contexts_OBJ = $(LIB_A)
net/library/joined_OBJ = $(LIB_A)
net/library/engine_OBJ = $(LIB_A)
net/library/kept_OBJ = $(LIB_A)
net/library/remembered_OBJ = $(LIB_A)
net/library/shared_OBJ = $(LIB_A)
net/library/local_crls_OBJ = $(LIB_A)
net/library/responses_OBJ = $(LIB_A)
net/library/watched_OBJ = $(LIB_A)
net/library/urls_OBJ = $(LIB_A)
net/library/told_OBJ = $(LIB_A)

# libssl gets there as in the gateway.
unit/test_tls_certs_LIBS = $(D2I_LD)

# Its thread begins when the test says so.
unit/test_store_disk_LIBS = -Wl,--wrap=pthread_create

# Has a clock that stands still.
unit/test_crl_aside_LIBS = -Wl,--wrap=clock_mono_ms

# Has a clock that jumps.
unit/test_archive_news_LIBS = -Wl,--wrap=clock_mono_ms

# Counts what is done in search of a path.
unit/test_path_search_LIBS = -Wl,--wrap=X509_verify -Wl,--wrap=X509_check_issued
# Counts how often a lock is taken.
unit/test_decision_ring_LIBS = -Wl,--wrap=pthread_mutex_lock
# Counts blocks of memory.
unit/test_reel_LIBS = -Wl,--wrap=malloc,--wrap=free
# Says what time it is, and sees what is given back.
unit/test_slack_LIBS = -Wl,--wrap=time,--wrap=revcheck_trim \
	-Wl,--wrap=tls_certs_trim,--wrap=malloc_trim
# Counts rows that are made, and CRLs that are looked into.
unit/test_page_work_LIBS = -Wl,--wrap=address_text,--wrap=cache_item_of_crl
# Sees what is written for good, and when.
unit/test_rest_pem_LIBS = -Wl,--wrap=fsync,--wrap=rename

# The room itself, against a real engine.
net/fleet/check_OBJ = $(UNIT_A)
net/fleet/facade_OBJ = $(UNIT_A)
net/fleet/not_here_OBJ = $(TEST_A) $(UNIT_A)
net/fleet/engine_OBJ = $(UNIT_A)
net/fleet/hostile_OBJ = $(UNIT_A)
net/fleet/link_OBJ = $(UNIT_A)

# Tests start and watch processes as fixtures do.
$(B)/lib/libtest.a: $(TESTLIB_OBJ) $(FIXLIB_OBJ)
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcsT $@ $^

# Gateway files without main(), so that unit tests can reach them.
$(B)/lib/libgateway-internal.a: $(filter-out %/main.o,$(GATEWAY_OBJ))
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcsT $@ $^

# test_rule NAME,ARCHIVES,LIBRARIES: one test's program. It depends on the
# objects that the linker took out of the (thin) archives, as it says itself,
# and on no others: a change of one file relinks who has it inside. `relink`
# where it has said nothing yet, or took an object that there is no more.
ARCHIVED := $(LIB_OBJ) $(GATEWAY_OBJ) $(TESTLIB_OBJ) $(FIXLIB_OBJ)
taken = $(if $(wildcard $(B)/tests/$(1).taken),$(file <$(B)/tests/$(1).taken),relink)
define test_rule
$(B)/tests/$(1): $(B)/obj/tests/$(1).o $$($(1)_OBJ) \
    $(filter $(ARCHIVED),$(call taken,$(1))) \
    $(if $(filter-out $(ARCHIVED),$(call taken,$(1))),relink) | $(2)
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $(B)/obj/tests/$(1).o $$($(1)_OBJ) $(2) \
	    $$(LDLIBS) $(3) $$($(1)_LIBS) -Wl,-t >$$@.trace
	$$(Q)sed -n 's|^$(B)/lib/\.\./|$(B)/|p' $$@.trace >$$@.taken
endef
.PHONY: relink

UNIT_A := $(if $(filter-out %/main.o,$(GATEWAY_OBJ)),$(B)/lib/libgateway-internal.a) \
	$(B)/lib/librevcheck-internal.a
TEST_A := $(if $(TESTLIB_OBJ),$(B)/lib/libtest.a)
$(foreach t,$(UNIT),$(eval $(call test_rule,$(t),$(UNIT_A) $(TEST_A),-lcmocka)))
$(foreach t,$(NETC),$(eval $(call test_rule,$(t),$(TEST_A),-lcmocka)))

-include $(wildcard tests/*/module.mk)

# What drives a browser, for tests/ui: no part of the tree, and not asked for
# where there is no npm or no way to its packages; the tests say so then.
UI_TOOLS := build/ui-tools
.PHONY: ui-tools
ui-tools: $(UI_TOOLS)/.tried
$(UI_TOOLS)/.tried: tests/ui/packages.txt
	$(call say,NPM,$(UI_TOOLS))
	$(Q)mkdir -p $(@D)
	$(Q)! command -v npm >/dev/null || npm install --prefix $(@D) --ignore-scripts \
	    --no-audit --no-fund --no-save --silent --fetch-retries 1 \
	    --fetch-timeout 30000 $$(cat $<) >$(@D)/npm.log 2>&1 || \
	    echo "  $(UI_TOOLS): npm cannot install it; see npm.log there"
	$(Q)touch $@

# Runs a test, and finds out what it has left running.
$(B)/tests/reap: $(B)/obj/tests/reap.o
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^

# ---- which to run ---------------------------------------------------------------

# A name is itself; what is the name of no test begins those it stands for.
TESTS := $(UNIT) $(UNITSH) $(EXTRA) $(NETC) $(NETSH)
chosen = $(or $(filter $(1),$(TESTS)),$(filter $(1)%,$(TESTS)),\
	$(error no test is called or begins with '$(1)'))
CHOSEN = $(filter-out $(BUT:%=%%),$(if $(T),\
	$(sort $(foreach t,$(T),$(call chosen,$(t)))),$(TESTS)))
# Those that take long begin first, so that none is waited for alone in the end.
SLOW := $(file <tests/slow.txt)
long_first = $(filter $(1),$(SLOW)) $(filter-out $(SLOW),$(1))
# Unit tests that start a server beside them.
SERVED := $(patsubst tests/%.c,%,$(shell \
	grep -l 'tests/lib/net.h\|archive_help.h' tests/unit/*.c))
# Real processes need the programs; scripts are not built.
needs = $(B)/tests/reap $(addprefix $(B)/tests/,$(filter-out $(NETSH) $(UNITSH),$(1))) \
	$(if $(filter net/%,$(1)),all examples vectors) \
	$(if $(filter $(SERVED),$(1)),fixtures) \
	$(if $(filter net/ui/%,$(1)),ui-tools)
# What is installed is another build, which only who runs these waits for.
waits = $(if $(filter net/install/%,$(1)),release) \
	$(if $(filter net/install/deb net/install/systemd,$(1)),deb debroot)

.PHONY: release debroot
debroot:
	@sh tests/debootstrap.sh build/debroot
release:
	@+$(MAKE) -j2 PROFILE=release T= made

.PHONY: tests check check-unit check-net check-asan check-tsan list-tests
tests: $(call needs,$(CHOSEN))
check: $(call needs,$(CHOSEN)) $(call waits,$(CHOSEN))
	@sh tests/run $(abspath $(B)) $(call long_first,$(CHOSEN))
check-unit: $(call needs,$(UNIT))
	@sh tests/run $(abspath $(B)) $(UNIT) $(UNITSH)
check-net: $(call needs,$(NETC) $(NETSH)) $(call waits,$(NETSH))
	@sh tests/run $(abspath $(B)) $(NETC) $(NETSH)
check-asan:
	@+$(MAKE) PROFILE=asan check
check-tsan:
	@+$(MAKE) PROFILE=tsan check
list-tests:
	@printf '%s\n' $(CHOSEN)

# Does anything notice when a line of the product is wrong? Not part of `test`.
.PHONY: mutate check-mutants
mutate:
	@perl tests/mutate.pl tests/mutants/*.txt '$(if $(F),F=$(F))' \
	    '$(if $(L),L=$(L))' '$(if $(M),M=$(M))'
check-mutants:
	@perl tests/mutate.pl tests/mutants/*.txt check
