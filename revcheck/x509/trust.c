/*
 * trust: anchors in an X509_STORE that does not change once it is filled, so
 * that any thread may verify against it.
 */
#include "revcheck/revcheck.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "cache/base/ref.h"
#include "revcheck/x509/certs.h"

#define FINGERPRINT_LEN 32

struct fingerprint { /* SHA-256 */
	unsigned char md[FINGERPRINT_LEN];
};

struct revcheck_trust {
	struct ref ref;
	X509_STORE *store;
	X509 **given; /* intermediates; references */
	size_t num_given;
};

static int
print_cmp(const void *a, const void *b)
{
	return memcmp(a, b, FINGERPRINT_LEN);
}

/*
 * In the store and not in each verification, so that a TLS handshake against
 * the store applies the same rules.
 */
static bool
store_rules_set(X509_STORE *store)
{
	X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);

	/* Any certificate may be an anchor, self-signed or not. */
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	/*
	 * RFC 5280 6.1.1 (c): any policy is acceptable. Without this flag
	 * OpenSSL ignores policyConstraints, which are critical, and with them
	 * a CA's demand for an explicit policy.
	 */
	return X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_POLICY_CHECK) ==
	    1 &&
	    X509_VERIFY_PARAM_add0_policy(param, OBJ_nid2obj(NID_any_policy)) ==
	    1;
}

/*
 * X509_STORE_add_cert sorts the store anew for each certificate to find
 * duplicates: seconds for some thousand anchors. Here duplicates are found by
 * fingerprint and the store is sorted once, before any other thread can see it.
 */
static int
trust_fill(X509_STORE *store, X509 *const *anchors,
    const struct fingerprint *prints, size_t num, struct err *err)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
	bool *seen = calloc(num, sizeof(*seen));
	X509_OBJECT *o = NULL;
	int rc = E_NOMEM;

	if (seen == NULL) {
		err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < num; i++) {
		struct fingerprint print, *at;

		if (X509_digest(anchors[i], EVP_sha256(), print.md, NULL) != 1)
			goto fail;
		at = bsearch(&print, prints, num, sizeof(*prints), print_cmp);
		/*
		 * Which of equal ones is found does not matter: it is always
		 * the same.
		 */
		if (at == NULL || seen[at - prints])
			continue;
		seen[at - prints] = true;
		/*
		 * Parses its extensions here, on one thread, and not later on
		 * many.
		 */
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

/* *out: the sorted fingerprints of the anchors, to be freed. */
static int
prints_of(
    struct fingerprint **out, X509 *const *anchors, size_t num, struct err *err)
{
	struct fingerprint *v = calloc(num, sizeof(*v));

	*out = v;
	if (v == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < num; i++)
		if (X509_digest(anchors[i], EVP_sha256(), v[i].md, NULL) != 1)
			return err_ossl(
			    err, E_INTERNAL, "cannot add anchor %zu", i + 1);
	qsort(v, num, sizeof(*v), print_cmp);
	return 0;
}

static int
trust_new(struct revcheck_trust **out, X509 *const *anchors, size_t num,
    struct err *err)
{
	struct fingerprint *prints = NULL;
	struct revcheck_trust *t;
	int rc = E_NOMEM;

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
	if (t->store == NULL || !store_rules_set(t->store)) {
		err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	rc = prints_of(&prints, anchors, num, err);
	if (rc == 0)
		rc = trust_fill(t->store, anchors, prints, num, err);
	if (rc == 0) {
		*out = t;
		t = NULL;
	}
out:
	free(prints);
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
	for (size_t i = 0; i < t->num_given; i++)
		X509_free(t->given[i]);
	free(t->given);
	free(t);
}

/* Another trust of the same anchors. */
static int
trust_copy(
    struct revcheck_trust **out, struct revcheck_trust *t, struct err *err)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(t->store);
	size_t num = (size_t)sk_X509_OBJECT_num(objects);
	X509 **v = calloc(num + 1, sizeof(*v));
	int rc;

	if (v == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < num; i++)
		v[i] = X509_OBJECT_get0_X509(
		    sk_X509_OBJECT_value(objects, (int)i));
	rc = trust_new(out, v, num, err);
	free(v);
	return rc;
}

int
revcheck_trust_with_intermediates(struct revcheck_trust **out,
    struct revcheck_trust *t, const struct revcheck_certs *given,
    struct revcheck_error *err)
{
	struct revcheck_trust *fresh = NULL;
	struct err e = {0};
	int rc = 0;

	*out = NULL;
	for (size_t i = 0; rc == 0 && i < given->num; i++)
		if (X509_check_ca(given->v[i]) == 0)
			rc = err_set(&e, E_PARSE,
			    "certificate %zu is not a CA's: it could complete "
			    "no path",
			    i + 1);
	if (rc == 0)
		rc = trust_copy(&fresh, t, &e);
	if (rc == 0) {
		fresh->given = calloc(given->num + 1, sizeof(*fresh->given));
		if (fresh->given == NULL)
			rc = err_set(&e, E_NOMEM, "out of memory");
	}
	if (rc != 0) {
		revcheck_trust_free(fresh);
		return error_publish(err, &e, rc);
	}
	for (; fresh->num_given < given->num; fresh->num_given++) {
		fresh->given[fresh->num_given] = given->v[fresh->num_given];
		X509_up_ref(given->v[fresh->num_given]);
	}
	*out = fresh;
	return 0;
}

size_t
revcheck_trust_num_intermediates(const struct revcheck_trust *t)
{
	return t->num_given;
}

X509 *
revcheck_trust_get0_intermediate(const struct revcheck_trust *t, size_t i)
{
	return i < t->num_given ? t->given[i] : NULL;
}

X509_STORE *
revcheck_trust_get0_store(struct revcheck_trust *t)
{
	return t->store;
}
