/*
 * request_run: runs the checks of a request from the anchor down and makes the
 * report of their results. On the thread that the request belongs to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/base/text.h"
#include "cache/base/subject.h"
#include "revcheck/x509/certs.h"
#include "revcheck/engine/engine_shared.h"
#include "revcheck/engine/policy.h"
#include "revcheck/engine/request.h"

/* Asking, certificate by certificate. */

static int
make_checks(struct revcheck_request *r, struct err *err)
{
	struct cert_sources_context ctx = {
	    .anchor = r->env.trust != NULL ? r->chain[r->num_chain - 1] : NULL,
	    .rules = r->snap.rules,
	    .relax = r->env.rules.relax,
	    .security_level = r->env.rules.security_level};
	struct cert_sources *s;
	size_t num;
	int rc;

	if (r->checks != NULL || r->num_chain < 2)
		return 0;
	num = (r->flags & REVCHECK_QUERY_LEAF_ONLY) != 0 ? 1 : r->num_chain - 1;
	r->checks = calloc(num, sizeof(struct cert_check *));
	if (r->checks == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < num; i++) {
		rc = cert_sources_memo_get(
		    r->rc->memo, &s, r->chain[i], r->chain[i + 1], &ctx, err);
		if (rc != 0)
			return rc;
		rc = cert_check_new(
		    &r->checks[i], s, r->chain, r->num_chain, i, 0, err);
		if (rc == 0) {
			r->checks[i]->mode = s->rule != NULL &&
				s->rule->mode != REVCHECK_MODE_DEFAULT
			    ? s->rule->mode
			    : r->mode;
			r->num_checks = i + 1;
			if ((r->flags & REVCHECK_QUERY_KEEP_TRIES) != 0)
				r->checks[i]->trail =
				    calloc(1, sizeof(struct cert_trail));
		}
		cert_sources_free(s);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/*
 * Whether certificate i of the path is on the local denylist: revoked then, in
 * every mode, without any fetch. -1: that cannot be said.
 */
static int
denied(struct revcheck_request *r, size_t i, struct revcheck_result *res)
{
	X509 *cert = r->chain[i];
	uint8_t spki[32];
	const char *note;

	if (denylist_empty(r->snap.deny) || r->none_denied)
		return 0;
	if (i < r->num_checks)
		memcpy(spki, r->checks[i]->s->spki_sha256, sizeof(spki));
	else if (i > 0 && i == r->num_checks)
		/* The issuer of the last one asked about: its key is known. */
		memcpy(spki, r->checks[i - 1]->s->owner, sizeof(spki));
	else if (!certs_spki_sha256(spki, cert))
		return -1;
	note = denylist_find(r->snap.deny, cert, spki, r->env.rules.at);
	if (note == NULL)
		return 0;
	*res = (struct revcheck_result){.status = REVCHECK_REVOKED,
	    .why = REVCHECK_WHY_DENYLISTED,
	    .reason = REVCHECK_REASON_NONE,
	    .method = REVCHECK_METHOD_DENYLIST};
	report_describe(res, cert);
	snprintf(res->text, sizeof(res->text), "on the local denylist%s%.200s",
	    note[0] != '\0' ? ": " : "", note);
	return 1;
}

/*
 * The whole path: the anchor, a certificate that is an anchor itself, and what
 * is above the leaf where nothing else of it is asked about.
 */
static enum answer
ask_denylist(struct revcheck_request *r, bool *found)
{
	struct revcheck_result res;

	*found = false;
	for (size_t i = 0; i < r->num_chain; i++) {
		int rc = denied(r, i, &res);

		if (rc < 0)
			return ANSWER_NOMEM;
		if (rc == 0)
			continue;
		*found = true;
		if (i < r->num_checks) {
			r->checks[i]->res = res;
			r->checks[i]->final = true;
		}
	}
	r->none_denied = !*found;
	return ANSWER_FINAL;
}

/*
 * Asks from the anchor down, so that a revoked intermediate stops the fetches
 * below it. FINAL: every check that will be made is final.
 */
static enum answer
ask(struct revcheck_request *r, struct source **need, struct cert_check **owner)
{
	bool denylisted;
	enum answer a = ask_denylist(r, &denylisted);

	if (a != ANSWER_FINAL || denylisted)
		return a;
	for (size_t i = r->num_checks; i-- > 0;) {
		struct cert_check *q = r->checks[i];

		if (q->mode == REVCHECK_MODE_OFF) {
			q->res.status = REVCHECK_NOT_ASKED;
			q->final = true;
			continue;
		}
		a = cert_check_answer(q, &r->env, need, owner);
		if (a != ANSWER_FINAL)
			return a;
		if (q->res.status == REVCHECK_REVOKED)
			return ANSWER_FINAL;
	}
	return ANSWER_FINAL;
}

/* The report. */

/* SOFT_FAIL is soft only so long after evidence of an issuer was last seen. */
static enum revcheck_mode
mode_in_force(struct revcheck_request *r, const struct cert_check *q)
{
	uint32_t window = r->snap.policy.soft_window_sec;
	time_t heard;

	if (window == 0 || q->mode != REVCHECK_MODE_SOFT_FAIL ||
	    q->res.status != REVCHECK_UNKNOWN)
		return q->mode;
	heard = issuer_heard_last(r->rc->heard, q->s->owner);
	if (heard < r->rc->started_at)
		heard = r->rc->started_at;
	if (r->env.rules.at - heard <= (time_t)window)
		return q->mode;
	return REVCHECK_MODE_HARD_FAIL;
}

/* Which source of q the evidence came from; zeros: not known. */
static void
note_source(uint8_t out[32], const struct cert_check *q)
{
	const struct source *from = NULL, *s;

	if (q->res.method == REVCHECK_METHOD_OCSP)
		from = &q->ocsp;
	for (size_t i = 0; from == NULL && i <= q->s->num_points; i++) {
		s = i < q->s->num_points ? &q->points[i] : &q->delta;
		for (size_t k = 0; s->docs != NULL && k < s->docs->num; k++)
			if (strncmp(s->docs->v[k]->url, q->res.url,
				sizeof(q->res.url) - 1) == 0)
				from = s;
	}
	if (from != NULL && from->point->num_urls > 0)
		memcpy(out, from->point->key.id, 32);
}

/* The others, if there are any, are to know. */
static void
tell_revoked(struct revcheck *rc, const struct cert_check *q,
    const struct known_revocation *k)
{
	struct revcheck_told t = {.size = sizeof(t),
	    .serial_len = k->serial_len,
	    .reason = k->reason,
	    .revoked_at = k->revoked_at,
	    .this_update = k->this_update};
	struct known_revocation told;
	struct tm tm;

	if (engine_told_get(rc, q->s->word, &told) &&
	    told.this_update >= k->this_update)
		return;
	memcpy(t.issuer_key, k->owner, sizeof(t.issuer_key));
	memcpy(t.serial, k->serial, k->serial_len);
	note_source(t.source, q);
	text_copy(t.number, sizeof(t.number), q->res.crl_number);
	text_copy(t.url, sizeof(t.url), k->url);
	text_copy(t.issuer, sizeof(t.issuer), k->issuer);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(q->s->cert), &tm) == 1)
		t.not_after = timegm(&tm);
	engine_tell_revoked(rc, &t);
}

