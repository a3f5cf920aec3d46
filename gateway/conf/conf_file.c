/*
 * conf_file: the keys of the bootstrap file, as tables. The order of keys in
 * the file does not matter, so nothing here looks at another key; what
 * concerns several is in conf_check.c.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/ssl.h>

#include "gateway/conf/conf_internal.h"
#include "gateway/conf/conf_pki.h"
#include "gateway/base/json.h"

#define MAX_LISTENERS  64
#define MAX_NODES      64
#define MAX_IDENTITIES 10000
#define MAX_TRUSTS     10000
#define MAX_LINKS      1000
#define MAX_SUBJECTS   100000
#define HOUR_MS        3600000

int
conf_no_memory(struct conf_reader *r)
{
	return err_set(r->err, E_NOMEM, "out of memory");
}

/* Addresses. */

static int
read_address(struct conf_reader *r, const struct conf_place *place,
    struct address *out, bool listen)
{
	const char *text = conf_read_string(r, place);

	if (text == NULL)
		return E_PARSE;
	address_cleanup(out);
	if (address_parse(out, text, listen, NULL) == 0)
		return 0;
	return conf_read_fail(r, place, "%s or \"unix:/path\"",
	    listen ? "\"ADDRESS:PORT\" with a numeric address"
		   : "\"HOST:PORT\"");
}

int
conf_read_listen(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	return read_address(r, place, base, true);
}

static int
read_listener(struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf *c = base;
	struct conf_listener *l =
	    conf_grow(&c->listeners, &c->num_listeners, sizeof(*l));

	if (l == NULL)
		return conf_no_memory(r);
	return read_address(r, place, &l->address, true);
}

/* "listen" is one address or an array of them. */
static int
read_listeners(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	if (cJSON_IsString(place->item))
		return read_listener(r, place, base);
	return conf_read_array(r, place, MAX_LISTENERS, read_listener, base);
}

static int
read_node_address(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf_node *n = base;
	struct address *a =
	    conf_grow(&n->addresses, &n->num_addresses, sizeof(*a));

	if (a == NULL)
		return conf_no_memory(r);
	return read_address(r, place, a, false);
}

static int
read_node_addresses(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	return conf_read_array(r, place, MAX_NODES, read_node_address, base);
}

static const char *const proxy_words[] = {"off", "v2", NULL};

#define NODE(k, m, lo, hi) CONF_NUMBER(k, U32, struct conf_node, m, lo, hi)

/* clang-format off */
static const struct conf_field node_table[] = {
	CONF_CALL("addresses", 0, read_node_addresses, .required = true),
	NODE("connect_timeout_ms", connect_timeout_ms, 1, HOUR_MS),
	NODE("retry_ms", retry_ms, 1, HOUR_MS),
	NODE("max_retries", max_retries, 0, 1000),
	CONF_VALUE("proxy_protocol", ENUM, struct conf_node, proxy_protocol,
	    .words = proxy_words),
	CONF_FIELD_END};
/* clang-format on */

/* Identities and trust. */

