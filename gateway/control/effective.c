/*
 * effective: reading validated sections. A key that is not set leaves what the
 * bootstrap file said, and that what the engine defaults to.
 */
#include "gateway/control/effective.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/pem.h>

#include "gateway/base/json.h"

/* revcheck.h's default for policies that name none. */
#define DEFAULT_DEADLINE_MS 5000

void
effective_input_of(struct effective_input *out, const struct conf *base,
    const struct section_store *sections)
{
	out->base = base;
	for (enum section_id id = 0; id < SECTION_NUM; id++)
		out->sections[id] = section_config(sections, id);
}

static const cJSON *
revcheck_of(const struct effective_input *in)
{
	return in->sections[SECTION_REVCHECK];
}

static void
read_u32(const cJSON *config, const char *path, uint32_t *out)
{
	int64_t v;

	if (json_schema_get_int(config, path, &v))
		*out = (uint32_t)v;
}

static void
read_u64(const cJSON *config, const char *path, uint64_t *out)
{
	int64_t v;

	if (json_schema_get_int(config, path, &v))
		*out = (uint64_t)v;
}

static void
read_flag(const cJSON *config, const char *path, int *out)
{
	bool v;

	if (json_schema_get_bool(config, path, &v))
		*out = v ? 1 : 0;
}

/* Index of the word at path; untouched when it is not set. */
static void
read_word(const cJSON *config, const char *path, const char *const *words,
    unsigned *out)
{
	const char *s = json_schema_get_string(config, path);

	for (unsigned i = 0; s != NULL && words[i] != NULL; i++)
		if (strcasecmp(s, words[i]) == 0)
			*out = i;
}

static void
read_mode(const cJSON *config, const char *path, enum revcheck_mode *out)
{
	const char *s = json_schema_get_string(config, path);
	enum revcheck_mode mode;

	if (s != NULL && revcheck_mode_parse(&mode, s) == 0)
		*out = mode;
}

static const char *const order_words[] = {
    "OCSP_CRL", "CRL_OCSP", "OCSP", "CRL", "ALL", NULL};
static const char *const nonce_words[] = {"OFF", "OPTIONAL", "REQUIRED", NULL};
static const char *const relax_words[] = {"CRL_VERSION", "EMPTY_REVOKED",
    "EMPTY_IDP", "TRAILING", "NO_CRLSIGN", "SERIAL_PADDING", NULL};

static unsigned
relax_bits(const cJSON *list)
{
	const cJSON *item;
	unsigned bits = 0;

	cJSON_ArrayForEach(item, list)
	{
		const char *s = cJSON_GetStringValue(item);

		for (unsigned i = 0; s != NULL && relax_words[i] != NULL; i++)
			if (strcasecmp(s, relax_words[i]) == 0)
				bits |= 1u << i;
	}
	return bits;
}

int
effective_policy(struct revcheck_policy *out, const struct effective_input *in,
    struct err *err)
{
	const cJSON *rc = revcheck_of(in);
	unsigned order, nonce;
	int64_t v;
	uint32_t deadline;

	*out = in->base->policy;
	out->size = sizeof(*out);
	read_mode(in->sections[SECTION_LINK_MANAGER], "revocationCheck.mode",
	    &out->mode);
	order = (unsigned)out->order;
	nonce = (unsigned)out->nonce;
	read_word(rc, "order", order_words, &order);
	read_word(rc, "nonce", nonce_words, &nonce);
	out->order = (enum revcheck_order)order;
	out->nonce = (enum revcheck_nonce)nonce;
	if (json_schema_get(rc, "relax") != NULL)
		out->relax = relax_bits(json_schema_get(rc, "relax"));
	if (json_schema_get_int(rc, "clockSkewSeconds", &v)) {
		out->skew_sec = (uint32_t)v;
		out->no_skew = v == 0;
	}
	read_u32(rc, "maxAgeSeconds", &out->max_age_sec);
	read_u32(rc, "noNextUpdateSeconds", &out->no_next_update_sec);
	read_u32(rc, "deadlineMs", &out->deadline_ms);
	if (json_schema_get_int(rc, "securityLevel", &v))
		out->security_level = v == 0 ? -1 : (int)v;
	read_flag(rc, "shadowMode", &out->shadow_hard);
	read_u32(rc, "softFailWindowSeconds", &out->soft_window_sec);
	deadline =
	    out->deadline_ms != 0 ? out->deadline_ms : DEFAULT_DEADLINE_MS;
	if (deadline >= in->base->limits.handshake_timeout_ms)
		return err_set(err, E_PARSE,
		    "deadlineMs is %u: expected less than the handshake "
		    "timeout of the gateway, which is %u ms",
		    deadline, in->base->limits.handshake_timeout_ms);
	return 0;
}