static void
remember_revoked(struct revcheck *rc, const struct cert_check *q, time_t at)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(q->s->cert);
	struct span octets = span_of(
	    ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
	struct known_revocation k = {.reason = q->res.reason,
	    .revoked_at = q->res.revoked_at,
	    .this_update = q->res.this_update,
	    .first_seen = at};

	memcpy(k.identity, q->s->identity, sizeof(k.identity));
	memcpy(k.owner, q->s->owner, sizeof(k.owner));
	while (octets.len > 0 && octets.p[0] == 0)
		octets = span_of(octets.p + 1, octets.len - 1);
	k.serial_len =
	    octets.len < sizeof(k.serial) ? octets.len : sizeof(k.serial);
	if (k.serial_len > 0)
		memcpy(k.serial, octets.p, k.serial_len);
	text_copy(k.url, sizeof(k.url), q->res.url);
	text_copy(k.issuer, sizeof(k.issuer), q->res.issuer);
	if (engine_know_revoked(rc, &k))
		tell_revoked(rc, q, &k);
}

static void
remember(struct revcheck_request *r, const struct cert_check *q)
{
	bool answered =
	    q->res.status == REVCHECK_GOOD || q->res.status == REVCHECK_REVOKED;

	if (!r->env.now)
		return;
	if (q->res.status == REVCHECK_REVOKED &&
	    (q->res.method == REVCHECK_METHOD_CRL ||
		q->res.method == REVCHECK_METHOD_OCSP))
		remember_revoked(r->rc, q, r->env.rules.at);
	else if (q->res.status == REVCHECK_GOOD && q->was_known)
		engine_forget_revoked(r->rc, q->s->identity);
	/* Evidence has taken the place of the word. */
	if (q->was_told && q->res.status != REVCHECK_UNKNOWN &&
	    q->res.method != REVCHECK_METHOD_FLEET)
		engine_told_forget(r->rc, q->s->word);
	if (answered && r->snap.policy.soft_window_sec != 0)
		issuer_heard_note(r->rc->heard, q->s->owner, r->env.rules.at);
}

