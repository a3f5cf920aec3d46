/*
 * archive_help: an archive with a real (and misbehaving) HTTP server behind
 * it, an acceptor that checks a signature, a clock that tests set, and a
 * blocking way to ask.
 */
#ifndef TESTS_UNIT_ARCHIVE_HELP_H
#define TESTS_UNIT_ARCHIVE_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "cache/engine/archive.h"
#include "tests/lib/crlmake.h"
#include "tests/lib/net.h"

#define UNUSED   __attribute__((unused))
#define YEAR2026 1767225600 /* thisUpdate of crlmake */
#define DAY      86400

struct world {
	struct archive *archive;
	struct archive_options options;
	struct proc proc;
	struct server http;
	EVP_PKEY *key, *other_key;
	struct archive_acceptor acceptor, newer; /* newer: what came just now */
	atomic_llong now;
	atomic_uint num_changed, num_accepted;
	struct log log;
	pthread_mutex_t log_lock;
	char *log_text;
	size_t log_len;
	uint8_t owner[32];
};

struct answer_got {
	struct evidence *e; /* a reference */
	struct evidence_failure f;
	bool told;
};

struct asking {
	struct world *w;
	struct archive_order order;
	bool want_newer;
	uint64_t ms;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct answer_got got;
};

/* For things that happen with time, inside a loop that has a bound. */
UNUSED static void
wait_ms(unsigned ms)
{
	struct timespec ts = {
	    .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&ts, NULL);
}

static time_t
world_clock(void *arg)
{
	return (time_t)atomic_load((atomic_llong *)arg);
}

static void
world_log(void *arg, enum log_level level, const char *line)
{
	struct world *w = arg;
	size_t n = strlen(line);

	pthread_mutex_lock(&w->log_lock);
	w->log_text = realloc(w->log_text, w->log_len + n + 2);
	if (w->log_text == NULL)
		abort();
	memcpy(w->log_text + w->log_len, line, n);
	w->log_text[w->log_len + n] = '\n';
	w->log_text[w->log_len + n + 1] = '\0';
	w->log_len += n + 1;
	pthread_mutex_unlock(&w->log_lock);
}

UNUSED static unsigned
world_logged(struct world *w, const char *text)
{
	unsigned n = 0;

	pthread_mutex_lock(&w->log_lock);
	for (const char *p = w->log_text; p && (p = strstr(p, text)); p++)
		n++;
	pthread_mutex_unlock(&w->log_lock);
	return n;
}

static void
world_changed(void *arg, const struct evidence_key *key)
{
	atomic_fetch_add(&((struct world *)arg)->num_changed, 1);
}

/* Signed by the world's key: accepted, whatever its dates. */
static int
world_prove(
    struct world *w, struct evidence *draft, int *reject_code, struct err *err)
{
	const struct crl_info *i;
	struct span value;
	EVP_PKEY_CTX *ctx;
	bool critical;
	int ok;

	atomic_fetch_add(&w->num_accepted, 1);
	if (draft->kind == EVIDENCE_OCSP) {
		draft->this_update = (time_t)YEAR2026;
		draft->next_update = (time_t)YEAR2026 + DAY;
		if (draft->der_len >= 2 && memcmp(draft->der, "ok", 2) == 0)
			return 0;
		*reject_code = 77;
		return err_set(err, E_PARSE, "not ok");
	}
	i = crl_get0_info(draft->crl);
	ctx = EVP_PKEY_CTX_new(w->key, NULL);
	ok = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
	    EVP_PKEY_verify(ctx, i->signature.p, i->signature.len, i->digest,
		i->digest_len) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!ok) {
		*reject_code = 42;
		return err_set(err, E_PARSE, "the signature does not verify");
	}
	draft->this_update = i->this_update;
	draft->next_update = i->has_next_update ? i->next_update : 0;
	if (crl_extension(
		draft->crl, span_of("\x55\x1d\x14", 3), &critical, &value) &&
	    value.len > 2 && draft->number.len == 0)
		evidence_set_number(draft, span_of(value.p + 2, value.len - 2));
	return 0;
}

static int
world_accept(struct archive_acceptor *self, struct evidence *draft, time_t now,
    int *reject_code, struct err *err)
{
	return world_prove(
	    (struct world *)((char *)self - offsetof(struct world, acceptor)),
	    draft, reject_code, err);
}

static int
newer_accept(struct archive_acceptor *self, struct evidence *draft, time_t now,
    int *reject_code, struct err *err)
{
	return world_prove(
	    (struct world *)((char *)self - offsetof(struct world, newer)),
	    draft, reject_code, err);
}

