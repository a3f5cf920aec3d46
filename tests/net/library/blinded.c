/*
 * A server that gives one wrong answer and is honest ever after: nobody stays
 * blinded by it, neither in memory nor on disk, nor after a restart.
 *
 *	root -> ca (one for each wrong answer) -> a (good), b (revoked),
 *	                                          stolen (revoked responder)
 */
#include <limits.h>
#include <stdbool.h>

#include <openssl/ocsp.h>

#include "tests/net/library/asking.h"

/* CRLs of the honest server have number 7. */
static const struct kind {
	const char *name;
	const char *words; /* of the script; NULL: a document as below */
	bool ocsp;
	struct issuer_crl crl;
	struct issuer_response response;
	bool by_twin, about_root;
	bool twin_given; /* his certificate is at hand, his status is not */
	bool by_stolen;
} kinds[] = {
    {.name = "another shard", .crl = {.point = "http://x.test/", .number = 99}},
    {.name = "for CAs alone", .crl = {.only = "CA", .number = 99}},
    {.name = "another CA of the key", .crl = {.cn = "x", .number = 99}},
    {.name = "another CA of the name",
	.crl = {.number = 99, .names_key = 1},
	.by_twin = true},
    {.name = "another CA of the name, at hand",
	.crl = {.number = 99},
	.by_twin = true,
	.twin_given = true},
    {.name = "a delta", .crl = {.base = 5, .number = 99}},
    {.name = "run out", .crl = {.next = -HOUR, .number = 4}},
    {.name = "run out, of a huge number",
	.crl = {.next = -HOUR, .number = LONG_MAX}},
    {.name = "of tomorrow, of a huge number",
	.crl = {.from = DAY, .next = 9 * DAY, .number = LONG_MAX}},
    {.name = "flawed", .crl = {.version1 = 1, .number = 4}},
    {.name = "a page", .words = "type=text/html text=<html></html>"},
    {.name = "nothing at all", .words = "file=/dev/null"},
    {.name = "garbage", .words = "garbage=3000"},
    {.name = "a redirect", .words = "redirect=/nowhere"},
    {.name = "not found", .words = "404"},
    {.name = "an error", .words = "500"},
    {.name = "a part", .words = "origin truncate=40"},
    {.name = "an OCSP error", .words = "hex=30030a0106"},
    {.name = "OCSP: unknown",
	.ocsp = true,
	.response = {.status = V_OCSP_CERTSTATUS_UNKNOWN}},
    {.name = "OCSP: about another", .ocsp = true, .about_root = true},
    {.name = "OCSP: of another CA of the name", .ocsp = true, .by_twin = true},
    {.name = "OCSP: of a responder that is revoked",
	.ocsp = true,
	.response = {.from = 600},
	.by_stolen = true},
    {.name = "OCSP: run out", .ocsp = true, .response = {.next = -HOUR}},
    {.name = "OCSP: of tomorrow",
	.ocsp = true,
	.response = {.from = DAY, .next = 9 * DAY}},
    {.name = "OCSP: flawed", .ocsp = true, .response = {.critical = 1}},
    {.name = "OCSP: malformedRequest", .ocsp = true, .words = "hex=30030a0101"},
    {.name = "OCSP: internalError", .ocsp = true, .words = "hex=30030a0102"},
    {.name = "OCSP: tryLater", .ocsp = true, .words = "hex=30030a0103"},
    {.name = "OCSP: unauthorized", .ocsp = true, .words = "hex=30030a0106"},
    {.name = "OCSP: a page",
	.ocsp = true,
	.words = "type=text/html text=<html></html>"},
    {.name = "OCSP: nothing at all", .ocsp = true, .words = "file=/dev/null"},
    {.name = "OCSP: garbage", .ocsp = true, .words = "garbage=3000"},
    {.name = "OCSP: a redirect", .ocsp = true, .words = "redirect=/nowhere"},
    {.name = "OCSP: not found", .ocsp = true, .words = "404"},
};
#define NUM_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const long no_serials[] = {0}, lists_b[] = {11, 0},
		  lists_stolen[] = {12, 0};
static struct issuer root, twin, stolen;
static struct issuer ca[NUM_KINDS], a[NUM_KINDS], b[NUM_KINDS];
static char cwd[256];

/* ---- what is served */

static void
write_crl(size_t i, const char *path, struct issuer_crl how, const long *list)
{
	how.by = kinds[i].by_twin && list == no_serials ? &twin : &ca[i];
	how.from += t0 - HOUR;
	how.next += t0 + (how.next == 0 ? DAY : 0);
	how.serials = list;
	issuer_write_crl(path, &how);
}

