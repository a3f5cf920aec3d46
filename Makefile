# p2p-gateway, librevcheck, revcheck and their fixtures.
#
#   make demo    install what is missing, build, run the whole story, stop
#   make test    install what is missing, build, run every test
#   make help    the other targets
#
# PROFILE=debug|release|asan|tsan|fuzz|cov chooses build/$(PROFILE)/.

# What is installed is the release, unless another PROFILE is asked for.
PROFILE ?= $(if $(filter install%,$(MAKECMDGOALS)),release,debug)
V       ?= 0

# Where it is installed: below DESTDIR, each of these.
DESTDIR      ?=
PREFIX       ?= /usr/local
BINDIR       ?= $(PREFIX)/bin
SBINDIR      ?= $(PREFIX)/sbin
LIBDIR       ?= $(PREFIX)/lib
INCLUDEDIR   ?= $(PREFIX)/include
DATADIR      ?= $(PREFIX)/share
MANDIR       ?= $(DATADIR)/man
DOCDIR       ?= $(DATADIR)/doc/p2p-gateway
UNITDIR      ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR  ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR  ?= $(PREFIX)/lib/tmpfiles.d
BASHCOMPDIR  ?= $(DATADIR)/bash-completion/completions
ZSHCOMPDIR   ?= $(DATADIR)/zsh/site-functions
FISHCOMPDIR  ?= $(DATADIR)/fish/vendor_completions.d
# Where the programs' configuration lies. Nothing is put there.
SYSCONFDIR   ?= /etc

.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-print-directory

VERSION := $(shell sed -n 's/.define REVCHECK_VERSION "\(.*\)"/\1/p' \
	revcheck/revcheck.h)
ABI     := 0
B       := build/$(PROFILE)
Q       := $(if $(filter 0,$(V)),@,)
say      = $(if $(filter 0,$(V)),@printf '  %-7s %s\n' '$(1)' '$(2)',@:)

# profiles

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wwrite-strings -Wpointer-arith -Wvla \
	-Wformat=2 -Wundef -Wno-unused-parameter

# What is installed is hardened. FORTIFY is as far as compiler and libc go (3
# since gcc 12 and glibc 2.34), unless a packager's flags say how far.
cc_takes = $(shell echo 'int i;' | $(CC) -Werror $(1) -c -x c -o /dev/null - \
	2>/dev/null && echo '$(1)')
ifeq ($(PROFILE),release)
  ifeq ($(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),)
    FORTIFY := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(or $(shell \
	echo level __USE_FORTIFY_LEVEL | $(CC) -O2 -U_FORTIFY_SOURCE \
	-D_FORTIFY_SOURCE=3 -include features.h -E -P -x c - 2>/dev/null | \
	sed -n 's/^level \([0-9]\)/\1/p'),2)
  endif
  HARDEN := $(FORTIFY) -fstack-protector-strong \
	$(foreach f,-fstack-clash-protection -fcf-protection \
	-mbranch-protection=standard,$(call cc_takes,$(f)))
  HARDEN_LD := -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed
  PIE := -pie
endif

ifeq ($(PROFILE),debug)
  OPT := -O1 -g -Werror -fno-omit-frame-pointer
else ifeq ($(PROFILE),release)
  OPT := -O2 -g $(HARDEN)
  OPT_LD := $(HARDEN_LD)
else ifeq ($(PROFILE),asan)
  OPT := -O1 -g -Werror -fno-omit-frame-pointer \
	 -fsanitize=address,undefined -fno-sanitize-recover=all
  OPT_LD := -fsanitize=address,undefined
else ifeq ($(PROFILE),tsan)
  OPT := -O1 -g -Werror -fno-omit-frame-pointer -fsanitize=thread
  OPT_LD := -fsanitize=thread
else ifeq ($(PROFILE),fuzz)
  CC := clang
  OPT := -O1 -g -fno-omit-frame-pointer \
	 -fsanitize=fuzzer-no-link,address,undefined \
	 -fno-sanitize-recover=all
  OPT_LD := -fsanitize=fuzzer-no-link,address,undefined
else ifeq ($(PROFILE),cov)
  OPT := -O0 -g --coverage
  OPT_LD := --coverage
else
  $(error unknown PROFILE '$(PROFILE)': debug, release, asan, tsan, fuzz or cov)
endif

PKGS := openssl libcurl libevent libevent_openssl libevent_pthreads libcjson \
	sqlite3
