/*
 * network_setup: from JSON to JSON that is kept, and who vouches for it.
 * Nothing here is stored or asked. Control thread.
 */
#include "gateway/members/network_setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/json.h"

/* The context. */

static const char *const root_words[] = {"truststore", "trustroot"};

static const cJSON *
root_at(const cJSON *context, const char *kind, int i)
{
	const cJSON *item = NULL;
	char key[64];

	for (size_t w = 0; w < 2 && item == NULL; w++) {
		snprintf(key, sizeof(key), "corda.group.%s.%s.%d",
		    root_words[w], kind, i);
		item = json_get(context, key);
	}
	return item;
}

static int
count_roots(const cJSON *context, const char *kind)
{
	const cJSON *item;
	char prefix[64];
	int num = 0;

	cJSON_ArrayForEach(item, context) for (size_t w = 0; w < 2; w++)
	{
		snprintf(prefix, sizeof(prefix), "corda.group.%s.%s.",
		    root_words[w], kind);
		num += strncmp(item->string, prefix, strlen(prefix)) == 0;
	}
	return num;
}

static int
check_root(const char *pem, const char *kind, int i, struct err *err)
{
	struct certstore_list list = {.num = 0};
	struct err why;
	int rc;

	if (certstore_read(&list, pem, strlen(pem), &why) != 0)
		rc = err_set(
		    err, E_PARSE, "%s trust root %d: %s", kind, i, why.msg);
	else if (list.num != 1)
		rc = err_set(err, E_PARSE,
		    "%s trust root %d: expected one certificate, not %zu", kind,
		    i, list.num);
	else if (X509_cmp_current_time(X509_get0_notBefore(list.v[0])) > 0 ||
	    X509_cmp_current_time(X509_get0_notAfter(list.v[0])) < 0)
		rc = err_set(
		    err, E_PARSE, "%s trust root %d is not valid now", kind, i);
	else
		rc = 0;
	certstore_list_cleanup(&list);
	return rc;
}

static int
read_roots(cJSON *out, const cJSON *context, const char *kind, bool required,
    struct err *err)
{
	int num = count_roots(context, kind), rc = 0;
	cJSON *list = cJSON_AddArrayToObject(out, kind);

	if (num == 0 && required)
		return err_set(err, E_PARSE,
		    "no %s trust root was given: expected "
		    "corda.group.trustroot.%s.0",
		    kind, kind);
	if (num > NETWORK_SETUP_MAX_ROOTS)
		return err_set(err, E_PARSE, "more than %d %s trust roots",
		    NETWORK_SETUP_MAX_ROOTS, kind);
	for (int i = 0; i < num && rc == 0; i++) {
		const char *pem =
		    cJSON_GetStringValue(root_at(context, kind, i));

		if (pem == NULL)
			return err_set(err, E_PARSE,
			    "%s trust root %d is missing or no text: expected "
			    "numbers from 0 without a gap",
			    kind, i);
		rc = check_root(pem, kind, i, err);
		cJSON_AddItemToArray(list, cJSON_CreateString(pem));
	}
	return rc;
}

int
network_setup_read_context(cJSON **out, const cJSON *context, struct err *err)
{
	const cJSON *mode = json_get(context, "corda.group.pki.session");
	const char *word =
	    mode != NULL ? cJSON_GetStringValue(mode) : "Standard";
	bool none;
	int rc;

	*out = NULL;
	if (!cJSON_IsObject(context))
		return err_set(err, E_PARSE, "context: expected an object");
	if (word == NULL ||
	    (strcmp(word, "Standard") != 0 && strcmp(word, "NoPKI") != 0))
		return err_set(err, E_PARSE,
		    "corda.group.pki.session '%.40s' is not supported: "
		    "expected Standard or NoPKI",
		    word != NULL ? word : "");
	none = strcmp(word, "NoPKI") == 0;
	*out = cJSON_CreateObject();
	cJSON_AddBoolToObject(*out, "noPki", none);
	rc = read_roots(*out, context, "session", !none, err);
	if (rc == 0)
		rc = read_roots(*out, context, "tls", true, err);
	if (rc != 0) {
		cJSON_Delete(*out);
		*out = NULL;
	}
	return rc;
}

/* The body of a setup. */

struct reading {
	const cJSON *body;
	const char *id;
	const struct keystore *keys;
	const struct certstore *certs;
	struct err *err;
};

