/*
 * What an embedder gives the library to work on: event bases that can be woken
 * and those that cannot, loops that wait for an answer, an SSL_CTX whose
 * handshakes ask, one that waits without blocking, one that is thrown away.
 *
 *	root -> ca -> a (its CRL is at ca.crl)
 */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

#include <event2/event.h>
#include <event2/thread.h>
#include <openssl/ssl.h>

#include "tests/net/library/asking.h"
#include "tests/lib/ssl_join.h"

static struct issuer root, ca, a, b;

static void
list_write(const long *serials)
{
	issuer_write_crl("www/ca.crl",
	    &(struct issuer_crl){.by = &ca,
		.number = serials != NULL ? 2 : 1,
		.from = t0 - HOUR,
		.next = t0 + DAY,
		.serials = serials,
		.reason = REVCHECK_REASON_KEY_COMPROMISE});
	issuer_write_crl("www/root.crl",
	    &(struct issuer_crl){
		.by = &root, .number = 1, .from = t0 - HOUR, .next = t0 + DAY});
}

static int
setup(void **state)
{
	(void)state;
	scene_start();
	cert_by(&root, NULL, NULL, "root", 1, ISSUES, NULL);
	cert_by(&ca, &root, NULL, "ca", 2, ISSUES, url("root.crl"));
	cert_by(&a, &ca, NULL, "a", 3, SIGNS, url("ca.crl"));
	cert_by(&b, &ca, NULL, "b", 4, SIGNS, url("ca.crl"));
	assert_int_equal(revcheck_trust_new(&trust, &root.cert, 1, NULL), 0);
	list_write(NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return scene_stop_with((struct issuer *[]){&root, &ca, &a, &b, NULL});
}

/* Event bases. */

static struct revcheck_certs *
chain_of(const struct issuer *leaf)
{
	X509 *x[] = {leaf->cert, ca.cert};
	struct revcheck_certs *certs;

	assert_int_equal(revcheck_certs_from_x509(&certs, x, 2, NULL), 0);
	return certs;
}

static void
on_done(struct revcheck_report *report, void *arg)
{
	int *num = arg;

	assert_int_equal(revcheck_report_status(report), REVCHECK_GOOD);
	++*num;
}

static int
submit(struct revcheck *rc, struct event_base *base, int *num,
    struct revcheck_request **request, struct revcheck_error *err)
{
	struct revcheck_certs *chain = chain_of(&a);
	struct revcheck_query q = {
	    .size = sizeof(q), .chain = chain, .trust = trust};
	struct revcheck_report *report;
	int code =
	    revcheck_submit(rc, request, &report, &q, base, on_done, num, err);

	revcheck_report_free(report);
	revcheck_certs_free(chain);
	return code;
}

static void
a_base_that_cannot_be_woken_is_refused(void **state)
{
	struct event_config *cfg = event_config_new();
	struct revcheck *rc = engine_new();
	struct revcheck_request *request = NULL;
	struct revcheck_error err = {0};
	struct event_base *base;
	struct event *other;
	int num = 0;

	(void)state;
	assert_int_equal(event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK), 0);
	base = event_base_new_with_config(cfg);
	/* A signal has an event of libevent's own, too. */
	other = evsignal_new(base, SIGUSR1, NULL, NULL);
	assert_int_equal(event_add(other, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    submit(rc, base, &num, &request, &err), REVCHECK_E_ARG);
		assert_non_null(strstr(err.msg, "evthread_use_pthreads()"));
		assert_null(request);
	}
	event_free(other);
	event_base_free(base);
	event_config_free(cfg);
	revcheck_free(rc);
	assert_int_equal(num, 0);
}