ifneq ($(MAKECMDGOALS),deps)
  PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
  PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
endif

# CPPFLAGS, CFLAGS and LDFLAGS are whoever's who builds, and come last.
ALL_CPPFLAGS := -I. -D_GNU_SOURCE -DOPENSSL_API_COMPAT=30000 \
		-DREVCHECK_BUILD $(PKG_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS   := -std=gnu11 $(WARN) $(OPT) -fPIC -fvisibility=hidden -pthread \
		$(CFLAGS)
ALL_LDFLAGS  := $(OPT_LD) -pthread $(LDFLAGS)
LDLIBS       := $(PKG_LIBS)

# A change of compiler or flags rebuilds; nothing else does.
FLAGS_NOW := $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)
quoted = '$(subst ','\'',$(1))'
$(shell mkdir -p $(B); printf '%s\n' $(call quoted,$(FLAGS_NOW)) | \
	cmp -s - $(B)/.flags || \
	printf '%s\n' $(call quoted,$(FLAGS_NOW)) > $(B)/.flags)

objs = $(patsubst %.c,$(B)/obj/%.o,$(1))

# rooms

BASE_OBJ    := $(call objs,$(wildcard cache/base/*.c))
CACHE_OBJ   := $(call objs,$(filter-out cache/base/%,\
	$(wildcard cache/*.c cache/*/*.c)))
JUDGE_OBJ   := $(call objs,$(filter-out revcheck/cli/% revcheck/examples/%,\
	$(wildcard revcheck/*.c revcheck/*/*.c)))
LIB_OBJ     := $(BASE_OBJ) $(CACHE_OBJ) $(JUDGE_OBJ)
CLI_OBJ     := $(call objs,$(wildcard revcheck/cli/*.c))
GATEWAY_OBJ := $(call objs,$(wildcard gateway/*.c gateway/*/*.c))
UI_OBJ      := $(B)/obj/gateway/ui/bytes.o
GATEWAY_OBJ += $(UI_OBJ)
FIXLIB_OBJ  := $(call objs,$(wildcard fixtures/lib/*.c))
TESTLIB_OBJ := $(call objs,$(wildcard tests/lib/*.c))

LIB_A     := $(B)/lib/librevcheck.a
LIB_SO    := $(B)/lib/librevcheck.so.$(VERSION)
BINS      := $(if $(CLI_OBJ),$(B)/bin/revcheck) \
	     $(if $(GATEWAY_OBJ),$(B)/bin/p2p-gateway)

# Every directory fixtures/NAME with a main.c is a program NAME.
FIXTURES  := $(patsubst fixtures/%/main.c,%,$(wildcard fixtures/*/main.c))
FIXBINS   := $(addprefix $(B)/fixtures/,$(FIXTURES))

.PHONY: all
all: lib bins fixtures

.PHONY: lib bins
lib: $(LIB_A) $(LIB_SO)
bins: $(BINS)

$(B)/obj/%.o: %.c $(B)/.flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The files of the status page, as they are; ui_files.c knows their names.
UI_FILES := index.html refused.html page.css page.js icon.svg
# Who works on the page has it read from P2P_GATEWAY_UI_DIR; no user has.
ifeq ($(PROFILE),debug)
$(B)/obj/gateway/ui/ui_files.o: ALL_CPPFLAGS += -DUI_FROM_DISK
endif
$(UI_OBJ): $(addprefix gateway/ui/,$(UI_FILES)) Makefile
	$(call say,BYTES,$@)
	$(Q)mkdir -p $(@D)
	$(Q)cd gateway/ui && $(LD) -r -b binary -z noexecstack \
	    -o $(abspath $@) $(UI_FILES)
	$(Q)objcopy --rename-section .data=.rodata,alloc,load,readonly,data,contents $@

# Internals for unit tests and fuzzers: every symbol visible. The archive is
# thin: it names the objects, so that a linker can say which of them it took.
$(B)/lib/librevcheck-internal.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcsT $@ $^

$(B)/lib/libbase.a: $(BASE_OBJ)
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

# One object, hidden symbols made local: static embedders see revcheck_* only.
$(LIB_A): $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@
	$(Q)$(LD) -r -o $(@D)/librevcheck.o $^
	$(Q)objcopy --localize-hidden $(@D)/librevcheck.o
	$(Q)$(AR) rcs $@ $(@D)/librevcheck.o && rm -f $(@D)/librevcheck.o