uint32_t
effective_warm_up_ms(const struct effective_input *in)
{
	uint32_t ms = in->base->warm_up_ms;

	read_u32(revcheck_of(in), "warmUpMs", &ms);
	return ms;
}

/* Options. */

static int
read_allow(struct effective_options *out, const struct effective_input *in,
    const cJSON *list)
{
	size_t have = in->base->revocation_lists.num_allow_addresses;
	size_t num = 0;
	const cJSON *item;

	out->allow = calloc(
	    have + (size_t)cJSON_GetArraySize(list) + 1, sizeof(*out->allow));
	if (out->allow == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < have; i++)
		out->allow[num++] =
		    in->base->revocation_lists.allow_addresses[i];
	cJSON_ArrayForEach(item, list) if (cJSON_IsString(item))
	    out->allow[num++] = item->valuestring;
	out->options.allow_addresses = out->allow;
	return 0;
}

static int
read_ports(struct effective_options *out, const cJSON *list)
{
	const cJSON *item;
	size_t num = 0;

	out->ports =
	    calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*out->ports));
	if (out->ports == NULL)
		return E_NOMEM;
	cJSON_ArrayForEach(item, list)
	{
		int64_t v;

		if (cJSON_IsNumber(item))
			v = (int64_t)item->valuedouble;
		else
			v = strtol(cJSON_GetStringValue(item), NULL, 10);
		out->ports[num++] = (uint16_t)v;
	}
	out->options.ports = out->ports;
	return 0;
}

int
effective_options(struct effective_options *out,
    const struct effective_input *in, struct err *err)
{
	const cJSON *rc = revcheck_of(in);
	const cJSON *allow = json_schema_get(rc, "addresses.allow");
	const cJSON *ports = json_schema_get(rc, "addresses.ports");
	struct revcheck_options *o = &out->options;

	*out = (struct effective_options){.options = in->base->revocation};
	read_u32(rc, "limits.connectTimeoutMs", &o->connect_timeout_ms);
	read_u32(rc, "limits.fetchTimeoutMs", &o->fetch_timeout_ms);
	read_u32(rc, "limits.crlTimeoutMs", &o->crl_timeout_ms);
	read_u64(rc, "limits.maxCrlBytes", &o->max_crl_bytes);
	read_u64(rc, "limits.maxCrlEntries", &o->max_crl_entries);
	read_u32(rc, "limits.maxOcspBytes", &o->max_ocsp_bytes);
	read_u64(rc, "limits.memoryBytes", &o->memory_bytes);
	read_u32(rc, "limits.maxRequests", &o->max_requests);
	read_flag(rc, "addresses.refusePrivate", &o->refuse_private);
	read_flag(rc, "addresses.anyPort", &o->any_port);
	if ((allow != NULL && read_allow(out, in, allow) != 0) ||
	    (ports != NULL && read_ports(out, ports) != 0)) {
		effective_options_cleanup(out);
		return err_set(err, E_NOMEM, "out of memory");
	}
	return 0;
}

void
effective_options_cleanup(struct effective_options *o)
{
	free(o->allow);
	free(o->ports);
	*o = (struct effective_options){0};
}

