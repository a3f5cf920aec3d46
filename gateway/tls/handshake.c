/*
 * handshake: drives SSL_do_handshake, verifies the path, asks revcheck,
 * chooses the alert. Runs on the worker's thread; only handshake_verify_cb
 * runs on a job's 32 KiB stack, which has no guard page, so it calls nothing
 * that is deep: OpenSSL's path code, revcheck and logging stay off it.
 */
#include "cache/base/clock.h"
#include "gateway/tls/handshake.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "gateway/conf/conf.h"
#include "gateway/observe/counters.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/limits.h"
#include "gateway/tls/path_cache.h"
#include "gateway/base/dn.h"
#include "gateway/base/pending_check.h"
#include "gateway/dataplane/worker.h"

/* Certificates of a verified path; OpenSSL builds no longer one. */
#define HANDSHAKE_MAX_PATH 102

/* The callback: waits, and says what was decided. */

static bool
handshake_allows(const struct handshake *h)
{
	return h->ready && !h->cancelled && h->verdict == HANDSHAKE_ALLOW;
}

int
handshake_verify_cb(X509_STORE_CTX *ctx, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct handshake *h = ssl == NULL ? NULL : SSL_get_app_data(ssl);

	(void)arg;
	X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
	/* One handshake, one question: a second chain is never judged. */
	if (h == NULL || h->asked)
		return 0;
	h->asking = ctx;
	while (!h->ready && !h->cancelled) {
		unsigned turn = h->turn;

		/* Outside a job a pause returns at once, and would for ever. */
		if (ASYNC_get_current_job() == NULL || !ASYNC_pause_job() ||
		    h->turn == turn)
			break;
	}
	h->asking = NULL;
	if (!handshake_allows(h)) {
		if (h->x509_error != X509_V_OK)
			X509_STORE_CTX_set_error(ctx, h->x509_error);
		return 0;
	}
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

/* The verdict. */

static void
handshake_resolve(struct handshake *h, enum handshake_verdict verdict,
    int x509_error, enum counter tally)
{
	h->verdict = verdict;
	h->x509_error = x509_error;
	h->tally = tally;
	h->ready = true;
}

static void
handshake_refuse(struct handshake *h, int x509_error, enum counter tally)
{
	if (x509_error == X509_V_OK)
		x509_error = X509_V_ERR_APPLICATION_VERIFICATION;
	handshake_resolve(h, HANDSHAKE_DENY, x509_error, tally);
}

/* Takes the reference. */
static void
handshake_judge(struct handshake *h, struct revcheck_report *report)
{
	h->report = report;
	if (revcheck_report_allows(report) == 1) {
		handshake_resolve(
		    h, HANDSHAKE_ALLOW, X509_V_OK, COUNTER_ALLOWED);
		return;
	}
	switch (revcheck_report_status(report)) {
	case REVCHECK_REVOKED:
		handshake_refuse(h, revcheck_report_x509_error(report),
		    COUNTER_REFUSED_REVOKED);
		return;
	case REVCHECK_PATH_INVALID:
		handshake_refuse(h, revcheck_report_x509_error(report),
		    COUNTER_REFUSED_PATH);
		return;
	default:
		handshake_refuse(h, revcheck_report_x509_error(report),
		    COUNTER_REFUSED_UNKNOWN);
		return;
	}
}

static uint32_t
handshake_elapsed_ms(const struct handshake *h)
{
	return (uint32_t)(clock_mono_ms() - h->paused_mono_ms) + 1;
}

uint32_t
handshake_waited_ms(const struct handshake *h)
{
	return h->counted_pause ? handshake_elapsed_ms(h) : h->waited_ms;
}

static void
handshake_end_pause(struct handshake *h)
{
	if (!h->counted_pause)
		return;
	h->counted_pause = false;
	h->waited_ms = handshake_elapsed_ms(h);
	limits_resume(h->worker->limits);
	counters_dec(&h->worker->counters, COUNTER_PAUSED_NOW);
}

static void
handshake_on_report(void *asker, struct revcheck_report *report)
{
	struct handshake *h = asker;

	handshake_end_pause(h);
	pending_check_drop(h->wait);
	h->wait = NULL;
	handshake_judge(h, revcheck_report_up_ref(report));
	h->answered(h->arg);
}

/* A remembered path is as good as new but for the dates. */
static bool
handshake_dates_hold(const STACK_OF(X509) * chain, int *x509_error)
{
	time_t now = time(NULL);

	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *cert = sk_X509_value(chain, i);

		if (X509_cmp_time(X509_get0_notBefore(cert), &now) >= 0) {
			*x509_error = X509_V_ERR_CERT_NOT_YET_VALID;
			return false;
		}
		if (X509_cmp_time(X509_get0_notAfter(cert), &now) <= 0) {
			*x509_error = X509_V_ERR_CERT_HAS_EXPIRED;
			return false;
		}
	}
	return true;
}