$(LIB_SO): $(LIB_OBJ) revcheck/librevcheck.map
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared $(ALL_LDFLAGS) -Wl,-soname,librevcheck.so.$(ABI) \
	    -Wl,--version-script=revcheck/librevcheck.map \
	    -o $@ $(LIB_OBJ) $(LDLIBS)
	$(Q)ln -sf librevcheck.so.$(VERSION) $(@D)/librevcheck.so.$(ABI)
	$(Q)ln -sf librevcheck.so.$(ABI) $(@D)/librevcheck.so

$(B)/bin/revcheck: $(CLI_OBJ) $(LIB_A)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $(PIE) -o $@ $(CLI_OBJ) $(LIB_A) $(LDLIBS)

# What libssl calls is the program's d2i_X509, see gateway/tls/tls_certs.h. Its
# version is libcrypto's: a PKCS#11 module may bring an older OpenSSL, which
# would else get certificates that it takes for its own.
D2I_MAP := gateway/tls/tls_certs.map
D2I_LD := -Wl,--defsym=d2i_X509=tls_certs_d2i -Wl,--version-script=$(D2I_MAP)
$(B)/bin/p2p-gateway: $(GATEWAY_OBJ) $(B)/lib/libbase.a $(LIB_A) $(D2I_MAP)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $(D2I_LD) $(PIE) -o $@ $(GATEWAY_OBJ) $(LIB_A) \
	    $(B)/lib/libbase.a $(LDLIBS)

# fixtures: share no code with what they test

.PHONY: fixtures
fixtures: $(FIXBINS)

$(B)/lib/libfixture.a: $(FIXLIB_OBJ)
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