/* Nothing else is in the loop; it ends when there is nothing left. */
static void
a_loop_waits_for_its_answer(void **state)
{
	struct event_base *base = event_base_new();
	struct revcheck *rc = engine_new();
	struct revcheck_request *request = NULL;
	struct revcheck_error err;
	int num = 0;

	(void)state;
	assert_int_equal(
	    submit(rc, base, &num, &request, &err), REVCHECK_PENDING);
	/* 1: it has ended for want of events. */
	assert_int_equal(event_base_dispatch(base), 1);
	assert_int_equal(num, 1);
	revcheck_request_free(request);
	revcheck_free(rc);
	event_base_free(base);
}

static void
a_cancelled_question_lets_the_loop_go(void **state)
{
	struct event_base *base = event_base_new();
	struct revcheck *rc = engine_new();
	struct revcheck_request *request = NULL;
	struct revcheck_error err;
	int num = 0;

	(void)state;
	assert_int_equal(
	    submit(rc, base, &num, &request, &err), REVCHECK_PENDING);
	revcheck_request_cancel(request);
	revcheck_request_free(request);
	assert_int_equal(event_base_dispatch(base), 1);
	assert_int_equal(num, 0);
	revcheck_free(rc);
	event_base_free(base);
}

/* What would hang in the child says so. */
static void
a_child_is_told(void **state)
{
	struct revcheck *rc = engine_new();
	pid_t pid = fork();
	int status, num = 0;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		struct revcheck_request *request;
		struct revcheck_error err;
		int code = submit(rc, NULL, &num, &request, &err);

		revcheck_free(rc);
		_exit(code == REVCHECK_E_CLOSED &&
			    strstr(err.msg, "fork()") != NULL
			? 0
			: 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	revcheck_free(rc);
}

/* TLS. */

struct decided {
	int num;
	enum revcheck_status status;
	int allows;
};

static void
on_decided(void *arg, SSL *ssl, const struct revcheck_report *report)
{
	struct decided *d = arg;

	assert_non_null(ssl);
	d->num++;
	d->status = report != NULL ? revcheck_report_status(report)
				   : REVCHECK_PATH_INVALID;
	d->allows = report != NULL && revcheck_report_allows(report);
}

/* A server that asks, and a client that shows a leaf; b is the server's. */
struct pair {
	SSL_CTX *server_ctx, *client_ctx;
	SSL *server, *client;
	struct decided decided;
};

static uint32_t pair_deadline_ms; /* of the pairs that are made */

static void
pair_init(struct pair *p, struct revcheck *rc, const struct issuer *leaf,
    bool send_ca, struct revcheck_trust *by)
{
	struct revcheck_ssl_options o = {.size = sizeof(o),
	    .trust = by,
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .deadline_ms = pair_deadline_ms,
	    .decided = on_decided,
	    .arg = &p->decided};
	struct revcheck_error err;

	memset(p, 0, sizeof(*p));
	p->server_ctx = SSL_CTX_new(TLS_server_method());
	p->client_ctx = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_use_certificate(p->server_ctx, b.cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(p->server_ctx, b.key), 1);
	assert_int_equal(SSL_CTX_use_certificate(p->client_ctx, leaf->cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(p->client_ctx, leaf->key), 1);
	if (send_ca)
		assert_int_equal(
		    SSL_CTX_add1_chain_cert(p->client_ctx, ca.cert), 1);
	assert_int_equal(
	    revcheck_ssl_ctx_attach(p->server_ctx, rc, &o, &err), 0);
	p->server = SSL_new(p->server_ctx);
	p->client = SSL_new(p->client_ctx);
	ssl_join(p->server, p->client, 0);
}

static void
pair_cleanup(struct pair *p)
{
	SSL_free(p->server);
	SSL_free(p->client);
	SSL_CTX_free(p->server_ctx);
	SSL_CTX_free(p->client_ctx);
}

/* One turn of each: what the server's SSL_get_error says. */
static int
turn(struct pair *p)
{
	int rc;

	SSL_do_handshake(p->client);
	rc = SSL_do_handshake(p->server);
	return SSL_get_error(p->server, rc);
}

static void
await_verdict(SSL *ssl)
{
	OSSL_ASYNC_FD fd;
	struct pollfd pfd;
	size_t num = 0;

	assert_int_equal(SSL_get_all_async_fds(ssl, NULL, &num), 1);
	assert_int_equal(num, 1);
	assert_int_equal(SSL_get_all_async_fds(ssl, &fd, &num), 1);
	pfd = (struct pollfd){.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&pfd, 1, WAIT_MS), 1);
}

/* The last SSL_get_error; *waits: how often it was WANT_ASYNC. */
static int
shake(struct pair *p, int *waits)
{
	int e;

	*waits = 0;
	for (int i = 0; i < 20; i++) {
		e = turn(p);
		if (e == SSL_ERROR_NONE || e == SSL_ERROR_SSL)
			return e;
		if (e != SSL_ERROR_WANT_ASYNC)
			continue;
		++*waits;
		await_verdict(p->server);
	}
	return e;
}

static void
handshakes_ask(void **state)
{
	struct revcheck *rc = engine_new();
	struct pair p;
	int waits;

	(void)state;
	pair_init(&p, rc, &a, true, trust);
	assert_int_equal(shake(&p, &waits), SSL_ERROR_NONE);
	assert_int_equal(waits, 0);
	assert_int_equal(p.decided.num, 1);
	assert_int_equal(p.decided.status, REVCHECK_GOOD);
	assert_int_equal(
	    revcheck_report_status(revcheck_ssl_get0_report(p.server)),
	    REVCHECK_GOOD);
	pair_cleanup(&p);
	/* Without its CA there is no path, and no question. */
	pair_init(&p, rc, &a, false, trust);
	assert_int_equal(shake(&p, &waits), SSL_ERROR_SSL);
	assert_int_equal(p.decided.num, 1);
	assert_int_equal(p.decided.status, REVCHECK_PATH_INVALID);
	assert_null(revcheck_ssl_get0_report(p.server));
	pair_cleanup(&p);
	revcheck_free(rc);
}

/* What the peer forgets to send the trust may have. */
static void
intermediates_of_the_trust_complete_paths(void **state)
{
	struct revcheck_trust *more;
	struct revcheck_certs *list;
	struct revcheck *rc = engine_new();
	struct pair p;
	int waits;

	(void)state;
	assert_int_equal(revcheck_certs_from_x509(&list, &ca.cert, 1, NULL), 0);
	assert_int_equal(
	    revcheck_trust_with_intermediates(&more, trust, list, NULL), 0);
	pair_init(&p, rc, &a, false, more);
	revcheck_trust_free(more); /* the SSL_CTX has a reference */
	assert_int_equal(shake(&p, &waits), SSL_ERROR_NONE);
	assert_int_equal(p.decided.status, REVCHECK_GOOD);
	pair_cleanup(&p);
	revcheck_certs_free(list);
	revcheck_free(rc);
}

static void
an_async_handshake_does_not_block(void **state)
{
	struct revcheck *rc = engine_new();
	struct pair p;
	int waits;

	(void)state;
	pair_init(&p, rc, &a, true, trust);
	SSL_set_mode(p.server, SSL_MODE_ASYNC);
	/* It may be quicker than the job. */
	assert_int_equal(shake(&p, &waits), SSL_ERROR_NONE);
	assert_int_equal(p.decided.num, 1);
	assert_int_equal(p.decided.allows, 1);
	pair_cleanup(&p);
	revcheck_free(rc);
}

/* Nobody answers: it is known that one has to wait, and when it is over. */
static void
an_async_handshake_ends_at_its_deadline(void **state)
{
	struct revcheck *rc = engine_new();
	struct pair p;
	int waits;

	(void)state;
	control(&http, "/_script", "/* never");
	pair_deadline_ms = 100;
	pair_init(&p, rc, &a, true, trust);
	pair_deadline_ms = 0;
	SSL_set_mode(p.server, SSL_MODE_ASYNC);
	assert_int_equal(shake(&p, &waits), SSL_ERROR_SSL);
	assert_int_equal(waits, 1);
	assert_int_equal(p.decided.status, REVCHECK_UNKNOWN);
	assert_int_equal(p.decided.allows, 0);
	pair_cleanup(&p);
	control(&http, "/_script", "/* origin");
	revcheck_free(rc);
}

static void
a_revoked_peer_is_refused_both_ways(void **state)
{
	struct pair p;
	int waits;

	(void)state;
	list_write((const long[]){3, 0});
	for (int async = 0; async < 2; async++) {
		struct revcheck *rc = engine_new();

		pair_init(&p, rc, &a, true, trust);
		if (async)
			SSL_set_mode(p.server, SSL_MODE_ASYNC);
		assert_int_equal(shake(&p, &waits), SSL_ERROR_SSL);
		assert_int_equal(p.decided.status, REVCHECK_REVOKED);
		assert_int_equal(p.decided.allows, 0);
		assert_int_equal(
		    SSL_get_verify_result(p.server), X509_V_ERR_CERT_REVOKED);
		pair_cleanup(&p);
		revcheck_free(rc);
	}
	list_write(NULL);
}

/* Whoever hears the answer finds that nobody waits, and touches nothing. */
static void
an_ssl_that_is_thrown_away(void **state)
{
	struct revcheck *rc = engine_new();
	struct pair p;
	int e = SSL_ERROR_NONE;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	/* OpenSSL loses the job's stack. */
	revcheck_free(rc);
	skip();
#endif
	control(&http, "/_script", "/* never");
	pair_init(&p, rc, &a, true, trust);
	SSL_set_mode(p.server, SSL_MODE_ASYNC);
	for (int i = 0; i < 20 && e != SSL_ERROR_WANT_ASYNC; i++)
		e = turn(&p);
	assert_int_equal(e, SSL_ERROR_WANT_ASYNC);
	pair_cleanup(&p);
	assert_int_equal(p.decided.num, 0);
	revcheck_free(rc);
	control(&http, "/_script", "/* origin");
}

static void
what_it_must_be_given(void **state)
{
	struct revcheck_ssl_options o = {.size = sizeof(o)};
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct revcheck *rc = engine_new();
	struct revcheck_error err;

	(void)state;
	assert_int_equal(
	    revcheck_ssl_ctx_attach(ctx, rc, &o, &err), REVCHECK_E_ARG);
	assert_non_null(strstr(err.msg, "trust"));
	assert_int_equal(SSL_CTX_get_verify_mode(ctx), SSL_VERIFY_NONE);
	o.trust = trust;
	/* A second time replaces the first. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(revcheck_ssl_ctx_attach(ctx, rc, &o, &err), 0);
	assert_int_equal(SSL_CTX_get_verify_mode(ctx),
	    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
	assert_int_equal(
	    SSL_CTX_get_session_cache_mode(ctx), SSL_SESS_CACHE_OFF);
	assert_int_equal(SSL_CTX_get_num_tickets(ctx), 0);
	SSL_CTX_free(ctx);
	revcheck_free(rc);
	assert_string_equal(revcheck_version(), REVCHECK_VERSION);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_base_that_cannot_be_woken_is_refused),
	    cmocka_unit_test(a_loop_waits_for_its_answer),
	    cmocka_unit_test(a_cancelled_question_lets_the_loop_go),
	    cmocka_unit_test(a_child_is_told),
	    cmocka_unit_test(handshakes_ask),
	    cmocka_unit_test(intermediates_of_the_trust_complete_paths),
	    cmocka_unit_test(an_async_handshake_does_not_block),
	    cmocka_unit_test(an_async_handshake_ends_at_its_deadline),
	    cmocka_unit_test(a_revoked_peer_is_refused_both_ways),
	    cmocka_unit_test(an_ssl_that_is_thrown_away),
	    cmocka_unit_test(what_it_must_be_given),
	};

	evthread_use_pthreads();
	return cmocka_run_group_tests_name("attached", tests, setup, teardown);
}
