/*
 * conf: one immutable snapshot of everything the gateway is told. Built whole
 * or not at all: files named in it are read, keys and certificates parsed and
 * matched, before a snapshot exists, so that whoever holds one need not fail.
 * Counted; every member is constant after conf_load or conf_derive returned
 * it. Each worker holds a reference for as long as it uses anything inside.
 *
 * The bootstrap file is JSON; p2p-gateway.conf(5) has it key by key. An error
 * of it is one sentence: file, line, JSON path, value, expectation.
 */
#ifndef GATEWAY_CONF_CONF_H
#define GATEWAY_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "cache/base/ref.h"
#include "gateway/base/address.h"
#include "gateway/base/file_stamp.h"
#include "gateway/base/name_set.h"
#include "revcheck/revcheck.h"

/* One listening socket, bound once a worker. */
struct conf_listener {
	struct address address;
	bool http; /* requests are read here, not bytes relayed */
};

/* A certificate chain and its key, parsed and matched. */
struct conf_identity {
	char *name;
	char *certificate_file;
	char *key_file;      /* or the name of a key in the token */
	char *password_file; /* of an encrypted key; NULL: none */
	X509 **chain;        /* leaf first */
	size_t num_chain;
	EVP_PKEY *key;
	char **server_names; /* lower case; "*.x" allowed; none: the default */
	size_t num_server_names;
	struct file_stamp certificate_stamp, key_stamp;
};

/* Who may vouch for a peer: the anchors of one group. */
struct conf_trust {
	char *group;
	char *anchors_file;
	char *intermediates_file; /* complete paths, end none; NULL: none */
	struct revcheck_trust *trust;
	size_t num_anchors;
	struct file_stamp anchors_stamp, intermediates_stamp;
};

enum conf_proxy_protocol {
	CONF_PROXY_OFF = 0,
	CONF_PROXY_V2
};

/* Texts as a row of kind TEXTS keeps them. */
struct conf_texts {
	char **list;
	size_t num;
};

/* A rule of who may come in; a condition without texts is none. */
struct conf_allow {
	struct conf_texts dns, uri, email; /* alternative names: patterns */
	struct conf_texts cn, ou, o;       /* of the subject */
	struct conf_texts issuer;          /* as dn_name_text has it */
	struct conf_texts serial;          /* as name_pattern_serial has it */
	struct conf_texts listen;          /* texts of listeners' addresses */
	struct conf_texts path; /* of requests: what they begin with */
};

/* Where accepted traffic goes. */
struct conf_node {
	struct address *addresses; /* in order of preference */
	size_t num_addresses;
	uint32_t connect_timeout_ms;
	uint32_t retry_ms;    /* pause before an address is tried again */
	uint32_t max_retries; /* rounds over all addresses */
	enum conf_proxy_protocol proxy_protocol;
	bool proxy_certificate; /* the peer's goes into that header */
};

/* The node dials `listen`; the gateway dials `peers` over TLS. */
struct conf_link {
	char *name;
	struct address listen;
	struct address *peers;
	size_t num_peers;
	char *server_name; /* SNI and name to verify; never NULL */
	bool verify_name;
	char *identity_name;          /* NULL: the first */
	char *group;                  /* NULL: any group may vouch */
	size_t identity;              /* index into identities */
	struct revcheck_trust *trust; /* borrowed from the trust list */
};

/* HTTP CONNECT for the node, on one local port; off if listen.text is NULL. */
struct conf_connect {
	struct address listen;
	char **allow; /* "host:port", "*.host:port", "*:port"; none: nobody */
	size_t num_allow;
	char *identity_name; /* NULL: the first */
	size_t identity;
};

enum conf_tls_type {
	CONF_TLS_MUTUAL = 0,
	CONF_TLS_ONE_WAY
};

struct conf_tls {
	int min_version; /* TLS1_2_VERSION or TLS1_3_VERSION */
	int max_version;
	enum conf_tls_type type;
	char *ciphersuites; /* TLS 1.3, colon-separated; never NULL */
	char *ciphers;      /* TLS 1.2 */
	/*
	 * Mode for TLS peers when corda.p2p.gateway sets its own; DEFAULT:
	 * the engine's policy. Goes into revcheck_query.mode.
	 */
	enum revcheck_mode mode;
	/* Client subjects let in, as dn_text has them: a reference. */
	struct name_set *allowed_subjects;
	bool allowed_subjects_enforced; /* false: every subject */
};

