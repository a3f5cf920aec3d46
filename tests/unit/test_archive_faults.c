/*
 * archive_faults: everything a server can do wrong, on a first fetch and on a
 * refresh. A first fetch fails by its right name; a refresh fails and leaves
 * the good evidence where it is.
 */
#include "tests/unit/archive_help.h"

struct fault {
	const char *name;
	const char *script; /* of the path; PORT: the server's own */
	enum evidence_fail fail;
	int http_status;
	const char *word; /* in the sentence */
};

static const struct fault faults[] = {
    {"closed without an answer", "close", EVIDENCE_FAIL_UNREACHABLE, 0, NULL},
    {"reset", "reset", EVIDENCE_FAIL_UNREACHABLE, 0, NULL},
    {"truncated", "truncate=200", EVIDENCE_FAIL_UNREACHABLE, 200, NULL},
    {"cut by the close", "truncate=200 no-length", EVIDENCE_FAIL_MALFORMED, 200,
	"cut short"},
    {"endless", "endless", EVIDENCE_FAIL_TOO_LARGE, 200, "limit"},
    {"endless head", "endless-head", EVIDENCE_FAIL_UNREACHABLE, 200, "head"},
    {"not found", "404", EVIDENCE_FAIL_HTTP, 404, "404"},
    {"gone", "410", EVIDENCE_FAIL_HTTP, 410, "410"},
    {"internal error", "500", EVIDENCE_FAIL_HTTP, 500, "500"},
    {"no content", "204", EVIDENCE_FAIL_HTTP, 204, "204"},
    {"to link-local", "redirect=http://169.254.169.254/latest",
	EVIDENCE_FAIL_REFUSED, 302, "link-local"},
    {"to loopback of another name", "redirect=http://127.0.0.2:1/x",
	EVIDENCE_FAIL_REFUSED, 302, "loopback"},
    {"to a file", "redirect=file:///etc/passwd", EVIDENCE_FAIL_REFUSED, 302,
	"file:///etc/passwd"},
    {"to ldap", "redirect=ldap://127.0.0.1/x", EVIDENCE_FAIL_REFUSED, 302,
	"ldap:"},
    {"to a login", "redirect=http://user:pw@127.0.0.1/x", EVIDENCE_FAIL_REFUSED,
	302, "not allowed"},
    {"round and round", "redirect=http://127.0.0.1:PORT/fault",
	EVIDENCE_FAIL_REFUSED, 302, "redirects"},
    {"garbage", "garbage=500", EVIDENCE_FAIL_MALFORMED, 200, NULL},
    {"a page instead", "text=<html>portal</html> type=text/html",
	EVIDENCE_FAIL_MALFORMED, 200, NULL},
    {"empty", "text= status=200", EVIDENCE_FAIL_MALFORMED, 200, NULL},
    {"wrong signature", "file=forged.crl", EVIDENCE_FAIL_REJECTED, 200,
	"signature"},
    {"changed while being read", "swap=300,other.crl", EVIDENCE_FAIL_REJECTED,
	200, "signature"},
    {"too large", "file=large.crl", EVIDENCE_FAIL_TOO_LARGE, 200, "limit"},
    {"too many entries", "file=many.crl", EVIDENCE_FAIL_TOO_LARGE, 200,
	"entries"},
};

/*
 * They end with the deadline: all are asked at once, and wait together. The
 * file is not the one that is held, which would be a 304.
 */
static const struct fault slow_faults[] = {
    {"silent after the request", "never", EVIDENCE_FAIL_DEADLINE, 0, NULL},
    {"one byte now and then", "file=www/fault drip=200", EVIDENCE_FAIL_DEADLINE,
	200, NULL},
    {"every byte late", "file=www/fault drip-all=1000", EVIDENCE_FAIL_DEADLINE,
	0, NULL},
};

#define NUM_SLOW (sizeof(slow_faults) / sizeof(slow_faults[0]))
/* Long enough for a good fetch on a busy machine. */
#define SLOW_MS 6000

