/*
 * path_search: see the header. Depth first, from the leaf up; of the issuers
 * of one name those first that look best, so that the bounds are reached by
 * who sends much, and not by who is a CA with a past. Any thread.
 */
#include "revcheck/x509/path_search.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/* Signatures that were verified, each once. */
struct signature {
	X509 *cert, *issuer;
	bool ok;
};

struct issuer {
	X509 *cert;
	bool anchor, in_date;
	unsigned char md[SHA256_DIGEST_LENGTH];
};

struct path_search {
	const struct path_attempt *a;
	X509_STORE_CTX *anchors; /* looks names up */
	X509 *path[PATH_SEARCH_DEPTH];
	size_t len;
	bool choice; /* somewhere two would do */
	struct signature signatures[PATH_SEARCH_SIGNATURES];
	size_t num_signatures, num_steps, num_paths;
	bool limited;
	struct trust_path *out;
	struct path_failure *why;
};

/* One path. */

static int
path_copy(struct trust_path *out, STACK_OF(X509) * chain)
{
	int num = sk_X509_num(chain);

	out->certs = calloc((size_t)num, sizeof(X509 *));
	if (out->certs == NULL)
		return E_NOMEM;
	for (out->num = 0; out->num < (size_t)num; out->num++) {
		out->certs[out->num] = sk_X509_value(chain, (int)out->num);
		X509_up_ref(out->certs[out->num]);
	}
	return 0;
}

/* exact: NULL, or what is_next reads. */
static int
attempt_run(const struct path_attempt *a, void *exact, struct trust_path *out,
    struct path_failure *why)
{
	static const int purposes[] = {
	    0, X509_PURPOSE_SSL_CLIENT, X509_PURPOSE_SSL_SERVER};
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int rc = E_NOMEM;

	if (ctx == NULL ||
	    X509_STORE_CTX_init(ctx, a->store, a->leaf, a->untrusted) != 1)
		goto out;
	X509_STORE_CTX_set_app_data(ctx, exact);
	param = X509_STORE_CTX_get0_param(ctx);
	if (a->order->any_time)
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
	else
		X509_VERIFY_PARAM_set_time(param, a->order->at);
	X509_VERIFY_PARAM_set_auth_level(param, a->order->security_level);
	if (a->order->purpose > 0 && a->order->purpose <= 2)
		X509_STORE_CTX_set_purpose(ctx, purposes[a->order->purpose]);
	if (X509_verify_cert(ctx) == 1) {
		rc = path_copy(out, X509_STORE_CTX_get0_chain(ctx)) == 0
		    ? 1
		    : E_NOMEM;
		goto out;
	}
	why->x509_error = X509_STORE_CTX_get_error(ctx);
	/* OpenSSL gave no reason; X509_V_OK would read as success. */
	if (why->x509_error == X509_V_OK)
		why->x509_error = X509_V_ERR_UNSPECIFIED;
	why->index = X509_STORE_CTX_get_error_depth(ctx);
	rc = 0;
out:
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}

int
path_attempt_run(const struct path_attempt *a, struct trust_path *out,
    struct path_failure *why)
{
	return attempt_run(a, NULL, out, why);
}

/* Within a store of one anchor: each has the issuer that the path says. */
static int
is_next(X509_STORE_CTX *ctx, X509 *cert, X509 *issuer)
{
	const struct path_search *s = X509_STORE_CTX_get_app_data(ctx);

	for (size_t i = 0; s != NULL && i + 1 < s->len; i++)
		if (X509_cmp(s->path[i], cert) == 0)
			return X509_cmp(s->path[i + 1], issuer) == 0;
	return 0;
}

/* The path as it stands; its last is an anchor. */
static int
path_try(struct path_search *s)
{
	struct path_attempt only = *s->a;
	struct path_failure why = {0};
	int rc = E_NOMEM;

	if (s->num_paths == PATH_SEARCH_PATHS) {
		s->limited = true;
		return 0;
	}
	s->num_paths++;
	only.store = X509_STORE_new();
	only.untrusted = sk_X509_new_null();
	if (only.store == NULL || only.untrusted == NULL ||
	    X509_STORE_set1_param(
		only.store, X509_STORE_get0_param(s->a->store)) != 1 ||
	    X509_STORE_add_cert(only.store, s->path[s->len - 1]) != 1)
		goto out;
	X509_STORE_set_check_issued(only.store, is_next);
	for (size_t i = 1; i + 1 < s->len; i++)
		if (sk_X509_push(only.untrusted, s->path[i]) <= 0)
			goto out;
	rc = attempt_run(&only, s, s->out, &why);
	if (rc == 0 && s->num_paths == 1) {
		s->why->x509_error = why.x509_error;
		s->why->index = why.index;
	}
out:
	X509_STORE_free(only.store);
	sk_X509_free(only.untrusted);
	return rc;
}

/* Issuers. */

static int
issuer_cmp(const void *a, const void *b)
{
	const struct issuer *x = a, *y = b;
	int later;

	if (x->anchor != y->anchor)
		return x->anchor ? -1 : 1;
	if (x->in_date != y->in_date)
		return x->in_date ? -1 : 1;
	later = ASN1_TIME_compare(
	    X509_get0_notAfter(y->cert), X509_get0_notAfter(x->cert));
	if (later == 1 || later == -1)
		return later;
	return memcmp(x->md, y->md, sizeof(x->md));
}

