/*
 * A busy gateway and what may happen to it: it is told to read its
 * configuration again, over and over; its configuration is pushed; it is
 * killed and started again; a responder falls silent. Who may come in comes in
 * all the while, and who is connected stays.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fixtures/lib/port.h"
#include "tests/lib/scene.h"

#define CRL_PATH "/certificate-revocation-list/doorman"
#define COMERS   3  /* threads that come and go */
#define STAYERS  20 /* connections that stay, all of one thread */
#define RELOADS  15
#define KILLS    3
#define WAITERS  500
#define CACHED   200

static int
setup(void **state)
{
	return scene_many_files(0) ? scene_setup(state) : -1;
}

static void
prepare(void)
{
	scene_prepare();
	gateway_set(&gw, "revocation.mode", "\"HARD_FAIL\"");
	gateway_set(&gw, "rest.users", REST_CHEAP_USERS);
}

/* Traffic. */

/* The numbers of all threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t counted = PTHREAD_COND_INITIALIZER;

/* A thread's. Nothing in it may fail the test by itself: it says so at last. */
struct traffic {
	pthread_t thread;
	int number;
	int port; /* stays the same */
	atomic_bool end;
	unsigned in, out; /* let in; not let in */
	bool may_fail;    /* then it tries again at once */
	char error[320];
};

static void
count(struct traffic *tr, bool ok)
{
	pthread_mutex_lock(&lock);
	if (ok)
		tr->in++;
	else
		tr->out++;
	pthread_cond_broadcast(&counted);
	pthread_mutex_unlock(&lock);
}

static bool
visit(struct traffic *tr, const char *peer, int version, struct tls *keep)
{
	char *cert = xasprintf("%s/peers/%s.pem", town.dir, peer);
	char *key = xasprintf("%s/peers/%s.key", town.dir, peer);
	const struct tls_options o = {
	    .cert = cert, .key = key, .version = version};
	struct tls t;
	bool ok;

	ok = tls_connect(&t, tr->port, &o) && tls_echo(&t);
	if (!ok && tr->error[0] == '\0')
		snprintf(tr->error, sizeof(tr->error), "%s, alert %d, peer %s",
		    t.error, t.alert, peer);
	count(tr, ok);
	if (ok && keep != NULL)
		*keep = t;
	else
		tls_free(&t);
	free(cert);
	free(key);
	return ok;
}

static void *
come_and_go(void *arg)
{
	static const char *const peers[] = {"good", "fresh", "unseen"};
	struct traffic *tr = arg;
	int i = tr->number;

	while (!atomic_load(&tr->end)) {
		int version = i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION;

		if (!visit(tr, peers[tr->number % 3], version, NULL) &&
		    !tr->may_fail)
			break;
		i++;
	}
	return NULL;
}

/* Connections that were there before; each is used again and again. */
static void *
stay(void *arg)
{
	struct traffic *tr = arg;
	struct tls t[STAYERS];
	bool ok = true;
	int num = 0;

	for (; ok && num < STAYERS; num += ok)
		ok = visit(tr, "good",
		    num % 2 ? TLS1_2_VERSION : TLS1_3_VERSION, &t[num]);
	while (ok && !atomic_load(&tr->end))
		for (int i = 0; ok && i < num; i++) {
			ok = tls_echo(&t[i]) == 1;
			if (!ok)
				snprintf(tr->error, sizeof(tr->error),
				    "connection %d: %s", i, t[i].error);
			count(tr, ok);
		}
	for (int i = 0; i < num; i++)
		tls_free(&t[i]);
	return NULL;
}

static void
traffic_start(struct traffic *tr, size_t num, void *(*fn)(void *))
{
	for (size_t i = 0; i < num; i++) {
		tr[i].number = (int)i;
		tr[i].port = gw.port;
		assert_int_equal(
		    pthread_create(&tr[i].thread, NULL, fn, &tr[i]), 0);
	}
}

