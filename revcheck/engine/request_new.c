/*
 * request_new: makes a request of a query: policy resolved, the path verified
 * or taken as given. On the caller's thread; fetches nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "revcheck/x509/certs.h"
#include "revcheck/x509/path_memory.h"
#include "revcheck/engine/request.h"
#include "revcheck/x509/trust_path.h"

/* Lent. */
static int
cert_list(X509 ***out, size_t *num, const struct revcheck_certs *a,
    const struct revcheck_certs *b)
{
	size_t n = (a != NULL ? a->num : 0) + (b != NULL ? b->num : 0);
	X509 **v = calloc(n + 1, sizeof(*v));

	if (v == NULL)
		return E_NOMEM;
	*num = 0;
	for (size_t i = 0; a != NULL && i < a->num; i++)
		v[(*num)++] = a->v[i];
	for (size_t i = 0; b != NULL && i < b->num; i++)
		v[(*num)++] = b->v[i];
	*out = v;
	return 0;
}

/* The certificate that issued chain[0], by name, for status-only questions. */
static X509 *
issuer_by_name(const struct revcheck_query *q, STACK_OF(X509) * anchors)
{
	X509 *leaf = q->chain->v[0];
	const X509_NAME *want = X509_get_issuer_name(leaf);

	for (size_t i = 1; i < q->chain->num; i++)
		if (X509_NAME_cmp(
			X509_get_subject_name(q->chain->v[i]), want) == 0)
			return q->chain->v[i];
	for (size_t i = 0; q->untrusted != NULL && i < q->untrusted->num; i++)
		if (X509_NAME_cmp(
			X509_get_subject_name(q->untrusted->v[i]), want) == 0)
			return q->untrusted->v[i];
	for (int i = 0; anchors != NULL && i < sk_X509_num(anchors); i++)
		if (X509_NAME_cmp(
			X509_get_subject_name(sk_X509_value(anchors, i)),
			want) == 0)
			return sk_X509_value(anchors, i);
	return NULL;
}

static int
take_status_only(
    struct revcheck_request *r, const struct revcheck_query *q, struct err *err)
{
	STACK_OF(X509) *anchors = NULL;
	X509 *issuer;
	int rc = 0;

	if (q->trust != NULL)
		anchors = X509_STORE_get1_all_certs(
		    revcheck_trust_get0_store(q->trust));
	issuer = issuer_by_name(q, anchors);
	r->chain = calloc(2, sizeof(*r->chain));
	if (r->chain == NULL) {
		rc = err_set(err, E_NOMEM, "out of memory");
	} else if (issuer == NULL) {
		rc = err_set(err, E_ARG,
		    "the issuer of the first certificate was not given");
	} else {
		X509_up_ref(q->chain->v[0]);
		X509_up_ref(issuer);
		r->chain[0] = q->chain->v[0];
		r->chain[1] = issuer;
		r->num_chain = 2;
	}
	sk_X509_pop_free(anchors, X509_free);
	return rc;
}

static int
take_verified(
    struct revcheck_request *r, const struct revcheck_query *q, struct err *err)
{
	if (cert_list(&r->chain, &r->num_chain, q->chain, NULL) != 0)
		return err_set(err, E_NOMEM, "out of memory");
	r->chain_lent = true;
	return 0;
}

/* The path is invalid: the report says so and nothing is asked. */
static int
report_path_invalid(struct revcheck_request *r, const struct revcheck_query *q,
    int x509_error, int index, const struct err *why)
{
	struct revcheck_report *rep = report_new(q->chain->num);

	if (rep == NULL)
		return E_NOMEM;
	if (index < 0 || (size_t)index >= q->chain->num)
		index = -1;
	rep->status = REVCHECK_PATH_INVALID;
	rep->why = REVCHECK_WHY_PATH;
	rep->mode = r->mode;
	rep->path_error = x509_error;
	rep->index = index;
	rep->at = r->env.rules.at;
	for (size_t i = 0; i < rep->num; i++) {
		struct revcheck_result *res = &rep->results[i];

		res->submitted_index = i;
		res->status = (int)i == index ? REVCHECK_PATH_INVALID
					      : REVCHECK_NOT_ASKED;
		res->why =
		    (int)i == index ? REVCHECK_WHY_PATH : REVCHECK_WHY_NONE;
		report_describe(res, q->chain->v[i]);
		rep->modes[i] = r->mode;
		if ((int)i == index)
			snprintf(res->text, sizeof(res->text), "%s", why->msg);
	}
	snprintf(rep->text, sizeof(rep->text),
	    "refused: the path does not verify: %.200s%s%.200s", why->msg,
	    index >= 0 ? ": " : "",
	    index >= 0 ? rep->results[index].subject : "");
	r->report = rep;
	return 0;
}