#define IDENTITY(k, kd, m, ...) \
	CONF_VALUE(k, kd, struct conf_identity, m, ##__VA_ARGS__)

/* clang-format off */
static const struct conf_field identity_table[] = {
	IDENTITY("name", STRING, name, .required = true),
	IDENTITY("certificate", PATH, certificate_file, .required = true),
	CONF_CALL("key", offsetof(struct conf_identity, key_file),
	    conf_read_key, .required = true),
	IDENTITY("server_names", STRINGS, server_names),
	CONF_FIELD_END};
/* clang-format on */

/* What went wrong with the file that key names, at its place. */
static int
file_fail(struct conf_reader *r, const struct conf_place *object,
    const char *key, const struct err *why)
{
	struct conf_place place = {.up = object,
	    .key = key,
	    .item = cJSON_GetObjectItemCaseSensitive(object->item, key)};

	conf_read_fail(r, &place, "a usable file: %.150s", why->msg);
	return why->code;
}

/* The index is where it was, unless something was put in before it. */
static const struct conf_identity *
identity_before(
    const struct conf *before, const struct conf_identity *id, size_t index)
{
	for (size_t i = 0; before != NULL && i <= before->num_identities; i++) {
		/* First at the index, then everywhere. */
		size_t at = i == 0 ? index : i - 1;
		const struct conf_identity *b;

		if (at >= before->num_identities)
			continue;
		b = &before->identities[at];
		if (strcmp(b->certificate_file, id->certificate_file) == 0 &&
		    strcmp(b->key_file, id->key_file) == 0)
			return b;
	}
	return NULL;
}

/* Shares chain and key with the snapshot before, if the files are the same. */
static bool
share_pair(const struct conf *before, struct conf_identity *id, size_t index)
{
	const struct conf_identity *b = identity_before(before, id, index);

	if (b == NULL ||
	    !file_stamp_same(&b->certificate_stamp, &id->certificate_stamp) ||
	    !file_stamp_same(&b->key_stamp, &id->key_stamp))
		return false;
	id->chain = calloc(b->num_chain, sizeof(X509 *));
	if (id->chain == NULL)
		return false;
	for (size_t i = 0; i < b->num_chain; i++) {
		X509_up_ref(b->chain[i]);
		id->chain[i] = b->chain[i];
	}
	id->num_chain = b->num_chain;
	EVP_PKEY_up_ref(b->key);
	id->key = b->key;
	/* As young as it was when it was read. */
	id->certificate_stamp = b->certificate_stamp;
	id->key_stamp = b->key_stamp;
	return true;
}

static int
load_pair(struct conf_reader *r, const struct conf_place *place,
    struct conf_identity *id)
{
	struct err why;

	file_stamp_take(&id->certificate_stamp, id->certificate_file);
	file_stamp_take(&id->key_stamp, id->key_file);
	if (share_pair(r->before, id, place->index))
		return 0;
	if (conf_pki_load_chain(
		&id->chain, &id->num_chain, id->certificate_file, &why) != 0)
		return file_fail(r, place, "certificate", &why);
	if (conf_key_in_token(id->key_file))
		return 0; /* once all keys are read */
	if (conf_pki_load_key(&id->key, id->key_file, &why) != 0)
		return file_fail(r, place, "key", &why);
	if (conf_pki_check_pair(id->chain, id->num_chain, id->key,
		id->certificate_file, id->key_file, &why) != 0)
		return file_fail(r, place, "certificate", &why);
	return 0;
}

static int
read_identity(struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf *c = base;
	struct conf_identity *id =
	    conf_grow(&c->identities, &c->num_identities, sizeof(*id));
	int rc;

	if (id == NULL)
		return conf_no_memory(r);
	rc = conf_read_object(r, place, identity_table, id);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < id->num_server_names; i++)
		for (char *p = id->server_names[i]; *p != '\0'; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p | 0x20);
	return load_pair(r, place, id);
}

static int
read_identities(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	return conf_read_array(r, place, MAX_IDENTITIES, read_identity, base);
}

/* clang-format off */
static const struct conf_field trust_table[] = {
	CONF_VALUE("group", STRING, struct conf_trust, group,
	    .required = true),
	CONF_VALUE("anchors", PATH, struct conf_trust, anchors_file,
	    .required = true),
	CONF_FIELD_END};
/* clang-format on */

static bool
share_anchors(const struct conf *before, struct conf_trust *t, size_t index)
{
	for (size_t i = 0; before != NULL && i <= before->num_trusts; i++) {
		size_t at = i == 0 ? index : i - 1;
		const struct conf_trust *b;

		if (at >= before->num_trusts)
			continue;
		b = &before->trusts[at];
		if (strcmp(b->anchors_file, t->anchors_file) != 0)
			continue;
		if (!file_stamp_same(&b->anchors_stamp, &t->anchors_stamp))
			return false;
		t->trust = revcheck_trust_up_ref(b->trust);
		t->num_anchors = b->num_anchors;
		t->anchors_stamp = b->anchors_stamp;
		return true;
	}
	return false;
}