static void
traffic_end(struct traffic *tr, size_t num)
{
	for (size_t i = 0; i < num; i++)
		atomic_store(&tr[i].end, true);
	for (size_t i = 0; i < num; i++)
		assert_int_equal(pthread_join(tr[i].thread, NULL), 0);
}

/* Until each of them has got in n times more, or has given up. */
static void
traffic_await(struct traffic *tr, size_t num, unsigned n)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_MS / 1000;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < num; i++) {
		unsigned from = tr[i].in;

		while (rc == 0 && tr[i].in < from + n &&
		    (tr[i].may_fail || tr[i].out == 0))
			rc = pthread_cond_timedwait(&counted, &lock, &until);
	}
	pthread_mutex_unlock(&lock);
	assert_int_equal(rc, 0);
}

static void
nobody_was_turned_away(const struct traffic *tr, size_t num)
{
	for (size_t i = 0; i < num; i++)
		if (tr[i].out != 0)
			fail_msg("thread %zu, after %u: %s", i, tr[i].in,
			    tr[i].error);
}

/* Reloads. */

static void
reload(void)
{
	char *line;

	proc_mark(&gw.proc);
	proc_signal(&gw.proc, SIGHUP);
	line = proc_await(&gw.proc, "reloaded the configuration", WAIT_MS);
	if (line == NULL)
		fail_msg("no reload: %s", proc_log_end(&gw.proc));
	free(line);
}

/* The other way to ask for it. */
static void
reload_by_rest(void)
{
	struct web w;

	rest(&gw, &w, "POST", "/reload", NULL);
	if (w.status != 204)
		fail_msg("POST /reload: %ld %s", w.status, w.body);
	web_free(&w);
}

/* A broken file: told so, and nothing has changed. */
static void
refused_by_rest(void)
{
	static const char wrong[] = "{\n\"listen\": 70000}";
	char *file = xasprintf("%s.json", gw.name);
	struct web w;

	file_write(file, wrong, strlen(wrong));
	rest(&gw, &w, "POST", "/reload", NULL);
	assert_int_equal(w.status, 400);
	assert_non_null(strstr(
	    json_text(w.json, "details.reason"), ".json:2: $.listen is 70000"));
	web_free(&w);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	free(file);
}

static void
reloads_under_load(void **state)
{
	struct traffic tr[COMERS + 1] = {{.number = 0}};
	unsigned total = 0;

	(void)state;
	prepare();
	gateway_start(&gw);
	traffic_start(tr, 1, stay);
	traffic_start(tr + 1, COMERS, come_and_go);
	traffic_await(tr, COMERS + 1, 20);
	for (int i = 0; i < RELOADS; i++) {
		/* Each time something is different. */
		gateway_set(&gw, "limits.max_paused", i % 2 ? "900" : "800");
		gateway_set(&gw, "listen",
		    i % 3 ? "[\"127.0.0.1:0\"]"
			  : "[\"127.0.0.1:0\", \"[::1]:0\"]");
		gateway_write(&gw);
		if (i % 2)
			reload();
		else
			reload_by_rest();
		rest_mode(&gw, i % 2 ? "SOFT_FAIL" : "HARD_FAIL");
		traffic_await(tr, COMERS + 1, 3);
	}
	traffic_end(tr, COMERS + 1);
	nobody_was_turned_away(tr, COMERS + 1);
	for (int i = 1; i <= COMERS; i++)
		total += tr[i].in;
	print_message("# %d reloads, %d pushes, %u handshakes, %u echoes\n",
	    RELOADS, RELOADS, total, tr[0].in);
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	refused_by_rest();
}

/* Kills. */