static int
take_path(
    struct revcheck_request *r, const struct revcheck_query *q, struct err *err)
{
	struct trust_path_order order = {.leaf = q->chain->v[0],
	    .untrusted = r->extra,
	    .num_untrusted = r->env.num_extra,
	    .at = r->env.rules.at,
	    .security_level = r->env.rules.security_level,
	    .purpose = q->purpose};
	struct trust_path path;
	struct err why = {0};
	int x509_error, index, rc;

	/*
	 * A path through certificates from elsewhere does not belong to the
	 * list.
	 */
	if (q->untrusted == NULL &&
	    path_memory_recall(q->chain, &path, q->trust, &order)) {
		r->chain = path.certs;
		r->num_chain = path.num;
		return 0;
	}
	rc = trust_build_path(
	    q->trust, &path, &order, &x509_error, &index, &why);
	if (rc < 0) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	if (rc == 0) {
		if (report_path_invalid(r, q, x509_error, index, &why) != 0)
			return err_set(err, E_NOMEM, "out of memory");
		return 0;
	}
	if (q->untrusted == NULL)
		path_memory_keep(q->chain, &path, q->trust, &order);
	r->chain = path.certs;
	r->num_chain = path.num;
	return 0;
}

static int
check_query(const struct revcheck_query *q, struct err *err)
{
	if (q->chain == NULL || q->chain->num == 0)
		return err_set(err, E_ARG, "query.chain is empty");
	if (q->trust == NULL && (q->flags & REVCHECK_QUERY_STATUS_ONLY) == 0)
		return err_set(err, E_ARG, "query.trust is missing");
	if ((unsigned)q->mode > REVCHECK_MODE_HARD_FAIL)
		return err_set(err, E_ARG, "query.mode is %d, 0..%d expected",
		    (int)q->mode, REVCHECK_MODE_HARD_FAIL);
	if (q->purpose < 0 || q->purpose > 2)
		return err_set(err, E_ARG, "query.purpose is %d, 0..2 expected",
		    q->purpose);
	return 0;
}

static int
take_policy(
    struct revcheck_request *r, const struct revcheck_query *q, struct err *err)
{
	struct revcheck *rc = r->rc;
	time_t now = wall_clock_now(&rc->clock);
	int e;

	r->changes = atomic_load(&rc->changes);
	engine_snapshot(rc, &r->snap);
	if (q->policy != NULL) {
		e = policy_resolve(&r->snap.policy, q->policy, err);
		if (e != 0)
			return e;
	}
	r->mode =
	    q->mode != REVCHECK_MODE_DEFAULT ? q->mode : r->snap.policy.mode;
	r->deadline_ms =
	    q->deadline_ms != 0 ? q->deadline_ms : r->snap.policy.deadline_ms;
	r->env.rc = rc;
	r->env.answer = cert_check_answer;
	r->env.snap = &r->snap;
	r->env.now = q->at == 0;
	r->env.rules = policy_rules(&r->snap.policy, q->at != 0 ? q->at : now);
	/* An engine that is offline may still have a disk to read. */
	r->env.may_fetch = (q->flags & REVCHECK_QUERY_OFFLINE) == 0 &&
	    (!rc->offline || rc->has_disk);
	r->flags = q->flags;
	return 0;
}

int
request_new(struct revcheck_request **out, struct revcheck *rc,
    const struct revcheck_query *q, struct err *err)
{
	struct revcheck_request *r;
	int e;

	*out = NULL;
	e = check_query(q, err);
	if (e != 0)
		return e;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	ref_init(&r->ref);
	pthread_mutex_init(&r->lock, NULL);
	r->rc = rc;
	r->lent = true;
	e = take_policy(r, q, err);
	if (e != 0)
		goto out;
	if (q->trust != NULL)
		r->env.trust = q->trust;
	if (q->evidence != NULL)
		r->env.supplied = (struct revcheck_evidence *)q->evidence;
	if (cert_list(&r->extra, &r->env.num_extra, q->chain, q->untrusted) !=
	    0) {
		e = err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	r->env.extra = r->extra;
	r->num_submitted = q->chain->num;
	if (q->staple != NULL && q->staple_len > 0) {
		r->env.staple =
		    evidence_new_ocsp(span_of(q->staple, q->staple_len),
			ORIGIN_STAPLE, "staple", r->env.rules.at);
		if (r->env.staple == NULL) {
			e = err_set(err, E_NOMEM, "out of memory");
			goto out;
		}
	}
	if ((q->flags & REVCHECK_QUERY_STATUS_ONLY) != 0) {
		/*
		 * There is no path, so only the issuer itself can be a signer.
		 */
		r->env.trust = NULL;
		e = take_status_only(r, q, err);
	} else if ((q->flags & REVCHECK_QUERY_PATH_VERIFIED) != 0)
		e = take_verified(r, q, err);
	else
		e = take_path(r, q, err);
	if (e != 0)
		goto out;
	*out = r;
	return 0;
out:
	request_destroy(r);
	return e;
}