/* Issuers. */

/* "a1:b2" or "a1b2" to bytes; the schema has checked the digits. */
static uint8_t *
hex_bytes(const char *text, size_t *len)
{
	uint8_t *out = malloc(strlen(text) / 2 + 1);
	unsigned v;

	*len = 0;
	while (out != NULL && sscanf(text, "%2x", &v) == 1) {
		out[(*len)++] = (uint8_t)v;
		text += 2;
		if (*text == ':')
			text++;
	}
	return out;
}

static const char *const *
url_list(const cJSON *list)
{
	const cJSON *item;
	const char **out;
	size_t num = 0;

	if (list == NULL)
		return NULL;
	out = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*out));
	cJSON_ArrayForEach(item, list) if (out != NULL && cJSON_IsString(item))
	    out[num++] = item->valuestring;
	return out;
}

static int
read_signer(X509 **out, const char *pem, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);

	*out = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	return *out != NULL
	    ? 0
	    : err_ossl(err, E_PARSE, "ocspSigner is not a certificate in PEM");
}

static int
read_rule(struct revcheck_issuer_rule *out, const cJSON *item, struct err *err)
{
	const cJSON *ocsp = json_get(item, "ocspUrls");
	const cJSON *crl = json_get(item, "crlUrls");
	const char *signer = json_get_string(item, "ocspSigner");

	out->ski = hex_bytes(json_get_string(item, "ski"), &out->ski_len);
	out->ocsp_urls = url_list(ocsp);
	out->crl_urls = url_list(crl);
	if (out->ski == NULL || (ocsp != NULL && out->ocsp_urls == NULL) ||
	    (crl != NULL && out->crl_urls == NULL))
		return err_set(err, E_NOMEM, "out of memory");
	read_mode(item, "mode", &out->mode);
	read_flag(item, "exempt", &out->exempt);
	return signer != NULL ? read_signer(&out->ocsp_signer, signer, err) : 0;
}

int
effective_rules(struct effective_rules *out, const struct effective_input *in,
    struct err *err)
{
	const cJSON *list = json_schema_get(revcheck_of(in), "issuers");
	const cJSON *item;
	int rc = 0;

	*out = (struct effective_rules){0};
	if (cJSON_GetArraySize(list) == 0)
		return 0;
	out->rules =
	    calloc((size_t)cJSON_GetArraySize(list), sizeof(*out->rules));
	if (out->rules == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	cJSON_ArrayForEach(item, list) if (rc == 0) rc =
	    read_rule(&out->rules[out->num++], item, err);
	if (rc != 0)
		effective_rules_cleanup(out);
	return rc;
}

void
effective_rules_cleanup(struct effective_rules *r)
{
	for (size_t i = 0; i < r->num; i++) {
		free((void *)(uintptr_t)r->rules[i].ski);
		free((void *)(uintptr_t)r->rules[i].ocsp_urls);
		free((void *)(uintptr_t)r->rules[i].crl_urls);
		X509_free(r->rules[i].ocsp_signer);
	}
	free(r->rules);
	*r = (struct effective_rules){0};
}

/* The door. */

static int
own_overlay(
    struct conf_overlay *o, const struct effective_input *in, struct err *err)
{
	const cJSON *rc = revcheck_of(in);