/* A CRL of some length: numbers and dates differ, sizes agree. */
static void
write_crl(struct world *w, const char *path, int number, EVP_PKEY *key,
    int num_entries, const char *this_update, const char *next_update)
{
	struct octets o = {0};
	struct crlmake how = {.entries = &o,
	    .number = number,
	    .this_update = this_update,
	    .next_update = next_update,
	    .key = key != NULL ? key : w->key};
	uint8_t serial[16], *p;
	size_t len;

	for (int i = 0; i < num_entries; i++) {
		struct crlmake_entry e = {
		    .serial = serial, .serial_len = sizeof(serial)};

		crlmake_serial((size_t)number * 1000 + (size_t)i, serial);
		crlmake_entry(&o, &e);
	}
	p = crlmake(&how, &len);
	file_write(path, p, len);
	free(p);
	octets_free(&o);
}

static long
file_size(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (long)st.st_size;
}

/* The line of a script that has path take step. */
static char *
script_line(struct world *w, const char *path, const char *step)
{
	char cwd[512], text[1024];
	const char *file;

	file = strstr(step, "PORT");
	if (file != NULL)
		snprintf(text, sizeof(text), "%.*s%d%s", (int)(file - step),
		    step, w->http.port, file + 4);
	else
		snprintf(text, sizeof(text), "%s", step);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	/* Files are named from here on. */
	file = strstr(text, "file=");
	if (file == NULL && strncmp(text, "swap=", 5) == 0)
		file = strchr(text, ',') - 4;
	if (file == NULL)
		return xasprintf("%s %s", path, text);
	return xasprintf(
	    "%s %.*s%s/%s", path, (int)(file + 5 - text), text, cwd, file + 5);
}

static void
set_script(struct world *w, const char *step)
{
	char *line = script_line(w, "/fault", step);

	control(&w->http, "/_script", line);
	free(line);
}

static void
faults_init(struct world *w)
{
	world_init(w, NULL);
	w->options.crl.max_bytes = 50000;
	w->options.crl.max_entries = 600;
	w->options.retry_first_ms = 1;
	w->options.retry_max_ms = 1;
	write_crl(w, "www/good.crl", 5, NULL, 30, NULL, NULL);
	write_crl(w, "www/fault", 5, NULL, 30, NULL, NULL);
	/* Signatures differ in length: until both files have one. */
	do
		write_crl(w, "other.crl", 6, NULL, 30, NULL, NULL);
	while (file_size("other.crl") != file_size("www/fault"));
	write_crl(w, "forged.crl", 7, w->other_key, 30, NULL, NULL);
	write_crl(w, "large.crl", 7, NULL, 2000, NULL, NULL);
	write_crl(w, "many.crl", 7, NULL, 601, NULL, NULL);
	world_open(w);
}

/* As faults_init, with a deadline that ends within the test. */
static void
slow_init(struct world *w)
{
	faults_init(w);
	world_close(w);
	w->options.crl_timeout_ms = SLOW_MS;
	world_open(w);
}

static void
check_failure(const struct fault *f, const struct evidence_failure *x)
{
	if (f->http_status != x->http_status)
		fail_msg("%s: HTTP %d instead of %d", f->name, x->http_status,
		    f->http_status);
	if (f->word != NULL && strstr(x->msg, f->word) == NULL)
		fail_msg(
		    "%s: '%s' does not say '%s'", f->name, x->msg, f->word);
}

static void
test_faults_of_a_first_fetch(void **state)
{
	struct evidence_failure x;
	struct archive_stats s;
	struct world w;

	faults_init(&w);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct fault *f = &faults[i];
		uint64_t before = stats(&w).fail[f->fail];

		set_script(&w, f->script);
		x = ask_fails(&w, f->name, "/fault", f->fail);
		check_failure(f, &x);
		assert_int_equal(held_number(&w, f->name), -1);
		s = stats(&w);
		assert_int_equal(s.fail[f->fail], before + 1);
	}
	world_cleanup(&w);
}

static void
test_faults_of_a_refresh_leave_the_good_one(void **state)
{
	struct evidence_failure x;
	unsigned told = 0;
	struct world w;

	faults_init(&w);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct fault *f = &faults[i];
		char good[600];

		snprintf(good, sizeof(good), "file=www/good.crl");
		set_script(&w, good);
		ask_ok(&w, f->name, "/fault", false);
		assert_int_equal(held_number(&w, f->name), 5);
		/* Others that failed are tried again, and share the CRL. */
		set_script(&w, f->script);
		atomic_fetch_add(&w.now, 10);
		x = ask_fails(&w, f->name, "/fault", f->fail);
		check_failure(f, &x);
		assert_int_equal(held_number(&w, f->name), 5);
		/* And it is there for whoever does not insist on newer. */
		ask_ok(&w, f->name, "/fault", false);
		/* Told once, when it came first. */
		assert_int_equal(atomic_load(&w.num_changed), ++told);
	}
	world_cleanup(&w);
}