/* Holder and tenant: the member's own or the cluster's. */
static int
level_of(const struct reading *r, const char *flag, const char **holder,
    const char **tenant)
{
	const cJSON *item = json_get(r->body, flag);

	if (item != NULL && !cJSON_IsNull(item) && !cJSON_IsBool(item))
		return err_set(
		    r->err, E_PARSE, "%s: expected true or false", flag);
	*holder = cJSON_IsTrue(item) ? "" : r->id;
	*tenant = cJSON_IsTrue(item) ? "p2p" : r->id;
	return 0;
}

/* The chain of an alias into o, and its leaf's key among the tenant's. */
static int
add_chain(const struct reading *r, cJSON *o, const struct keystore_key **key,
    enum certstore_usage usage, const char *holder, const char *tenant,
    const char *alias)
{
	struct certstore_list list = {.num = 0};
	char *pem = NULL;
	int rc = certstore_get(r->certs, holder, usage, alias, &pem, r->err);

	if (rc == 0)
		rc = certstore_read(&list, pem, strlen(pem), r->err);
	if (rc == 0) {
		*key = keystore_find_public(
		    r->keys, tenant, X509_get0_pubkey(list.v[0]));
		if (*key == NULL)
			rc = err_set(r->err, E_PARSE,
			    "the certificate of alias '%.80s' is not for a key "
			    "of tenant '%s'",
			    alias, tenant);
	}
	if (rc == 0) {
		cJSON_AddStringToObject(o, "alias", alias);
		cJSON_AddStringToObject(o, "chain", pem);
	}
	certstore_list_cleanup(&list);
	free(pem);
	return rc;
}

static int
read_tls(cJSON *out, const struct reading *r)
{
	const char *alias =
	    json_get_string(r->body, "p2pTlsCertificateChainAlias");
	const struct keystore_key *key;
	const char *holder = NULL, *tenant = NULL;
	cJSON *o = cJSON_AddObjectToObject(out, "tls");
	int rc;

	if (alias == NULL || *alias == '\0')
		return err_set(r->err, E_PARSE,
		    "p2pTlsCertificateChainAlias: expected a string");
	rc = level_of(
	    r, "useClusterLevelTlsCertificateAndKey", &holder, &tenant);
	if (rc == 0)
		rc =
		    add_chain(r, o, &key, CERTSTORE_TLS, holder, tenant, alias);
	if (rc != 0)
		return rc;
	cJSON_AddStringToObject(o, "tenant", tenant);
	cJSON_AddStringToObject(o, "key", key->id);
	return 0;
}

static int
read_session(cJSON *list, const struct reading *r, const cJSON *item,
    const char *holder, const char *tenant, bool preferred)
{
	const char *text = json_get_string(item, "sessionKeyId");
	const char *alias =
	    json_get_string(item, "sessionCertificateChainAlias");
	const struct keystore_key *key, *of_chain = NULL;
	char id[KEYSTORE_ID_SIZE];
	cJSON *o;
	int rc;

	if (text == NULL || !keystore_id_parse(id, text))
		return err_set(r->err, E_PARSE,
		    "sessionKeyId: expected 12 hexadecimal digits");
	key = keystore_find(r->keys, tenant, id);
	if (key == NULL)
		return err_set(r->err, E_ARG, "there is no key '%s'", id);
	if (!keystore_is_session(key))
		return err_set(r->err, E_PARSE,
		    "key '%s' is of category %s: expected SESSION_INIT", id,
		    key->category);
	o = cJSON_CreateObject();
	cJSON_AddItemToArray(list, o);
	cJSON_AddStringToObject(o, "key", id);
	cJSON_AddBoolToObject(o, "preferred", preferred);
	if (alias == NULL)
		return 0;
	rc = add_chain(
	    r, o, &of_chain, CERTSTORE_SESSION, holder, tenant, alias);
	if (rc == 0 && of_chain != key)
		rc = err_set(r->err, E_PARSE,
		    "the certificate of alias '%.80s' is not for key '%s'",
		    alias, id);
	return rc;
}

static int
read_sessions(cJSON *out, const struct reading *r)
{
	const cJSON *many = json_get(r->body, "sessionKeysAndCertificates");
	cJSON *list = cJSON_AddArrayToObject(out, "session");
	const char *holder = NULL, *tenant = NULL;
	const cJSON *item;
	int preferred = 0, rc;

	rc = level_of(
	    r, "useClusterLevelSessionCertificateAndKey", &holder, &tenant);
	if (rc != 0)
		return rc;
	if (many == NULL)
		return read_session(list, r, r->body, holder, tenant, true);
	if (!cJSON_IsArray(many) ||
	    cJSON_GetArraySize(many) > NETWORK_SETUP_MAX_SESSIONS)
		return err_set(r->err, E_PARSE,
		    "sessionKeysAndCertificates: expected an array of at most "
		    "%d",
		    NETWORK_SETUP_MAX_SESSIONS);
	cJSON_ArrayForEach(item, many)
	{
		bool first = cJSON_IsTrue(json_get(item, "preferred"));

		preferred += first;
		rc = read_session(list, r, item, holder, tenant, first);
		if (rc != 0)
			return rc;
	}
	if (preferred == 0)
		return err_set(
		    r->err, E_PARSE, "no preferred session key was given");
	if (preferred > 1)
		return err_set(r->err, E_PARSE,
		    "there are %d preferred session keys: expected one",
		    preferred);
	return 0;
}