/* What came just now, if it is held. */
static bool
came(const struct documents *held, const struct documents *seen, time_t now)
{
	struct evidence *e = seen != NULL ? seen->v[seen->num - 1] : NULL;

	return e != NULL && e->fetched_at + 1 >= now &&
	    (held == NULL || documents_same(held, e) != NULL);
}

static bool
world_answers(struct archive_acceptor *self, const struct documents *held,
    const struct documents *seen, time_t now)
{
	return documents_fresh(held, now, 0) || came(held, seen, now);
}

static bool
newer_answers(struct archive_acceptor *self, const struct documents *held,
    const struct documents *seen, time_t now)
{
	for (size_t i = 0; held != NULL && i < held->num; i++)
		if (evidence_fresh(held->v[i], now, 0) &&
		    held->v[i]->fetched_at + 1 >= now)
			return true;
	return came(held, seen, now);
}

static void
world_acceptor_free(struct archive_acceptor *self)
{
	/* A member of the world. */
}

/* Files that badhttp serves: written into ./www. */
UNUSED static void
world_file(const char *name, const void *p, size_t len)
{
	char path[256];

	snprintf(path, sizeof(path), "www/%s", name);
	file_write(path, p, len);
}

UNUSED static void
world_crl(struct world *w, const char *name, const struct crlmake *how)
{
	struct crlmake copy = *how;
	uint8_t *p;
	size_t len;

	if (copy.key == NULL)
		copy.key = w->key;
	p = crlmake(&copy, &len);
	world_file(name, p, len);
	free(p);
}

/* www/a.crl and a script, before anything else. */
UNUSED static void
world_init(struct world *w, const char *script)
{
	static const char *const allow[] = {"127.0.0.1", "localhost", NULL};

	*w = (struct world){0};
	pthread_mutex_init(&w->log_lock, NULL);
	atomic_store(&w->now, YEAR2026 + 3600);
	w->key = EVP_EC_gen("P-256");
	w->other_key = EVP_EC_gen("P-256");
	ref_init(&w->acceptor.ref);
	w->acceptor.accept = world_accept;
	w->acceptor.answers = world_answers;
	w->acceptor.free = world_acceptor_free;
	w->newer = w->acceptor;
	w->newer.accept = newer_accept;
	w->newer.answers = newer_answers;
	w->log =
	    (struct log){.level = LOG_LEVEL_DEBUG, .fn = world_log, .arg = w};
	w->options = (struct archive_options){
	    .allow_addresses = allow,
	    .any_port = true,
	    .connect_timeout_ms = 20000,
	    .fetch_timeout_ms = 20000,
	    .crl_timeout_ms = 20000,
	    .min_refresh_sec = 1,
	    .retry_first_ms = 20,
	    .retry_max_ms = 100,
	    .clock = {world_clock, &w->now},
	    .log = &w->log,
	    .changed = world_changed,
	    .changed_arg = w,
	};
	dir_make("www");
	badhttp_start(&w->proc, &w->http, "badhttp.log", "--root", "www",
	    "--script", script != NULL ? script : "/none 404", NULL);
}

UNUSED static void
world_open(struct world *w)
{
	struct err err = {0};

	if (archive_new(&w->archive, &w->options, &err) != 0)
		fail_msg("%s", err.msg);
}

UNUSED static void
world_close(struct world *w)
{
	archive_free(w->archive);
	w->archive = NULL;
}

UNUSED static void
world_cleanup(struct world *w)
{
	world_close(w);
	proc_stop(&w->proc, WAIT_MS);
	proc_cleanup(&w->proc);
	EVP_PKEY_free(w->key);
	EVP_PKEY_free(w->other_key);
	assert_int_equal(atomic_load(&w->acceptor.ref.count), 1);
	assert_int_equal(atomic_load(&w->newer.ref.count), 1);
	free(w->log_text);
	pthread_mutex_destroy(&w->log_lock);
}

UNUSED static struct evidence_key
key_named(const char *name)
{
	struct span parts[] = {span_of("test", 4), span_of(name, strlen(name))};

	return evidence_key_of(parts, 2);
}

/* Asking and waiting for the answer. */

static void
asking_told(void *arg, struct documents *d, const struct evidence_failure *f)
{
	struct asking *q = arg;

	pthread_mutex_lock(&q->lock);
	if (d != NULL && (f == NULL || f->fail == EVIDENCE_FAIL_NONE))
		q->got.e = evidence_up_ref(d->v[d->num - 1]);
	else
		q->got.f = *f;
	q->got.told = true;
	pthread_cond_signal(&q->cond);
	pthread_mutex_unlock(&q->lock);
}