define fixture_rule
$(B)/fixtures/$(1): $$(call objs,$$(wildcard fixtures/$(1)/*.c)) \
    $$(if $$(FIXLIB_OBJ),$(B)/lib/libfixture.a)
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach f,$(FIXTURES),$(eval $(call fixture_rule,$(f))))

# A PKCS#11 module, loaded by the gateway under test.
SLOWTOKEN := $(B)/fixtures/slowtoken.so
$(SLOWTOKEN): $(B)/obj/fixtures/slowtoken/slowtoken.o
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared $(ALL_LDFLAGS) -o $@ $^
fixtures: $(SLOWTOKEN)

# Rooms with needs of their own bring a fragment.
-include fixtures/doorman/build.mk
-include tests/tests.mk
-include $(shell find $(B)/obj -name '*.d' ! -name '*.taken.d' 2>/dev/null)

# the two commands

# Debian packages: what it takes to build, run and test everything.
APT_BUILD := gcc make pkg-config binutils libc6-dev libssl-dev \
	libcurl4-openssl-dev libevent-dev libcjson-dev libsqlite3-dev \
	libp11-kit-dev libicu-dev openssl curl \
	ca-certificates
APT_TEST  := libcmocka-dev clang libclang-rt-14-dev procps jq mandoc softhsm2
-include tests/packages.mk
-include fixtures/doorman/packages.mk

.PHONY: deps deps-test list-packages
list-packages:
	@echo $(APT_BUILD)
deps:
	@sh tests/apt.sh $(APT_BUILD)
deps-test:
	@sh tests/apt.sh $(APT_BUILD) $(APT_TEST)
	@sh tests/apt-unpack.sh build/unpacked $(APT_UNPACK)

.PHONY: demo demo-fleet run
demo: deps
	@$(MAKE) -j2 all
	@sh fixtures/demo/demo.sh $(abspath $(B))
	@$(MAKE) demo-fleet
demo-fleet: deps
	@sh tests/apt.sh nginx-light
	@sh tests/apt-unpack.sh build/unpacked etcd-server
	@$(MAKE) -j2 all
	@sh fixtures/demo/fleet.sh $(abspath $(B)) $(abspath build/unpacked)/usr/bin/etcd
run: deps
	@$(MAKE) -j2 all
	@exec sh fixtures/demo/run.sh $(abspath $(B))

.PHONY: test
test: deps-test
	@sh tests/run-all.sh

# conventions with a machine behind them

C_FILES := $(shell git ls-files '*.c' '*.h' 2>/dev/null)

.PHONY: check-deps
check-deps: all
	@sh tests/check-deps.sh $(B)/obj tests/rooms.txt

# What the library promises to keep, and since which version.
SYMBOLS := gateway/debian/librevcheck0.symbols
.PHONY: check-symbols
check-symbols: $(LIB_A) $(LIB_SO)
	@bad=$$(nm -g --defined-only $(LIB_A) $(LIB_SO) | \
	    awk 'NF == 3 && $$2 != "A" {print $$3}' | sed 's/@.*//' | grep -v '^revcheck_' | \
	    sort -u); \
	if [ -n "$$bad" ]; then echo "not revcheck_*: $$bad"; exit 1; fi
	@nm -D --defined-only $(LIB_SO) | awk '$$3 ~ /^revcheck_/ {print $$3}' | \
	    sed 's/@@*/@/' | LC_ALL=C sort > $(B)/lib/symbols; \
	awk '/^ revcheck_/ {print $$1}' $(SYMBOLS) | LC_ALL=C sort | \
	    diff $(B)/lib/symbols - > $(B)/lib/symbols.diff || { \
	    echo "$(SYMBOLS): what is missing (<) or gone (>)"; \
	    grep '^[<>]' $(B)/lib/symbols.diff; exit 1; }
	@echo "check-symbols: only revcheck_* is visible, all of it is in $(SYMBOLS)"

.PHONY: check-headers
check-headers: revcheck/revcheck.h
	@mkdir -p $(B)/headers
	@echo '#include "revcheck/revcheck.h"' > $(B)/headers/inc.c
	@cp $(B)/headers/inc.c $(B)/headers/inc.cc
	@$(CC) -std=c11 -pedantic -Wall -Wextra -Werror -I. $(PKG_CFLAGS) \
	    -fsyntax-only $(B)/headers/inc.c
	@if command -v g++ >/dev/null; then g++ -std=c++17 -Wall -Wextra \
	    -Werror -I. $(PKG_CFLAGS) -fsyntax-only $(B)/headers/inc.cc; fi
	@awk '/^ \*\t#include <revcheck.h>/ {on = 1} /^ \* Conventions/ {on = 0} \
	    on {sub(/^ \*\t?/, ""); print}' revcheck/revcheck.h | \
	    sed 's|<revcheck.h>|"revcheck/revcheck.h"|' > $(B)/headers/sample.c
	@$(CC) -std=c11 -Wall -Wextra -Werror -I. $(PKG_CFLAGS) -fsyntax-only \
	    $(B)/headers/sample.c
	@echo "check-headers: revcheck.h stands alone, its sample compiles"

# Every public function, key, route and metric is in its manual page, and every
# page is well made. The names come from the tables that the programs work by.
NAMES := $(B)/tests/docs/names
.PHONY: check-docs man-lists
check-docs: revcheck/revcheck.h $(NAMES) $(B)/bin/p2p-gateway $(DOORMAN_BINS)
	@sh tests/docs/check.sh $(NAMES) $(B)/obj/gateway $(B)/bin/p2p-gateway
	@sh tests/docs/doorman.sh $(B)/fixtures check
man-lists: $(NAMES) $(DOORMAN_BINS)
	@sh tests/docs/lists.sh $(NAMES)
	@sh tests/docs/doorman.sh $(B)/fixtures

.PHONY: format format-check lint compdb
format:
	clang-format -i $(C_FILES)
format-check:
	@clang-format --dry-run -Werror $(C_FILES) && echo "format-check: ok"
lint: format-check check-deps
	@sh tests/lint.sh '$(ALL_CPPFLAGS)' $(filter %.c,$(C_FILES))
compdb:
	bear -- $(MAKE) -B all

# install

# What is put where, in parts that can be installed alone. Rooms add to
# PUT_part what is KIND:FILE:PLACE: files of mode 755 or 644, `fill` with its
# @NAMES@ filled in, `link` a symbolic link to FILE; to MADE_part what has to be
# built; to OWN_part the folders that are nobody else's.
PARTS := library command gateway doorman
INSTALL := install

# completions PROGRAM, put_completions PROGRAM: made from its --help.
completions = $(addprefix $(B)/completions/,$(1).bash _$(1) $(1).fish)
put_completions = 644:$(B)/completions/$(1).bash:$(BASHCOMPDIR)/$(1) \
	644:$(B)/completions/_$(1):$(ZSHCOMPDIR)/_$(1) \
	644:$(B)/completions/$(1).fish:$(FISHCOMPDIR)/$(1).fish
define completions_rule
$(call completions,$(notdir $(1))) &: $(1) revcheck/completions.pl
	$$(call say,HELP,$$@)
	$$(Q)mkdir -p $$(@D) && perl revcheck/completions.pl $$< $$(@D)
endef
$(foreach p,bin/revcheck bin/p2p-gateway fixtures/doorman fixtures/doorman-sign,\
    $(eval $(call completions_rule,$(B)/$(p))))

-include $(wildcard revcheck/install.mk gateway/install.mk \
	fixtures/doorman/install.mk)

FILL := $(foreach v,PREFIX BINDIR SBINDIR SYSCONFDIR VERSION,-e 's|@$(v)@|$($(v))|g') \
	$(foreach v,LIBDIR INCLUDEDIR,-e \
	's|@$(v)@|$(patsubst $(PREFIX)/%,$${prefix}/%,$($(v)))|g')
put_755  = $(INSTALL) -D -m 755 $(1) "$(DESTDIR)$(2)"
put_644  = $(INSTALL) -D -m 644 $(1) "$(DESTDIR)$(2)"
put_link = $(INSTALL) -d "$(DESTDIR)$(dir $(2))" && ln -sf $(1) "$(DESTDIR)$(2)"
put_fill = $(INSTALL) -D -m 644 /dev/null "$(DESTDIR)$(2)" && \
	sed $(FILL) $(1) > "$(DESTDIR)$(2)"
define put
$(call say,INSTALL,$(DESTDIR)$(word 3,$(1)))
	$(Q)$(call put_$(word 1,$(1)),$(word 2,$(1)),$(word 3,$(1)))

endef
places = $(foreach p,$(PUT_$(1)),$(word 3,$(subst :, ,$(p))))
define part_rules
.PHONY: made-$(1) install-$(1) uninstall-$(1)
made-$(1): $$(MADE_$(1))
install-$(1): made-$(1)
	$$(foreach p,$$(PUT_$(1)),$$(call put,$$(subst :, ,$$p)))
uninstall-$(1):
	rm -f $$(foreach p,$$(call places,$(1)),"$$(DESTDIR)$$p")
	$$(foreach d,$$(OWN_$(1)),rmdir "$$(DESTDIR)$$d" 2>/dev/null || :;)
endef
$(foreach p,$(PARTS),$(eval $(call part_rules,$(p))))

.PHONY: made install uninstall list-install
made: $(PARTS:%=made-%)
install: $(PARTS:%=install-%)
	@# Where it is for this machine: its loader finds the library.
	@[ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || :
uninstall: $(PARTS:%=uninstall-%)
	@[ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || :
list-install:
	@printf '%s\n' $(foreach p,$(PARTS),$(call places,$(p))) | LC_ALL=C sort

.PHONY: clean help
clean:
	rm -rf build
help:
	@sed -n 's/^#   make/  make/p' Makefile
	@echo "  make all lib bins fixtures  build (PROFILE=$(PROFILE))"
	@echo "  make demo-fleet             three gateways that act as one, with etcd and nginx"
	@echo "  make run                    demo network in the foreground"
	@echo "  make check [T=NAME...]      the tests of one profile, or those so called"
	@echo "  make list-tests [T=...]     their names"
	@echo "  make check-asan check-tsan  the same under the sanitizers"
	@echo "  make check-vectors check-oom check-deps check-symbols check-headers check-docs"
	@echo "                              one kind of proof by itself"
	@echo "  make bench                  bench-archive, bench-gateway: ratios, side by side"
	@echo "  make bench-page             what a refresh of the status page costs the gateway"
	@echo "  make check-cost             instructions and system calls against the stored ones"
	@echo "  make bench-fleet            many members of a fleet at a real etcd"
	@echo "  make soak fuzz              a minute of everything at once; FUZZ_SECONDS a fuzzer"
	@echo "  make mutate [F=file] [L=level] [M=name]  wrong lines that a test must notice: tests/mutants"
	@echo "  make lint format            clang-tidy, cppcheck, clang-format"
	@echo "  make man-lists              the manual's lists of keys and counters, anew"
	@echo "  make install uninstall      the release; DESTDIR, PREFIX, BINDIR, SBINDIR, LIBDIR, INCLUDEDIR, DATADIR,"
	@echo "                              MANDIR, DOCDIR, UNITDIR, SYSCONFDIR; CPPFLAGS, CFLAGS, LDFLAGS of"
	@echo "                              yours are added. install-PART: $(PARTS)"
	@echo "  make list-install           what is put where"
	@echo "  make deb                    Debian packages, in build/deb"