struct conf_http_path {
	char *path;
	uint16_t port; /* of the listener it is for, if there is one; or 0 */
};

enum conf_http_profile {
	CONF_HTTP_CORDA = 0, /* what Corda's gateway takes */
	CONF_HTTP_ANY
};

/* HTTP requests are read, instead of bytes relayed. */
struct conf_http {
	bool enabled;       /* on some listener */
	bool own_listeners; /* not on those of "listen" */
	enum conf_http_profile profile;
	struct conf_http_path *paths;
	size_t num_paths;
	uint64_t max_request_bytes; /* of a body */
	uint32_t max_head_bytes;
	uint32_t head_timeout_ms;      /* from its first byte to its last */
	uint32_t response_timeout_ms;  /* of the node */
	uint32_t idle_timeout_ms;      /* a peer's connection without a byte */
	uint32_t node_idle_timeout_ms; /* the node's, between requests */
};

struct conf_limits {
	uint32_t handshake_timeout_ms;
	uint32_t idle_timeout_ms;  /* relay without a byte; 0: none */
	uint32_t keepalive_ms;     /* TCP: silence before it asks; 0: never */
	uint32_t user_timeout_ms;  /* TCP: unacknowledged; 0: the system's */
	uint32_t drain_timeout_ms; /* SIGTERM to the end */
	uint32_t max_connections;
	uint32_t max_per_address;    /* 0: no limit */
	uint32_t max_handshakes;     /* in progress at once */
	uint32_t max_paused;         /* of these: waiting for evidence */
	uint32_t handshakes_per_sec; /* started; 0: no limit */
	uint32_t max_chain;          /* certificates a peer may send */
};

/* Live connections after a change for the worse. */
struct conf_recheck {
	uint32_t grace_ms;  /* before a refused peer is closed */
	uint32_t jitter_ms; /* spread on top of it */
};

/* The certificates that the gateway itself presents. */
struct conf_own {
	uint32_t warn_days;  /* left: said as a warning; 0: never */
	uint32_t error_days; /* likewise as an error; not more than that */
	bool staple;         /* OCSP responses, to clients that ask */
};

enum conf_role {
	CONF_ROLE_READ = 1 << 0,
	CONF_ROLE_OPERATE = 1 << 1,  /* includes read */
	CONF_ROLE_CHECK = 1 << 2,    /* session checks, nothing else */
	CONF_ROLE_AUTHORIZE = 1 << 3 /* authorize.listen, nothing else */
};

struct conf_user {
	char *name;
	char *password_hash; /* a plain one, too: it is hashed on load */
	char *password_file; /* it came from there, or NULL */
	unsigned roles;      /* enum conf_role, or'ed */
};

/* A client certificate that stands for a user. */
struct conf_rest_client {
	char *subject; /* RFC 2253 */
	unsigned roles;
};

struct conf_rest {
	struct address listen;
	char *certificate_file; /* NULL: self-made, kept in state_dir */
	char *key_file;
	char *password_file; /* of an encrypted key; NULL: none */
	X509 **chain;        /* NULL: self-made */
	size_t num_chain;
	EVP_PKEY *key;
	char *client_anchors_file; /* NULL: no client certificates */
	struct revcheck_trust *client_trust;
	struct conf_rest_client *clients;
	size_t num_clients;
	struct conf_user *users;
	size_t num_users;
	uint32_t max_body_bytes;
	uint32_t max_connections;
	uint32_t handshake_timeout_ms; /* and to a request's first byte */
	uint32_t request_timeout_ms;
	uint32_t idle_timeout_ms;
	uint32_t max_login_failures; /* an address, within login_window_ms */
	uint32_t login_window_ms;
	uint32_t max_decisions; /* kept in the ring */
	bool ui;                /* the status page is served */
};