static void
asking_put(void *arg)
{
	struct asking *q = arg;
	struct archive_wait *wait;
	struct err err;

	if (archive_fetch(q->w->archive, &q->order, clock_mono_ms() + q->ms,
		asking_told, q, &wait, &err) != 0)
		abort();
}

UNUSED static void
asking_start(struct asking *q, struct world *w, const char *key,
    const char *const *urls, size_t num_urls)
{
	if (q->ms == 0)
		q->ms = WAIT_MS;
	q->w = w;
	q->order.key = key_named(key);
	if (q->order.kind == 0)
		q->order.kind = EVIDENCE_CRL;
	q->order.urls = urls;
	q->order.num_urls = num_urls;
	q->order.acceptor = q->want_newer ? &w->newer : &w->acceptor;
	memcpy(q->order.owner, w->owner, sizeof(w->owner));
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->cond, NULL);
	assert_int_equal(archive_post(w->archive, asking_put, q), 0);
}

UNUSED static void
asking_wait(struct asking *q)
{
	pthread_mutex_lock(&q->lock);
	while (!q->got.told)
		pthread_cond_wait(&q->cond, &q->lock);
	pthread_mutex_unlock(&q->lock);
	pthread_cond_destroy(&q->cond);
	pthread_mutex_destroy(&q->lock);
}

/* One URL on the world's server: path begins with '/', or a whole URL. */
UNUSED static struct answer_got
ask(struct world *w, const char *key, const char *path, bool want_newer)
{
	struct asking q = {.want_newer = want_newer};
	char url[512];
	const char *urls[] = {url};

	snprintf(url, sizeof(url), "%s", path);
	if (path[0] == '/')
		snprintf(url, sizeof(url), "http://127.0.0.1:%d%s",
		    w->http.port, path);
	asking_start(&q, w, key, urls, 1);
	asking_wait(&q);
	return q.got;
}

/* The cause, or that it was not asked. */
static enum evidence_fail
fail_of(const struct evidence_failure *f)
{
	return f->backoff ? EVIDENCE_FAIL_BACKOFF : f->fail;
}

/* ask, and again while the source is being left alone. */
UNUSED static struct answer_got
ask_patiently(struct world *w, const char *key, const char *path,
    bool want_newer, enum evidence_fail expected)
{
	struct answer_got got;

	for (int i = 0;; i++) {
		got = ask(w, key, path, want_newer);
		if (got.e != NULL || fail_of(&got.f) != EVIDENCE_FAIL_BACKOFF ||
		    expected == EVIDENCE_FAIL_BACKOFF || i == 2000)
			return got;
		wait_ms(5);
	}
}

/* ask, and the evidence must come. */
UNUSED static void
ask_ok(struct world *w, const char *key, const char *path, bool want_newer)
{
	struct answer_got got =
	    ask_patiently(w, key, path, want_newer, EVIDENCE_FAIL_NONE);

	if (got.e == NULL)
		fail_msg("%s: fail %d: %s", path, got.f.fail, got.f.msg);
	evidence_free(got.e);
}

UNUSED static struct evidence_failure
ask_fails(
    struct world *w, const char *key, const char *path, enum evidence_fail fail)
{
	struct answer_got got = ask_patiently(w, key, path, true, fail);

	if (got.e != NULL) {
		evidence_free(got.e);
		fail_msg("%s: evidence instead of failure %d", path, fail);
	}
	if (fail_of(&got.f) != fail)
		fail_msg("%s: fail %d instead of %d: %s", path, got.f.fail,
		    fail, got.f.msg);
	assert_true(got.f.msg[0] != '\0');
	return got.f;
}

UNUSED static struct archive_stats
stats(struct world *w)
{
	struct archive_stats s;

	archive_stats_get(w->archive, &s);
	return s;
}

/* The CRL number that memory holds under key; -1: nothing. */
UNUSED static int
held_number(struct world *w, const char *key)
{
	struct evidence_key k = key_named(key);
	struct documents *d = archive_get1(w->archive, &k);
	int n = -1;

	if (d != NULL) {
		const struct evidence *e = d->v[d->num - 1];

		n = 0;
		for (size_t i = 0; i < e->number.len; i++)
			n = n << 8 | e->number.p[i];
		documents_free(d);
	}
	return n;
}

#endif
