# The library, and the command. A room's list of what is installed: see install
# in the Makefile.

MADE_library := $(LIB_A) $(LIB_SO)
PUT_library := \
	755:$(LIB_SO):$(LIBDIR)/librevcheck.so.$(VERSION) \
	link:librevcheck.so.$(VERSION):$(LIBDIR)/librevcheck.so.$(ABI) \
	link:librevcheck.so.$(ABI):$(LIBDIR)/librevcheck.so \
	644:$(LIB_A):$(LIBDIR)/librevcheck.a \
	644:revcheck/revcheck.h:$(INCLUDEDIR)/revcheck.h \
	fill:revcheck/librevcheck.pc.in:$(LIBDIR)/pkgconfig/librevcheck.pc \
	644:revcheck/man/revcheck.3:$(MANDIR)/man3/revcheck.3 \
	$(foreach f,$(wildcard revcheck/examples/*.c),\
	    644:$(f):$(DOCDIR)/examples/$(notdir $(f)))
OWN_library := $(DOCDIR)/examples $(DOCDIR)

MADE_command := $(B)/bin/revcheck $(call completions,revcheck)
PUT_command := \
	755:$(B)/bin/revcheck:$(BINDIR)/revcheck \
	644:revcheck/man/revcheck.1:$(MANDIR)/man1/revcheck.1 \
	$(call put_completions,revcheck)