static void
write_response(const char *path, struct issuer_response how,
    const struct issuer *by, const struct issuer *of, const struct issuer *who)
{
	how.by = by;
	how.issuer = of->cert;
	how.cert = who->cert;
	how.from += t0 - HOUR;
	how.next += t0 + (how.next == 0 ? DAY : 0);
	issuer_write_response(path, &how);
}

/*
 * "PATH WRONG ; HONEST". What a revoked responder signed is given twice: who
 * has fetched the list that says so asks once more.
 */
static void
script_line(size_t i, const char *what, const char *url_path)
{
	bool twice = kinds[i].by_stolen;
	char line[1400], wrong[400];

	if (kinds[i].words != NULL)
		snprintf(wrong, sizeof(wrong), "%s", kinds[i].words);
	else
		snprintf(wrong, sizeof(wrong), "file=%s/www/%zu%s-wrong", cwd,
		    i, what);
	snprintf(line, sizeof(line), "/%s %s ; %s%sfile=%s/www/%zu%s", url_path,
	    wrong, twice ? wrong : "", twice ? " ; " : "", cwd, i, what);
	control(&http, "/_script", line);
}

static void
serve_crl(size_t i)
{
	char path[64];

	snprintf(path, sizeof(path), "www/%zuc", i);
	write_crl(i, path, (struct issuer_crl){.number = 7}, lists_b);
	snprintf(path, sizeof(path), "www/%zuc-wrong", i);
	if (kinds[i].words == NULL)
		write_crl(i, path, kinds[i].crl, no_serials);
	snprintf(path, sizeof(path), "%zuc", i);
	script_line(i, "c", path);
}

/* By GET; who asks by POST finds nothing. */
static void
serve_response(size_t i, const char *what, const struct issuer *who, int status)
{
	const struct kind *k = &kinds[i];
	char path[64];

	snprintf(path, sizeof(path), "www/%zu%s", i, what);
	write_response(path, (struct issuer_response){.status = status}, &ca[i],
	    &ca[i], who);
	snprintf(path, sizeof(path), "www/%zu%s-wrong", i, what);
	if (k->words == NULL)
		write_response(path, k->response,
		    k->by_twin         ? &twin
			: k->by_stolen ? &stolen
				       : &ca[i],
		    k->about_root ? &root : &ca[i],
		    k->about_root ? &ca[i] : who);
	snprintf(path, sizeof(path), "/o%zu%s 404", i, what);
	control(&http, "/_script", path);
	snprintf(path, sizeof(path), "o%zu%s/*", i, what);
	script_line(i, what, path);
}

/* What the CA says about its responder. */
static void
serve_stolen(size_t i)
{
	char path[64];

	snprintf(path, sizeof(path), "www/%zus", i);
	write_crl(i, path, (struct issuer_crl){.number = 7}, lists_stolen);
}

static void
serve_wrong_once(void)
{
	for (size_t i = 0; i < NUM_KINDS; i++) {
		if (kinds[i].by_stolen)
			serve_stolen(i);
		if (!kinds[i].ocsp) {
			serve_crl(i);
			continue;
		}
		serve_response(i, "a", &a[i], V_OCSP_CERTSTATUS_GOOD);
		serve_response(i, "b", &b[i], V_OCSP_CERTSTATUS_REVOKED);
	}
}

/* ---- asking */

static struct revcheck_result
ask_about(struct revcheck *rc, size_t i, const struct issuer *who)
{
	return ask_query(rc, OF(who, &ca[i]),
	    kinds[i].twin_given ? OF(&twin) : NULL,
	    (struct revcheck_query){.flags = REVCHECK_QUERY_LEAF_ONLY});
}

static void
see_wrong(struct revcheck *rc)
{
	for (size_t i = 0; i < NUM_KINDS; i++) {
		struct revcheck_result r = ask_about(rc, i, &a[i]);

		if (r.status != REVCHECK_UNKNOWN)
			fail_msg("%s: %s: %s", kinds[i].name,
			    revcheck_status_name(r.status), r.text);
		if (kinds[i].ocsp)
			(void)ask_about(rc, i, &b[i]);
	}
}

static bool
all_right(struct revcheck *rc, bool tell)
{
	bool right = true;

	for (size_t i = 0; i < NUM_KINDS; i++) {
		struct revcheck_result ra = ask_about(rc, i, &a[i]),
				       rb = ask_about(rc, i, &b[i]);

		if (ra.status == REVCHECK_GOOD && rb.status == REVCHECK_REVOKED)
			continue;
		right = false;
		if (tell)
			print_error("%s: %s: %s; %s: %s\n", kinds[i].name,
			    revcheck_status_name(ra.status), ra.text,
			    revcheck_status_name(rb.status), rb.text);
	}
	return right;
}

static struct revcheck *
blinded_engine(void)
{
	struct revcheck *rc;

	assert_int_equal(system("rm -rf state && mkdir -m 700 state"), 0);
	serve_wrong_once();
	rc = engine_new();
	see_wrong(rc);
	return rc;
}