/* Each has a path of its own: all "/slow..." take step, or each its fault. */
static void
slow_script(struct world *w, const char *step)
{
	char *line[NUM_SLOW], *all;

	for (size_t i = 0; i < NUM_SLOW; i++) {
		char path[16];

		snprintf(path, sizeof(path), "/slow%zu", i);
		line[i] = script_line(
		    w, path, step != NULL ? step : slow_faults[i].script);
	}
	all = xasprintf("%s\n%s\n%s", line[0], line[1], line[2]);
	control(&w->http, "/_script", all);
	free(all);
	for (size_t i = 0; i < NUM_SLOW; i++)
		free(line[i]);
}

static void
slow_asks_fail(struct world *w)
{
	struct asking q[NUM_SLOW] = {0};
	char url[NUM_SLOW][128];
	const char *urls[NUM_SLOW];

	for (size_t i = 0; i < NUM_SLOW; i++) {
		snprintf(url[i], sizeof(url[i]), "http://127.0.0.1:%d/slow%zu",
		    w->http.port, i);
		urls[i] = url[i];
		q[i].want_newer = true;
		asking_start(&q[i], w, slow_faults[i].name, &urls[i], 1);
	}
	for (size_t i = 0; i < NUM_SLOW; i++) {
		const struct fault *f = &slow_faults[i];

		asking_wait(&q[i]);
		if (q[i].got.e != NULL)
			fail_msg("%s: evidence", f->name);
		if (fail_of(&q[i].got.f) != f->fail)
			fail_msg("%s: fail %d: %s", f->name, q[i].got.f.fail,
			    q[i].got.f.msg);
		check_failure(f, &q[i].got.f);
	}
}

/* On a first fetch nothing is held; on a refresh, what was. */
static void
slow_held(struct world *w, int number)
{
	for (size_t i = 0; i < NUM_SLOW; i++)
		assert_int_equal(held_number(w, slow_faults[i].name), number);
}

static void
slow_asks_ok(struct world *w)
{
	for (size_t i = 0; i < NUM_SLOW; i++) {
		char path[16];

		snprintf(path, sizeof(path), "/slow%zu", i);
		ask_ok(w, slow_faults[i].name, path, false);
	}
}

static void
test_slow_answers_end_with_the_deadline(void **state)
{
	struct world w;

	slow_init(&w);
	slow_script(&w, NULL);
	slow_asks_fail(&w);
	slow_held(&w, -1);
	assert_int_equal(stats(&w).fail[EVIDENCE_FAIL_DEADLINE], NUM_SLOW);
	slow_script(&w, "file=www/good.crl");
	slow_asks_ok(&w);
	slow_held(&w, 5);
	slow_script(&w, NULL);
	atomic_fetch_add(&w.now, 10);
	slow_asks_fail(&w);
	slow_held(&w, 5);
	/* And it is there for whoever does not insist on newer. */
	slow_asks_ok(&w);
	assert_int_equal(atomic_load(&w.num_changed), NUM_SLOW);
	world_cleanup(&w);
}

static void
test_refused_and_silent_connections(void **state)
{
	struct world w;

	slow_init(&w);
	ask_ok(&w, "held", "/good.crl", false);
	atomic_fetch_add(&w.now, 10);
	control(&w.http, "/_listen/off", NULL);
	(void)ask_fails(&w, "refused", "/good.crl", EVIDENCE_FAIL_UNREACHABLE);
	control(&w.http, "/_listen/on", NULL);
	control(&w.http, "/_accept/silent", NULL);
	(void)ask_fails(&w, "silent", "/good.crl", EVIDENCE_FAIL_DEADLINE);
	control(&w.http, "/_accept/close", NULL);
	(void)ask_fails(&w, "closed", "/good.crl", EVIDENCE_FAIL_UNREACHABLE);
	control(&w.http, "/_accept/normal", NULL);
	assert_int_equal(held_number(&w, "held"), 5);
	ask_ok(&w, "closed", "/good.crl", false);
	world_cleanup(&w);
}

