/* authorize: see the header. */
#include "gateway/authorize/authorize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache/base/clock.h"
#include "cache/base/subject.h"
#include "cache/base/text.h"
#include "gateway/authorize/peer_header.h"
#include "gateway/authorize/peer_memory.h"
#include "gateway/base/dn.h"
#include "gateway/base/pending_check.h"
#include "gateway/base/services.h"
#include "gateway/http1/http_fields.h"
#include "gateway/observe/decision_ring.h"
#include "gateway/tls/admission.h"
#include "gateway/tls/path_cache.h"

#define MAX_PATHS   10000 /* remembered */
#define REASON_ROOM 1024

struct authorizer {
	const struct services *services;
	struct decision_ring *decisions;
	struct peer_memory *peers; /* who came in; with paths, */
	struct path_cache *paths;  /* of what verified under: */
	struct revcheck_trust *trust;
	int security_level;
};

/* One question that waits for evidence. */
struct authorize {
	struct authorizer *by;
	struct conf *conf;
	struct admission admission;
	struct pending_check *wait;
	struct revcheck_trust *trust; /* its conf's */
	struct peer_memory_key key;
	bool fresh;                   /* not remembered by that key yet */
	struct revcheck_certs *known; /* what is; owned */
	uint64_t since_mono_ms;
	authorize_fn *fn;
	void *arg;
	char from[ADDRESS_TEXT_MAX];
};

int
authorizer_new(struct authorizer **out, const struct services *services,
    struct decision_ring *decisions, struct err *err)
{
	struct authorizer *a = calloc(1, sizeof(*a));