static int
read_trust(struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf *c = base;
	struct conf_trust *t =
	    conf_grow(&c->trusts, &c->num_trusts, sizeof(*t));
	struct err why;
	int rc;

	if (t == NULL)
		return conf_no_memory(r);
	rc = conf_read_object(r, place, trust_table, t);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i + 1 < c->num_trusts; i++)
		if (strcmp(c->trusts[i].group, t->group) == 0)
			return conf_read_fail(
			    r, place, "a group that is not listed before");
	file_stamp_take(&t->anchors_stamp, t->anchors_file);
	if (share_anchors(r->before, t, place->index))
		return 0;
	if (conf_pki_load_trust(
		&t->trust, &t->num_anchors, t->anchors_file, &why) != 0)
		return file_fail(r, place, "anchors", &why);
	return 0;
}

static int
read_trusts(struct conf_reader *r, const struct conf_place *place, void *base)
{
	return conf_read_array(r, place, MAX_TRUSTS, read_trust, base);
}

/* TLS, limits. */

static int
read_tls_version(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	const char *s = cJSON_GetStringValue(place->item);
	int *out = base;

	if (s != NULL && strcmp(s, "1.2") == 0)
		*out = TLS1_2_VERSION;
	else if (s != NULL && strcmp(s, "1.3") == 0)
		*out = TLS1_3_VERSION;
	else
		return conf_read_fail(r, place, "\"1.2\" or \"1.3\"");
	return 0;
}

static const char *const tls_type_words[] = {"MUTUAL", "ONE_WAY", NULL};

static int
read_subject(struct conf_reader *r, const struct conf_place *place, void *base)
{
	const char *s = conf_read_string(r, place);

	return s != NULL ? name_set_add(base, s, r->err) : E_PARSE;
}

/* The list and the flag that says it is enforced. */
static int
read_subjects(struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf_tls *tls = base;
	int rc = name_set_new(&tls->allowed_subjects, r->err);

	tls->allowed_subjects_enforced = true;
	return rc == 0 ? conf_read_array(r, place, MAX_SUBJECTS, read_subject,
			     tls->allowed_subjects)
		       : rc;
}

/* clang-format off */
static const struct conf_field tls_table[] = {
	CONF_CALL("min_version", offsetof(struct conf_tls, min_version),
	    read_tls_version),
	CONF_CALL("max_version", offsetof(struct conf_tls, max_version),
	    read_tls_version),
	CONF_VALUE("type", ENUM, struct conf_tls, type,
	    .words = tls_type_words),
	CONF_VALUE("ciphersuites", STRING, struct conf_tls, ciphersuites),
	CONF_VALUE("ciphers", STRING, struct conf_tls, ciphers),
	CONF_CALL("allowed_subjects", 0, read_subjects),
	CONF_FIELD_END};
/* clang-format on */

#define LIMIT(m, lo, hi) CONF_NUMBER(#m, U32, struct conf_limits, m, lo, hi)

/* clang-format off */
static const struct conf_field limits_table[] = {
	LIMIT(handshake_timeout_ms, 10, HOUR_MS),
	LIMIT(idle_timeout_ms, 0, 24 * HOUR_MS),
	LIMIT(drain_timeout_ms, 0, 24 * HOUR_MS),
	LIMIT(max_connections, 1, 10000000),
	LIMIT(max_per_address, 0, 10000000),
	LIMIT(max_handshakes, 1, 1000000),
	LIMIT(max_paused, 1, 100000),
	LIMIT(handshakes_per_sec, 0, 1000000),
	LIMIT(max_chain, 1, 100),
	CONF_FIELD_END};
/* clang-format on */

/* clang-format off */
static const struct conf_field recheck_table[] = {
	CONF_NUMBER("grace_ms", U32, struct conf_recheck, grace_ms, 0,
	    HOUR_MS),
	CONF_NUMBER("jitter_ms", U32, struct conf_recheck, jitter_ms, 0,
	    HOUR_MS),
	CONF_FIELD_END};
/* clang-format on */

#define OWN_DAYS_MAX 3650

/* clang-format off */
static const struct conf_field own_table[] = {
	CONF_NUMBER("warn_days", U32, struct conf_own, warn_days, 0,
	    OWN_DAYS_MAX),
	CONF_NUMBER("error_days", U32, struct conf_own, error_days, 0,
	    OWN_DAYS_MAX),
	CONF_VALUE("staple", BOOL, struct conf_own, staple),
	CONF_FIELD_END};
/* clang-format on */

/* Outbound. */

