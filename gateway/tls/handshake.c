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

#include "gateway/conf/conf.h"
#include "gateway/observe/counters.h"
#include "gateway/base/pending_check.h"

/* The callback: waits, and says what was decided. */

static bool
handshake_allows(const struct handshake *h)
{
	return h->ready && !h->cancelled &&
	    h->admission.why == ADMISSION_ALLOWED;
}

int
handshake_verify_cb(X509_STORE_CTX *ctx, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct handshake *h = ssl == NULL ? NULL : SSL_get_app_data(ssl);

	(void)arg;
	X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
	/* One handshake, one question: a second chain is never asked about. */
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
		if (h->admission.x509_error != X509_V_OK)
			X509_STORE_CTX_set_error(ctx, h->admission.x509_error);
		return 0;
	}
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

/* The verdict. */

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
	h->env->resume(h->env->limits);
	counters_dec(h->env->counters, COUNTER_PAUSED_NOW);
}

/* Takes the reference. */
static void
handshake_hear(struct handshake *h, struct revcheck_report *report)
{
	h->report = report;
	admission_hear(&h->admission, report);
	h->ready = true;
}

static void
handshake_on_report(void *asker, struct revcheck_report *report)
{
	struct handshake *h = asker;

	handshake_end_pause(h);
	pending_check_drop(h->wait);
	h->wait = NULL;
	handshake_hear(h, revcheck_report_up_ref(report));
	h->answered(h->arg);
}

static void
handshake_fail(struct handshake *h, int x509_error, const char *error)
{
	admission_fail(&h->admission, x509_error, error);
	h->ready = true;
}

/* revcheck says later: is there room to wait? */
static void
handshake_begin_pause(struct handshake *h)
{
	struct handshake_env *env = h->env;

	if (!env->pause(env->limits, &h->terms.conf->limits)) {
		pending_check_drop(h->wait);
		h->wait = NULL;
		counters_inc(env->counters, COUNTER_SHED_PAUSED);
		/* internal_error: it says nothing about the certificate. */
		handshake_fail(h, X509_V_ERR_OUT_OF_MEM,
		    "too many peers are waiting for a verdict");
		return;
	}
	h->counted_pause = true;
	h->paused_mono_ms = clock_mono_ms();
	counters_inc(env->counters, COUNTER_PAUSED);
	counters_inc(env->counters, COUNTER_PAUSED_NOW);
}

/* What a server said of its own certificate is evidence like any other. */
static void
handshake_add_staple(struct handshake *h, struct revcheck_query *query)
{
	const unsigned char *staple = NULL;
	long len = SSL_get_tlsext_status_ocsp_resp(h->ssl, &staple);

	if (len > 0 && staple != NULL) {
		query->staple = staple;
		query->staple_len = (size_t)len;
	}
}

/* Called while the callback is paused, on the worker's stack. */
static void
handshake_ask(struct handshake *h)
{
	const struct admission_peer peer = {
	    .sent = X509_STORE_CTX_get0_untrusted(h->asking)};
	struct revcheck_query query = {
	    .size = sizeof(query),
	    .trust = h->terms.trust,
	    .mode = h->terms.conf->tls.mode,
	    .flags = REVCHECK_QUERY_PATH_VERIFIED,
	};
	struct revcheck_report *report = NULL;
	struct revcheck_error err = {0};
	char text[sizeof(h->error)];
	int rc;

	h->asked = true;
	h->leaf = X509_STORE_CTX_get0_cert(h->asking);
	if (h->leaf != NULL)
		X509_up_ref(h->leaf);
	if (!admission_check(&h->admission, &h->terms, &peer)) {
		h->ready = true;
		return;
	}
	query.chain = h->admission.path;
	if (!h->terms.inbound)
		handshake_add_staple(h, &query);
	rc = pending_check_ask(&h->wait, &report, h->env->rc, &query,
	    h->env->base, handshake_on_report, h, &err);
	if (rc == REVCHECK_DONE) {
		handshake_hear(h, report);
	} else if (rc == REVCHECK_PENDING) {
		handshake_begin_pause(h);
	} else {
		snprintf(text, sizeof(text), "cannot ask: %.200s", err.msg);
		handshake_fail(h, X509_V_ERR_UNSPECIFIED, text);
	}
}

