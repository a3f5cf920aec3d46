/*
 * trust_path: builds a path from a certificate to an anchor of a trust with
 * OpenSSL, and where that finds none by path_search. Nothing is kept between
 * calls. Any thread.
 */
#include "revcheck/x509/trust_path.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "revcheck/x509/certs.h"
#include "revcheck/x509/inherited_dsa.h"
#include "revcheck/x509/path_search.h"

/* A completed copy of cert if it needs one and its issuer is here, or NULL. */
static X509 *
complete_from(X509 *cert, const STACK_OF(X509) * list)
{
	X509 *whole = NULL;

	if (!inherited_dsa_incomplete(cert))
		return NULL;
	for (int i = 0; i < sk_X509_num(list) && whole == NULL; i++)
		whole = inherited_dsa_complete(cert, sk_X509_value(list, i));
	return whole;
}

static bool
push(STACK_OF(X509) * out, X509 *cert)
{
	X509_up_ref(cert);
	if (sk_X509_push(out, cert) > 0)
		return true;
	X509_free(cert);
	return false;
}

/*
 * OpenSSL takes the first that fits: which one that is must not depend on who
 * sends them in which order.
 */
static int
longest_first(const X509 *const *a, const X509 *const *b)
{
	int later =
	    ASN1_TIME_compare(X509_get0_notAfter(*b), X509_get0_notAfter(*a));

	return later == 1 || later == -1 ? later : X509_cmp(*a, *b);
}

/*
 * References to all of them, and to those that the trust was given, a completed
 * copy in place of each whose DSA key inherits its parameters, maybe from one
 * that does so itself.
 */
static bool
untrusted_fill(STACK_OF(X509) * out, const struct trust_path_order *order,
    const struct revcheck_trust *t)
{
	X509 *cert, *whole;
	bool again = true;

	for (size_t i = 0; i < order->num_untrusted; i++)
		if (!push(out, order->untrusted[i]))
			return false;
	for (size_t i = 0; i < revcheck_trust_num_intermediates(t); i++)
		if (!push(out, revcheck_trust_get0_intermediate(t, i)))
			return false;
	for (int pass = 0; pass < 4 && again; pass++) {
		again = false;
		for (int i = 0; i < sk_X509_num(out); i++) {
			cert = sk_X509_value(out, i);
			whole = complete_from(cert, out);
			if (whole == NULL)
				continue;
			(void)sk_X509_set(out, i, whole);
			X509_free(cert);
			again = true;
		}
	}
	(void)sk_X509_set_cmp_func(out, longest_first);
	sk_X509_sort(out);
	return true;
}

/* Whose parameters a key inherits, the path decides, and not who sent them. */
static bool
inherits_hold(const struct trust_path *p, int *index)
{
	for (size_t i = 0; i + 1 < p->num; i++)
		if (!inherited_dsa_holds(p->certs[i], p->certs[i + 1])) {
			*index = (int)i;
			return false;
		}
	return true;
}

int
trust_build_path(struct revcheck_trust *t, struct trust_path *out,
    const struct trust_path_order *order, int *x509_error, int *error_index,
    struct err *err)
{
	struct path_attempt a = {.store = revcheck_trust_get0_store(t),
	    .untrusted = sk_X509_new_null(),
	    .order = order};
	struct path_failure why = {
	    .x509_error = X509_V_ERR_UNSPECIFIED, .index = -1};
	X509 *whole = NULL;
	int rc = E_NOMEM;

	*out = (struct trust_path){0};
	ERR_clear_error();
	if (a.untrusted != NULL && untrusted_fill(a.untrusted, order, t)) {
		whole = complete_from(order->leaf, a.untrusted);
		a.leaf = whole != NULL ? whole : order->leaf;
		rc = path_attempt_run(&a, out, &why);
		if (rc == 0)
			rc = path_search(&a, out, &why);
	}
	if (rc == 1 && !inherits_hold(out, &why.index)) {
		trust_path_cleanup(out);
		why.x509_error = X509_V_ERR_CERT_SIGNATURE_FAILURE;
		rc = 0;
	}
	if (rc == 1) {
		why.x509_error = X509_V_OK;
		if (whole != NULL) {
			/* Callers compare pointers: theirs is given back. */
			X509_up_ref(order->leaf);
			X509_free(out->certs[0]);
			out->certs[0] = order->leaf;
		}
	} else if (rc == 0) {
		err_set(err, E_PARSE, "%s%s",
		    X509_verify_cert_error_string(why.x509_error),
		    why.limited ? " (and more paths than are tried)" : "");
	} else {
		err_set(err, rc, "out of memory");
		trust_path_cleanup(out);
	}
	*x509_error = why.x509_error;
	*error_index = rc == 0 ? why.index : -1;
	sk_X509_pop_free(a.untrusted, X509_free);
	X509_free(whole);
	return rc;
}

