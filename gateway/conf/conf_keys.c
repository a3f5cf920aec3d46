/*
 * conf_keys: every configuration key, one row each. Help is written into the
 * manual and the published schema. Where a row has a name in the section
 * revcheck, that is the same key under its other name; keys of the two corda
 * sections have the names, ranges and defaults that their clients send.
 */
#include "gateway/conf/conf_internal.h"
#include "gateway/conf/conf_rows.h"
#include "gateway/pkcs11/pkcs11.h"

#define HOUR_MS   3600000
#define CORDA_MS  500 /* Corda's least for times in milliseconds */
#define LINK_ONLY "used by a link manager; no effect in this gateway"

/* clang-format off */

#define KEPT(p, lo, hi, d, u) \
	P_ROW(p, U64, LINK_ONLY, .min = lo, .max = hi, .dflt = #d, .unit = u, \
	    .flags = CONF_NO_EFFECT)
#define KEPT_GROUP(p, fl) P_GROUP(p, CONF_NO_EFFECT | (fl), LINK_ONLY)
#define WHOLE ref /* the first member: fn is given the snapshot itself */

#define T struct conf
const struct conf_key conf_keys[] = {
	CALL("$schema", WHOLE, conf_read_schema,
	    "where an editor finds the schema of this file, as "
	    "p2p-gateway --config-schema prints it; does nothing here",
	    .unit = "text"),
	CALL("include", WHOLE, conf_read_include,
	    "files with more keys: paths, or patterns such as "
	    "\"conf.d/*.json\", which may match none; objects are joined, "
	    "lists continued in the order of names, and what is set twice is "
	    "an error; relative paths in them start at their own place",
	    .unit = "path, or an array of them"),
	CALL("listen", WHOLE, conf_read_listeners,
	    "where peers connect: \"ADDRESS:PORT\" or \"unix:/path\"; a port "
	    "alone is one of all IPv4 addresses; port 0 lets the kernel choose; "
	    "[] where authorize.listen is all that there is",
	    .flags = CONF_REQUIRED,
	    .unit = "address, or an array of them"),
	GROUP("node", "where accepted traffic goes", .flags = CONF_REQUIRED),
	ROW("node.addresses", PEERS, node.addresses,
	    "\"HOST:PORT\" or \"unix:/path\", in order of preference",
	    .max = 64, .flags = CONF_REQUIRED),
	NUMBER("node.connect_timeout_ms", U32, node.connect_timeout_ms, 1,
	    HOUR_MS, 3000, "ms", "for one connection to the node"),
	NUMBER("node.retry_ms", U32, node.retry_ms, 1, HOUR_MS, 1000, "ms",
	    "pause before an address is tried again"),
	NUMBER("node.max_retries", U32, node.max_retries, 0, 1000, 2, NULL,
	    "rounds over all addresses before the peer is let go"),
	WORD("node.proxy_protocol", node.proxy_protocol, conf_proxy_words, "off",
	    "whether connections to the node begin with a PROXY header "
	    "that names the peer"),
	FLAG("node.proxy_certificate", BOOL, node.proxy_certificate, false,
	    "whether that header also carries the peer's certificate, as far "
	    "as it fits into 4096 octets"),
	ELEMENTS("identities", identities, 10000, conf_identity_keys,
	    conf_identity_read,
	    "certificates that are shown, by server name; the first serves "
	    "names that none has", .flags = CONF_REQUIRED),
	ELEMENTS("trust", trusts, 10000, conf_trust_keys, conf_trust_read,
	    "groups of anchors; any group may vouch for a peer",
	    .flags = CONF_REQUIRED),
	ELEMENTS("allow", allow, 10000, conf_allow_keys, conf_allow_read,
	    "which of the peers that connect and that trust vouches for may "
	    "come in: those for whom one of these rules holds, which is when "
	    "all of its conditions do, of several values of one condition "
	    "one; everybody while it is not set, nobody when it is empty; "
	    "tls.allowed_subjects is asked, too",
	    .flags = CONF_SAYS_PRESENT),
	ROW("state_dir", PATH, state_dir,
	    "directory for evidence, pushed configuration and lists, made "
	    "when missing; without it nothing survives a restart",
	    .flags = CONF_RESTART),
	ROW("key_secret", PATH, key_secret,
	    "file with the secret, of 16 characters or more, that encrypts "
	    "private keys made over REST; keys.secret in state_dir while it "
	    "is not set, made when there are no keys yet",
	    .flags = CONF_RESTART),
	NUMBER("workers", U32, workers, 1, 256, null, NULL,
	    "threads that serve peers; one a CPU while it is not set",
	    .flags = CONF_RESTART),
	ROW("user", TEXT, user, "user to become when started as root; it "
	    "stays root while it is not set", .flags = CONF_RESTART),
	ROW("group", TEXT, group, "group to become; that of user while it is "
	    "not set", .flags = CONF_RESTART),
	ROW("watch", PATH, watch.path,
	    "file, or directory of files, of pushed configuration",
	    .flags = CONF_RESTART),
	ELEMENTS("links", links, 1000, conf_link_keys, conf_link_read,
	    "ports of the node's side that lead to peers over TLS"),

	GROUP("http", "requests are read, and passed to the node with the "
	    "identity of the peer, instead of bytes relayed",
	    .fn = conf_http_present),
	CALL("http.listen", WHOLE, conf_read_http_listeners,
	    "addresses in HTTP mode beside those of the top-level listen; "
	    "those themselves while it is not set",
	    .unit = "address, or an array of them"),
	WORD("http.profile", http.profile, conf_profile_words, "corda",
	    "which requests are taken: corda, POST of application/json with a "
	    "Content-Length to exactly one of http.paths; any, all methods "
	    "but CONNECT and TRACE, any type, chunked bodies, HTTP/1.0, and "
	    "what is below http.paths"),
	CALL("http.paths", http, conf_read_http_paths,
	    "letters, digits, '/', '.' and '-' after a '/': what is served",
	    .dflt = "[\"/\"]", .unit = "array of paths"),
	NUMBER("http.max_request_bytes", U64, http.max_request_bytes, 0,
	    1LL << 40, 500000000, "bytes", "largest body of a request"),
	NUMBER("http.max_head_bytes", U32, http.max_head_bytes, 1024, 262144,
	    16384, "bytes", "largest head of a request"),
	NUMBER("http.head_timeout_ms", U32, http.head_timeout_ms, 10, HOUR_MS,
	    30000, "ms", "for a head, from its first byte to its last"),
	NUMBER("http.response_timeout_ms", U32, http.response_timeout_ms, 10,
	    HOUR_MS, 30000, "ms", "how long the node may take to answer"),
	NUMBER("http.idle_timeout_ms", U32, http.idle_timeout_ms, 10,
	    24 * HOUR_MS, 600000, "ms",
	    "how long a peer's connection may be without a byte"),
	NUMBER("http.node_idle_timeout_ms", U32, http.node_idle_timeout_ms,
	    10, HOUR_MS, 60000, "ms",
	    "how long a connection to the node is kept between requests"),

	GROUP("connect", "HTTP CONNECT for the node"),
	ROW("connect.listen", LISTEN, connect.listen,
	    "where the node connects", .flags = CONF_REQUIRED),
	ROW("connect.allow", TEXTS, connect.allow,
	    "targets that are allowed: \"host:port\", \"*.host:port\", "
	    "\"*:port\"", .max = 10000, .flags = CONF_REQUIRED),
	ROW("connect.identity", TEXT, connect.identity_name,
	    "which of identities is shown; the first while it is not set"),

	GROUP("tls", "TLS towards peers"),
	WORD("tls.min_version", tls.min_version, conf_version_words, "1.3",
	    "lowest version of TLS"),
	WORD("tls.max_version", tls.max_version, conf_version_words, "1.3",
	    "highest version of TLS"),
	WORD("tls.type", tls.type, conf_type_words, "MUTUAL",
	    "whether peers must show a certificate"),
	NUMBER("tls.security_level", INT, policy.security_level, 0, 5, 2,
	    NULL, "OpenSSL's security level for paths, TLS and evidence: 2 "
	    "asks for 112 bits, so refuses RSA of 1024 and SHA-1; 1 lets RSA "
	    "of 1024 in, and only 0 SHA-1, too",
	    REVCHECK("securityLevel", LESS)),
	ROW("tls.ciphersuites", TEXT, tls.ciphersuites,
	    "of TLS 1.3, separated by colons",
	    .dflt = "\"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384\""),
	ROW("tls.ciphers", TEXT, tls.ciphers, "of TLS 1.2, OpenSSL's syntax",
	    .dflt = "\"ECDHE-ECDSA-AES256-GCM-SHA384:"
	    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:"
	    "ECDHE-RSA-AES128-GCM-SHA256\""),
	CALL("tls.allowed_subjects", tls, conf_read_subjects,
	    "client subjects let in, RFC 2253 text; every subject while it "
	    "is not set, nobody when it is empty", .unit = "array of texts"),

	GROUP("limits", "what peers may take; each has a counter of its own"),
	NUMBER("limits.handshake_timeout_ms", U32,
	    limits.handshake_timeout_ms, 10, HOUR_MS, 10000, "ms",
	    "for a handshake, checks of revocation included; who is not done "
	    "then is disconnected, without an alert: OpenSSL 3.0 sends none "
	    "outside its own steps"),
	NUMBER("limits.idle_timeout_ms", U32, limits.idle_timeout_ms, 0,
	    24 * HOUR_MS, 0, "ms",
	    "how long a relayed connection may be without a byte; 0: for "
	    "ever, since a quiet connection may be a healthy one, and "
	    "limits.keepalive_ms finds the dead ones"),
	NUMBER("limits.keepalive_ms", U32, limits.keepalive_ms, 0,
	    24 * HOUR_MS, 60000, "ms",
	    "silence after which TCP asks the other side, be it peer or "
	    "node, whether it is there still, six times in as long again; "
	    "0: never"),
	NUMBER("limits.user_timeout_ms", U32, limits.user_timeout_ms, 0,
	    24 * HOUR_MS, 120000, "ms",
	    "how long what was sent by TCP may be unacknowledged before the "
	    "connection ends (TCP_USER_TIMEOUT); 0: as the system has it"),
	NUMBER("limits.drain_timeout_ms", U32, limits.drain_timeout_ms, 0,
	    24 * HOUR_MS, 30000, "ms",
	    "from SIGTERM until connections are cut"),
	NUMBER("limits.max_connections", U32, limits.max_connections, 1,
	    10000000, 20000, NULL, "connections at once"),
	NUMBER("limits.max_per_address", U32, limits.max_per_address, 0,
	    10000000, 0, NULL, "connections of one address; 0: no limit"),
	NUMBER("limits.max_handshakes", U32, limits.max_handshakes, 1,
	    1000000, 2000, NULL,
	    "handshakes in progress, inbound and outbound each; when as many "
	    "are, the address (IPv6: the /64) that keeps most of them waiting "
	    "makes room for one of another, and of equals one that has taken "
	    "more than a second; else who comes is turned away"),
	NUMBER("limits.max_paused", U32, limits.max_paused, 1, 100000, 1000,
	    NULL, "of these, how many may wait for evidence"),
	NUMBER("limits.handshakes_per_sec", U32, limits.handshakes_per_sec, 0,
	    1000000, 0, NULL, "handshakes begun in a second; 0: no limit"),
	NUMBER("limits.max_chain", U32, limits.max_chain, 1, 100, 10, NULL,
	    "certificates that a peer may send; of more than 100 KiB in all "
	    "they are refused anyway"),

	GROUP("recheck", "live connections after a change for the worse",
	    REVCHECK("recheck", NEITHER), .flags = CONF_STRICT),
	NUMBER("recheck.grace_ms", U32, recheck.grace_ms, 0, HOUR_MS, 0, "ms",
	    "time a live connection keeps after its peer is refused",
	    REVCHECK("recheck.graceMs", MORE)),
	NUMBER("recheck.jitter_ms", U32, recheck.jitter_ms, 0, HOUR_MS, 0,
	    "ms", "closing is spread over so long",
	    REVCHECK("recheck.jitterMs", MORE)),

	GROUP("own_certificates",
	    "the certificates that the gateway itself presents",
	    REVCHECK("ownCertificates", NEITHER), .flags = CONF_STRICT),
	NUMBER("own_certificates.warn_days", U32, own.warn_days, 0, 3650, 30,
	    "days", "before its end a certificate of our own is warned about "
	    "in the log, once a day; 0: never",
	    REVCHECK("ownCertificates.warnDays", NEITHER)),
	NUMBER("own_certificates.error_days", U32, own.error_days, 0, 3650, 7,
	    "days", "likewise as an error; not more than the days of the "
	    "warning", REVCHECK("ownCertificates.errorDays", NEITHER)),
	FLAG("own_certificates.staple", BOOL, own.staple, true,
	    "give clients that ask an OCSP response for our certificate",
	    REVCHECK("ownCertificates.staple", NEITHER)),

	GROUP("rest", "the REST server"),
	ROW("rest.listen", LISTEN, rest.listen,
	    "where it listens; a port alone is one of 127.0.0.1",
	    .dflt = "\"127.0.0.1:8888\"", .flags = CONF_RESTART),
	ROW("rest.certificate", PATH, rest.certificate_file,
	    "PEM file with its chain; self-made, kept as rest.pem in "
	    "state_dir, while it is not set"),
	ROW("rest.key", PATH, rest.key_file,
	    "PEM file with its key; not in a token; the file of the "
	    "certificate, which then holds both, while it is not set",
	    .fn = conf_read_key),
	ROW("rest.password_file", PATH, rest.password_file,
	    "file with the password of a key that is encrypted"),
	ROW("rest.client_anchors", PATH, rest.client_anchors_file,
	    "PEM file with the anchors of client certificates, which stand "
	    "for passwords; each is asked about at every request in SOFT_FAIL "
	    "(unless the mode is OFF) without holding it up: a revocation "
	    "counts from the next request on"),
	ELEMENTS("rest.clients", rest.clients, 1000, conf_client_keys, NULL,
	    "who may come with a certificate"),
	ELEMENTS("rest.users", rest.users, 1000, conf_user_keys, conf_user_read,
	    "who may come with a password; nobody while it is not set"),
	NUMBER("rest.max_body_bytes", U32, rest.max_body_bytes, 1024,
	    16777216, 1048576, "bytes", "largest body of a request"),
	NUMBER("rest.max_connections", U32, rest.max_connections, 1, 100000,
	    256, NULL, "connections at once; one address (IPv6: /64) has half "
	    "of them, also with credentials, and an eighth is for this host "
	    "and the Unix socket"),
	NUMBER("rest.handshake_timeout_ms", U32, rest.handshake_timeout_ms,
	    100, HOUR_MS, 10000, "ms",
	    "from a connection to the first byte of its first request"),
	NUMBER("rest.request_timeout_ms", U32, rest.request_timeout_ms, 100,
	    HOUR_MS, 30000, "ms",
	    "from the first byte of a request to the last of its body"),
	NUMBER("rest.idle_timeout_ms", U32, rest.idle_timeout_ms, 100,
	    HOUR_MS, 60000, "ms",
	    "how long a connection may be without a byte",
	    .flags = CONF_RESTART),
	NUMBER("rest.max_login_failures", U32, rest.max_login_failures, 1,
	    1000000, 10, NULL,
	    "wrong passwords of one address and name, and four times as many "
	    "of one address, before each next try waits, 250 ms to 5 s"),
	NUMBER("rest.login_window_ms", U32, rest.login_window_ms, 1, HOUR_MS,
	    60000, "ms", "wrong passwords are forgotten so long after the last"),
	NUMBER("rest.max_decisions", U32, rest.max_decisions, 1, 100000, 1000,
	    NULL, "decisions that GET /decisions remembers, of each kind: peers "
	    "refused before a verdict, refused by one, refused where dialled "
	    "and of sessions, let in softly, cut, those that a proxy asked "
	    "about, good or not, and all others",
	    .flags = CONF_RESTART),
	FLAG("rest.ui", BOOL, rest.ui, true,
	    "whether the status page, and what it is made of, is served"),

	GROUP("authorize", "where proxies that keep TLS to themselves (nginx "
	    "auth_request, Envoy ext_authz, Traefik ForwardAuth, Caddy "
	    "forward_auth) ask about their peers"),
	ROW("authorize.listen", LISTEN, authorize.listen,
	    "where they connect: a Unix socket, in plain HTTP/1.1 and for the "
	    "users listed, or an address, with TLS (rest.certificate) and for "
	    "who has the role authorize: certificates of rest.clients, from "
	    "this host (loopback) passwords of rest.users, too",
	    .flags = CONF_REQUIRED | CONF_RESTART),
	ROW("authorize.format", WORD, authorize.format,
	    "how the header carries the peer's certificate: "
	    "$ssl_client_escaped_cert of nginx, Cert or Chain of Envoy's "
	    "x-forwarded-client-cert, bare base64 of Traefik, RFC 9440",
	    .words = conf_peer_words, .flags = CONF_REQUIRED),
	ROW("authorize.header", TEXT, authorize.header,
	    "name of that header, the only one that is looked at (with "
	    "rfc9440, that of the chain is this and -Chain); while it is not "
	    "set X-SSL-Client-Cert, x-forwarded-client-cert, "
	    "X-Forwarded-Tls-Client-Cert or Client-Cert, by the format",
	    .fn = conf_read_header_name),
	NUMBER("authorize.hop", U32, authorize.hop, 1, 100, 1, NULL,
	    "with envoy, which element of the header is the peer: 1 is the "
	    "last, that of the proxy that asks, 2 the one before"),
	ROW("authorize.trust_group", TEXT, authorize.trust_group,
	    "the group of trust that vouches; any while it is not set"),
	ROW("authorize.users", TEXTS, authorize.users,
	    "names or numbers of the users of this system whose processes "
	    "may use the Unix socket; the gateway's own while it is not set",
	    .min = 1, .max = 100),
	ROW("authorize.socket_group", TEXT, authorize.socket_group,
	    "group of the Unix socket, whose mode is 0660; the gateway's own "
	    "while it is not set", .flags = CONF_RESTART),
	NUMBER("authorize.deadline_ms", U32, authorize.deadline_ms, 1,
	    HOUR_MS, 1000, "ms", "a whole answer; must be shorter than what "
	    "the proxy waits (Envoy: 200 ms unless told otherwise)"),
	NUMBER("authorize.max_connections", U32, authorize.max_connections, 1,
	    100000, 1024, NULL, "connections at once"),
	NUMBER("authorize.max_head_bytes", U32, authorize.max_head_bytes,
	    1024, 1048576, 65536, "bytes", "largest head of a request"),
	NUMBER("authorize.idle_timeout_ms", U32, authorize.idle_timeout_ms,
	    100, HOUR_MS, 75000, "ms",
	    "how long a connection may be without a request"),

	GROUP("fleet", "gateways that share what is set on one of them, over "
	    "an etcd; see p2p-gateway-fleet(7)"),
	ROW("fleet.name", TEXT, fleet.name,
	    "what the fleet is called: its records are below "
	    "/p2p-gateway/NAME/",
	    .flags = CONF_REQUIRED | CONF_RESTART),
	ROW("fleet.endpoints", TEXTS, fleet.endpoints,
	    "URLs of etcd's nodes, such as \"https://etcd-1.example:2379\"; "
	    "http:// on this host (loopback) only", .min = 1, .max = 16,
	    .flags = CONF_REQUIRED),
	ROW("fleet.ca_file", PATH, fleet.ca_file,
	    "PEM file with the anchors of the endpoints; the system's while "
	    "it is not set"),
	ROW("fleet.certificate", PATH, fleet.certificate,
	    "PEM file with the certificate that etcd is shown: without a "
	    "common name where fleet.user is set"),
	ROW("fleet.key", PATH, fleet.key, "PEM file with its key"),
	ROW("fleet.user", TEXT, fleet.user, "user of etcd", .max = 128),
	ROW("fleet.password_file", PATH, fleet.password_file,
	    "file with the password of fleet.user"),
	ROW("fleet.secret_file", PATH, fleet.secret_file,
	    "file with the secret that seals what is shared: the same on "
	    "every machine, never known to etcd", .flags = CONF_REQUIRED),
	ROW("fleet.previous_secret_file", PATH, fleet.previous_secret_file,
	    "one that is still accepted, and with which nothing is written"),
	ROW("fleet.member", TEXT, fleet.member,
	    "name of this machine; the host's while it is not set. Of two with "
	    "one name both say so in the log, and /readyz is degraded",
	    .flags = CONF_RESTART),
	FLAG("fleet.required", BOOL, fleet.required, false,
	    "a machine that has no state of the fleet yet does not serve "
	    "peers before it has", .flags = CONF_RESTART),
	NUMBER("fleet.min_n", U64, fleet.min_n, 0, 1LL << 52, 0, NULL,
	    "a machine that has no state of the fleet yet takes none that is "
	    "older than this change", .flags = CONF_RESTART),
	ROW("fleet.share", BITS, fleet.share, "what is shared: all but keys "
	    "while it is not set; keys, which stay encrypted, only where "
	    "key_secret is outside of state_dir", .words = conf_share_words,
	    .min = 1, .max = 100, .flags = CONF_RESTART),
	NUMBER("fleet.heartbeat_ms", U32, fleet.heartbeat_ms, 100, HOUR_MS,
	    2000, "ms", "between two looks whether anything was missed"),
	NUMBER("fleet.request_timeout_ms", U32, fleet.request_timeout_ms, 100,
	    60000, 2000, "ms", "for one request to etcd"),
	NUMBER("fleet.lag_warn_sec", U32, fleet.lag_warn_sec, 1, 86400, 10,
	    "s", "out of touch for longer: /readyz says degraded"),
	NUMBER("fleet.max_lag_sec", U32, fleet.max_lag_sec, 0, 31536000, 0,
	    "s", "out of touch for longer: /readyz is 503, so that peers are "
	    "sent elsewhere; 0: never"),
	NUMBER("fleet.claim_wait_ms", U32, fleet.claim_wait_ms, 0, HOUR_MS,
	    2000, "ms", "how long a CRL that another member fetches is waited "
	    "for"),
	NUMBER("fleet.spread_ms", U32, fleet.spread_ms, 0, HOUR_MS, 0, "ms",
	    "over which members fetch a CRL of which they know that it is "
	    "new; 0: 20 ms a member, 15 minutes at most"),
	GROUP("fleet.evidence_store", "where the bytes of CRLs are put for "
	    "the other members: S3, or HTTP with GET, HEAD and PUT (WebDAV)"),
	ROW("fleet.evidence_store.url", TEXT, fleet.store.url,
	    "URL that the names of objects are put behind; ends with \"/\"",
	    .flags = CONF_REQUIRED),
	ROW("fleet.evidence_store.ca_file", PATH, fleet.store.ca_file,
	    "PEM file with its anchors; the system's while it is not set"),
	ROW("fleet.evidence_store.credentials_file", PATH,
	    fleet.store.credentials_file,
	    "file with one line: \"USER:PASSWORD\", \"ACCESS:SECRET\" of S3, "
	    "or \"NAME: VALUE\" of a header"),
	ROW("fleet.evidence_store.region", TEXT, fleet.store.region,
	    "S3's region: set, requests are signed as S3 wants it"),
	NUMBER("fleet.evidence_store.max_bytes", U64, fleet.store.max_bytes,
	    1, 1LL << 40, 67108864, "bytes", "largest object"),

	GROUP("doorman", "a doorman (CRL service) whose state the status page "
	    "and /status show beside the gateway's; nothing depends on it"),
	ROW("doorman.status_url", TEXT, doorman.status_url,
	    "URL that its readyz and metrics are below, such as "
	    "\"https://doorman.example:8443/\"; http:// on this host "
	    "(127.0.0.1, [::1]) only; asked by a thread of its own, without "
	    "redirects and proxies",
	    .flags = CONF_REQUIRED | CONF_RESTART),
	ROW("doorman.ca_file", PATH, doorman.ca_file,
	    "PEM file with its anchors; the system's while it is not set",
	    .flags = CONF_RESTART),
	NUMBER("doorman.interval_ms", U32, doorman.interval_ms, 1000,
	    HOUR_MS, 30000, "ms", "from one look to the next",
	    .flags = CONF_RESTART),
	NUMBER("doorman.timeout_ms", U32, doorman.timeout_ms, 100, 60000,
	    5000, "ms", "for each of its two requests", .flags = CONF_RESTART),

	GROUP("pkcs11", "a token of PKCS#11 for private keys"),
	ROW("pkcs11.module", PATH, pkcs11.module,
	    "shared library; another one takes a restart",
	    .flags = CONF_REQUIRED | CONF_RESTART),
	ROW("pkcs11.token", TEXT, pkcs11.token_text,
	    "label, or \"pkcs11:token=...;serial=...\"; another one takes a "
	    "restart", .flags = CONF_REQUIRED | CONF_RESTART),
	ROW("pkcs11.pin_file", PATH, pkcs11.pin_file,
	    "file with the user PIN. One that was refused is not tried again "
	    "until the file has another one and SIGHUP is sent, and none is "
	    "tried while the token says that one more wrong one locks it",
	    .flags = CONF_REQUIRED),
	ROW("pkcs11.categories", BITS, pkcs11.categories,
	    "categories whose keys are made in the token over REST; all "
	    "while it is not set; takes a state_dir",
	    .words = conf_key_categories, .max = 100),
	NUMBER("pkcs11.threads", U32, pkcs11.threads, 1, PKCS11_THREADS_MAX,
	    4, NULL, "threads that sign, each with a session of its own",
	    .flags = CONF_RESTART),
	NUMBER("pkcs11.timeout_ms", U32, pkcs11.timeout_ms, 1, HOUR_MS, 10000,
	    "ms", "for logging in and finding keys at the start; what is "
	    "asked later is waited for as long as its asker stays"),

	GROUP("log", "what is written, and where"),
	WORD("log.format", log.format, conf_format_words, "text",
	    "of the lines", .flags = CONF_RESTART),
	WORD("log.level", log.level, conf_level_words, "info",
	    "what is less important is left out", .flags = CONF_RESTART),
	FLAG("log.stdout", BOOL, log.to_stdout, false,
	    "to standard output instead of standard error",
	    .flags = CONF_RESTART),

	GROUP("revocation", "how revocation is checked"),
	{.section = SECTION_LINK_MANAGER, .pushed = "revocationCheck",
	    .kind = CONF_KIND_GROUP,
	    .help = "whether and how strictly certificates are checked"},
	WORD("revocation.mode", policy.mode, conf_mode_words, "SOFT_FAIL",
	    "revocation mode of all checks, session and TLS; ON is SOFT_FAIL",
	    .section = SECTION_LINK_MANAGER,
	    .pushed = "revocationCheck.mode", .flags = CONF_UNSET,
	    LAXER(LESS)),
	WORD("revocation.order", policy.order, conf_order_words, "OCSP_CRL",
	    "which evidence is asked for first; ALL asks for all of it, and "
	    "revoked wins", REVCHECK("order", NEITHER)),
	WORD("revocation.nonce", policy.nonce, conf_nonce_words, "OFF",
	    "nonce in OCSP requests; OPTIONAL: at last without one",
	    REVCHECK("nonce", LESS)),
	NUMBER("revocation.skew_sec", U32, policy.skew_sec, 0, 86400, 300,
	    "s", "difference of clocks that is tolerated; 0: none",
	    REVCHECK("clockSkewSeconds", MORE)),
	NUMBER("revocation.max_age_sec", U32, policy.max_age_sec, 0,
	    UINT32_MAX, 0, "s", "evidence is stale so long after thisUpdate; "
	    "0: only nextUpdate counts", REVCHECK("maxAgeSeconds", MORE_OR_ZERO)),
	NUMBER("revocation.no_next_update_sec", U32,
	    policy.no_next_update_sec, 1, UINT32_MAX, 86400, "s",
	    "how long evidence without nextUpdate is good for",
	    REVCHECK("noNextUpdateSeconds", MORE)),
	NUMBER("revocation.deadline_ms", U32, policy.deadline_ms, 1, HOUR_MS,
	    5000, "ms",
	    "a whole check; must be shorter than limits.handshake_timeout_ms",
	    REVCHECK("deadlineMs", LESS)),
	{.section = SECTION_REVCHECK, .pushed = "relax",
	    .kind = CONF_KIND_BITS, .max = 9, .words = conf_relax_words,
	    .stricter = REVCHECK_STRICT_EMPTY_REVOKED,
	    .dflt = "[]", LAXER(MORE), .offset = offsetof(T, policy.relax),
	    .help = "rules that may be bent for CAs that break the profile"},
	FLAG("revocation.shadow_hard", FLAG, policy.shadow_hard, false,
	    "under SOFT_FAIL, count and log what HARD_FAIL would refuse",
	    REVCHECK("shadowMode", NEITHER)),
	NUMBER("revocation.soft_window_sec", U32, policy.soft_window_sec, 0,
	    UINT32_MAX, 0, "s", "SOFT_FAIL stops being soft after so long "
	    "without evidence for an issuer; 0: never",
	    REVCHECK("softFailWindowSeconds", MORE_OR_ZERO)),
	NUMBER("revocation.warm_up_ms", U32, warm_up_ms, 0, HOUR_MS, 10000,
	    "ms", "after a switch to HARD_FAIL evidence is fetched for so "
	    "long, at most, before what is not determined is refused; 0: at "
	    "once", REVCHECK("warmUpMs", MORE)),
	FLAG("revocation.offline", FLAG, revocation.offline, false,
	    "never fetch", .flags = CONF_RESTART),
	{.section = SECTION_REVCHECK, .pushed = "limits",
	    .kind = CONF_KIND_GROUP, .flags = CONF_STRICT,
	    .help = "fetching and keeping"},
	NUMBER("revocation.connect_timeout_ms", U32,
	    revocation.connect_timeout_ms, 1, HOUR_MS, 2000, "ms",
	    "connecting to a responder or CRL server",
	    REVCHECK("limits.connectTimeoutMs", LESS), .flags = CONF_RESTART),
	NUMBER("revocation.fetch_timeout_ms", U32,
	    revocation.fetch_timeout_ms, 1, HOUR_MS, 4000, "ms",
	    "one OCSP exchange", REVCHECK("limits.fetchTimeoutMs", LESS),
	    .flags = CONF_RESTART),
	NUMBER("revocation.crl_timeout_ms", U32, revocation.crl_timeout_ms, 1,
	    HOUR_MS, 60000, "ms", "one CRL download",
	    REVCHECK("limits.crlTimeoutMs", LESS), .flags = CONF_RESTART),
	NUMBER("revocation.max_crl_bytes", U64, revocation.max_crl_bytes, 1,
	    1LL << 40, 134217728, "bytes", "largest CRL",
	    REVCHECK("limits.maxCrlBytes", LESS), .flags = CONF_RESTART),
	NUMBER("revocation.max_crl_entries", U64, revocation.max_crl_entries,
	    1, 1LL << 32, 10000000, NULL, "entries of the largest CRL",
	    REVCHECK("limits.maxCrlEntries", LESS), .flags = CONF_RESTART),
	NUMBER("revocation.max_ocsp_bytes", U32, revocation.max_ocsp_bytes, 1,
	    16777216, 65536, "bytes", "largest OCSP response",
	    REVCHECK("limits.maxOcspBytes", LESS), .flags = CONF_RESTART),
	NUMBER("revocation.memory_bytes", U64, revocation.memory_bytes, 1,
	    1LL << 44, 536870912, "bytes", "evidence kept in memory",
	    REVCHECK("limits.memoryBytes", LESS), .flags = CONF_RESTART),
	NUMBER("revocation.max_requests", U32, revocation.max_requests, 1,
	    10000000, 10000, NULL, "questions pending at once",
	    REVCHECK("limits.maxRequests", LESS), .flags = CONF_RESTART),
	NUMBER("revocation.min_refresh_sec", U32, revocation.min_refresh_sec,
	    1, 86400, 60, "s", "between two fetches of one resource",
	    .flags = CONF_RESTART),
	FLAG("revocation.prefetch_crls", FLAG, revocation.prefetch_crls,
	    false, "fetch the CRLs of every CA that is seen, also while OCSP "
	    "answers", .flags = CONF_RESTART),
	{.section = SECTION_REVCHECK, .pushed = "addresses",
	    .kind = CONF_KIND_GROUP, .flags = CONF_STRICT,
	    .help = "where evidence may be fetched from"},
	ROW("revocation.allow_addresses", TEXTS,
	    revocation_lists.allow_addresses,
	    "addresses, networks or names that may be fetched from though "
	    "they are refused by default; what is pushed is added to what "
	    "the file has", REVCHECK("addresses.allow", MORE), .max = 1000),
	FLAG("revocation.refuse_private", FLAG, revocation.refuse_private,
	    false, "refuse private address ranges too",
	    REVCHECK("addresses.refusePrivate", LESS)),
	ROW("revocation.ports", PORTS, revocation_lists.ports,
	    "ports that may be fetched from; 80 and 443 while it is not set",
	    REVCHECK("addresses.ports", MORE), .min = 1, .max = 64),
	FLAG("revocation.any_port", FLAG, revocation.any_port, false,
	    "allow every port", REVCHECK("addresses.anyPort", MORE)),
	ROW("revocation.crl_paths", TEXTS, revocation_lists.crl_paths,
	    "CRL files or directories (DER, or PEM with any number of CRLs), "
	    "read again when they change and at a reload; one that does not "
	    "exist is awaited if its directory does",
	    .max = 10000, .flags = CONF_RESTART | CONF_PATHS),
	ROW("revocation.proxy", TEXT, revocation_lists.proxy,
	    "URL of the HTTP proxy that is fetched through",
	    .flags = CONF_RESTART),
	ROW("revocation.https_ca_file", PATH, revocation_lists.https_ca_file,
	    "PEM file with the anchors of https sources; the system's while "
	    "it is not set", .flags = CONF_RESTART),
#define S SECTION_REVCHECK
	P_ROW("issuers", LIST, "what is different for one CA", .max = 10000,
	    .items = conf_issuer_keys, .flags = CONF_STRICT, LAXER(MORE)),
#undef S

#define S SECTION_GATEWAY
	P_ROW("serversConfiguration", LIST, "paths that are served in HTTP "
	    "mode, instead of those of http.paths", .min = 1, .max = 1000,
	    .items = conf_server_keys, .flags = CONF_HTTP, LAXER(MORE)),
	P_GROUP("sslConfig", 0, "TLS towards peers"),
	P_ROW("sslConfig.tlsType", WORD,
	    "whether peers must show a certificate; until it is set, the "
	    "bootstrap file decides", .words = conf_type_words,
	    .dflt = "\"ONE_WAY\"", .offset = offsetof(T, tls.type),
	    .flags = CONF_ALIAS, LAXER(MORE)),
	P_GROUP("sslConfig.revocationCheck", 0,
	    "revocation checks inside the TLS handshake"),
	P_ROW("sslConfig.revocationCheck.mode", WORD,
	    "mode for TLS alone; while it is not set, that of "
	    "corda.p2p.linkManager", .words = conf_mode_words,
	    .dflt = "\"SOFT_FAIL\"", .offset = offsetof(T, tls.mode),
	    .flags = CONF_UNSET, .inherits = offsetof(T, policy.mode),
	    LAXER(LESS)),
	P_ROW("maxRequestSize", U64,
	    "largest request body in HTTP mode; until it is set, the "
	    "bootstrap file decides", .min = 10000000, .max = 1LL << 40,
	    .dflt = "500000000", .unit = "bytes",
	    .offset = offsetof(T, http.max_request_bytes),
	    .flags = CONF_ALIAS | CONF_HTTP, LAXER(MORE)),
	P_GROUP("connectionConfig", CONF_STRICT, "HTTP client connections"),
	KEPT("connectionConfig.maxClientConnections", 1, 10000, 100, NULL),
	KEPT("connectionConfig.acquireTimeout", 1, 3000, 10, "s"),
	P_ROW("connectionConfig.connectionIdleTimeout", U32,
	    "in HTTP mode, how long a connection to the node is kept between "
	    "requests; until it is set, the bootstrap file decides",
	    .min = 1, .max = 3000, .dflt = "60", .unit = "s", .scale = 1000,
	    .offset = offsetof(T, http.node_idle_timeout_ms),
	    .flags = CONF_ALIAS | CONF_HTTP, LAXER(NEITHER)),
	P_ROW("connectionConfig.responseTimeout", U32,
	    "in HTTP mode, how long the node may take to answer; until it is "
	    "set, the bootstrap file decides", .min = 100, .max = 10000,
	    .dflt = "3000", .unit = "ms",
	    .offset = offsetof(T, http.response_timeout_ms),
	    .flags = CONF_ALIAS | CONF_HTTP, LAXER(NEITHER)),
	KEPT("connectionConfig.retryDelay", 100, 10000, 2000, "ms"),
	KEPT("connectionConfig.initialReconnectionDelay", 1, 3000, 1, "s"),
	KEPT("connectionConfig.maxReconnectionDelay", 1, 3000, 16, "s"),
#undef S

#define S SECTION_LINK_MANAGER
	KEPT("maxMessageSize", 1000, CONF_NO_MAX, 1000000, "bytes"),
	KEPT_GROUP("replayAlgorithm", CONF_ONE_OF | CONF_STRICT),
	KEPT_GROUP("replayAlgorithm.constant", 0),
	KEPT("replayAlgorithm.constant.messageReplayPeriod", CORDA_MS,
	    CONF_NO_MAX, 2000, "ms"),
	KEPT_GROUP("replayAlgorithm.exponentialBackoff", 0),
	KEPT("replayAlgorithm.exponentialBackoff.baseReplayPeriod", CORDA_MS,
	    CONF_NO_MAX, 2000, "ms"),
	KEPT("replayAlgorithm.exponentialBackoff.replayPeriodCutoff",
	    CORDA_MS, CONF_NO_MAX, 10000, "ms"),
	KEPT("maxReplayingMessages", 1, CONF_NO_MAX, 100, NULL),
	P_ROW("heartbeatEnabled", BOOL, LINK_ONLY, .dflt = "true",
	    .flags = CONF_NO_EFFECT),
	KEPT("heartbeatMessagePeriod", CORDA_MS, CONF_NO_MAX, 2000, "ms"),
	KEPT("sessionTimeout", CORDA_MS, CONF_NO_MAX, 60000, "ms"),
	P_ROW("sessionsPerPeer", U64, LINK_ONLY, .min = 1, .max = CONF_NO_MAX,
	    .dflt = "null", .flags = CONF_NO_EFFECT | CONF_NULLABLE),
	KEPT_GROUP("numOfSessionsPerPeer", 0),
	KEPT("numOfSessionsPerPeer.forMgm", 1, CONF_NO_MAX, 1, NULL),
	KEPT("numOfSessionsPerPeer.forMembers", 1, CONF_NO_MAX, 2, NULL),
	KEPT("sessionRefreshThreshold", 0, 432000, 432000, "s"),
	KEPT_GROUP("sessionCache", 0),
	KEPT("sessionCache.inboundSessionsCacheSize", 1, CONF_NO_MAX, 10000,
	    NULL),
	KEPT("sessionCache.outboundSessionsCacheSize", 1, CONF_NO_MAX, 10000,
	    NULL),
	KEPT_GROUP("deliveryTracker", 0),
	KEPT("deliveryTracker.maxCacheSizeMegabytes", 1, CONF_NO_MAX, 100,
	    "MB"),
	KEPT("deliveryTracker.maxCacheOffsetAge", 1, CONF_NO_MAX, 50000,
	    NULL),
	KEPT("deliveryTracker.maxNumberOfPersistenceRetries", 0, CONF_NO_MAX,
	    3, NULL),
	KEPT("deliveryTracker.statePersistencePeriodSeconds", 1, CONF_NO_MAX,
	    1, "s"),
	KEPT("deliveryTracker.outboundBatchProcessingTimeoutSeconds", 1,
	    CONF_NO_MAX, 30, "s"),
#undef S
	END};
#undef T
/* clang-format on */
