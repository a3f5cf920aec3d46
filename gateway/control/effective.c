/*
 * effective: reading validated sections. A key that is not set leaves what the
 * bootstrap file said, and that what the engine defaults to.
 */
#include "gateway/control/effective.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/http.h>
#include <openssl/pem.h>

#include "cache/base/text.h"
#include "gateway/base/json.h"
#include "gateway/base/json_path.h"

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

/* Defaults of elements are the table's: "/" and 8080. */
static int
read_servers(struct effective_values *out, const cJSON *gateway)
{
	struct conf_http *h = &out->conf.http;
	const cJSON *item, *servers;

	if (json_get(gateway, "serversConfiguration") == NULL)
		return 0;
	out->gateway = section_with_defaults(SECTION_GATEWAY, gateway, NULL);
	servers = json_get(out->gateway, "serversConfiguration");
	out->paths = calloc(
	    (size_t)cJSON_GetArraySize(servers) + 1, sizeof(*out->paths));
	if (servers == NULL || out->paths == NULL)
		return E_NOMEM;
	h->paths = out->paths;
	h->num_paths = 0;
	cJSON_ArrayForEach(item, servers)
	{
		struct conf_http_path *p = &out->paths[h->num_paths++];
		int64_t port = 0;

		(void)json_path_int(item, "hostPort", &port);
		p->port = (uint16_t)port;
		/* Lent; nothing here changes it. */
		p->path = (char *)(uintptr_t)json_get_string(item, "urlPath");
	}
	return 0;
}

/* What is wrong with keys that are right each by itself. */
static int
values_check(const struct conf *c, struct err *err)
{
	if (c->policy.deadline_ms >= c->limits.handshake_timeout_ms)
		return err_set(err, E_PARSE,
		    "deadlineMs is %u: expected less than the handshake "
		    "timeout of the gateway, which is %u ms",
		    c->policy.deadline_ms, c->limits.handshake_timeout_ms);
	if (c->own.error_days > c->own.warn_days)
		return err_set(err, E_PARSE,
		    "ownCertificates.errorDays is %u: expected not more than "
		    "warnDays, which is %u",
		    c->own.error_days, c->own.warn_days);
	return 0;
}

int
effective_values(struct effective_values *out, const struct effective_input *in,
    struct err *err)
{
	int rc = 0;

	*out = (struct effective_values){0};
	conf_view(&out->conf, in->base);
	for (enum section_id id = 0; id < SECTION_NUM && rc == 0; id++)
		if (in->sections[id] != NULL)
			rc = section_apply(
			    &out->conf, id, in->sections[id], err);
	conf_settle(&out->conf);
	if (rc == 0)
		rc = values_check(&out->conf, err);
	if (rc == 0 && read_servers(out, in->sections[SECTION_GATEWAY]) != 0)
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc != 0)
		effective_values_cleanup(out);
	return rc;
}

void
effective_values_cleanup(struct effective_values *v)
{
	cJSON_Delete(v->gateway);
	free(v->paths);
	*v = (struct effective_values){0};
}

cJSON *
effective_with_defaults(enum section_id id, const struct effective_input *in)
{
	struct effective_values values;
	struct err ignored;
	cJSON *out;

	if (effective_values(&values, in, &ignored) != 0)
		return NULL;
	out = section_with_defaults(id, in->sections[id], &values.conf);
	effective_values_cleanup(&values);
	return out;
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
		int64_t port = 0;

		(void)json_loose_int(item, &port);
		out->ports[num++] = (uint16_t)port;
	}
	out->options.ports = out->ports;
	return 0;
}

