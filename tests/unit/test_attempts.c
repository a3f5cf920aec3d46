/*
 * How a flight goes on when an answer is none: which ways it tries, in which
 * order, and which it leaves out.
 */
#include "tests/unit/archive_help.h"

#include "cache/engine/fetch_plan.h"

/* The list. */

/*
 * The attempts as words: the index of the URL, g or p, + when the nonce is in
 * it; all ended as `ended` says, the last letter of which stays.
 */
static const char *
plan_told(const struct fetch_job *job, const char *ended)
{
	static char text[256];
	const struct fetch_attempt *x;
	struct fetch_plan p;
	enum fetch_ended how = FETCH_ENDED_USELESS;
	size_t n = 0;

	fetch_plan_make(&p, job);
	text[0] = '\0';
	while ((x = fetch_plan_next(&p, how)) != NULL) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u%c%s",
		    n > 0 ? " " : "", x->url, x->post ? 'p' : 'g',
		    job->request_plain_len > 0 && !x->plain ? "+" : "");
		how = *ended == 'd' ? FETCH_ENDED_DEAD
		    : *ended == 'l' ? FETCH_ENDED_LATE
				    : FETCH_ENDED_USELESS;
		if (ended[0] != '\0' && ended[1] != '\0')
			ended++;
	}
	return text;
}

static void
test_the_list(void **state)
{
	char a[] = "http://a/", b[] = "http://b/", c[] = "http://c/";
	char far_away[300] = "http://h/";
	char *urls[] = {a, b, c};
	uint8_t request[80] = {0};
	struct fetch_job crl = {.urls = urls, .num_urls = 3};
	struct fetch_job ocsp = {.urls = urls,
	    .num_urls = 3,
	    .request = request,
	    .request_len = sizeof(request)};
	struct fetch_job required = ocsp, optional = ocsp;

	required.force_post = true;
	optional.force_post = true;
	optional.request_plain = request;
	optional.request_plain_len = 40;
	assert_string_equal(plan_told(&crl, "u"), "0g 1g 2g");
	assert_string_equal(plan_told(&ocsp, "u"), "0g 0p 1g 1p 2g 2p");
	/* A nonce that must come back is never left out. */
	assert_string_equal(plan_told(&required, "u"), "0p 1p 2p");
	assert_string_equal(
	    plan_told(&optional, "u"), "0p+ 1p+ 2p+ 0g 0p 1g 1p 2g 2p");
	/* Nobody there: in no other way, with no other request. */
	assert_string_equal(plan_told(&ocsp, "du"), "0g 1g 1p 2g 2p");
	assert_string_equal(
	    plan_told(&optional, "udu"), "0p+ 1p+ 2p+ 0g 0p 2g 2p");
	assert_string_equal(plan_told(&ocsp, "d"), "0g 1g 2g");
	/* Late: the others first. */
	assert_string_equal(plan_told(&ocsp, "lu"), "0g 1g 1p 2g 2p 0p");
	assert_string_equal(
	    plan_told(&optional, "lu"), "0p+ 1p+ 2p+ 1g 1p 2g 2p 0g 0p");
	/* By GET only where that is short enough. */
	memset(far_away + 9, 'x', 200);
	urls[1] = far_away;
	assert_string_equal(plan_told(&ocsp, "u"), "0g 0p 1p 2g 2p");
	crl.num_urls = 0;
	assert_string_equal(plan_told(&crl, "u"), "");
}

static void
test_the_list_is_bounded(void **state)
{
	char url[] = "http://h/", *urls[3 * FETCH_PLAN_MAX_URLS];
	uint8_t request[20] = {0};
	struct fetch_job job = {.urls = urls,
	    .num_urls = sizeof(urls) / sizeof(urls[0]),
	    .force_post = true,
	    .request = request,
	    .request_len = sizeof(request),
	    .request_plain = request,
	    .request_plain_len = sizeof(request)};
	struct fetch_plan p;
	size_t n = 0;

	for (size_t i = 0; i < job.num_urls; i++)
		urls[i] = url;
	fetch_plan_make(&p, &job);
	while (fetch_plan_next(&p, FETCH_ENDED_USELESS) != NULL)
		n++;
	assert_int_equal(n, FETCH_PLAN_MAX);
}

/* On the network. world_accept takes "ok", however it was asked for. */