/* A link while its names are not resolved yet (conf_check.c does that). */
static int
read_peer(struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf_link *l = base;
	struct address *a = conf_grow(&l->peers, &l->num_peers, sizeof(*a));

	if (a == NULL)
		return conf_no_memory(r);
	return read_address(r, place, a, false);
}

static int
read_peers(struct conf_reader *r, const struct conf_place *place, void *base)
{
	return conf_read_array(r, place, MAX_NODES, read_peer, base);
}

#define LINK(k, kd, m, ...) \
	CONF_VALUE(k, kd, struct conf_link, m, ##__VA_ARGS__)

/* clang-format off */
static const struct conf_field link_table[] = {
	LINK("name", STRING, name, .required = true),
	CONF_CALL("listen", offsetof(struct conf_link, listen), conf_read_listen,
	    .required = true),
	CONF_CALL("peers", 0, read_peers, .required = true),
	LINK("server_name", STRING, server_name),
	LINK("verify_name", BOOL, verify_name),
	LINK("identity", STRING, identity_name),
	LINK("group", STRING, group),
	CONF_FIELD_END};
/* clang-format on */

static int
read_link(struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf *c = base;
	struct conf_link *l = conf_grow(&c->links, &c->num_links, sizeof(*l));
	int rc;

	if (l == NULL)
		return conf_no_memory(r);
	l->verify_name = true;
	rc = conf_read_object(r, place, link_table, l);
	if (rc != 0)
		return rc;
	if (l->num_peers == 0)
		return conf_read_fail(r, place, "at least one peer");
	if (l->server_name == NULL && l->peers[0].host == NULL)
		return conf_read_fail(r, place,
		    "a server_name, since the first peer is a Unix socket");
	if (l->server_name == NULL &&
	    (l->server_name = strdup(l->peers[0].host)) == NULL)
		return conf_no_memory(r);
	return 0;
}

static int
read_links(struct conf_reader *r, const struct conf_place *place, void *base)
{
	return conf_read_array(r, place, MAX_LINKS, read_link, base);
}

/* clang-format off */
static const struct conf_field connect_table[] = {
	CONF_CALL("listen", offsetof(struct conf_connect, listen),
	    conf_read_listen, .required = true),
	CONF_VALUE("allow", STRINGS, struct conf_connect, allow,
	    .required = true),
	CONF_VALUE("identity", STRING, struct conf_connect, identity_name),
	CONF_FIELD_END};
/* clang-format on */

/* Revocation. */

static int
read_mode(struct conf_reader *r, const struct conf_place *place, void *base)
{
	const char *s = cJSON_GetStringValue(place->item);
	enum revcheck_mode *out = base;

	if (s == NULL || revcheck_mode_parse(out, s) != 0)
		return conf_read_fail(r, place,
		    "\"OFF\", \"SOFT_FAIL\", \"HARD_FAIL\" or \"ON\"");
	return 0;
}

static int
read_port(struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf_revocation *lists = base;
	int64_t port;
	uint16_t *slot;

	if (json_to_int(place->item, 1, 65535, &port) != 0)
		return conf_read_fail(r, place, "a port from 1 to 65535");
	slot = conf_grow(&lists->ports, &lists->num_ports, sizeof(*slot));
	if (slot == NULL)
		return conf_no_memory(r);
	*slot = (uint16_t)port;
	return 0;
}

static int
read_ports(struct conf_reader *r, const struct conf_place *place, void *base)
{
	return conf_read_array(r, place, 64, read_port, base);
}

static const char *const order_words[] = {
    "OCSP_CRL", "CRL_OCSP", "OCSP", "CRL", "ALL", NULL};
static const char *const nonce_words[] = {"OFF", "OPTIONAL", "REQUIRED", NULL};

#define POLICY(m, kd, lo, hi) CONF_NUMBER(#m, kd, struct conf, policy.m, lo, hi)
#define OPTION(m, kd, lo, hi) \
	CONF_NUMBER(#m, kd, struct conf, revocation.m, lo, hi)
#define LISTED(m, kd) CONF_VALUE(#m, kd, struct conf, revocation_lists.m)

/* clang-format off */
static const struct conf_field revocation_table[] = {
	CONF_CALL("mode", offsetof(struct conf, policy.mode), read_mode),
	CONF_VALUE("order", ENUM, struct conf, policy.order,
	    .words = order_words),
	CONF_VALUE("nonce", ENUM, struct conf, policy.nonce,
	    .words = nonce_words),
	POLICY(skew_sec, U32, 1, 86400),
	POLICY(max_age_sec, U32, 0, UINT32_MAX),
	POLICY(no_next_update_sec, U32, 1, UINT32_MAX),
	POLICY(deadline_ms, U32, 1, HOUR_MS),
	POLICY(shadow_hard, FLAG, 0, 0),
	POLICY(soft_window_sec, U32, 0, UINT32_MAX),
	CONF_NUMBER("warm_up_ms", U32, struct conf, warm_up_ms, 0, HOUR_MS),
	OPTION(offline, FLAG, 0, 0),
	OPTION(connect_timeout_ms, U32, 1, HOUR_MS),
	OPTION(fetch_timeout_ms, U32, 1, HOUR_MS),
	OPTION(crl_timeout_ms, U32, 1, HOUR_MS),
	OPTION(max_crl_bytes, U64, 1, 1ULL << 40),
	OPTION(max_crl_entries, U64, 1, 1ULL << 32),
	OPTION(max_ocsp_bytes, U32, 1, 16777216),
	OPTION(memory_bytes, U64, 1, 1ULL << 44),
	OPTION(max_requests, U32, 1, 10000000),
	OPTION(min_refresh_sec, U32, 1, 86400),
	OPTION(prefetch_crls, FLAG, 0, 0),
	OPTION(refuse_private, FLAG, 0, 0),
	OPTION(any_port, FLAG, 0, 0),
	LISTED(allow_addresses, STRINGS),
	LISTED(crl_paths, STRINGS),
	LISTED(proxy, STRING),
	LISTED(https_ca_file, PATH),
	CONF_CALL("ports", offsetof(struct conf, revocation_lists),
	    read_ports),
	CONF_FIELD_END};
/* clang-format on */

/* The rest. */

static const char *const log_format_words[] = {"text", "json", NULL};
static const char *const log_level_words[] = {
    "error", "warn", "info", "debug", NULL};

/* clang-format off */
static const struct conf_field log_table[] = {
	CONF_VALUE("format", ENUM, struct conf_log, format,
	    .words = log_format_words),
	CONF_VALUE("level", ENUM, struct conf_log, level,
	    .words = log_level_words),
	CONF_VALUE("stdout", BOOL, struct conf_log, to_stdout),
	CONF_FIELD_END};
/* clang-format on */

#define OBJECT(k, m, t) CONF_VALUE(k, OBJECT, struct conf, m, .table = t)

/* clang-format off */
const struct conf_field conf_file_table[] = {
	CONF_CALL("listen", 0, read_listeners, .required = true),
	CONF_VALUE("node", OBJECT, struct conf, node, .table = node_table,
	    .required = true),
	CONF_CALL("identities", 0, read_identities, .required = true),
	CONF_CALL("trust", 0, read_trusts, .required = true),
	CONF_VALUE("state_dir", PATH, struct conf, state_dir),
	CONF_VALUE("key_secret", PATH, struct conf, key_secret),
	CONF_NUMBER("workers", U32, struct conf, workers, 1, 256),
	CONF_VALUE("user", STRING, struct conf, user),
	CONF_VALUE("group", STRING, struct conf, group),
	CONF_VALUE("watch", PATH, struct conf, watch.path),
	CONF_CALL("links", 0, read_links),
	CONF_CALL("http", 0, conf_read_http),
	OBJECT("connect", connect, connect_table),
	OBJECT("tls", tls, tls_table),
	OBJECT("limits", limits, limits_table),
	OBJECT("recheck", recheck, recheck_table),
	OBJECT("own_certificates", own, own_table),
	OBJECT("rest", rest, conf_rest_table),
	OBJECT("pkcs11", pkcs11, conf_pkcs11_table),
	OBJECT("log", log, log_table),
	{.key = "revocation", .kind = CONF_KIND_OBJECT,
	    .table = revocation_table},
	CONF_FIELD_END};
/* clang-format on */