int
effective_options(struct effective_options *out,
    const struct effective_input *in, struct err *err)
{
	const cJSON *addresses = json_get(revcheck_of(in), "addresses");
	const cJSON *allow = json_get(addresses, "allow");
	const cJSON *ports = json_get(addresses, "ports");
	struct effective_values values;
	int rc = effective_values(&values, in, err);

	*out = (struct effective_options){0};
	if (rc != 0)
		return rc;
	out->options = values.conf.revocation;
	effective_values_cleanup(&values);
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

	*len = 0;
	while (out != NULL && text_hex_value(text[0]) >= 0 &&
	    text_hex_value(text[1]) >= 0) {
		out[(*len)++] = (uint8_t)(text_hex_value(text[0]) << 4 |
		    text_hex_value(text[1]));
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

/* Another would be stored, and fail at each question. */
static int
check_urls(const char *key, const cJSON *list, struct err *err)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list)
	{
		const char *text = cJSON_GetStringValue(item);
		struct evhttp_uri *uri =
		    text != NULL ? evhttp_uri_parse(text) : NULL;
		const char *scheme =
		    uri != NULL ? evhttp_uri_get_scheme(uri) : NULL;
		const char *host =
		    uri != NULL ? evhttp_uri_get_host(uri) : NULL;
		bool ok = scheme != NULL && host != NULL && host[0] != '\0' &&
		    (strcasecmp(scheme, "http") == 0 ||
			strcasecmp(scheme, "https") == 0);

		if (uri != NULL)
			evhttp_uri_free(uri);
		if (!ok)
			return err_set(err, E_PARSE,
			    "%s of issuers has '%.128s': expected a URL that "
			    "begins with http:// or https://",
			    key, text != NULL ? text : "");
	}
	return 0;
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
	bool exempt;

	out->ski = hex_bytes(json_get_string(item, "ski"), &out->ski_len);
	out->ocsp_urls = url_list(ocsp);
	out->crl_urls = url_list(crl);
	if (out->ski == NULL || (ocsp != NULL && out->ocsp_urls == NULL) ||
	    (crl != NULL && out->crl_urls == NULL))
		return err_set(err, E_NOMEM, "out of memory");
	/* The schema has checked the word. */
	if (json_get(item, "mode") != NULL &&
	    revcheck_mode_parse(&out->mode, json_get_string(item, "mode")) != 0)
		return err_set(err, E_INTERNAL, "a mode of no name");
	if (json_path_bool(item, "exempt", &exempt))
		out->exempt = exempt;
	if (check_urls("ocspUrls", ocsp, err) != 0 ||
	    check_urls("crlUrls", crl, err) != 0)
		return E_PARSE;
	return signer != NULL ? read_signer(&out->ocsp_signer, signer, err) : 0;
}

static int
compare_skis(const void *a, const void *b)
{
	const struct revcheck_issuer_rule *const *x = a, *const *y = b;

	if ((*x)->ski_len != (*y)->ski_len)
		return (*x)->ski_len < (*y)->ski_len ? -1 : 1;
	return memcmp((*x)->ski, (*y)->ski, (*x)->ski_len);
}

/* Of two entries one would count, the laxer perhaps, and nobody know which. */
static int
check_distinct(const struct effective_rules *r, struct err *err)
{
	const struct revcheck_issuer_rule **v = calloc(r->num, sizeof(*v));
	int rc = 0;

	if (v == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < r->num; i++)
		v[i] = &r->rules[i];
	qsort(v, r->num, sizeof(*v), compare_skis);
	for (size_t i = 1; rc == 0 && i < r->num; i++)
		if (compare_skis(&v[i - 1], &v[i]) == 0)
			rc = err_set(err, E_PARSE,
			    "issuers[%zu].ski is that of issuers[%zu], too: "
			    "expected one entry for each CA",
			    (size_t)(v[i] - r->rules),
			    (size_t)(v[i - 1] - r->rules));
	free(v);
	return rc;
}

int
effective_rules(struct effective_rules *out, const struct effective_input *in,
    struct err *err)
{
	const cJSON *list = json_get(revcheck_of(in), "issuers");
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
	if (rc == 0)
		rc = check_distinct(out, err);
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