/* Whose way to write a client certificate into a header. */
enum conf_peer_format {
	CONF_PEER_UNSET = 0, /* nobody's is read */
	CONF_PEER_NGINX,     /* $ssl_client_escaped_cert */
	CONF_PEER_ENVOY,     /* x-forwarded-client-cert */
	CONF_PEER_TRAEFIK,   /* X-Forwarded-Tls-Client-Cert */
	CONF_PEER_RFC9440    /* Client-Cert and Client-Cert-Chain */
};

/* Where proxies ask whether a peer of theirs may come in. */
struct conf_authorize {
	struct address listen; /* off if text is NULL */
	enum conf_peer_format format;
	char *header;      /* never NULL where it listens */
	uint32_t hop;      /* element of Envoy's list, counted from the end */
	char *trust_group; /* NULL: any group may vouch */
	char **users;      /* of this system: who may use the Unix socket */
	size_t num_users;
	char *socket_group; /* of its file; NULL: the process's */
	uint32_t deadline_ms;
	uint32_t max_connections;
	uint32_t max_head_bytes;
	uint32_t idle_timeout_ms;
};

/* What a fleet shares: bits. */
enum conf_share {
	CONF_SHARE_CONFIG = 1 << 0,
	CONF_SHARE_DENYLIST = 1 << 1,
	CONF_SHARE_SUBJECTS = 1 << 2,
	CONF_SHARE_HOLDINGS = 1 << 3, /* members, and chains */
	CONF_SHARE_REVOCATIONS = 1 << 4,
	CONF_SHARE_EVIDENCE = 1 << 5,
	CONF_SHARE_SESSIONS = 1 << 6,
	CONF_SHARE_KEYS = 1 << 7 /* only where it is asked for */
};

/* Where the bytes of CRLs are put for the others; off if url is NULL. */
struct conf_evidence_store {
	char *url;
	char *ca_file;
	char *credentials_file;
	char *region; /* set: requests are signed as S3 wants it */
	uint64_t max_bytes;
};

/* Gateways that share what their operators set; off if name is NULL. */
struct conf_fleet {
	char *name;
	char **endpoints; /* of etcd */
	size_t num_endpoints;
	char *ca_file; /* NULL: the system's */
	char *certificate, *key;
	char *user, *password_file;
	char *secret_file, *previous_secret_file;
	char *member; /* never NULL with a name */
	bool required;
	uint64_t min_n;
	unsigned share; /* enum conf_share */
	uint32_t heartbeat_ms;
	uint32_t request_timeout_ms;
	uint32_t lag_warn_sec;
	uint32_t max_lag_sec; /* 0: for ever */
	uint32_t claim_wait_ms;
	uint32_t spread_ms; /* 0: 20 ms a member, at most 15 min */
	struct conf_evidence_store store;
};

/* Whose state is shown beside ours; off if status_url is NULL. */
#define CONF_URL_MAX 1024
struct conf_doorman {
	char *status_url; /* readyz and metrics are below it */
	char *ca_file;    /* NULL: the system's */
	uint32_t interval_ms;
	uint32_t timeout_ms; /* of each of the two requests */
};

enum conf_log_format {
	CONF_LOG_TEXT = 0,
	CONF_LOG_JSON
};

struct conf_log {
	enum conf_log_format format;
	enum log_level level;
	bool to_stdout; /* otherwise stderr */
};

/* A token of PKCS#11 for private keys; off if module is NULL. */
struct conf_pkcs11 {
	char *module;
	char *token_text; /* label, or "pkcs11:..." */
	char *pin_file;
	uint32_t threads;
	uint32_t timeout_ms;
	unsigned categories;  /* conf_key_categories; made over REST */
	struct pkcs11 *token; /* the process's; logged in */
};

/* What `revocation` in struct conf points at. */
struct conf_revocation {
	char **allow_addresses; /* NULL-terminated */
	size_t num_allow_addresses;
	char **crl_paths; /* likewise; relative ones start at the file's */
	size_t num_crl_paths;
	uint16_t *ports; /* 0-terminated */
	size_t num_ports;
	char *proxy;
	char *https_ca_file;
};

/* Configuration pushed through the file system. */
struct conf_watch {
	char *path; /* file or directory of section files; NULL: none */
};