static void
test_names_addresses_ports_and_schemes(void **state)
{
	static const uint16_t ports[] = {81, 0};
	char url[128];
	struct world w;

	faults_init(&w);
	(void)ask_fails(&w, "dns", "http://no-such-host.invalid/x",
	    EVIDENCE_FAIL_UNREACHABLE);
	(void)ask_fails(
	    &w, "meta", "http://169.254.169.254/", EVIDENCE_FAIL_REFUSED);
	(void)ask_fails(&w, "any", "http://0.0.0.0:1/", EVIDENCE_FAIL_REFUSED);
	(void)ask_fails(&w, "six", "http://[::1]:1/", EVIDENCE_FAIL_REFUSED);
	(void)ask_fails(&w, "mapped", "http://[::ffff:169.254.1.1]:1/",
	    EVIDENCE_FAIL_REFUSED);
	/* Forms that only look like a name: the resolved address counts. */
	(void)ask_fails(&w, "odd", "http://2852039166/", EVIDENCE_FAIL_REFUSED);
	(void)ask_fails(&w, "hex", "http://0x7f000002/", EVIDENCE_FAIL_REFUSED);
	(void)ask_fails(&w, "ldap", "ldap://127.0.0.1/", EVIDENCE_FAIL_SCHEME);
	(void)ask_fails(&w, "file", "file:///etc/passwd", EVIDENCE_FAIL_SCHEME);
	(void)ask_fails(&w, "gopher", "gopher://h/", EVIDENCE_FAIL_SCHEME);
	(void)ask_fails(&w, "none", "no url at all", EVIDENCE_FAIL_REFUSED);
	(void)ask_fails(
	    &w, "login", "http://a:b@127.0.0.1/x", EVIDENCE_FAIL_REFUSED);
	world_close(&w);

	w.options.any_port = false;
	w.options.ports = ports;
	world_open(&w);
	(void)ask_fails(&w, "port", "/good.crl", EVIDENCE_FAIL_REFUSED);
	world_close(&w);

	/* "localhost" is allowed by name here, and by nothing else. */
	static const char *const by_name[] = {"localhost", NULL};

	w.options.any_port = true;
	w.options.allow_addresses = by_name;
	world_open(&w);
	snprintf(url, sizeof(url), "http://localhost:%d/good.crl", w.http.port);
	ask_ok(&w, "name", url, false);
	(void)ask_fails(&w, "number", "/good.crl", EVIDENCE_FAIL_REFUSED);
	assert_int_equal(hits(&w.http, "/good.crl"), 1);
	world_close(&w);

	w.options.allow_addresses = NULL;
	world_open(&w);
	snprintf(url, sizeof(url), "http://localhost:%d/good.crl", w.http.port);
	/* Resolved, then refused: nothing was connected. */
	(void)ask_fails(&w, "name", url, EVIDENCE_FAIL_REFUSED);
	assert_int_equal(hits(&w.http, "/good.crl"), 1);
	world_cleanup(&w);
}

static void
test_redirects_that_are_followed(void **state)
{
	struct world w;
	char line[512];

	faults_init(&w);
	snprintf(line, sizeof(line),
	    "/one redirect=http://127.0.0.1:%d/two\n"
	    "/two redirect=/good.crl\n"
	    "/zero redirect=http://127.0.0.1:%d/one",
	    w.http.port, w.http.port);
	control(&w.http, "/_script", line);
	ask_ok(&w, "two", "/one", false);
	assert_int_equal(held_number(&w, "two"), 5);
	(void)ask_fails(&w, "three", "/zero", EVIDENCE_FAIL_REFUSED);
	world_cleanup(&w);
}

