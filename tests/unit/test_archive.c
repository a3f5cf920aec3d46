/*
 * archive: once for everybody, kept, refreshed, told; over a real server. The
 * faults of servers are in test_archive_faults.
 */
#include "tests/unit/archive_help.h"

static void
test_fetched_once_then_from_memory(void **state)
{
	struct world w;
	struct evidence_key k = key_named("a");
	struct documents *d;
	struct evidence *e;

	world_init(&w, NULL);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	assert_int_equal(held_number(&w, "a"), -1);
	ask_ok(&w, "a", "/a.crl", false);
	assert_int_equal(held_number(&w, "a"), 5);
	ask_ok(&w, "a", "/a.crl", false);
	ask_ok(&w, "a", "/a.crl", false);
	assert_int_equal(hits(&w.http, "/a.crl"), 1);
	d = archive_get1(w.archive, &k);
	assert_int_equal(d->num, 1);
	e = d->v[0];
	assert_int_equal(e->origin, ORIGIN_NETWORK);
	assert_int_equal(e->fetched_at, YEAR2026 + 3600);
	assert_non_null(strstr(e->url, "/a.crl"));
	documents_free(d);
	assert_int_equal(stats(&w).fetches, 1);
	assert_int_equal(stats(&w).hits, 2);
	assert_int_equal(stats(&w).misses, 1);
	assert_int_equal(stats(&w).entries, 1);
	assert_true(stats(&w).fetched_bytes > 100);
	/* Another context is another resource, whatever its URL. */
	assert_int_equal(held_number(&w, "b"), -1);
	world_cleanup(&w);
}

static void
test_not_modified_costs_nothing(void **state)
{
	struct world w;

	world_init(&w, NULL);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	atomic_fetch_add(&w.now, 10);
	ask_ok(&w, "a", "/a.crl", true);
	assert_int_equal(hits(&w.http, "/a.crl"), 2);
	assert_int_equal(stats(&w).fetches_304, 1);
	assert_int_equal(atomic_load(&w.num_changed), 1);
	assert_int_equal(atomic_load(&w.num_accepted), 1);
	world_cleanup(&w);
}

/* One CRL at two places, asked for by two: fetched twice, held once. */
static void
test_the_same_crl_of_two_sources_is_held_once(void **state)
{
	struct evidence_key a = key_named("a"), b = key_named("b");
	struct documents *of_a, *of_b;
	struct world w;

	world_init(&w, NULL);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	assert_int_equal(system("cp www/a.crl www/b.crl"), 0);
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	ask_ok(&w, "b", "/b.crl", false);
	of_a = archive_get1(w.archive, &a);
	of_b = archive_get1(w.archive, &b);
	assert_int_equal(hits(&w.http, "/b.crl"), 1);
	assert_ptr_equal(of_a->v[0], of_b->v[0]);
	documents_free(of_a);
	documents_free(of_b);
	/* Each with validators of its own. */
	atomic_fetch_add(&w.now, 10);
	ask_ok(&w, "b", "/b.crl", true);
	assert_int_equal(stats(&w).fetches_304, 1);
	world_cleanup(&w);
}

/* 300 who ask at once: one fetch; each with a deadline of its own. */
static void
test_single_flight_with_own_deadlines(void **state)
{
	enum {
		NUM = 300
	};
	struct asking *q = calloc(NUM, sizeof(*q));
	struct world w;
	char url[128];
	const char *urls[] = {url};
	unsigned late = 0;

	world_init(&w, "/a.crl gate=g");
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/a.crl", w.http.port);
	for (int i = 0; i < NUM; i++) {
		q[i].ms = i % 10 == 9 ? 50 : WAIT_MS;
		asking_start(&q[i], &w, "a", urls, 1);
	}
	/* Those with little time are told while the fetch goes on. */
	for (int i = 9; i < NUM; i += 10) {
		asking_wait(&q[i]);
		assert_null(q[i].got.e);
		assert_int_equal(q[i].got.f.fail, EVIDENCE_FAIL_DEADLINE);
		late++;
	}
	hits_await(&w.http, 1, "/a.crl");
	control(&w.http, "/_release/g", NULL);
	for (int i = 0; i < NUM; i++) {
		if (i % 10 == 9)
			continue;
		asking_wait(&q[i]);
		assert_non_null(q[i].got.e);
		evidence_free(q[i].got.e);
	}
	assert_int_equal(hits(&w.http, "/a.crl"), 1);
	assert_int_equal(stats(&w).fetches, 1);
	assert_int_equal(stats(&w).joins, NUM - 1);
	assert_int_equal(stats(&w).fail[EVIDENCE_FAIL_DEADLINE], late);
	free(q);
	world_cleanup(&w);
}

