# p2p-gateway, librevcheck, revcheck and their fixtures.
#
#   make demo    install what is missing, build, run the whole story, stop
#   make test    install what is missing, build, run every test
#   make help    the other targets
#
# PROFILE=debug|release|asan|tsan|fuzz|cov chooses build/$(PROFILE)/.

PROFILE ?= debug
PREFIX  ?= /usr/local
DESTDIR ?=
V       ?= 0

.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-print-directory

VERSION := 0.1.0
ABI     := 0
B       := build/$(PROFILE)
Q       := $(if $(filter 0,$(V)),@,)
say      = $(if $(filter 0,$(V)),@printf '  %-7s %s\n' '$(1)' '$(2)',@:)

# profiles

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wwrite-strings -Wpointer-arith -Wvla \
	-Wformat=2 -Wundef -Wno-unused-parameter
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
HARDEN_LD := -Wl,-z,relro -Wl,-z,now

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

CPPFLAGS := -I. -D_GNU_SOURCE -DOPENSSL_API_COMPAT=30000 \
	    -DREVCHECK_BUILD $(PKG_CFLAGS)
CFLAGS   := -std=gnu11 $(WARN) $(OPT) -fPIC -fvisibility=hidden -pthread
LDFLAGS  := $(OPT_LD) -pthread
LDLIBS   := $(PKG_LIBS)

# A change of compiler or flags rebuilds; nothing else does.
FLAGS_NOW := $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
$(shell mkdir -p $(B); printf '%s\n' '$(FLAGS_NOW)' | cmp -s - $(B)/.flags || \
	printf '%s\n' '$(FLAGS_NOW)' > $(B)/.flags)

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
lib: $(LIB_A) $(LIB_SO) $(B)/lib/librevcheck.pc
bins: $(BINS)

$(B)/obj/%.o: %.c $(B)/.flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

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
	$(Q)$(CC) -shared $(LDFLAGS) -Wl,-soname,librevcheck.so.$(ABI) \
	    -Wl,--version-script=revcheck/librevcheck.map \
	    -o $@ $(LIB_OBJ) $(LDLIBS)
	$(Q)ln -sf librevcheck.so.$(VERSION) $(@D)/librevcheck.so.$(ABI)
	$(Q)ln -sf librevcheck.so.$(ABI) $(@D)/librevcheck.so

$(B)/lib/librevcheck.pc: revcheck/librevcheck.pc.in Makefile
	$(Q)mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' $< > $@

$(B)/bin/revcheck: $(CLI_OBJ) $(LIB_A)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(CLI_OBJ) $(LIB_A) $(LDLIBS)

$(B)/bin/p2p-gateway: $(GATEWAY_OBJ) $(B)/lib/libbase.a $(LIB_A)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(GATEWAY_OBJ) $(LIB_A) $(B)/lib/libbase.a \
	    $(LDLIBS)

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
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach f,$(FIXTURES),$(eval $(call fixture_rule,$(f))))

# A PKCS#11 module, loaded by the gateway under test.
SLOWTOKEN := $(B)/fixtures/slowtoken.so
$(SLOWTOKEN): $(B)/obj/fixtures/slowtoken/slowtoken.o
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared $(LDFLAGS) -o $@ $^
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

.PHONY: deps deps-test
deps:
	@sh tests/apt.sh $(APT_BUILD)
deps-test:
	@sh tests/apt.sh $(APT_BUILD) $(APT_TEST)

.PHONY: demo run
demo: deps
	@$(MAKE) -j2 all
	@sh fixtures/demo/demo.sh $(abspath $(B))
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

.PHONY: check-symbols
check-symbols: $(LIB_A) $(LIB_SO)
	@bad=$$(nm -g --defined-only $(LIB_A) $(LIB_SO) | \
	    awk 'NF == 3 && $$2 != "A" {print $$3}' | sed 's/@.*//' | grep -v '^revcheck_' | \
	    sort -u); \
	if [ -n "$$bad" ]; then echo "not revcheck_*: $$bad"; exit 1; fi; \
	echo "check-symbols: only revcheck_* is visible"

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
check-docs: revcheck/revcheck.h $(NAMES) $(GATEWAY_OBJ) $(DOORMAN_BINS)
	@sh tests/docs/check.sh $(NAMES) $(B)/obj/gateway
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
	@sh tests/lint.sh '$(CPPFLAGS)' $(filter %.c,$(C_FILES))