static void
in_memory(void **state)
{
	struct revcheck *rc = blinded_engine();
	long long until = mono_ms() + WAIT_MS;

	(void)state;
	while (!all_right(rc, mono_ms() >= until) && mono_ms() < until)
		usleep(50000);
	assert_true(mono_ms() < until);
	/* And from the disk alone. */
	control(&http, "/_script", "/* 500");
	for (size_t i = 0; i < NUM_KINDS; i++) {
		char line[64];

		snprintf(line, sizeof(line),
		    "/%zuc 500\n/o%zua/* 500\n"
		    "/o%zub/* 500",
		    i, i, i);
		control(&http, "/_script", line);
	}
	revcheck_free(rc);
	rc = engine_new();
	assert_true(all_right(rc, true));
	revcheck_free(rc);
}

/* At once: who is new has nothing to wait for. */
static void
after_a_restart(void **state)
{
	struct revcheck *rc = blinded_engine();

	(void)state;
	revcheck_free(rc);
	rc = engine_new();
	assert_true(all_right(rc, true));
	revcheck_free(rc);
}

/* Who held the right ones before, and is given the wrong one by a refresh. */
static void
by_a_refresh(void **state)
{
	struct revcheck *rc = blinded_engine();
	long long until = mono_ms() + WAIT_MS;
	struct revcheck_stats s = {.size = sizeof(s)};
	uint64_t before;

	(void)state;
	while (!all_right(rc, mono_ms() >= until) && mono_ms() < until)
		usleep(50000);
	serve_wrong_once();
	revcheck_get_stats(rc, &s);
	before = s.refreshes;
	/* Once a second at most. */
	while (s.refreshes < before + NUM_KINDS && mono_ms() < until) {
		assert_int_equal(revcheck_archive_refresh(rc, NULL, NULL), 0);
		revcheck_get_stats(rc, &s);
		usleep(50000);
	}
	while (!all_right(rc, mono_ms() >= until) && mono_ms() < until)
		usleep(50000);
	assert_true(mono_ms() < until);
	revcheck_free(rc);
	rc = engine_new();
	assert_true(all_right(rc, true));
	revcheck_free(rc);
}

/* ---- the scene */

static void
leaf_init(size_t i, struct issuer *out, const char *cn, long serial)
{
	char where[128];
	struct issuer_cert how = {.cn = cn,
	    .by = &ca[i],
	    .key = twin.key,
	    .serial = serial,
	    .from = t0 - DAY,
	    .to = t0 + 300 * DAY};

	if (kinds[i].ocsp) {
		snprintf(where, sizeof(where), "http://127.0.0.1:%d/o%zu%s",
		    http.port, i, cn);
		how.ocsp_url = where;
	} else {
		snprintf(where, sizeof(where), "http://127.0.0.1:%d/%zuc",
		    http.port, i);
		how.crl_url = where;
	}
	issuer_init(out, &how);
}

static void
stolen_init(size_t i)
{
	char where[128];

	snprintf(
	    where, sizeof(where), "http://127.0.0.1:%d/%zus", http.port, i);
	issuer_init(&stolen,
	    &(struct issuer_cert){.cn = "stolen",
		.by = &ca[i],
		.serial = lists_stolen[0],
		.from = t0 - DAY,
		.to = t0 + 300 * DAY,
		.usage = SIGNS,
		.purposes = "OCSPSigning",
		.crl_url = where});
}

static int
setup(void **state)
{
	struct issuer_cert how = {.cn = "root",
	    .serial = 1,
	    .from = time(NULL) - 30 * DAY,
	    .to = time(NULL) + 300 * DAY,
	    .constraints = CA,
	    .usage = ISSUES};

	(void)state;
	scene_start();
	state_dir = "state";
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	issuer_init(&root, &how);
	how.by = &root;
	how.cn = "ca";
	how.serial = 2;
	issuer_init(&twin, &how);
	for (size_t i = 0; i < NUM_KINDS; i++) {
		how.serial = (long)i + 3;
		issuer_init(&ca[i], &how);
		leaf_init(i, &a[i], "a", 10);
		leaf_init(i, &b[i], "b", lists_b[0]);
		if (kinds[i].by_stolen)
			stolen_init(i);
	}
	return revcheck_trust_new(&trust, &root.cert, 1, NULL);
}

static int
teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_KINDS; i++) {
		issuer_cleanup(&ca[i]);
		issuer_cleanup(&a[i]);
		issuer_cleanup(&b[i]);
	}
	issuer_cleanup(&root);
	issuer_cleanup(&twin);
	issuer_cleanup(&stolen);
	scene_stop();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(in_memory),
	    cmocka_unit_test(after_a_restart),
	    cmocka_unit_test(by_a_refresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