/* The verified chain, lent by ctx; or NULL with the error resolved. */
static STACK_OF(X509) * handshake_find_path(struct handshake *h)
{
	X509_STORE_CTX *ctx = h->asking;
	const STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
	struct counters *counters = &h->worker->counters;
	struct path_cache *paths = h->runtime->paths;
	STACK_OF(X509) * chain;
	struct path_cache_key key;
	bool memory;
	int error;

	if (sk_X509_num(sent) > (int)h->runtime->conf->limits.max_chain) {
		snprintf(h->error, sizeof(h->error),
		    "%d certificates sent, at most %u are allowed",
		    sk_X509_num(sent), h->runtime->conf->limits.max_chain);
		handshake_refuse(
		    h, X509_V_ERR_CERT_CHAIN_TOO_LONG, COUNTER_REFUSED_PATH);
		return NULL;
	}
	/* Outbound paths depend on the name asked for, too. */
	memory =
	    h->inbound && h->leaf != NULL && path_cache_key_of(&key, sent) == 0;
	chain = memory ? path_cache_find(paths, &key, h->leaf) : NULL;
	if (chain != NULL && handshake_dates_hold(chain, &error)) {
		counters_inc(counters, COUNTER_PATH_HITS);
		X509_STORE_CTX_set0_verified_chain(ctx, chain);
		return chain;
	}
	sk_X509_pop_free(chain, X509_free);
	counters_inc(counters, COUNTER_PATH_MISSES);
	/*
	 * The purpose (client for a server and the reverse), the name, the
	 * security level and the trust are in ctx: libssl put them there.
	 */
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	if (X509_verify_cert(ctx) != 1) {
		error = X509_STORE_CTX_get_error(ctx);
		snprintf(h->error, sizeof(h->error), "%s at depth %d",
		    X509_verify_cert_error_string(error),
		    X509_STORE_CTX_get_error_depth(ctx));
		handshake_refuse(h, error, COUNTER_REFUSED_PATH);
		ERR_clear_error();
		return NULL;
	}
	chain = memory ? paths_add(paths, &key, X509_STORE_CTX_get0_chain(ctx))
		       : NULL;
	if (chain == NULL)
		return X509_STORE_CTX_get0_chain(ctx);
	X509_STORE_CTX_set0_verified_chain(ctx, chain);
	return chain;
}

static bool
handshake_subject_allowed(struct handshake *h, X509 *leaf)
{
	const struct conf_tls *tls = &h->runtime->conf->tls;
	char text[DN_MAX];

	if (!h->inbound || !tls->allowed_subjects_enforced)
		return true;
	if (!dn_text(text, leaf)) {
		handshake_refuse(
		    h, X509_V_ERR_CERT_REJECTED, COUNTER_REFUSED_SUBJECT);
		return false;
	}
	if (name_set_has(tls->allowed_subjects, text))
		return true;
	snprintf(h->error, sizeof(h->error),
	    "subject is not on the list of allowed subjects");
	handshake_refuse(h, X509_V_ERR_CERT_REJECTED, COUNTER_REFUSED_SUBJECT);
	return false;
}

