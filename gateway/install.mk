# The gateway: see install in the Makefile.

# Written by the program itself: the schema of its file, and the example that
# --init begins with, for the place where the unit looks for it.
GATEWAY_SCHEMA := $(B)/share/p2p-gateway.schema.json
GATEWAY_EXAMPLE := $(B)/share/p2p-gateway.json
$(GATEWAY_SCHEMA): $(B)/bin/p2p-gateway
	$(call say,WRITE,$@)
	$(Q)mkdir -p $(@D) && $< --config-schema > $@
$(GATEWAY_EXAMPLE): $(B)/bin/p2p-gateway
	$(call say,WRITE,$@)
	$(Q)rm -rf $(@D)/example && mkdir -p $(@D) && \
	    $< --init $(@D)/example > /dev/null
	$(Q)sed -e 's|"state_dir": "state"|"state_dir": "/var/lib/p2p-gateway"|' \
	    -e 's|"password_hash": ".*"|"password_file": "operator.password"|' \
	    $(@D)/example/p2p-gateway.json > $@
	$(Q)rm -rf $(@D)/example

MADE_gateway := $(B)/bin/p2p-gateway $(call completions,p2p-gateway) \
	$(GATEWAY_SCHEMA) $(GATEWAY_EXAMPLE)
PUT_gateway := \
	755:$(B)/bin/p2p-gateway:$(SBINDIR)/p2p-gateway \
	fill:gateway/systemd/p2p-gateway.service:$(UNITDIR)/p2p-gateway.service \
	fill:gateway/systemd/p2p-gateway.socket:$(UNITDIR)/p2p-gateway.socket \
	fill:gateway/systemd/p2p-gateway.sysusers:$(SYSUSERSDIR)/p2p-gateway.conf \
	fill:gateway/systemd/p2p-gateway.tmpfiles:$(TMPFILESDIR)/p2p-gateway.conf \
	644:$(GATEWAY_SCHEMA):$(DATADIR)/p2p-gateway/p2p-gateway.schema.json \
	644:gateway/alerts/p2p-gateway.rules.yml:$(DATADIR)/p2p-gateway/p2p-gateway.rules.yml \
	644:gateway/alerts/grafana.json:$(DATADIR)/p2p-gateway/grafana.json \
	644:$(GATEWAY_EXAMPLE):$(DOCDIR)/examples/p2p-gateway.json \
	644:gateway/man/p2p-gateway-fleet.7:$(MANDIR)/man7/p2p-gateway-fleet.7 \
	644:gateway/man/p2p-gateway.conf.5:$(MANDIR)/man5/p2p-gateway.conf.5 \
	644:gateway/man/p2p-gateway.8:$(MANDIR)/man8/p2p-gateway.8 \
	$(call put_completions,p2p-gateway) \
	644:README.md:$(DOCDIR)/README.md
OWN_gateway := $(DATADIR)/p2p-gateway $(DOCDIR)/examples $(DOCDIR)

# Debian packages, of everything.
APT_DEB := dpkg-dev debhelper
.PHONY: deb
deb:
	@sh tests/apt.sh $(APT_BUILD) $(APT_DEB)
	@sh gateway/debian/build.sh build/deb $(VERSION)