struct cancelling {
	struct world *w;
	struct archive_order order;
	atomic_int step;
};

static void
never_told(void *arg, struct documents *d, const struct evidence_failure *f)
{
	abort();
}

static void
start_and_cancel(void *arg)
{
	struct cancelling *c = arg;
	struct archive_wait *wait;
	struct err err;

	if (archive_fetch(c->w->archive, &c->order, clock_mono_ms() + WAIT_MS,
		never_told, c, &wait, &err) != 0)
		abort();
	archive_wait_cancel(wait);
	atomic_fetch_add(&c->step, 1);
}

static void
test_cancelled_is_never_told(void **state)
{
	struct world w;
	char url[128];
	const char *urls[] = {url};
	struct cancelling c = {.w = &w};

	world_init(&w, NULL);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/a.crl", w.http.port);
	c.order = (struct archive_order){.key = key_named("a"),
	    .kind = EVIDENCE_CRL,
	    .urls = urls,
	    .num_urls = 1,
	    .acceptor = &w.acceptor};
	assert_int_equal(archive_post(w.archive, start_and_cancel, &c), 0);
	/* The fetch went on and filled the memory. */
	ask_ok(&w, "a", "/a.crl", false);
	assert_int_equal(atomic_load(&c.step), 1);
	assert_int_equal(hits(&w.http, "/a.crl"), 1);
	world_cleanup(&w);
}

static void
test_back_off_and_one_probe(void **state)
{
	struct asking a = {0}, b = {0};
	struct world w;
	char url[128];
	const char *urls[] = {url};
	struct evidence_failure f;

	world_init(&w, "/a.crl 500 ; gate=g");
	w.options.retry_first_ms = 300;
	w.options.retry_max_ms = 300;
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	f = ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_HTTP);
	assert_int_equal(f.http_status, 500);
	/* At once, without another request, and the cause stays visible. */
	f = ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_BACKOFF);
	assert_int_equal(f.fail, EVIDENCE_FAIL_HTTP);
	assert_int_equal(f.http_status, 500);
	assert_string_equal(
	    f.msg, "HTTP status 500 (backoff, asked again in 1 s)");
	assert_int_equal(hits(&w.http, "/a.crl"), 1);
	wait_ms(320);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/a.crl", w.http.port);
	asking_start(&a, &w, "a", urls, 1);
	asking_start(&b, &w, "a", urls, 1);
	asking_wait(&b); /* hears at once: a is the probe */
	assert_int_equal(fail_of(&b.got.f), EVIDENCE_FAIL_BACKOFF);
	assert_string_equal(
	    b.got.f.msg, "HTTP status 500 (backoff, being asked again)");
	control(&w.http, "/_release/g", NULL);
	asking_wait(&a);
	assert_non_null(a.got.e);
	evidence_free(a.got.e);
	assert_int_equal(hits(&w.http, "/a.crl"), 2);
	assert_int_equal(stats(&w).fail[EVIDENCE_FAIL_BACKOFF], 2);
	/* The failure is said once, the recovery, too. */
	assert_int_equal(world_logged(&w, "HTTP status 500"), 1);
	assert_int_equal(world_logged(&w, "again after 1 failures"), 1);
	world_cleanup(&w);
}