	*out = a;
	if (a == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	a->services = services;
	a->decisions = decisions;
	if (peer_memory_new(&a->peers, err) == 0)
		return 0;
	authorizer_free(a);
	*out = NULL;
	return E_NOMEM;
}

void
authorizer_free(struct authorizer *a)
{
	if (a == NULL)
		return;
	peer_memory_free(a->peers);
	path_cache_free(a->paths);
	revcheck_trust_free(a->trust);
	free(a);
}

/* By which configuration. */

/* Of the group that is named, or of any; NULL: there is none. */
static struct revcheck_trust *
trust_of(const struct conf *conf)
{
	const char *group = conf->authorize.trust_group;

	for (size_t i = 0; group != NULL && i < conf->num_trusts; i++)
		if (strcmp(conf->trusts[i].group, group) == 0)
			return conf->trusts[i].trust;
	return group == NULL ? conf->trust : NULL;
}

/* What is remembered holds under one trust and one level. */
static bool
remembers(const struct authorizer *a, const struct authorize *q)
{
	return a->paths != NULL && a->trust == q->trust &&
	    a->security_level == q->conf->policy.security_level;
}

/* False: nothing is remembered for this one. */
static bool
remember_for(struct authorizer *a, const struct authorize *q)
{
	struct path_cache *fresh;
	struct err err;

	if (remembers(a, q))
		return true;
	if (q->trust == NULL || path_cache_new(&fresh, MAX_PATHS, &err) != 0)
		return false;
	peer_memory_clear(a->peers);
	path_cache_free(a->paths);
	a->paths = fresh;
	revcheck_trust_free(a->trust);
	a->trust = revcheck_trust_up_ref(q->trust);
	a->security_level = q->conf->policy.security_level;
	return true;
}

static enum revcheck_mode
mode_in_force(const struct authorize *q)
{
	struct revcheck_policy policy = {.size = sizeof(policy)};

	if (q->conf->tls.mode != REVCHECK_MODE_DEFAULT)
		return q->conf->tls.mode;
	revcheck_get_policy(q->by->services->engine, &policy);
	return policy.mode;
}

/* The answer. */

static void
say(const struct authorize *q, const struct decision *d,
    const struct authorize_answer *a)
{
	const struct services *s = q->by->services;
	char subject[DN_MAX] = "";
	bool forged = d->found.why == REVCHECK_WHY_FORGED;
	bool shadow = a->allowed && d->report != NULL &&
	    revcheck_report_shadow_refuses(d->report);

	if (a->allowed && !forged && !shadow && s->log->level < LOG_LEVEL_DEBUG)
		return;
	if (a->leaf != NULL)
		subject_show(subject, sizeof(subject), a->leaf);
	if (shadow)
		log_line(s->log, LOG_LEVEL_WARN,
		    "authorize: HARD_FAIL would refuse '%s': %s (from=%s)",
		    subject, a->reason, d->peer);
	log_line(a->allowed ? s->log : s->strangers,
	    a->allowed && !forged ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
	    "authorize: %s '%s': %s (from=%s status=%s why=%s mode=%s)",
	    a->allowed ? "allowed" : "refused", subject, a->reason, d->peer,
	    a->status, revcheck_why_name(d->found.why),
	    revcheck_mode_name(d->found.mode));
}

/* In a header no character may be other than these. */
static void
print(char out[REASON_ROOM], const char *text)
{
	size_t n = 0;

	for (; text[n] != '\0' && n + 1 < REASON_ROOM; n++)
		out[n] = text[n] >= 0x20 && text[n] < 0x7f ? text[n] : '?';
	out[n] = '\0';
}

/* Counts, keeps, logs, answers. report may be NULL. */
static void
conclude(struct authorize *q, struct revcheck_report *report, X509 *leaf)
{
	struct decision d = {.way = DECISION_AUTHORIZE,
	    .at = wall_clock_now(q->by->services->clock),
	    .report = report,
	    .leaf = leaf,
	    .found =
		admission_finding(q->admission.why, report, mode_in_force(q)),
	    .allowed = q->admission.why == ADMISSION_ALLOWED};
	struct authorize_answer a = {.allowed = d.allowed,
	    .status = decision_status_name(d.found.status),
	    .leaf = leaf};
	char reason[REASON_ROOM];

	if (q->since_mono_ms != 0)
		d.waited_ms =
		    (uint32_t)(clock_mono_ms() - q->since_mono_ms) + 1;
	text_copy(d.peer, sizeof(d.peer), q->from);
	text_copy(d.note, sizeof(d.note), q->admission.error);
	print(reason,
	    report != NULL ? revcheck_report_text(report) : q->admission.error);
	a.reason = reason;
	decision_ring_add(q->by->decisions, &d);
	say(q, &d, &a);
	if (d.allowed && q->fresh && remembers(q->by, q))
		peer_memory_put(q->by->peers, &q->key, q->admission.path);
	q->fn(q->arg, &a);
}

static void
authorize_free(struct authorize *q)
{
	admission_cleanup(&q->admission);
	revcheck_certs_free(q->known);
	pending_check_drop(q->wait);
	conf_free(q->conf);
	free(q);
}

static X509 *
leaf_of(const struct authorize *q)
{
	return q->admission.path != NULL
	    ? revcheck_certs_get0(q->admission.path, 0)
	    : NULL;
}

static void
on_report(void *asker, struct revcheck_report *report)
{
	struct authorize *q = asker;

	admission_hear(&q->admission, report);
	conclude(q, report, leaf_of(q));
	authorize_free(q);
}

/* Asking. */

/* True: pending. */
static bool
ask_engine(struct authorize *q)
{
	const struct revcheck_query query = {.size = sizeof(query),
	    .chain = q->admission.path,
	    .trust = q->trust,
	    .mode = q->conf->tls.mode,
	    .deadline_ms = q->conf->authorize.deadline_ms,
	    .flags = REVCHECK_QUERY_PATH_VERIFIED};
	const struct services *s = q->by->services;
	struct revcheck_report *report = NULL;
	struct revcheck_error why = {0};
	char text[sizeof(q->admission.error)];
	int rc;

	rc = pending_check_ask(
	    &q->wait, &report, s->engine, &query, s->base, on_report, q, &why);
	if (rc == REVCHECK_PENDING) {
		q->since_mono_ms = clock_mono_ms();
		return true;
	}
	if (rc == REVCHECK_DONE) {
		admission_hear(&q->admission, report);
	} else {
		snprintf(text, sizeof(text), "cannot ask: %.200s", why.msg);
		admission_fail(&q->admission, X509_V_ERR_UNSPECIFIED, text);
	}
	conclude(q, report, leaf_of(q));
	revcheck_report_free(report);
	return false;
}

/* By its path, which is remembered, or by what it sent. True: pending. */
static bool
judge(struct authorize *q, const struct admission_peer *peer)
{
	const struct admission_terms terms = {.conf = q->conf,
	    .trust = q->trust,
	    .inbound = true,
	    .paths = remembers(q->by, q) ? q->by->paths : NULL};

	if (admission_check(&q->admission, &terms, peer))
		return ask_engine(q);
	if (q->admission.x509_error ==
		X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY &&
	    sk_X509_num(peer->sent) == 1)
		text_copy(q->admission.error, sizeof(q->admission.error),
		    "unable to get local issuer certificate: the proxy passes "
		    "the peer's own alone, and trust[].intermediates has not "
		    "its issuer");
	conclude(q, NULL,
	    peer->certs != NULL ? revcheck_certs_get0(peer->certs, 0)
				: sk_X509_value(peer->sent, 0));
	return false;
}

/* There is no certificate to judge. */
static void
meet_nobody(struct authorize *q, const char *error)
{
	admission_fail(&q->admission, X509_V_ERR_CERT_REJECTED, error);
	q->admission.why = ADMISSION_NO_CERTIFICATE;
	conclude(q, NULL, NULL);
}

/* True: pending. */
static bool
meet(struct authorize *q, const struct http_head *head)
{
	const struct conf *conf = q->conf;
	const struct peer_header rules = {.format = conf->authorize.format,
	    .name = conf->authorize.header,
	    .hop = conf->authorize.hop,
	    .max_certs = conf->limits.max_chain};
	struct admission_peer peer = {.verified = true};
	STACK_OF(X509) *sent = NULL;
	bool pending = false;
	char none[160];
	struct err err;
	int rc;

	if (rules.name == NULL) {
		meet_nobody(q, "authorize has no header");
		return false;
	}
	q->fresh = remember_for(q->by, q) &&
	    peer_memory_key_of(&q->key, &rules, head) == 0;
	if (q->fresh)
		q->known = peer_memory_get1(q->by->peers, &q->key);
	if (q->known != NULL) {
		q->fresh = false;
		peer.certs = q->known;
		return judge(q, &peer);
	}
	rc = peer_header_read(&sent, &rules, head, &err);
	peer = (struct admission_peer){.sent = sent};
	if (rc == 1) {
		pending = judge(q, &peer);
	} else if (rc == 0) {
		snprintf(none, sizeof(none),
		    "no client certificate: header %s is not there",
		    rules.name);
		meet_nobody(q, none);
	} else {
		meet_nobody(q, err.msg);
	}
	sk_X509_pop_free(sent, X509_free);
	return pending;
}

struct authorize *
authorize_ask(struct authorizer *a, struct conf *conf,
    const struct http_head *head, const char *from, authorize_fn *fn, void *arg)
{
	const struct authorize_answer failed = {
	    .status = "unknown", .reason = "out of memory"};
	struct authorize *q = calloc(1, sizeof(*q));

	if (q == NULL) {
		fn(arg, &failed);
		return NULL;
	}
	q->by = a;
	q->conf = conf_up_ref(conf);
	q->trust = trust_of(conf);
	q->fn = fn;
	q->arg = arg;
	text_copy(q->from, sizeof(q->from), from);
	if (meet(q, head))
		return q;
	authorize_free(q);
	return NULL;
}

void
authorize_cancel(struct authorize *q)
{
	if (q != NULL)
		authorize_free(q);
}

/* In HTTP. */

int
authorize_put(struct bytes *out, const struct authorize_answer *a,
    bool head_only, bool close)
{
	int rc = bytes_printf(out,
	    "HTTP/1.1 %s\r\n"
	    "P2P-Gateway-Status: %s\r\n"
	    "Cache-Control: no-store\r\n",
	    a->allowed ? "204 No Content" : "403 Forbidden", a->status);

	/* For who is refused, too, as far as it is known. */
	if (rc == 0 && a->leaf != NULL)
		rc = http_put_leaf(out, a->leaf);
	if (rc == 0 && close)
		rc = bytes_printf(out, "Connection: close\r\n");
	if (rc == 0 && a->allowed)
		return bytes_printf(out, "\r\n");
	if (rc == 0)
		rc = bytes_printf(out,
		    "P2P-Gateway-Reason: %s\r\n"
		    "Content-Type: text/plain\r\n"
		    "Content-Length: %zu\r\n\r\n",
		    a->reason, strlen(a->reason) + 1);
	if (rc == 0 && !head_only)
		rc = bytes_printf(out, "%s\n", a->reason);
	return rc;
}