/* The drive. */

static void
handshake_on_signed(void *arg)
{
	struct handshake *h = arg;

	h->answered(h->arg);
}

void
handshake_init(struct handshake *h, struct handshake_env *env,
    const struct admission_terms *terms, SSL *ssl)
{
	memset(h, 0, sizeof(*h));
	h->env = env;
	h->terms = *terms;
	h->ssl = ssl;
	h->admission.x509_error = X509_V_ERR_APPLICATION_VERIFICATION;
	async_wait_init(&h->sign, env->base, handshake_on_signed, h);
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

/* It showed no certificate: may it come in so? */
static void
handshake_meet_nobody(struct handshake *h)
{
	static const struct admission_peer nobody;

	(void)admission_check(&h->admission, &h->terms, &nobody);
	h->ready = true;
}

/* OpenSSL is content; are we? Nobody was asked about where none was sent. */
static enum handshake_result
handshake_finish(struct handshake *h)
{
	if (!h->asked)
		handshake_meet_nobody(h);
	/* A session that is resumed was never verified here. */
	if (SSL_session_reused(h->ssl) || !handshake_allows(h) ||
	    SSL_get_verify_result(h->ssl) != X509_V_OK) {
		handshake_fail(h, X509_V_ERR_APPLICATION_VERIFICATION,
		    "handshake completed without a verdict");
		return HANDSHAKE_FAILED;
	}
	tls_certs_keep(&h->certs);
	SSL_clear_mode(h->ssl, SSL_MODE_ASYNC);
	if (h->terms.inbound)
		handshake_drop_issuers(h->ssl);
	return HANDSHAKE_DONE;
}

const char *
handshake_error(const struct handshake *h)
{
	return h->error[0] != '\0' ? h->error : h->admission.error;
}

/*
 * What TLS says of it, and only without that what a part of it said: a wrong
 * signature is "bad signature" and not how its padding looked. NULL: nothing.
 * *reason: SSL_R_*, 0 where TLS says nothing.
 */
static const char *
handshake_tls_reason(int *reason)
{
	unsigned long e = ERR_get_error(), next;

	while (e != 0 && ERR_GET_LIB(e) != ERR_LIB_SSL &&
	    (next = ERR_get_error()) != 0)
		e = next;
	*reason = ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0;
	if (*reason == SSL_R_BAD_SIGNATURE)
		return "certificate shown without its key (bad signature)";
	return ERR_reason_error_string(e);
}

static void
handshake_note_error(struct handshake *h)
{
	int code;
	const char *reason = handshake_tls_reason(&code);

	if (handshake_error(h)[0] == '\0' && h->sign.err.code != 0)
		snprintf(h->error, sizeof(h->error), "cannot sign: %.200s",
		    h->sign.err.msg);
	/* After a refusal it is our own alert; after a verdict, theirs. */
	if (handshake_error(h)[0] == '\0' &&
	    (h->report == NULL || handshake_allows(h)))
		snprintf(h->error, sizeof(h->error), "%s%s",
		    h->ready ? "let in, but the handshake failed: " : "",
		    reason != NULL ? reason : "connection lost");
	if (!h->asked && code == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
		handshake_meet_nobody(h);
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
	tls_certs_enter(&h->certs);
	rc = SSL_do_handshake(h->ssl);
	tls_certs_leave();
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
			counters_inc(h->env->counters, COUNTER_SHED_PAUSED);
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
	tls_certs_drop(&h->certs);
	X509_free(h->leaf);
	h->leaf = NULL;
	admission_cleanup(&h->admission);
	revcheck_report_free(h->report);
	h->report = NULL;
}
