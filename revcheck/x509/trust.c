/*
 * trust: anchors in an X509_STORE that is never changed after it was filled,
 * so that any thread may verify against it. A list of anchors becomes a new
 * trust; nothing is added to a live one.
 */
#include "revcheck/x509/trust.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "cache/base/ref.h"
#include "revcheck/x509/certs.h"

#define FINGERPRINT_LEN 32

struct revcheck_trust {
	struct ref ref;
	X509_STORE *store;
	unsigned char id[FINGERPRINT_LEN];
	size_t num;
	unsigned char (*prints)[FINGERPRINT_LEN]; /* sorted */
};

static int
print_cmp(const void *a, const void *b)
{
	return memcmp(a, b, FINGERPRINT_LEN);
}

/*
 * In the store and not in each verification, so that a TLS handshake against
 * it goes by the same rules as everybody else.
 */
static bool
store_rules_set(X509_STORE *store)
{
	X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);

	/* Any certificate may be an anchor, self-signed or not. */
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	/*
	 * RFC 5280 6.1.1 (c): any policy will do. Without it OpenSSL passes
	 * over policyConstraints, which are critical, and a CA's demand for
	 * an explicit policy is never heard.
	 */
	return X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_POLICY_CHECK) ==
	    1 &&
	    X509_VERIFY_PARAM_add0_policy(param, OBJ_nid2obj(NID_any_policy)) ==
	    1;
}

/*
 * X509_STORE_add_cert looks for a duplicate in what it sorts anew each time:
 * seconds for some thousand anchors. Here duplicates are found by fingerprint
 * and all is sorted once, before any other thread can see it.
 */
static int
trust_fill(
    struct revcheck_trust *t, X509 *const *anchors, size_t num, struct err *err)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(t->store);
	bool *seen = calloc(num, sizeof(*seen));
	X509_OBJECT *o = NULL;
	int rc = E_NOMEM;

	if (seen == NULL) {
		err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < num; i++) {
		unsigned char print[FINGERPRINT_LEN];
		unsigned char(*at)[FINGERPRINT_LEN];

		if (X509_digest(anchors[i], EVP_sha256(), print, NULL) != 1)
			goto fail;
		at = bsearch(
		    print, t->prints, num, sizeof(*t->prints), print_cmp);
		/* Of equal ones any may be found, but always the same. */
		if (at == NULL || seen[at - t->prints])
			continue;
		seen[at - t->prints] = true;
		/* Its extensions are parsed now, by one thread, not by many. */
		(void)X509_check_purpose(anchors[i], -1, 0);
		o = X509_OBJECT_new();
		if (o == NULL || X509_OBJECT_set1_X509(o, anchors[i]) != 1 ||
		    sk_X509_OBJECT_push(objects, o) <= 0)
			goto fail;
		o = NULL;
	}
	sk_X509_OBJECT_sort(objects);
	rc = 0;
	goto out;
fail:
	rc = err_ossl(err, E_INTERNAL, "cannot add an anchor");
out:
	X509_OBJECT_free(o);
	free(seen);
	return rc;
}

static int
trust_new(struct revcheck_trust **out, X509 *const *anchors, size_t num,
    struct err *err)
{
	struct revcheck_trust *t;
	unsigned int len = 0;
	int rc;

	*out = NULL;
	if (num == 0)
		return err_set(err, E_ARG, "a trust needs at least one anchor");
	if (num > CERTS_ANCHORS_MAX)
		return err_set(
		    err, E_LIMIT, "more than %d anchors", CERTS_ANCHORS_MAX);
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	ref_init(&t->ref);
	t->store = X509_STORE_new();
	t->prints = calloc(num, sizeof(*t->prints));
	if (t->store == NULL || t->prints == NULL) {
		rc = err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	if (!store_rules_set(t->store)) {
		rc = err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	for (t->num = 0; t->num < num; t->num++) {
		if (X509_digest(anchors[t->num], EVP_sha256(),
			t->prints[t->num], &len) != 1) {
			rc = err_ossl(err, E_INTERNAL, "cannot add anchor %zu",
			    t->num + 1);
			goto out;
		}
	}
	qsort(t->prints, num, sizeof(*t->prints), print_cmp);
	rc = trust_fill(t, anchors, num, err);
	if (rc != 0)
		goto out;
	if (EVP_Digest(t->prints, num * sizeof(*t->prints), t->id, &len,
		EVP_sha256(), NULL) != 1) {
		rc = err_ossl(err, E_INTERNAL, "cannot hash the anchors");
		goto out;
	}
	*out = t;
	t = NULL;
	rc = 0;
out:
	revcheck_trust_free(t);
	return rc;
}

int
revcheck_trust_new(struct revcheck_trust **out, X509 *const *anchors,
    size_t num, struct revcheck_error *err)
{
	struct err e = {0};

	return error_publish(err, &e, trust_new(out, anchors, num, &e));
}

struct revcheck_trust *
revcheck_trust_up_ref(struct revcheck_trust *t)
{
	ref_up(&t->ref);
	return t;
}

void
revcheck_trust_free(struct revcheck_trust *t)
{
	if (t == NULL || !ref_down(&t->ref))
		return;
	X509_STORE_free(t->store);
	free(t->prints);
	free(t);
}

X509_STORE *
revcheck_trust_get0_store(struct revcheck_trust *t)
{
	return t->store;
}

const unsigned char *
trust_get0_id(const struct revcheck_trust *t)
{
	return t->id;
}

bool
trust_has_anchor(const struct revcheck_trust *t, X509 *cert)
{
	unsigned char print[FINGERPRINT_LEN];
	unsigned int len = 0;

	return X509_digest(cert, EVP_sha256(), print, &len) == 1 &&
	    bsearch(print, t->prints, t->num, sizeof(*t->prints), print_cmp) !=
	    NULL;
}