/* What our own settings refuse costs nothing, and they may change. */
static void
test_refused_is_not_left_alone(void **state)
{
	static const char *const refused[] = {"ldap://127.0.0.1/a.crl",
	    "http://127.0.0.1:1/a.crl", "http://127.0.0.2/a.crl",
	    "http://h ost/a.crl"};
	struct world w;
	struct answer_got got;
	char url[64];
	struct err err;

	world_init(&w, NULL);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	w.options.any_port = false;
	w.options.retry_first_ms = 60000;
	w.options.retry_max_ms = 60000;
	world_open(&w);
	for (size_t i = 0; i < 2 * sizeof(refused) / sizeof(refused[0]); i++) {
		got = ask(&w, refused[i / 2], refused[i / 2], false);
		assert_null(got.e);
		assert_false(got.f.backoff);
		assert_null(strstr(got.f.msg, "asked again"));
	}
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/a.crl", w.http.port);
	got = ask(&w, "a", url, false);
	assert_int_equal(got.f.fail, EVIDENCE_FAIL_REFUSED);
	w.options.any_port = true;
	assert_int_equal(archive_set_addresses(w.archive, &w.options, &err), 0);
	got = ask(&w, "a", url, false);
	assert_non_null(got.e);
	evidence_free(got.e);
	/* A server that refuses is left alone; so is a bad redirect of it. */
	control(&w.http, "/_script", "/b.crl redirect=ftp://127.0.0.1/");
	(void)ask_fails(&w, "b", "/b.crl", EVIDENCE_FAIL_REFUSED);
	got.f = ask_fails(&w, "b", "/b.crl", EVIDENCE_FAIL_BACKOFF);
	assert_int_equal(got.f.fail, EVIDENCE_FAIL_REFUSED);
	assert_non_null(strstr(got.f.msg, "redirect to 'ftp://127.0.0.1/'"));
	assert_non_null(strstr(got.f.msg, "backoff, asked again in "));
	assert_int_equal(hits(&w.http, "/b.crl"), 1);
	world_cleanup(&w);
}

static void
test_urls_in_order_and_the_telling_failure(void **state)
{
	struct asking q = {0};
	struct world w;
	char u[4][128];
	const char *urls[] = {u[0], u[1], u[2], u[3]};

	world_init(&w, "/none 404");
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_crl(&w, "forged.crl",
	    &(struct crlmake){.number = 5, .key = w.other_key});
	world_open(&w);
	strcpy(u[0], "ldap://127.0.0.1/cn=x");
	snprintf(u[1], 128, "http://127.0.0.1:%d/forged.crl", w.http.port);
	snprintf(u[2], 128, "http://127.0.0.1:%d/none", w.http.port);
	snprintf(u[3], 128, "http://127.0.0.1:%d/a.crl", w.http.port);
	asking_start(&q, &w, "all", urls, 4);
	asking_wait(&q);
	assert_non_null(q.got.e);
	evidence_free(q.got.e);
	q = (struct asking){0};
	asking_start(&q, &w, "three", urls, 3);
	asking_wait(&q);
	assert_int_equal(q.got.f.fail, EVIDENCE_FAIL_REJECTED);
	assert_int_equal(q.got.f.reject_code, 42);
	assert_non_null(strstr(q.got.f.msg, "signature"));
	q = (struct asking){0};
	asking_start(&q, &w, "one", urls, 1);
	asking_wait(&q);
	assert_int_equal(q.got.f.fail, EVIDENCE_FAIL_SCHEME);
	q = (struct asking){0};
	asking_start(&q, &w, "no", urls, 0);
	asking_wait(&q);
	assert_int_equal(q.got.f.fail, EVIDENCE_FAIL_NO_SOURCE);
	assert_int_equal(stats(&w).fail[EVIDENCE_FAIL_SCHEME], 3);
	assert_int_equal(stats(&w).fail[EVIDENCE_FAIL_REJECTED], 2);
	world_cleanup(&w);
}

/* A failed refresh leaves what is held; known revocations stay known. */
static void
test_stale_evidence_is_kept(void **state)
{
	struct evidence_key k = key_named("a");
	struct documents *e;
	struct world w;

	world_init(&w, "/a.crl origin ; 500");
	world_crl(&w, "a.crl",
	    &(struct crlmake){.number = 5, .next_update = "260102000000Z"});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	atomic_fetch_add(&w.now, 30 * DAY);
	(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_HTTP);
	e = archive_get1(w.archive, &k);
	assert_non_null(e);
	documents_free(e);
	assert_int_equal(held_number(&w, "a"), 5);
	world_cleanup(&w);
}

static bool
list_count(void *arg, const struct archive_item *i)
{
	assert_non_null(strstr(i->url, ".crl"));
	assert_int_equal(i->kind, EVIDENCE_CRL);
	assert_true(i->bytes > 100);
	assert_int_equal(i->this_update, YEAR2026);
	++*(int *)arg;
	return true;
}