static void
note_broken(struct revcheck_report *rep, const struct revcheck_evidence *sup)
{
	size_t len = 0;

	for (size_t i = 0; sup != NULL && i < sup->num; i++) {
		const struct evidence_item *s = &sup->v[i];

		if (s->broken == REVCHECK_WHY_NONE)
			continue;
		len += text_format(rep->notes + len, sizeof(rep->notes) - len,
		    "%s'%s': %s", len > 0 ? "\n" : "", s->name, s->msg);
	}
}

/* Where the answer is an OCSP response's that the archive holds. */
static int
keep_response(struct revcheck_report *rep, size_t i, const struct cert_check *q)
{
	const struct evidence *e = q->response;

	if (q->res.method != REVCHECK_METHOD_OCSP || e == NULL ||
	    q->res.source == REVCHECK_SOURCE_FILE ||
	    q->res.source == REVCHECK_SOURCE_STAPLE)
		return 0;
	return report_keep_response(rep, i, span_of(e->der, e->der_len));
}

/*
 * The same serial from the same issuer and the same signature are the same
 * certificate; a copy completed by inherited_dsa differs in its key alone.
 */
static bool
same_cert(X509 *a, X509 *b)
{
	const ASN1_BIT_STRING *sig_a, *sig_b;

	if (a == b)
		return true;
	X509_get0_signature(&sig_a, NULL, a);
	X509_get0_signature(&sig_b, NULL, b);
	return ASN1_STRING_cmp(sig_a, sig_b) == 0 &&
	    X509_issuer_and_serial_cmp(a, b) == 0;
}

static size_t
submitted_index(const struct revcheck_request *r, X509 *cert)
{
	for (size_t i = 0; i < r->num_submitted; i++)
		if (same_cert(r->extra[i], cert))
			return i;
	return SIZE_MAX;
}

/* What no evidence is asked for: the anchor, or all above the leaf. */
static int
fill_unasked(struct revcheck_request *r, struct revcheck_report *rep, size_t i)
{
	struct revcheck_result *res = &rep->results[i];
	int rc = denied(r, i, res);

	rep->modes[i] = r->mode;
	if (rc != 0)
		return rc > 0 ? 0 : E_NOMEM;
	res->status = REVCHECK_NOT_ASKED;
	/* The issuer of the last one asked about: its name is at hand. */
	if (i > 0 && i == r->num_checks)
		memcpy(res->subject, rep->results[i - 1].issuer,
		    sizeof(res->subject));
	else
		subject_show(res->subject, sizeof(res->subject), r->chain[i]);
	return 0;
}

static int
make_report(struct revcheck_request *r)
{
	struct revcheck_report *rep = report_new(r->num_chain);

	if (rep == NULL)
		return E_NOMEM;
	rep->mode = r->mode;
	rep->at = r->env.rules.at;
	rep->cached = r->cached;
	rep->has_anchor = (r->flags & REVCHECK_QUERY_STATUS_ONLY) == 0;
	for (size_t i = 0; i < r->num_checks; i++) {
		struct cert_check *q = r->checks[i];

		rep->results[i] = q->res;
		if (!q->final)
			rep->results[i].status = REVCHECK_NOT_ASKED;
		rep->modes[i] = mode_in_force(r, q);
		if (q->final)
			remember(r, q);
		if (q->trail != NULL &&
		    report_keep_tries(rep, i, q->trail->v, q->trail->num) != 0)
			goto nomem;
		if (q->final &&
		    (r->flags & REVCHECK_QUERY_KEEP_RESPONSES) != 0 &&
		    keep_response(rep, i, q) != 0)
			goto nomem;
	}
	for (size_t i = r->num_checks; i < r->num_chain; i++)
		if (fill_unasked(r, rep, i) != 0)
			goto nomem;
	for (size_t i = 0; i < r->num_chain; i++)
		rep->results[i].submitted_index =
		    submitted_index(r, r->chain[i]);
	note_broken(rep, r->env.supplied);
	report_note_sources(rep, r);
	policy_decide(rep,
	    r->snap.policy.shadow_hard && r->mode == REVCHECK_MODE_SOFT_FAIL);
	r->report = rep;
	return 0;
nomem:
	revcheck_report_free(rep);
	return E_NOMEM;
}

enum answer
request_advance(
    struct revcheck_request *r, struct source **need, struct cert_check **owner)
{
	enum answer a;

	if (r->report != NULL)
		return ANSWER_FINAL;
	if (make_checks(r, NULL) != 0)
		return ANSWER_NOMEM;
	a = ask(r, need, owner);
	if (a != ANSWER_FINAL)
		return a;
	return make_report(r) == 0 ? ANSWER_FINAL : ANSWER_NOMEM;
}
