/*
 * chain_cache: PEM to parsed chains, and tables of the last ones, of single
 * certificates and of lists of anchors, by the SHA-256 of their text: a chain
 * that is new shares its CAs with others. A slot is taken over by whoever comes
 * later.
 */
#include "gateway/sessions/chain_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "gateway/base/json.h"

#define MAX_CERTS   100
#define CERTS_KEPT  1024
#define TRUSTS_KEPT 64

struct known_cert {
	unsigned char key[32];
	X509 *cert; /* a reference, or NULL */
};

struct known_trust {
	unsigned char key[32];
	struct revcheck_trust *trust; /* a reference, or NULL */
};

struct chain_cache {
	struct chain *slots[CHAINS_KEPT];
	struct known_cert certs[CERTS_KEPT];
	struct known_trust trusts[TRUSTS_KEPT];
	struct revcheck_trust *trust; /* of requests that name none */
};

int
chain_cache_new(struct chain_cache **out, struct err *err)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : err_set(err, E_NOMEM, "out of memory");
}

void
chain_free(struct chain *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	revcheck_certs_free(c->certs);
	revcheck_trust_free(c->trust);
	free(c);
}

void
chain_cache_free(struct chain_cache *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < CHAINS_KEPT; i++)
		chain_free(c->slots[i]);
	for (size_t i = 0; i < CERTS_KEPT; i++)
		X509_free(c->certs[i].cert);
	for (size_t i = 0; i < TRUSTS_KEPT; i++)
		revcheck_trust_free(c->trusts[i].trust);
	revcheck_trust_free(c->trust);
	free(c);
}

void
chain_cache_set_trust(struct chain_cache *c, struct revcheck_trust *trust)
{
	for (size_t i = 0; i < CHAINS_KEPT; i++) {
		chain_free(c->slots[i]);
		c->slots[i] = NULL;
	}
	revcheck_trust_free(c->trust);
	c->trust = trust != NULL ? revcheck_trust_up_ref(trust) : NULL;
}

static size_t
slot_of(const unsigned char key[32], size_t num)
{
	return (size_t)(key[0] << 8 | key[1]) % num;
}

/* The one certificate in pem, a reference. */
static int
cert_parse(X509 **out, const char *pem, const char *label, struct err *err)
{
	struct revcheck_certs *held = NULL;
	struct revcheck_error why;
	int rc = 0;

	if (revcheck_certs_parse(&held, pem, strlen(pem), label, &why) != 0)
		return err_set(err, E_PARSE, "%s", why.msg);
	if (revcheck_certs_num(held) != 1)
		rc = err_set(err, E_PARSE,
		    "%s: expected one certificate, not %zu", label,
		    revcheck_certs_num(held));
	if (rc == 0) {
		*out = revcheck_certs_get0(held, 0);
		X509_up_ref(*out);
	}
	revcheck_certs_free(held);
	return rc;
}

/* The same, as it was parsed before if it was; a reference. */
static int
cert_get(struct chain_cache *c, X509 **out, const char *pem, const char *label,
    struct err *err)
{
	unsigned char key[32];
	struct known_cert *at;
	int rc;

	if (EVP_Digest(pem, strlen(pem), key, NULL, EVP_sha256(), NULL) != 1)
		return err_ossl(err, E_INTERNAL, "cannot hash the request");
	at = &c->certs[slot_of(key, CERTS_KEPT)];
	if (at->cert == NULL || memcmp(at->key, key, sizeof(key)) != 0) {
		X509 *fresh = NULL;

		rc = cert_parse(&fresh, pem, label, err);
		if (rc != 0)
			return rc;
		X509_free(at->cert);
		at->cert = fresh;
		memcpy(at->key, key, sizeof(key));
	}
	X509_up_ref(at->cert);
	*out = at->cert;
	return 0;
}

/*
 * Each element of the array must hold exactly one certificate, so that an
 * index in the answer means an index in the request.
 */
static int
read_certs(struct chain_cache *c, struct revcheck_certs **out,
    const cJSON *request, const char *name, struct err *err)
{
	const cJSON *list = json_get(request, name), *item;
	int num = cJSON_GetArraySize(list), i = 0;
	X509 *certs[MAX_CERTS];
	struct revcheck_error why;
	char label[64];
	int rc = 0;

	if (!cJSON_IsArray(list) || num < 1 || num > MAX_CERTS)
		return err_set(err, E_PARSE,
		    "%s: expected an array of 1 to %d certificates in PEM",
		    name, MAX_CERTS);
	cJSON_ArrayForEach(item, list)
	{
		const char *pem = cJSON_GetStringValue(item);

		snprintf(label, sizeof(label), "%s[%d]", name, i);
		if (pem == NULL)
			rc = err_set(err, E_PARSE,
			    "%s: expected a certificate in PEM", label);
		else
			rc = cert_get(c, &certs[i], pem, label, err);
		if (rc != 0)
			break;
		i++;
	}
	if (rc == 0 &&
	    revcheck_certs_from_x509(out, certs, (size_t)num, &why) != 0)
		rc = err_set(err, why.code, "%s", why.msg);
	while (i > 0)
		X509_free(certs[--i]);
	return rc;
}