static void
test_list_flush_and_refresh(void **state)
{
	struct world w;
	struct evidence_key a = key_named("a");
	int n = 0;

	world_init(&w, NULL);
	w.options.min_refresh_sec = 3600; /* for those nobody asks for */
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_crl(&w, "b.crl", &(struct crlmake){.number = 6});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	ask_ok(&w, "b", "/b.crl", false);
	archive_list(w.archive, list_count, &n);
	assert_int_equal(n, 2);
	assert_int_equal(archive_flush(w.archive, &a), 0);
	assert_int_equal(held_number(&w, "a"), -1);
	assert_int_equal(held_number(&w, "b"), 6);
	/* Once a second at most: b was fetched just now. */
	assert_int_equal(archive_refresh(w.archive, NULL), 0);
	assert_int_equal(archive_flush(w.archive, NULL), 0);
	assert_int_equal(held_number(&w, "b"), -1);
	assert_int_equal(hits(&w.http, "/b.crl"), 1);
	assert_int_equal(stats(&w).entries, 0);
	assert_int_equal(stats(&w).bytes, 0);
	ask_ok(&w, "b", "/b.crl", false);
	wait_ms(1100);
	assert_int_equal(archive_refresh(w.archive, NULL), 0);
	hits_await(&w.http, 3, "/b.crl");
	assert_int_equal(stats(&w).refreshes, 1);
	world_cleanup(&w);
}

/* A source that failed a moment ago is tried again; what is fresh is not. */
static void
test_missing_is_fetched(void **state)
{
	struct world w;

	world_init(&w, "/a.crl 500 ; origin");
	w.options.retry_first_ms = w.options.retry_max_ms = 3600000;
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_crl(&w, "b.crl", &(struct crlmake){.number = 6});
	world_open(&w);
	(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_HTTP);
	(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_BACKOFF);
	ask_ok(&w, "b", "/b.crl", false);
	assert_int_equal(archive_fetch_missing(w.archive), 0);
	hits_await(&w.http, 2, "/a.crl");
	for (int i = 0; i < 3000 && held_number(&w, "a") != 5; i++)
		wait_ms(10);
	assert_int_equal(held_number(&w, "a"), 5);
	assert_int_equal(hits(&w.http, "/b.crl"), 1);
	world_cleanup(&w);
}

/* Refreshed before nextUpdate, by itself, while somebody asks. */
static void
test_refresh_ahead(void **state)
{
	struct world w;

	world_init(&w, NULL);
	world_crl(&w, "a.crl",
	    &(struct crlmake){.number = 5, .next_update = "20260101010004Z"});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 6});
	/* Before the end of that one, and then the time stands. */
	atomic_fetch_add(&w.now, 3);
	hits_await(&w.http, 2, "/a.crl");
	/* The answer is on its way through the acceptor. */
	for (int i = 0; i < 3000 && held_number(&w, "a") != 6; i++)
		wait_ms(10);
	assert_int_equal(held_number(&w, "a"), 6);
	assert_int_equal(stats(&w).refreshes, 1);
	assert_int_equal(atomic_load(&w.num_changed), 2);
	world_cleanup(&w);
}

static void
test_prefetch(void **state)
{
	struct world w;
	char url[128];
	const char *urls[] = {url};
	struct archive_order o;

	world_init(&w, NULL);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/a.crl", w.http.port);
	o = (struct archive_order){.key = key_named("a"),
	    .kind = EVIDENCE_CRL,
	    .urls = urls,
	    .num_urls = 1,
	    .acceptor = &w.acceptor};
	assert_int_equal(archive_prefetch(w.archive, &o), 0);
	assert_int_equal(archive_prefetch(w.archive, &o), 0);
	ask_ok(&w, "a", "/a.crl", false);
	assert_int_equal(hits(&w.http, "/a.crl"), 1);
	world_cleanup(&w);
}