/* What `get` and `post` (steps of a script) answer at /o, in the end. */
static struct answer_got
asked_at(struct world *w, const char *get, const char *post)
{
	struct asking q = {0};
	char url[64], *script;
	const char *urls[] = {url};

	script = xasprintf("/o/* %s\n/o %s\n", get, post);
	control(&w->http, "/_script", script);
	free(script);
	control(&w->http, "/_reset", NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/o", w->http.port);
	q.order.kind = EVIDENCE_OCSP;
	q.order.request = span_of("\xfb\xff\xfe", 3);
	q.order.no_store = true;
	asking_start(&q, w, "a", urls, 1);
	asking_wait(&q);
	return q.got;
}

static void
test_post_where_get_gave_nothing(void **state)
{
	static const char *const gets[] = {
	    "204",
	    "400",
	    "404",
	    "405",
	    "500",
	    "503",
	    "status=301 text=",
	    "text=",
	    "type=text/html text=<html>",
	    "hex=30030a0106",
	    "text=not",
	    "garbage=200000",
	    "close",
	    "reset",
	    "text=ok length=10 truncate=2",
	    "endless-head",
	    "redirect=/o/again",
	    "redirect=ftp://127.0.0.1/",
	    "redirect=http://127.0.0.1:1/",
	    "text=ok header=Content-Length:x",
	};
	struct world w;
	struct answer_got got;

	world_init(&w, NULL);
	world_open(&w);
	for (size_t i = 0; i < sizeof(gets) / sizeof(gets[0]); i++) {
		got = asked_at(&w, gets[i], "text=ok");
		if (got.e == NULL)
			fail_msg("GET '%s', then POST: %s", gets[i], got.f.msg);
		evidence_free(got.e);
		assert_int_equal(hits(&w.http, "/o"), 1);
		assert_true(hits(&w.http, "/o/%2B%2F%2F%2B") >= 1);
		/* Neither: what is said is about an answer. */
		got = asked_at(&w, gets[i], "404");
		assert_null(got.e);
		assert_true(got.f.fail >= EVIDENCE_FAIL_HTTP);
		assert_int_equal(hits(&w.http, "/o"), 1);
	}
	/* And where GET gave it, nothing is sent by POST. */
	got = asked_at(&w, "text=ok", "text=ok");
	assert_non_null(got.e);
	evidence_free(got.e);
	assert_int_equal(hits(&w.http, "/o"), 0);
	world_cleanup(&w);
}

/* Nobody there, or not to be asked: once is enough. */
static void
test_the_dead_are_asked_once(void **state)
{
	static const struct {
		const char *url;
		enum evidence_fail fail;
	} rows[] = {
	    {"http://127.0.0.1:1/o", EVIDENCE_FAIL_UNREACHABLE},
	    {"http://127.0.0.2/o", EVIDENCE_FAIL_REFUSED},
	    {"ldap://127.0.0.1/o", EVIDENCE_FAIL_SCHEME},
	};
	struct asking q;
	struct world w;
	const char *urls[1];

	world_init(&w, NULL);
	world_open(&w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		q = (struct asking){0};
		urls[0] = rows[i].url;
		q.order.kind = EVIDENCE_OCSP;
		q.order.request = span_of("x", 1);
		asking_start(&q, &w, rows[i].url, urls, 1);
		asking_wait(&q);
		assert_int_equal(q.got.f.fail, rows[i].fail);
		assert_int_equal(stats(&w).fail[rows[i].fail], 1);
	}
	world_cleanup(&w);
}

/* A server that hangs does not hold up the mirror that answers. */
static void
test_mirrors_before_who_is_late(void **state)
{
	struct asking q = {0};
	struct world w;
	char u[2][64];
	const char *urls[] = {u[0], u[1]};

	world_init(&w, "/slow* never\n/m 404\n/m/* text=ok");
	w.options.fetch_timeout_ms = 5000;
	world_open(&w);
	snprintf(u[0], 64, "http://127.0.0.1:%d/slow", w.http.port);
	snprintf(u[1], 64, "http://127.0.0.1:%d/m", w.http.port);
	q.order.kind = EVIDENCE_OCSP;
	q.order.request = span_of("x", 1);
	asking_start(&q, &w, "a", urls, 2);
	asking_wait(&q);
	assert_non_null(q.got.e);
	assert_string_equal(q.got.e->url, u[1]);
	evidence_free(q.got.e);
	assert_int_equal(hits(&w.http, "/slow"), 0);
	/* Alone, it is asked in the other way, too, at last. */
	control(&w.http, "/_script", "/slow text=ok\n");
	q = (struct asking){0};
	q.order.kind = EVIDENCE_OCSP;
	q.order.request = span_of("x", 1);
	asking_start(&q, &w, "b", urls, 1);
	asking_wait(&q);
	assert_non_null(q.got.e);
	evidence_free(q.got.e);
	assert_int_equal(hits(&w.http, "/slow"), 1);
	world_cleanup(&w);
}

/* However many URLs hang: a flight has an end. */
static void
test_a_flight_is_bounded_in_time(void **state)
{
	struct asking q = {0};
	struct world w;
	char u[12][64];
	const char *urls[12];

	world_init(&w, "/* never");
	w.options.fetch_timeout_ms = 100;
	world_open(&w);
	for (size_t i = 0; i < 12; i++) {
		snprintf(u[i], 64, "http://127.0.0.1:%d/%zu", w.http.port, i);
		urls[i] = u[i];
	}
	q.order.kind = EVIDENCE_OCSP;
	q.order.request = span_of("x", 1);
	asking_start(&q, &w, "a", urls, 12);
	asking_wait(&q);
	assert_int_equal(q.got.f.fail, EVIDENCE_FAIL_DEADLINE);
	/* Three exchanges' time: the third may begin a moment before. */
	assert_in_range(stats(&w).fetches, 1, 4);
	world_cleanup(&w);
}

/* An optional nonce is left out when nobody answers the one with it. */
static void
test_without_a_nonce(void **state)
{
	static const struct {
		const char *post, *get;
		bool plain, ok;
		unsigned gets, posts;
	} rows[] = {
	    /* `post` answers the request with a nonce at first. */
	    {"text=ok", "404", true, true, 0, 1},
	    {"hex=30030a0106 ; 404", "text=ok", true, true, 1, 1},
	    {"404 ; text=ok", "404", true, true, 1, 2},
	    {"500", "404", true, false, 1, 2},
	    /* Required: nothing is asked without it. */
	    {"500", "text=ok", false, false, 0, 1},
	};
	struct asking q;
	struct world w;
	char url[64], *script;
	const char *urls[] = {url};

	world_init(&w, NULL);
	world_open(&w);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/o", w.http.port);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		script =
		    xasprintf("/o %s\n/o/* %s\n", rows[i].post, rows[i].get);
		control(&w.http, "/_script", script);
		control(&w.http, "/_reset", NULL);
		free(script);
		q = (struct asking){0};
		q.order.kind = EVIDENCE_OCSP;
		q.order.request = span_of("with", 4);
		if (rows[i].plain)
			q.order.request_plain = span_of("out", 3);
		q.order.force_post = true;
		q.order.no_store = true;
		asking_start(&q, &w, "n", urls, 1);
		asking_wait(&q);
		assert_int_equal(q.got.e != NULL, rows[i].ok);
		evidence_free(q.got.e);
		/* base64 of "out" */
		assert_int_equal(hits(&w.http, "/o/b3V0"), rows[i].gets);
		assert_int_equal(hits(&w.http, "/o"), rows[i].posts);
	}
	world_cleanup(&w);
}

