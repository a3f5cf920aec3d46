# systemd passes sockets and reads unit files; nothing of it need be running.
APT_TEST += systemd
# The status page is looked at in a browser, with letters to draw.
# A Node.js of other packages brings an npm that Debian's conflicts with.
APT_TEST += chromium fonts-dejavu-core $(if $(shell command -v npm),,nodejs npm)
# A server behind and before the gateway in HTTP mode; a caching proxy.
APT_TEST += nginx-light
# A node in a line of the README, and a judge of the published JSON Schema.
APT_TEST += socat python3-jsonschema
# What an OpenAPI document has to be.
APT_TEST += openapi-specification
# Counts instructions.
APT_TEST += valgrind
# The library as other languages call it.
APT_TEST += golang-go python3
# Shells whose completions are tried.
APT_TEST += zsh fish
# An FTP server, for what is spoken before TLS.
APT_UNPACK := vsftpd
# promtool judges metrics, alert rules and the dashboard's expressions; the
# daemon that comes with it is never started.
APT_UNPACK += prometheus
# The engine of a fleet of gateways, and its command for users and roles: each
# test starts nodes of its own, no daemon of this machine.
APT_UNPACK += etcd-server etcd-client
# What the guides are about: each is run with the real thing.
APT_TEST += haproxy stunnel4 caddy mosquitto mosquitto-clients
# A judge of the Debian packages, a clean root for them, and a systemd in it.
APT_TEST += lintian debootstrap systemd-container debhelper dpkg-dev