	if (json_schema_get(rc, "ownCertificates") == NULL)
		return 0;
	o->set_own = true;
	o->own = in->base->own;
	read_u32(rc, "ownCertificates.warnDays", &o->own.warn_days);
	read_u32(rc, "ownCertificates.errorDays", &o->own.error_days);
	json_schema_get_bool(rc, "ownCertificates.staple", &o->own.staple);
	if (o->own.error_days <= o->own.warn_days)
		return 0;
	return err_set(err, E_PARSE,
	    "ownCertificates.errorDays is %u: expected not more than "
	    "warnDays, which is %u",
	    o->own.error_days, o->own.warn_days);
}

/* Defaults are the schema's: "/" and 8080. */
static int
read_servers(struct effective_overlay *out, const cJSON *servers)
{
	struct conf_overlay *o = &out->overlay;
	const cJSON *item;

	out->paths = calloc(
	    (size_t)cJSON_GetArraySize(servers) + 1, sizeof(*out->paths));
	if (out->paths == NULL)
		return E_NOMEM;
	cJSON_ArrayForEach(item, servers)
	{
		struct conf_http_path *p = &out->paths[o->num_http_paths++];
		const char *path = json_get_string(item, "urlPath");
		uint32_t port = 8080;

		read_u32(item, "hostPort", &port);
		/* The strings are lent, and nothing here changes them. */
		p->path = (char *)(uintptr_t)(path != NULL ? path : "/");
		p->port = (uint16_t)port;
	}
	o->set_http_paths = true;
	o->http_paths = out->paths;
	return 0;
}

/* Of the section's connections those to the node are the gateway's own. */
static void
read_connections(struct conf_overlay *o, const cJSON *gw)
{
	uint32_t idle_sec = 0;

	read_u32(
	    gw, "connectionConfig.responseTimeout", &o->response_timeout_ms);
	read_u32(gw, "connectionConfig.connectionIdleTimeout", &idle_sec);
	o->node_idle_timeout_ms = idle_sec * 1000;
}

int
effective_overlay(struct effective_overlay *out,
    const struct effective_input *in, struct err *err)
{
	const cJSON *gw = in->sections[SECTION_GATEWAY];
	const cJSON *servers = json_schema_get(gw, "serversConfiguration");
	const char *type = json_schema_get_string(gw, "sslConfig.tlsType");
	struct conf_overlay *o = &out->overlay;

	*out = (struct effective_overlay){0};
	if (gw != NULL) {
		/* Once the section is set its default counts: ONE_WAY. */
		o->set_tls_type = true;
		o->tls_type = type != NULL && strcasecmp(type, "MUTUAL") == 0
		    ? CONF_TLS_MUTUAL
		    : CONF_TLS_ONE_WAY;
		read_mode(gw, "sslConfig.revocationCheck.mode", &o->tls_mode);
		read_u64(gw, "maxRequestSize", &o->max_request_bytes);
		read_connections(o, gw);
	}
	if (servers != NULL && read_servers(out, servers) != 0)
		return err_set(err, E_NOMEM, "out of memory");
	if (json_schema_get(revcheck_of(in), "recheck") != NULL) {
		o->set_recheck = true;
		o->recheck = in->base->recheck;
		read_u32(
		    revcheck_of(in), "recheck.graceMs", &o->recheck.grace_ms);
		read_u32(
		    revcheck_of(in), "recheck.jitterMs", &o->recheck.jitter_ms);
	}
	return own_overlay(o, in, err);
}

void
effective_overlay_cleanup(struct effective_overlay *o)
{
	free(o->paths);
	*o = (struct effective_overlay){0};
}

/* Defaults. */

static const char *
mode_in_force(const struct effective_input *in)
{
	enum revcheck_mode mode = in->base->policy.mode;

	read_mode(
	    in->sections[SECTION_LINK_MANAGER], "revocationCheck.mode", &mode);
	return revcheck_mode_name(
	    mode == REVCHECK_MODE_DEFAULT ? REVCHECK_MODE_SOFT_FAIL : mode);
}

static void
add_number(cJSON *o, const char *name, uint64_t v)
{
	if (v != 0)
		cJSON_AddNumberToObject(o, name, (double)v);
}

/* Where the bootstrap file names a value it is the default here. */
static cJSON *
revcheck_defaults(const struct conf *base)
{
	const struct revcheck_policy *p = &base->policy;
	const struct revcheck_options *r = &base->revocation;
	cJSON *o = cJSON_CreateObject(), *limits, *addresses, *recheck, *own;

	cJSON_AddStringToObject(o, "order", order_words[p->order]);
	cJSON_AddStringToObject(o, "nonce", nonce_words[p->nonce]);
	add_number(o, "clockSkewSeconds", p->skew_sec);
	add_number(o, "maxAgeSeconds", p->max_age_sec);
	add_number(o, "noNextUpdateSeconds", p->no_next_update_sec);
	add_number(o, "deadlineMs", p->deadline_ms);
	add_number(o, "softFailWindowSeconds", p->soft_window_sec);
	if (p->shadow_hard)
		cJSON_AddBoolToObject(o, "shadowMode", 1);
	cJSON_AddNumberToObject(o, "warmUpMs", base->warm_up_ms);
	recheck = cJSON_AddObjectToObject(o, "recheck");
	add_number(recheck, "graceMs", base->recheck.grace_ms);
	add_number(recheck, "jitterMs", base->recheck.jitter_ms);
	own = cJSON_AddObjectToObject(o, "ownCertificates");
	cJSON_AddNumberToObject(own, "warnDays", base->own.warn_days);
	cJSON_AddNumberToObject(own, "errorDays", base->own.error_days);
	cJSON_AddBoolToObject(own, "staple", base->own.staple);
	limits = cJSON_AddObjectToObject(o, "limits");
	add_number(limits, "connectTimeoutMs", r->connect_timeout_ms);
	add_number(limits, "fetchTimeoutMs", r->fetch_timeout_ms);
	add_number(limits, "crlTimeoutMs", r->crl_timeout_ms);
	add_number(limits, "maxCrlBytes", r->max_crl_bytes);
	add_number(limits, "maxCrlEntries", r->max_crl_entries);
	add_number(limits, "maxOcspBytes", r->max_ocsp_bytes);
	add_number(limits, "memoryBytes", r->memory_bytes);
	add_number(limits, "maxRequests", r->max_requests);
	addresses = cJSON_AddObjectToObject(o, "addresses");
	if (r->any_port)
		cJSON_AddBoolToObject(addresses, "anyPort", 1);
	if (r->refuse_private)
		cJSON_AddBoolToObject(addresses, "refusePrivate", 1);
	return o;
}

/* In HTTP mode; without it nothing of this acts. */
static void
add_http_defaults(cJSON *o, const struct conf_http *h)
{
	cJSON *connections;

	if (!h->enabled)
		return;
	add_number(o, "maxRequestSize", h->max_request_bytes);
	connections = cJSON_AddObjectToObject(o, "connectionConfig");
	add_number(connections, "responseTimeout", h->response_timeout_ms);
	add_number(connections, "connectionIdleTimeout",
	    h->node_idle_timeout_ms / 1000);
}

cJSON *
effective_defaults(enum section_id id, const struct effective_input *in)
{
	cJSON *o = NULL, *ssl, *check;

	switch (id) {
	case SECTION_LINK_MANAGER:
		if (in->base->policy.mode == REVCHECK_MODE_DEFAULT)
			return NULL;
		o = cJSON_CreateObject();
		check = cJSON_AddObjectToObject(o, "revocationCheck");
		cJSON_AddStringToObject(
		    check, "mode", revcheck_mode_name(in->base->policy.mode));
		break;
	case SECTION_GATEWAY:
		o = cJSON_CreateObject();
		ssl = cJSON_AddObjectToObject(o, "sslConfig");
		check = cJSON_AddObjectToObject(ssl, "revocationCheck");
		cJSON_AddStringToObject(check, "mode", mode_in_force(in));
		if (in->sections[SECTION_GATEWAY] == NULL &&
		    in->base->tls.type == CONF_TLS_MUTUAL)
			cJSON_AddStringToObject(ssl, "tlsType", "MUTUAL");
		add_http_defaults(o, &in->base->http);
		break;
	case SECTION_REVCHECK:
		o = revcheck_defaults(in->base);
		break;
	case SECTION_NUM:
		break;
	}
	return o;
}