/* The network is unplugged: what it knows after a start is from its disk. */
static void
killed_under_load(void **state)
{
	struct traffic tr[COMERS] = {
	    {.may_fail = true}, {.may_fail = true}, {.may_fail = true}};
	int held;
	char *listen = xasprintf("\"127.0.0.1:%d\"", port_hold(&held));

	(void)state;
	prepare();
	gateway_set(&gw, "listen", listen);
	free(listen);
	gateway_start(&gw);
	/* Everybody has been asked about once, and it is on the disk. */
	for (int i = 0; i < COMERS; i++)
		assert_int_equal(tls_try(&town,
				     i == 0       ? "good"
					 : i == 1 ? "fresh"
						  : "unseen",
				     gw.port, 0),
		    TLS_IN);
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	gateway_stop(&gw);
	control(&town.ocsp, "/_listen/off", NULL);
	control(&town.web, "/_listen/off", NULL);
	gateway_start(&gw);
	traffic_start(tr, COMERS, come_and_go);
	for (int i = 0; i < KILLS; i++) {
		traffic_await(tr, COMERS, 10);
		gateway_kill(&gw);
		gateway_start(&gw);
	}
	traffic_await(tr, COMERS, 10);
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	traffic_end(tr, COMERS);
	control(&town.ocsp, "/_listen/on", NULL);
	control(&town.web, "/_listen/on", NULL);
	close(held);
}

/* Silence. */

static double
exact_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The ninety-ninth of a hundred handshakes of peers whose answers are there. */
static double
cached_p99_ms(void)
{
	static double ms[CACHED];

	for (int i = 0; i < CACHED; i++) {
		double from = exact_ms();

		assert_int_equal(tls_try(&town, "good", gw.port,
				     i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION),
		    TLS_IN);
		ms[i] = exact_ms() - from;
	}
	qsort(ms, CACHED, sizeof(ms[0]), compare);
	return ms[CACHED * 99 / 100];
}

static void
begin(struct tls *t, const char *peer)
{
	char *cert = xasprintf("%s/peers/%s.pem", town.dir, peer);
	char *key = xasprintf("%s/peers/%s.key", town.dir, peer);
	const struct tls_options o = {
	    .cert = cert, .key = key, .version = TLS1_2_VERSION};
	struct pollfd p = {.events = POLLIN};

	tls_dial(t, gw.port, &o);
	p.fd = t->fd;
	while (tls_step(t) == 0 && SSL_get_state(t->ssl) != TLS_ST_CW_FINISHED)
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(SSL_get_state(t->ssl), TLS_ST_CW_FINISHED);
	free(cert);
	free(key);
}

/* Bounds are wide: the machine is shared. The figure itself is a bench's. */
static void
silence_is_for_those_who_need_an_answer(void **state)
{
	static struct tls waiting[WAITERS];
	double before, during;

	(void)state;
	prepare();
	gateway_set(&gw, "revocation.deadline_ms", "240000");
	gateway_set(&gw, "revocation.fetch_timeout_ms", "240000");
	gateway_set(&gw, "limits.handshake_timeout_ms", "280000");
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	control(&town.ocsp, "/_script", "/doorman* gate=hang\n");
	control(&town.web, "/_script", CRL_PATH " gate=hang\n");
	before = cached_p99_ms();
	for (int i = 0; i < WAITERS; i++)
		begin(&waiting[i], i % 2 ? "fresh" : "unseen");
	during = cached_p99_ms();
	print_message("# p99 %.1f ms, with %d waiting %.1f ms\n", before,
	    WAITERS, during);
	if (during > 4 * before + 100)
		fail_msg("p99 %.1f ms before, %.1f ms during", before, during);
	control(&town.ocsp, "/_release/hang", NULL);
	control(&town.web, "/_release/hang", NULL);
	for (int i = 0; i < WAITERS; i++) {
		struct pollfd p = {.fd = waiting[i].fd, .events = POLLIN};
		int step;

		while ((step = tls_step(&waiting[i])) == 0)
			assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		assert_int_equal(step, 1);
		tls_free(&waiting[i]);
	}
	control(&town.ocsp, "/_script", "");
	control(&town.web, "/_script", "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(reloads_under_load),
	    SCENE(killed_under_load),
	    SCENE(silence_is_for_those_who_need_an_answer),
	};

	return cmocka_run_group_tests_name(
	    "load", tests, setup, scene_teardown);
}