struct conf {
	struct ref ref;
	struct conf *parent;       /* owner of what a derived snapshot shares */
	size_t num_own_identities; /* derived: at the end of the list */
	size_t num_own_trusts;

	char *file;       /* the bootstrap file */
	char *text;       /* of it, where there is no file; else NULL */
	char *state_dir;  /* NULL: nothing is kept on disk */
	char *key_secret; /* file; NULL: keys.secret in state_dir */
	uint32_t workers; /* 0 in the file: one a CPU; here resolved */
	char *user;       /* privilege drop; NULL: stay */
	char *group;

	struct conf_listener *listeners;
	size_t num_listeners;
	struct conf_node node;
	struct conf_identity *identities; /* [0] serves unknown names */
	size_t num_identities;
	struct conf_trust *trusts;
	size_t num_trusts;
	struct revcheck_trust *trust; /* union: any group may vouch */
	struct conf_tls tls;
	struct conf_allow *allow; /* inbound peers */
	size_t num_allow;
	bool allow_enforced; /* false: every peer; true and no rule: nobody */
	struct conf_http http;
	struct conf_limits limits;
	struct conf_recheck recheck;
	struct conf_own own;
	struct conf_link *links;
	size_t num_links;
	struct conf_connect connect;
	struct conf_rest rest;
	struct conf_authorize authorize;
	struct conf_fleet fleet;
	struct conf_doorman doorman;
	struct conf_pkcs11 pkcs11;
	struct conf_log log;
	struct conf_watch watch;
	struct conf_revocation revocation_lists;

	/*
	 * For revcheck_new (strings inside belong to this snapshot; log and
	 * clock are left to the caller) and the policy to begin with.
	 */
	struct revcheck_options revocation;
	struct revcheck_policy policy;
	uint32_t warm_up_ms; /* before a new HARD_FAIL bites; 0: at once */
};

/*
 * conf_load reads, checks and resolves the bootstrap file. Certificates, keys
 * and anchors in files that are as they were are shared with `before`, a
 * snapshot loaded earlier, or NULL.
 */
int conf_load(struct conf **out, const char *path, const struct conf *before,
    struct err *err) MUST_USE;

/*
 * conf_again loads what a snapshot was loaded from: its file, or the text that
 * stands for one. In `before` what has not changed is shared, see above.
 */
int conf_again(
    struct conf **out, const struct conf *before, struct err *err) MUST_USE;

/*
 * conf_given is conf_parse on a text that stands for a file; it is kept for
 * conf_again. `name` is where it came from, in errors.
 */
int conf_given(struct conf **out, const char *text, const char *name,
    const struct conf *before, struct err *err) MUST_USE;

/* conf_parse is conf_load on text; relative paths are relative to `path`. */
int conf_parse(struct conf **out, const char *text, size_t len,
    const char *path, const struct conf *before, struct err *err) MUST_USE;

/*
 * conf_check_words tells whether all values of a text are what their keys
 * expect, wherever its certificates and keys may be: it opens no file.
 */
int conf_check_words(
    const char *text, size_t len, const char *name, struct err *err) MUST_USE;

struct conf *conf_up_ref(struct conf *c);
void conf_free(struct conf *c);

/*
 * conf_view copies what a snapshot says for somebody who changes numbers of
 * it: everything inside is still base's.
 */
void conf_view(struct conf *out, const struct conf *base);

/* What a key means beyond its own member. Call when members have changed. */
void conf_settle(struct conf *c);

/* What a derived snapshot has that its base has not. */
struct conf_overlay {
	/*
	 * A view of the base: numbers, flags and words as they are to be,
	 * http.paths borrowed and copied where they are not the base's.
	 */
	const struct conf *values;
	bool set_subjects;
	struct name_set *subjects; /* borrowed, shared */
	/* Identities and groups set up over REST, after the file's. */
	const struct conf_identity *identities;
	size_t num_identities;
	const struct conf_trust *trusts;
	size_t num_trusts;
};

/*
 * conf_derive makes a snapshot that shares base's heavy parts and differs in
 * what the overlay says. base must come from conf_load or conf_parse.
 */
int conf_derive(struct conf **out, struct conf *base,
    const struct conf_overlay *overlay, struct err *err) MUST_USE;

#endif