static int
trust_parse(struct chain_cache *c, struct revcheck_trust **out,
    const cJSON *request, struct err *err)
{
	struct revcheck_certs *anchors = NULL;
	struct revcheck_error why;
	X509 *list[MAX_CERTS];
	size_t num;
	int rc = read_certs(c, &anchors, request, "trustedCertificates", err);

	if (rc != 0)
		return rc;
	num = revcheck_certs_num(anchors);
	for (size_t i = 0; i < num; i++)
		list[i] = revcheck_certs_get0(anchors, i);
	rc = revcheck_trust_new(out, list, num, &why);
	revcheck_certs_free(anchors);
	return rc == 0 ? 0 : err_set(err, E_PARSE, "%s", why.msg);
}

/* Length and text of each element, so that no two requests look the same. */
static int
hash_list(EVP_MD_CTX *ctx, const cJSON *list)
{
	uint64_t num =
	    list != NULL ? (uint64_t)cJSON_GetArraySize(list) : UINT64_MAX;
	const cJSON *item;

	if (EVP_DigestUpdate(ctx, &num, sizeof(num)) != 1)
		return E_INTERNAL;
	cJSON_ArrayForEach(item, list)
	{
		const char *text = cJSON_GetStringValue(item);
		uint64_t len = text != NULL ? strlen(text) : UINT64_MAX;

		if (EVP_DigestUpdate(ctx, &len, sizeof(len)) != 1 ||
		    (text != NULL &&
			EVP_DigestUpdate(ctx, text, (size_t)len) != 1))
			return E_INTERNAL;
	}
	return 0;
}

/* Of these members of the request, in their order. */
static int
key_of(unsigned char key[32], const cJSON *request, const char *const *names,
    struct err *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok =
	    ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (; ok && *names != NULL; names++)
		ok = hash_list(ctx, json_get(request, *names)) == 0;
	ok = ok && EVP_DigestFinal_ex(ctx, key, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : err_ossl(err, E_INTERNAL, "cannot hash the request");
}

static int
read_trust(struct chain_cache *c, struct revcheck_trust **out,
    const cJSON *request, struct err *err)
{
	static const char *const names[] = {"trustedCertificates", NULL};
	unsigned char key[32];
	struct known_trust *at;
	int rc = key_of(key, request, names, err);

	if (rc != 0)
		return rc;
	at = &c->trusts[slot_of(key, TRUSTS_KEPT)];
	if (at->trust == NULL || memcmp(at->key, key, sizeof(key)) != 0) {
		struct revcheck_trust *fresh = NULL;

		rc = trust_parse(c, &fresh, request, err);
		if (rc != 0)
			return rc;
		revcheck_trust_free(at->trust);
		at->trust = fresh;
		memcpy(at->key, key, sizeof(key));
	}
	*out = revcheck_trust_up_ref(at->trust);
	return 0;
}

static int
chain_parse(struct chain_cache *cache, struct chain **out, const cJSON *request,
    struct err *err)
{
	struct revcheck_trust *trust = cache->trust;
	struct chain *c = calloc(1, sizeof(*c));
	int rc;

	if (c == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	c->refs = 1;
	rc = read_certs(cache, &c->certs, request, "certificates", err);
	if (rc == 0 && trust != NULL &&
	    json_get(request, "trustedCertificates") == NULL)
		c->trust = revcheck_trust_up_ref(trust);
	else if (rc == 0)
		rc = read_trust(cache, &c->trust, request, err);
	if (rc != 0) {
		chain_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

int
chain_cache_get(struct chain_cache *c, struct chain **out, const cJSON *request,
    struct err *err)
{
	static const char *const names[] = {
	    "certificates", "trustedCertificates", NULL};
	unsigned char key[32] = {0};
	struct chain **slot;
	int rc = key_of(key, request, names, err);

	*out = NULL;
	if (rc != 0)
		return rc;
	slot = &c->slots[slot_of(key, CHAINS_KEPT)];
	if (*slot == NULL || memcmp((*slot)->key, key, sizeof(key)) != 0) {
		struct chain *fresh = NULL;

		rc = chain_parse(c, &fresh, request, err);
		if (rc != 0)
			return rc;
		/* Here fresh is one: err_set answers with the code given. */
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
		memcpy(fresh->key, key, sizeof(key));
		chain_free(*slot);
		*slot = fresh;
	}
	(*slot)->refs++;
	*out = *slot;
	return 0;
}