/* A responder that says tryLater is soon asked again; one that fails, later. */
static void
test_who_talks_is_soon_asked_again(void **state)
{
	static const struct {
		const char *step;
		enum evidence_fail fail;
		bool soon;
	} rows[] = {{"text=later", EVIDENCE_FAIL_REJECTED, true},
	    {"503", EVIDENCE_FAIL_HTTP, false}};
	struct asking q;
	struct world w;
	char url[64], *script;
	const char *urls[] = {url};

	world_init(&w, NULL);
	w.options.min_refresh_sec = 1;
	w.options.retry_first_ms = 300000;
	w.options.retry_max_ms = 300000;
	world_open(&w);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/o", w.http.port);
	for (int i = 0; i < 4; i++) {
		script = xasprintf("/o* %s\n", rows[i / 2].step);
		control(&w.http, "/_script", script);
		free(script);
		q = (struct asking){0};
		q.order.kind = EVIDENCE_OCSP;
		q.order.request = span_of("x", 1);
		asking_start(&q, &w, rows[i / 2].step, urls, 1);
		asking_wait(&q);
		assert_int_equal(q.got.f.fail, rows[i / 2].fail);
		assert_int_equal(q.got.f.backoff, i % 2 == 1);
		if (i % 2 == 1)
			assert_int_equal(rows[i / 2].soon,
			    strstr(q.got.f.msg, "again in 1 s") != NULL);
	}
	world_cleanup(&w);
}

/* Validators belong to GET: what POST brings has none, and it sends none. */
static void
test_validators_are_for_get(void **state)
{
	/* 304 to a question without a condition is no answer. */
	static const char *const scripts[] = {
	    "/o/* 404 ; status=304 text=\n/o text=ok header=ETag:\"p\"",
	    "/o/* text=ok header=ETag:\"g\" ; 404\n/o status=304 text=",
	};
	struct asking q;
	struct world w;
	char url[64];
	const char *urls[] = {url};

	world_init(&w, NULL);
	world_open(&w);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/o", w.http.port);
	for (int i = 0; i < 4; i++) {
		if (i % 2 == 0)
			control(&w.http, "/_script", scripts[i / 2]);
		q = (struct asking){.want_newer = i % 2 == 1};
		q.order.kind = EVIDENCE_OCSP;
		q.order.request = span_of("x", 1);
		asking_start(&q, &w, scripts[i / 2], urls, 1);
		asking_wait(&q);
		assert_int_equal(q.got.e != NULL, i != 3);
		evidence_free(q.got.e);
		atomic_fetch_add(&w.now, 10);
	}
	assert_int_equal(world_logged(&w, "HTTP status 304"), 2);
	assert_int_equal(stats(&w).fetches_304, 0);
	world_cleanup(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_list),
	    cmocka_unit_test(test_the_list_is_bounded),
	    cmocka_unit_test(test_post_where_get_gave_nothing),
	    cmocka_unit_test(test_the_dead_are_asked_once),
	    cmocka_unit_test(test_mirrors_before_who_is_late),
	    cmocka_unit_test(test_a_flight_is_bounded_in_time),
	    cmocka_unit_test(test_without_a_nonce),
	    cmocka_unit_test(test_who_talks_is_soon_asked_again),
	    cmocka_unit_test(test_validators_are_for_get),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