/* revcheck says later: is there room to wait? */
static void
handshake_begin_pause(struct handshake *h)
{
	struct worker *w = h->worker;

	if (!limits_pause(w->limits, &h->runtime->conf->limits)) {
		pending_check_drop(h->wait);
		h->wait = NULL;
		counters_inc(&w->counters, COUNTER_SHED_PAUSED);
		snprintf(h->error, sizeof(h->error),
		    "too many peers are waiting for a verdict");
		/* internal_error: it says nothing about the certificate. */
		handshake_refuse(
		    h, X509_V_ERR_OUT_OF_MEM, COUNTER_REFUSED_ERROR);
		return;
	}
	h->counted_pause = true;
	h->paused_mono_ms = clock_mono_ms();
	counters_inc(&w->counters, COUNTER_PAUSED);
	counters_inc(&w->counters, COUNTER_PAUSED_NOW);
}

/* Called while the callback is paused, on the worker's stack. */
static void
handshake_ask(struct handshake *h)
{
	const struct conf *conf = h->runtime->conf;
	struct revcheck_report *report = NULL;
	struct revcheck_error err = {0};
	struct revcheck_query query = {
	    .size = sizeof(query),
	    .trust = h->trust,
	    .mode = conf->tls.mode,
	    .flags = REVCHECK_QUERY_PATH_VERIFIED,
	};
	X509 *certs[HANDSHAKE_MAX_PATH];
	STACK_OF(X509) * chain;
	int num, rc;

	h->asked = true;
	h->leaf = X509_STORE_CTX_get0_cert(h->asking);
	if (h->leaf != NULL)
		X509_up_ref(h->leaf);
	chain = handshake_find_path(h);
	if (chain == NULL)
		return;
	num = sk_X509_num(chain);
	if (num < 1 || num > HANDSHAKE_MAX_PATH) {
		handshake_refuse(
		    h, X509_V_ERR_CERT_CHAIN_TOO_LONG, COUNTER_REFUSED_PATH);
		return;
	}
	for (int i = 0; i < num; i++)
		certs[i] = sk_X509_value(chain, i);
	if (!handshake_subject_allowed(h, certs[0]))
		return;
	if (revcheck_certs_from_x509(&h->certs, certs, (size_t)num, &err) != 0)
		goto fail;
	query.chain = h->certs;
	if (!h->inbound) {
		const unsigned char *staple = NULL;
		long len = SSL_get_tlsext_status_ocsp_resp(h->ssl, &staple);

		if (len > 0 && staple != NULL) {
			query.staple = staple;
			query.staple_len = (size_t)len;
		}
	}
	rc = pending_check_ask(&h->wait, &report, h->worker->rc, &query,
	    h->worker->base, handshake_on_report, h, &err);
	if (rc == REVCHECK_DONE)
		handshake_judge(h, report);
	else if (rc == REVCHECK_PENDING)
		handshake_begin_pause(h);
	else
		goto fail;
	return;
fail:
	snprintf(h->error, sizeof(h->error), "cannot ask: %.200s", err.msg);
	handshake_refuse(h, X509_V_ERR_UNSPECIFIED, COUNTER_REFUSED_ERROR);
}

/* The drive. */

static void
handshake_on_signed(void *arg)
{
	struct handshake *h = arg;

	h->answered(h->arg);
}

void
handshake_init(struct handshake *h, struct worker *w, struct runtime *f,
    struct revcheck_trust *trust, SSL *ssl, bool inbound)
{
	memset(h, 0, sizeof(*h));
	h->worker = w;
	h->runtime = f;
	h->trust = trust;
	h->ssl = ssl;
	h->inbound = inbound;
	h->x509_error = X509_V_ERR_APPLICATION_VERIFICATION;
	h->tally = COUNTER_REFUSED_ERROR;
	async_wait_init(&h->sign, w->base, handshake_on_signed, h);
	SSL_set_app_data(ssl, h);
}