void
trust_path_cleanup(struct trust_path *p)
{
	for (size_t i = 0; i < p->num; i++)
		X509_free(p->certs[i]);
	free(p->certs);
	*p = (struct trust_path){0};
}

/* The query's certificates after its leaf, borrowed; NULL: out of memory. */
static X509 **
others_of(const struct revcheck_path_query *q, size_t *num)
{
	const struct revcheck_certs *more = q->untrusted;
	X509 **v =
	    calloc(q->chain->num + (more != NULL ? more->num : 0), sizeof(*v));

	*num = 0;
	for (size_t i = 1; v != NULL && i < q->chain->num; i++)
		v[(*num)++] = q->chain->v[i];
	for (size_t i = 0; v != NULL && more != NULL && i < more->num; i++)
		v[(*num)++] = more->v[i];
	return v;
}

static int
path_query_check(const struct revcheck_path_query *q, struct err *err)
{
	if (q->chain == NULL || q->chain->num == 0)
		return err_set(err, E_ARG, "query.chain is empty");
	if (q->purpose < 0 || q->purpose > 2)
		return err_set(err, E_ARG, "query.purpose is %d, 0..2 expected",
		    q->purpose);
	if (q->security_level < -1 || q->security_level > 5)
		return err_set(err, E_ARG,
		    "query.security_level is %d, -1..5 expected",
		    q->security_level);
	return 0;
}

static int
path_verify(struct revcheck_trust *t, struct trust_path *path,
    const struct revcheck_path_query *q, int *x509_error, struct err *err)
{
	struct trust_path_order order = {.at = q->at != 0 ? q->at : time(NULL),
	    .security_level = q->security_level == 0 ? REVCHECK_SECURITY_LEVEL
						     : q->security_level,
	    .purpose = q->purpose,
	    .any_time = q->any_time != 0};
	struct err why;
	X509 **others;
	int index, rc;

	rc = path_query_check(q, err);
	if (rc != 0)
		return rc;
	if (order.security_level < 0)
		order.security_level = 0;
	others = others_of(q, &order.num_untrusted);
	if (others == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	order.leaf = q->chain->v[0];
	order.untrusted = others;
	rc = trust_build_path(t, path, &order, x509_error, &index, err);
	free(others);
	if (rc == 0 && index >= 0) {
		why = *err;
		err_set(err, E_PARSE, "%s at depth %d", why.msg, index);
	}
	return rc;
}

int
revcheck_trust_verify(struct revcheck_trust *t, struct revcheck_certs **path,
    const struct revcheck_path_query *query, int *x509_error,
    struct revcheck_error *err)
{
	struct revcheck_path_query q = {0};
	struct trust_path found = {0};
	struct err e = {0};
	int rc, why = X509_V_ERR_UNSPECIFIED;

	if (path != NULL)
		*path = NULL;
	memcpy(&q, query,
	    query->size != 0 && query->size < sizeof(q) ? query->size
							: sizeof(q));
	rc = path_verify(t, &found, &q, &why, &e);
	if (rc == 1 && path != NULL) {
		*path = certs_adopt(found.certs, found.num);
		if (*path != NULL)
			found = (struct trust_path){0};
		else
			rc = err_set(&e, E_NOMEM, "out of memory");
	}
	trust_path_cleanup(&found);
	if (x509_error != NULL)
		*x509_error = rc < 0 ? X509_V_ERR_UNSPECIFIED : why;
	if (rc == 0)
		(void)error_publish(err, &e, E_PARSE);
	return error_publish(err, &e, rc);
}