int
network_setup_read(cJSON **out, const cJSON *body, const char *id,
    const struct keystore *keys, const struct certstore *certs, struct err *err)
{
	struct reading r = {body, id, keys, certs, err};
	int rc;

	*out = cJSON_CreateObject();
	rc = read_tls(*out, &r);
	if (rc == 0)
		rc = read_sessions(*out, &r);
	if (rc != 0) {
		cJSON_Delete(*out);
		*out = NULL;
	}
	return rc;
}

/* Who vouches. */

int
network_setup_trust_new(
    struct revcheck_trust **out, const cJSON *list, struct err *err)
{
	struct revcheck_certs *held[NETWORK_SETUP_MAX_ROOTS];
	X509 *v[NETWORK_SETUP_MAX_ROOTS] = {NULL};
	struct revcheck_error why;
	const cJSON *item;
	size_t num = 0;
	int rc = 0;

	cJSON_ArrayForEach(item, list)
	{
		const char *pem = cJSON_GetStringValue(item);

		if (num == NETWORK_SETUP_MAX_ROOTS || pem == NULL)
			break;
		rc = revcheck_certs_parse(
		    &held[num], pem, strlen(pem), "trust root", &why);
		if (rc != 0)
			break;
		v[num] = revcheck_certs_get0(held[num], 0);
		num++;
	}
	if (rc == 0)
		rc = revcheck_trust_new(out, v, num, &why);
	for (size_t i = 0; i < num; i++)
		revcheck_certs_free(held[i]);
	return rc == 0 ? 0 : err_set(err, rc, "%s", why.msg);
}

int
network_setup_pair(struct revcheck_certs **chain, struct revcheck_trust **trust,
    const cJSON *registration, const cJSON *setup, size_t i, struct err *err)
{
	const cJSON *session = json_get(setup, "session");
	struct revcheck_error why;
	const char *pem;
	int rc;

	*chain = NULL;
	*trust = NULL;
	if (i > (size_t)cJSON_GetArraySize(session) ||
	    (i > 0 && cJSON_IsTrue(json_get(registration, "noPki"))))
		return 0;
	pem = json_get_string(i == 0 ? json_get(setup, "tls")
				     : cJSON_GetArrayItem(session, (int)i - 1),
	    "chain");
	if (pem == NULL)
		return err_set(err, E_PARSE,
		    "session key %zu has no certificate chain, which the "
		    "group's session PKI asks for",
		    i);
	rc = network_setup_trust_new(
	    trust, json_get(registration, i == 0 ? "tls" : "session"), err);
	if (rc == 0 &&
	    revcheck_certs_parse(chain, pem, strlen(pem), "chain", &why) != 0)
		rc = err_set(err, why.code, "%s", why.msg);
	if (rc != 0) {
		revcheck_trust_free(*trust);
		*trust = NULL;
		return rc;
	}
	return 1;
}

static int
vouched_for(const struct revcheck_certs *chain, struct revcheck_trust *trust,
    const char *what, struct err *err)
{
	const struct revcheck_path_query query = {
	    .size = sizeof(query), .chain = chain, .security_level = -1};
	struct revcheck_error why;
	int rc = revcheck_trust_verify(trust, NULL, &query, NULL, &why);

	if (rc == 0)
		return err_set(err, E_PARSE,
		    "the %s certificate was not signed by the group's trust "
		    "roots, or is not valid: %s",
		    what, why.msg);
	return rc == 1 ? 0 : err_set(err, rc, "%s", why.msg);
}

int
network_setup_check(
    const cJSON *registration, const cJSON *setup, struct err *err)
{
	struct revcheck_certs *chain;
	struct revcheck_trust *trust;
	int rc = 1;

	for (size_t i = 0; rc == 1; i++) {
		rc = network_setup_pair(
		    &chain, &trust, registration, setup, i, err);
		if (rc == 1 &&
		    vouched_for(
			chain, trust, i == 0 ? "TLS" : "session", err) != 0)
			rc = E_PARSE;
		revcheck_certs_free(chain);
		revcheck_trust_free(trust);
	}
	return rc;
}