static void
test_ocsp_by_get_and_by_post(void **state)
{
	struct asking q = {0};
	struct world w;
	char url[128];
	const char *urls[] = {url};
	uint8_t big[300] = {0};
	char *log;

	world_init(&w, "/o* text=ok");
	w.options.max_ocsp_bytes = 10;
	world_open(&w);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/o/", w.http.port);
	q.order.kind = EVIDENCE_OCSP;
	q.order.request = span_of("\xfb\xff\xfe", 3);
	asking_start(&q, &w, "get", urls, 1);
	asking_wait(&q);
	assert_non_null(q.got.e);
	assert_int_equal(q.got.e->der_len, 2);
	evidence_free(q.got.e);
	/* base64 "+//+", escaped, after exactly one slash */
	assert_int_equal(hits(&w.http, "/o/%2B%2F%2F%2B"), 1);
	q = (struct asking){0};
	q.order.kind = EVIDENCE_OCSP;
	q.order.request = span_of(big, sizeof(big));
	asking_start(&q, &w, "post", urls, 1);
	asking_wait(&q);
	assert_non_null(q.got.e);
	evidence_free(q.got.e);
	assert_int_equal(hits(&w.http, "/o/"), 1);
	/* not kept, and not joined */
	for (int i = 0; i < 2; i++) {
		q = (struct asking){0};
		q.order.kind = EVIDENCE_OCSP;
		q.order.request = span_of("x", 1);
		q.order.force_post = true;
		q.order.no_store = true;
		asking_start(&q, &w, "nonce", urls, 1);
		asking_wait(&q);
		assert_non_null(q.got.e);
		evidence_free(q.got.e);
	}
	assert_int_equal(hits(&w.http, "/o/"), 3);
	assert_int_equal(held_number(&w, "nonce"), -1);
	control(&w.http, "/_script", "/o* text=okokokokokokok");
	q = (struct asking){0};
	q.order.kind = EVIDENCE_OCSP;
	q.order.request = span_of("y", 1);
	asking_start(&q, &w, "large", urls, 1);
	asking_wait(&q);
	assert_int_equal(q.got.f.fail, EVIDENCE_FAIL_TOO_LARGE);
	log = proc_log(&w.proc);
	free(log);
	world_cleanup(&w);
}

static void
test_offline_fetches_nothing(void **state)
{
	struct world w;

	world_init(&w, NULL);
	w.options.offline = true;
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_OFFLINE);
	(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_OFFLINE);
	assert_int_equal(hits(&w.http, "/a.crl"), 0);
	world_cleanup(&w);
}

/* Who waits when the archive closes is told so. */
static void
test_closing_tells_who_waits(void **state)
{
	struct asking q[5] = {0};
	struct world w;
	char url[128];
	const char *urls[] = {url};

	world_init(&w, "/a.crl never");
	world_open(&w);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/a.crl", w.http.port);
	for (int i = 0; i < 5; i++)
		asking_start(&q[i], &w, "a", urls, 1);
	hits_await(&w.http, 1, "/a.crl");
	world_close(&w);
	for (int i = 0; i < 5; i++) {
		asking_wait(&q[i]);
		assert_int_equal(q[i].got.f.fail, EVIDENCE_FAIL_CLOSED);
	}
	world_cleanup(&w);
}

/* Two mirrors; what one said its version is says nothing about the other's. */
static void
mirrors_ask(struct world *w, struct answer_got *got)
{
	struct asking q = {.want_newer = true};
	char u[2][128];
	const char *urls[] = {u[0], u[1]};

	for (int i = 0; i < 2; i++)
		snprintf(u[i], sizeof(u[i]), "http://127.0.0.1:%d/%c.crl",
		    w->http.port, 'a' + i);
	atomic_fetch_add(&w->now, 10);
	asking_start(&q, w, "mirrors", urls, 2);
	asking_wait(&q);
	*got = q.got;
}

static void
test_validators_are_of_one_url(void **state)
{
	static const struct {
		const char *script; /* after a first fetch from a */
		uint64_t fetches_304;
		enum evidence_fail fail;
	} rows[] = {
	    {"/a.crl origin", 1, EVIDENCE_FAIL_NONE},
	    {"/a.crl 304", 1, EVIDENCE_FAIL_NONE},
	    /* The same octets, so the same tag: and yet asked for whole. */
	    {"/a.crl 500\n/b.crl origin", 0, EVIDENCE_FAIL_NONE},
	    {"/a.crl 500\n/b.crl 304", 0, EVIDENCE_FAIL_HTTP},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer_got got;
		struct world w;

		world_init(&w, NULL);
		w.options.retry_first_ms = 1;
		w.options.retry_max_ms = 1;
		world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
		assert_int_equal(system("cp -p www/a.crl www/b.crl"), 0);
		world_open(&w);
		mirrors_ask(&w, &got);
		assert_non_null(got.e);
		assert_non_null(strstr(got.e->url, "/a.crl"));
		evidence_free(got.e);
		control(&w.http, "/_script", rows[i].script);
		mirrors_ask(&w, &got);
		assert_int_equal(got.e != NULL, rows[i].fail == 0);
		if (got.e == NULL)
			assert_int_equal(got.f.fail, rows[i].fail);
		else
			assert_non_null(strstr(got.e->url, "/a.crl"));
		evidence_free(got.e);
		assert_int_equal(stats(&w).fetches_304, rows[i].fetches_304);
		assert_int_equal(held_number(&w, "mirrors"), 5);
		world_cleanup(&w);
	}
}