static void
test_older_future_and_expired(void **state)
{
	struct evidence_key k = key_named("a");
	struct documents *d;
	struct world w;

	faults_init(&w);
	set_script(&w, "file=www/good.crl");
	ask_ok(&w, "a", "/fault", false);
	/* A lower number, however new its date: refused. */
	write_crl(&w, "lower.crl", 4, NULL, 30, "260101003000Z", NULL);
	set_script(&w, "file=lower.crl");
	atomic_fetch_add(&w.now, 10);
	(void)ask_fails(&w, "a", "/fault", EVIDENCE_FAIL_OLDER);
	assert_int_equal(held_number(&w, "a"), 5);
	/* The same number with an earlier date: refused. */
	write_crl(&w, "earlier.crl", 5, NULL, 31, "251231000000Z", NULL);
	set_script(&w, "file=earlier.crl");
	atomic_fetch_add(&w.now, 10);
	(void)ask_fails(&w, "a", "/fault", EVIDENCE_FAIL_OLDER);
	assert_int_equal(stats(&w).fail[EVIDENCE_FAIL_OLDER], 2);
	d = archive_get1(w.archive, &k);
	assert_int_equal(d->num, 1);
	assert_int_equal(crl_get0_info(d->v[0]->crl)->num_entries, 30);
	documents_free(d);
	/* 255 and 256: compared as numbers, not as octets. */
	write_crl(&w, "n255.crl", 255, NULL, 30, NULL, NULL);
	set_script(&w, "file=n255.crl");
	ask_ok(&w, "a", "/fault", true);
	write_crl(&w, "n256.crl", 256, NULL, 30, NULL, NULL);
	set_script(&w, "file=n256.crl");
	atomic_fetch_add(&w.now, 10);
	ask_ok(&w, "a", "/fault", true);
	assert_int_equal(held_number(&w, "a"), 256);

	/* Expired is what it is: evidence, to be judged, not fetched again
	 * for every question. */
	write_crl(
	    &w, "expired.crl", 5, NULL, 3, "250101000000Z", "250201000000Z");
	set_script(&w, "file=expired.crl");
	ask_ok(&w, "expired", "/fault", false);
	assert_int_equal(held_number(&w, "expired"), 5);
	/* So is one from the future. */
	write_crl(&w, "future.crl", 5, NULL, 3, "270101000000Z", NULL);
	set_script(&w, "file=future.crl");
	ask_ok(&w, "future", "/fault", false);
	assert_int_equal(held_number(&w, "future"), 5);
	world_cleanup(&w);
}

/* A source that has nothing fresh is not asked for every question. */
static void
test_stale_source_is_left_alone(void **state)
{
	struct world w;

	faults_init(&w);
	world_close(&w);
	w.options.retry_first_ms = 20000;
	w.options.retry_max_ms = 20000;
	world_open(&w);
	write_crl(
	    &w, "expired.crl", 5, NULL, 3, "250101000000Z", "250201000000Z");
	set_script(&w, "file=expired.crl");
	for (int i = 0; i < 20; i++) {
		ask_ok(&w, "expired", "/fault", i % 2 == 1);
		atomic_fetch_add(&w.now, 10);
	}
	assert_int_equal(hits(&w.http, "/fault"), 1);
	world_cleanup(&w);
}

/* One slow server delays only those who need it. */
static void
test_slow_server_holds_nobody_else(void **state)
{
	struct asking q[100] = {0};
	struct world w;
	struct proc other_proc = {0};
	struct server other;
	char slow[128], good[128];
	const char *urls[] = {slow};
	char key[16];

	faults_init(&w);
	badhttp_start(&other_proc, &other, "other.log", "--root", "www", NULL);
	snprintf(
	    good, sizeof(good), "http://127.0.0.1:%d/good.crl", other.port);
	control(&w.http, "/_script", "/slow* gate=never");
	for (int i = 0; i < 100; i++) {
		snprintf(slow, sizeof(slow), "http://127.0.0.1:%d/slow%d",
		    w.http.port, i);
		snprintf(key, sizeof(key), "slow%d", i);
		asking_start(&q[i], &w, key, urls, 1);
		/* The order is copied when the letter is read. */
		ask_ok(&w, key + 4, good, false);
	}
	world_close(&w);
	for (int i = 0; i < 100; i++) {
		asking_wait(&q[i]);
		assert_int_equal(q[i].got.f.fail, EVIDENCE_FAIL_CLOSED);
	}
	proc_stop(&other_proc, WAIT_MS);
	proc_cleanup(&other_proc);
	world_cleanup(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_faults_of_a_first_fetch),
	    cmocka_unit_test(test_faults_of_a_refresh_leave_the_good_one),
	    cmocka_unit_test(test_slow_answers_end_with_the_deadline),
	    cmocka_unit_test(test_refused_and_silent_connections),
	    cmocka_unit_test(test_names_addresses_ports_and_schemes),
	    cmocka_unit_test(test_redirects_that_are_followed),
	    cmocka_unit_test(test_older_future_and_expired),
	    cmocka_unit_test(test_stale_source_is_left_alone),
	    cmocka_unit_test(test_slow_server_holds_nobody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