static bool
is_in_path(const struct path_search *s, X509 *cert)
{
	for (size_t i = 0; i < s->len; i++)
		if (X509_cmp(s->path[i], cert) == 0)
			return true;
	return false;
}

/* Names and key identifiers say so, and keyUsage allows it; no more. */
static void
issuer_add(struct path_search *s, struct issuer *v, size_t *num, X509 *cert,
    bool anchor)
{
	struct issuer *at = &v[*num];
	time_t t = s->a->order->at;

	if (is_in_path(s, cert) ||
	    X509_check_issued(cert, s->path[s->len - 1]) != X509_V_OK)
		return;
	/* A path that goes on from a root that is no anchor leads nowhere. */
	if (!anchor && (X509_get_extension_flags(cert) & EXFLAG_SS) != 0)
		return;
	for (size_t i = 0; i < *num; i++)
		if (X509_cmp(v[i].cert, cert) == 0)
			return;
	*at = (struct issuer){.cert = cert, .anchor = anchor};
	at->in_date = s->a->order->any_time ||
	    (X509_cmp_time(X509_get0_notBefore(cert), &t) < 0 &&
		X509_cmp_time(X509_get0_notAfter(cert), &t) > 0);
	if (X509_digest(cert, EVP_sha256(), at->md, NULL) == 1)
		++*num;
}

/*
 * Who may have issued the last of the path, best first; *anchors holds
 * references to those that are. NULL: out of memory.
 */
static struct issuer *
issuers_find(struct path_search *s, size_t *num, STACK_OF(X509) * *anchors)
{
	const STACK_OF(X509) *sent = s->a->untrusted;
	struct issuer *v;
	int num_anchors;

	*num = 0;
	*anchors = X509_STORE_CTX_get1_certs(
	    s->anchors, X509_get_issuer_name(s->path[s->len - 1]));
	num_anchors = *anchors != NULL ? sk_X509_num(*anchors) : 0;
	v = calloc(
	    (size_t)num_anchors + (size_t)sk_X509_num(sent) + 1, sizeof(*v));
	for (int i = 0; v != NULL && i < num_anchors; i++)
		issuer_add(s, v, num, sk_X509_value(*anchors, i), true);
	for (int i = 0; v != NULL && i < sk_X509_num(sent); i++)
		issuer_add(s, v, num, sk_X509_value(sent, i), false);
	if (v != NULL && *num > 1) {
		qsort(v, *num, sizeof(*v), issuer_cmp);
		s->choice = true;
	}
	return v;
}

/* Whether issuer signed the last of the path, as far as that may be asked. */
static bool
issuer_signed(struct path_search *s, X509 *issuer)
{
	X509 *cert = s->path[s->len - 1];
	struct signature *at = s->signatures;

	for (; at < s->signatures + s->num_signatures; at++)
		if (at->cert == cert && at->issuer == issuer)
			return at->ok;
	if (s->num_signatures == PATH_SEARCH_SIGNATURES) {
		s->limited = true;
		return false;
	}
	s->num_signatures++;
	*at = (struct signature){.cert = cert,
	    .issuer = issuer,
	    .ok = X509_verify(cert, X509_get0_pubkey(issuer)) == 1};
	ERR_clear_error();
	return at->ok;
}

/* The search. */

/* On from the last of the path. As deep as PATH_SEARCH_DEPTH. */
static int
search_on(struct path_search *s) /* NOLINT(misc-no-recursion) */
{
	STACK_OF(X509) *anchors = NULL;
	struct issuer *v;
	size_t num;
	int rc = 0;

	if (s->num_steps++ == PATH_SEARCH_STEPS) {
		s->limited = true;
		return 0;
	}
	v = issuers_find(s, &num, &anchors);
	if (v == NULL)
		rc = E_NOMEM;
	for (size_t i = 0; rc == 0 && i < num && !s->limited; i++) {
		/* One alone is verified with the path. */
		if (num > 1 && !issuer_signed(s, v[i].cert))
			continue;
		if (s->len == PATH_SEARCH_DEPTH) {
			s->limited = true;
			break;
		}
		s->path[s->len++] = v[i].cert;
		if (!v[i].anchor)
			rc = search_on(s);
		else if (s->choice)
			rc = path_try(s);
		s->len--;
	}
	free(v);
	sk_X509_pop_free(anchors, X509_free);
	return rc;
}

int
path_search(const struct path_attempt *a, struct trust_path *out,
    struct path_failure *why)
{
	struct path_search s = {.a = a, .out = out, .why = why};
	int rc = E_NOMEM;

	s.anchors = X509_STORE_CTX_new();
	if (s.anchors != NULL &&
	    X509_STORE_CTX_init(s.anchors, a->store, NULL, NULL) == 1) {
		s.path[s.len++] = a->leaf;
		rc = search_on(&s);
		why->limited = s.limited;
	}
	X509_STORE_CTX_free(s.anchors);
	ERR_clear_error();
	return rc;
}