/*
 * OpenSSL keeps the issuers as they were sent for as long as the connection
 * lives, a copy a peer. Nobody asks for them any more: the verified chain has
 * them, shared among peers.
 */
static void
handshake_drop_issuers(SSL *ssl)
{
	STACK_OF(X509) *sent = SSL_get_peer_cert_chain(ssl);

	while (sk_X509_num(sent) > 0)
		X509_free(sk_X509_pop(sent));
}

/* OpenSSL is content; are we? */
static enum handshake_result
handshake_finish(struct handshake *h)
{
	bool one_way =
	    h->inbound && h->runtime->conf->tls.type == CONF_TLS_ONE_WAY;

	if (SSL_session_reused(h->ssl) ||
	    (!one_way &&
		(!handshake_allows(h) ||
		    SSL_get_verify_result(h->ssl) != X509_V_OK))) {
		snprintf(h->error, sizeof(h->error),
		    "handshake completed without a verdict");
		return HANDSHAKE_FAILED;
	}
	SSL_clear_mode(h->ssl, SSL_MODE_ASYNC);
	if (h->inbound)
		handshake_drop_issuers(h->ssl);
	return HANDSHAKE_DONE;
}

static void
handshake_note_error(struct handshake *h)
{
	unsigned long e = ERR_peek_error();
	const char *reason = ERR_reason_error_string(e);

	if (h->error[0] == '\0' && h->sign.err.code != 0)
		snprintf(h->error, sizeof(h->error), "cannot sign: %.200s",
		    h->sign.err.msg);
	if (h->error[0] == '\0' && h->report == NULL)
		snprintf(h->error, sizeof(h->error), "%s",
		    reason != NULL ? reason : "connection lost");
	ERR_clear_error();
}

/* All of it may be waited for in a job, a signature of a token included. */
static int
handshake_do(struct handshake *h)
{
	int rc;

	ERR_clear_error();
	h->turn++;
	async_wait_enter(&h->sign);
	rc = SSL_do_handshake(h->ssl);
	async_wait_leave();
	return rc;
}

enum handshake_result
handshake_step(struct handshake *h)
{
	for (;;) {
		int rc;

		if ((h->asking != NULL && !h->ready) ||
		    async_wait_pending(&h->sign))
			return HANDSHAKE_WAIT;
		rc = handshake_do(h);
		if (rc == 1)
			return handshake_finish(h);
		switch (SSL_get_error(h->ssl, rc)) {
		case SSL_ERROR_WANT_READ:
			return HANDSHAKE_WANT_READ;
		case SSL_ERROR_WANT_WRITE:
			return HANDSHAKE_WANT_WRITE;
		case SSL_ERROR_WANT_ASYNC:
			if (h->sign.job != NULL)
				break;
			if (h->asking == NULL)
				return HANDSHAKE_FAILED;
			if (!h->asked)
				handshake_ask(h);
			break;
		case SSL_ERROR_WANT_ASYNC_JOB:
			counters_inc(&h->worker->counters, COUNTER_SHED_PAUSED);
			snprintf(h->error, sizeof(h->error),
			    "too many peers are waiting for a verdict");
			return HANDSHAKE_SHED;
		default:
			handshake_note_error(h);
			return HANDSHAKE_FAILED;
		}
	}
}

void
handshake_cleanup(struct handshake *h)
{
	pending_check_drop(h->wait);
	h->wait = NULL;
	handshake_end_pause(h);
	if (async_wait_cancel(&h->sign) || h->asking != NULL) {
		h->cancelled = true;
		(void)handshake_do(h);
		ERR_clear_error();
	}
	SSL_set_app_data(h->ssl, NULL);
	X509_free(h->leaf);
	h->leaf = NULL;
	revcheck_certs_free(h->certs);
	revcheck_report_free(h->report);
	h->certs = NULL;
	h->report = NULL;
}