struct readers {
	struct world *w;
	atomic_bool stop;
	atomic_ulong got;
};

static void *
reader(void *arg)
{
	struct readers *r = arg;
	struct evidence_key a = key_named("a"), b = key_named("b");
	struct documents *d;

	while (!atomic_load(&r->stop)) {
		d = archive_get1(r->w->archive, &a);
		if (d != NULL) {
			if (crl_get0_info(d->v[0]->crl)->num_entries != 0)
				abort();
			atomic_fetch_add(&r->got, 1);
		}
		documents_free(d);
		documents_free(archive_get1(r->w->archive, &b));
	}
	return NULL;
}

/* Readers in several threads while evidence is replaced and flushed. */
static void
test_readers_meet_writers(void **state)
{
	pthread_t t[4];
	struct readers r = {0};
	struct evidence_key b = key_named("b");
	struct world w;

	world_init(&w, NULL);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 1});
	world_open(&w);
	r.w = &w;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, reader, &r), 0);
	for (int i = 0; i < 60; i++) {
		world_crl(&w, "a.crl", &(struct crlmake){.number = 2 + i});
		atomic_fetch_add(&w.now, 10);
		ask_ok(&w, "a", "/a.crl", true);
		ask_ok(&w, "b", "/a.crl", true);
		if (i % 3 == 0)
			assert_int_equal(archive_flush(w.archive, &b), 0);
	}
	while (atomic_load(&r.got) < 1000)
		wait_ms(1);
	atomic_store(&r.stop, true);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(held_number(&w, "a"), 61);
	assert_int_equal(atomic_load(&w.num_changed) >= 60, 1);
	world_cleanup(&w);
}

static void
test_bad_options_are_named(void **state)
{
	static const char *const bad[] = {"10.0.0.0/33", NULL};
	struct archive_options o = {.allow_addresses = bad};
	struct archive *a;
	struct err err;

	assert_int_equal(archive_new(&a, &o, &err), E_ARG);
	assert_null(a);
	assert_non_null(strstr(err.msg, "10.0.0.0/33"));
	file_write("plain", "x", 1);
	o = (struct archive_options){.state_dir = "plain"};
	assert_int_equal(archive_new(&a, &o, &err), E_ARG);
	assert_non_null(strstr(err.msg, "plain"));
	o = (struct archive_options){.state_dir = "no/such/place"};
	assert_int_equal(archive_new(&a, &o, &err), E_IO);
	assert_non_null(strstr(err.msg, "no/such/place"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fetched_once_then_from_memory),
	    cmocka_unit_test(test_not_modified_costs_nothing),
	    cmocka_unit_test(test_the_same_crl_of_two_sources_is_held_once),
	    cmocka_unit_test(test_single_flight_with_own_deadlines),
	    cmocka_unit_test(test_cancelled_is_never_told),
	    cmocka_unit_test(test_back_off_and_one_probe),
	    cmocka_unit_test(test_refused_is_not_left_alone),
	    cmocka_unit_test(test_urls_in_order_and_the_telling_failure),
	    cmocka_unit_test(test_stale_evidence_is_kept),
	    cmocka_unit_test(test_list_flush_and_refresh),
	    cmocka_unit_test(test_missing_is_fetched),
	    cmocka_unit_test(test_refresh_ahead),
	    cmocka_unit_test(test_prefetch),
	    cmocka_unit_test(test_ocsp_by_get_and_by_post),
	    cmocka_unit_test(test_offline_fetches_nothing),
	    cmocka_unit_test(test_closing_tells_who_waits),
	    cmocka_unit_test(test_validators_are_of_one_url),
	    cmocka_unit_test(test_readers_meet_writers),
	    cmocka_unit_test(test_bad_options_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