compdb:
	bear -- $(MAKE) -B all

# install

.PHONY: install uninstall
INSTALL := install
install: all
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin \
	    $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig \
	    $(DESTDIR)$(PREFIX)/share/man/man1 \
	    $(DESTDIR)$(PREFIX)/share/man/man3 \
	    $(DESTDIR)$(PREFIX)/share/man/man5 \
	    $(DESTDIR)$(PREFIX)/share/man/man8 \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system
	for u in service socket; do \
	    sed -e 's|@PREFIX@|$(PREFIX)|' gateway/systemd/p2p-gateway.$$u > \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/p2p-gateway.$$u; done
	$(INSTALL) -m 755 $(B)/bin/revcheck $(DESTDIR)$(PREFIX)/bin/
	$(INSTALL) -m 755 $(B)/bin/p2p-gateway $(DESTDIR)$(PREFIX)/sbin/
	$(INSTALL) -m 644 revcheck/revcheck.h $(DESTDIR)$(PREFIX)/include/
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/share/doc/librevcheck/examples
	$(INSTALL) -m 644 revcheck/examples/*.c \
	    $(DESTDIR)$(PREFIX)/share/doc/librevcheck/examples/
	$(INSTALL) -m 644 $(LIB_A) $(DESTDIR)$(PREFIX)/lib/
	$(INSTALL) -m 755 $(LIB_SO) $(DESTDIR)$(PREFIX)/lib/
	ln -sf librevcheck.so.$(VERSION) \
	    $(DESTDIR)$(PREFIX)/lib/librevcheck.so.$(ABI)
	ln -sf librevcheck.so.$(ABI) $(DESTDIR)$(PREFIX)/lib/librevcheck.so
	@# Not the built one: PREFIX may be another now.
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' \
	    revcheck/librevcheck.pc.in > \
	    $(DESTDIR)$(PREFIX)/lib/pkgconfig/librevcheck.pc
	for s in 1 3 5 8; do for m in revcheck/man/*.$$s gateway/man/*.$$s; do \
	    [ ! -f "$$m" ] || $(INSTALL) -m 644 "$$m" \
	    $(DESTDIR)$(PREFIX)/share/man/man$$s/; done; done
uninstall:
	cd $(DESTDIR)$(PREFIX) && rm -f bin/revcheck sbin/p2p-gateway \
	    include/revcheck.h lib/librevcheck.* lib/pkgconfig/librevcheck.pc \
	    share/doc/librevcheck/examples/*.c \
	    share/man/man1/revcheck.1 share/man/man3/revcheck.3 \
	    share/man/man5/p2p-gateway.conf.5 share/man/man8/p2p-gateway.8 \
	    lib/systemd/system/p2p-gateway.service \
	    lib/systemd/system/p2p-gateway.socket

.PHONY: clean help
clean:
	rm -rf build
help:
	@sed -n 's/^#   make/  make/p' Makefile
	@echo "  make all lib bins fixtures  build (PROFILE=$(PROFILE))"
	@echo "  make run                    demo network in the foreground"
	@echo "  make check [T=NAME...]      the tests of one profile, or those so called"
	@echo "  make list-tests [T=...]     their names"
	@echo "  make check-asan check-tsan  the same under the sanitizers"
	@echo "  make check-vectors check-oom check-deps check-symbols check-headers check-docs"
	@echo "                              one kind of proof by itself"
	@echo "  make bench                  bench-archive, bench-gateway: ratios, side by side"
	@echo "  make soak fuzz              a minute of everything at once; FUZZ_SECONDS a fuzzer"
	@echo "  make mutate [F=file] [L=level] [M=name]  wrong lines that a test must notice: tests/mutants"
	@echo "  make lint format            clang-tidy, cppcheck, clang-format"
	@echo "  make man-lists              the manual's lists of keys and counters, anew"
	@echo "  make install uninstall      DESTDIR, PREFIX"
