/*
 * Every kind of document, by every way, over everything that may be held
 * before, in both modes and after a restart: the answer, who is let in, and
 * how many ways were tried are what answered_model.h says.
 *
 *	root -> ca (one for each row) -> asked about, its sibling
 */
#include <openssl/ocsp.h>

#include "tests/net/library/asking.h"
#include "tests/net/library/answered_model.h"

/* What is served. */
enum what {
	NOTHING = 0, /* 404 */
	RIGHT,
	WRONG_SCOPE, /* CRL: another point's; OCSP: about another certificate */
	WRONG_KEY,   /* of another CA of the same name */
	STALE,
	BELOW_FLOOR, /* earlier than anything else */
	FLAWED,
	FORGED,
	NUM_WHAT,
	OTHER, /* right, and the newest but for NEWER */
	NEWER,
};

enum way {
	FIRST_URL = 0,
	SECOND_URL,   /* of the same source */
	SECOND_POINT, /* CRL: a source of its own */
	BY_POST,      /* OCSP: where GET is not possible */
	AFTER_GET,    /* OCSP: where GET is not answered */
	NUM_WAYS,
};

enum held {
	HELD_NOTHING = 0,
	HELD_RIGHT,
	HELD_WRONG, /* in date, and no answer */
	HELD_STALE,
	HELD_NEWER,
	/* Held, and then the source is asked again. */
	AGAIN_RIGHT,
	AGAIN_NEWER,
	/* Held once, and flushed. */
	HAD_NEWER,
	NUM_HELD,
};

static const char *const whats[] = {"nothing", "right", "wrong scope",
    "wrong key", "stale", "below floor", "flawed", "forged"};
static const char *const ways[] = {
    "first URL", "second URL", "second point", "by POST", "after GET"};
static const char *const helds[] = {"nothing", "right", "wrong", "stale",
    "newer", "right, asked again", "newer, asked again", "newer, flushed"};

struct row {
	unsigned nth;
	bool ocsp;
	enum what what, other; /* other: NOTHING or OTHER */
	enum way way;
	enum held held;
	bool hard, listed;
	struct issuer ca, about, sibling;
	char path[2][300]; /* of its URLs */
	struct model m;
};

#define ROWS_MAX 4000
static struct row *rows;
static size_t num_rows;
static struct issuer root, one_ca, twin, stranger;
static const long no_serials[] = {0}, listed_serials[] = {11, 0};
static char cwd[256];

/* ---- documents */

static int
order_of(enum what w, bool is_held)
{
	switch (w) {
	case BELOW_FLOOR:
		return 5;
	case OTHER:
		return 21;
	case WRONG_SCOPE:
		return is_held ? 50 : 90;
	case NEWER:
		return 100;
	default:
		return is_held ? 10 : 20;
	}
}

static struct thing
thing_of(const struct row *r, enum what w, bool is_held, bool lists)
{
	struct thing x = {.authentic = w != NOTHING && w != FORGED &&
		w != WRONG_KEY && !(r->ocsp && w == WRONG_SCOPE),
	    .scope = w == WRONG_SCOPE,
	    .order = order_of(w, is_held),
	    .in_date = w != STALE,
	    .flawed = w == FLAWED,
	    .lists = lists};

	return x;
}

/* behind: so many octets follow the signature. */
static void
break_signature(const char *path, size_t behind)
{
	size_t len;
	char *p = file_read(path, &len);

	p[len - 1 - behind] ^= 1;
	file_write(path, p, len);
	free(p);
}

static void
crl_make(const char *path, const struct row *r, enum what w, bool is_held,
    bool lists)
{
	int order = order_of(w, is_held);
	struct issuer_crl how = {.by = w == WRONG_KEY ? &twin : &r->ca,
	    .names_key = w == WRONG_KEY,
	    .number = order,
	    .point = w == WRONG_SCOPE ? "http://elsewhere.test/" : NULL,
	    .version1 = w == FLAWED,
	    .from = t0 + (order - 200) * HOUR,
	    .next = w == STALE ? t0 - HOUR : t0 + DAY,
	    .serials = lists ? listed_serials : no_serials};

	issuer_write_crl(path, &how);
	if (w == FORGED)
		break_signature(path, 0);
}

static void
response_make(const char *path, const struct row *r, enum what w, bool is_held,
    bool lists)
{
	int order = order_of(w, is_held);
	struct issuer_response how = {.by = w == WRONG_KEY ? &twin : &one_ca,
	    .issuer = one_ca.cert,
	    .cert = w == WRONG_SCOPE ? stranger.cert : r->about.cert,
	    .status =
		lists ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD,
	    .critical = w == FLAWED,
	    .from = t0 + (order - 200) * HOUR,
	    .next = w == STALE ? t0 - HOUR : t0 + DAY};

	issuer_write_response(path, &how);
	/* The signer's certificate, in two headers of four octets. */
	if (w == FORGED)
		break_signature(path, (size_t)i2d_X509(one_ca.cert, NULL) + 8);
}

/* ---- the server */

static char *script; /* lines for it */
static size_t script_len, script_cap;

static void
script_add(const char *path, const char *file)
{
	char line[900];
	size_t n;

	if (file != NULL)
		n = (size_t)snprintf(line, sizeof(line), "/%s file=%s/www/%s\n",
		    path, cwd, file);
	else
		n = (size_t)snprintf(line, sizeof(line), "/%s 404\n", path);
	if (script_len + n + 1 > script_cap) {
		script_cap = script_cap * 2 + n + 1024;
		script = realloc(script, script_cap);
		assert_non_null(script);
	}
	memcpy(script + script_len, line, n + 1);
	script_len += n;
}

static void
script_send(void)
{
	if (script_len > 0)
		control(&http, "/_script", script);
	script_len = 0;
}

/*
 * Way number i of a row's (of both its sources together), from then on. An
 * OCSP responder has two ways, where a request fits into a URL.
 */
static void
serve(struct row *r, size_t i, enum what w, bool is_held, bool lists)
{
	bool two = r->ocsp && r->way != BY_POST;
	const char *base = r->path[two ? i / 2 : i];
	char name[64], file[80], path[320];

	snprintf(name, sizeof(name), "%u-%zu%s", r->nth, i, is_held ? "h" : "");
	snprintf(file, sizeof(file), "www/%s", name);
	if (w != NOTHING && r->ocsp)
		response_make(file, r, w, is_held, lists);
	else if (w != NOTHING)
		crl_make(file, r, w, is_held, lists);
	snprintf(
	    path, sizeof(path), "%s%s", base, two && i % 2 == 0 ? "/*" : "");
	script_add(path, w != NOTHING ? name : NULL);
}

/* The model's source and way of way i. */
static struct thing *
model_way(struct row *r, size_t i)
{
	if (r->way == SECOND_POINT)
		return &r->m.source[i].way[0];
	return &r->m.source[0].way[i];
}

static size_t
row_ways(const struct row *r)
{
	return r->ocsp && r->way != BY_POST ? 4 : 2;
}

static void
serve_held(struct row *r, enum what w)
{
	for (size_t i = 0; i < row_ways(r); i++) {
		enum what this = i == 0 ? w : NOTHING;

		*model_way(r, i) = thing_of(r, this, true, false);
		serve(r, i, this, true, false);
	}
}

static void
serve_row(struct row *r)
{
	size_t at = 0, other = 1;

	if (r->ocsp && r->way != BY_POST)
		other = 2;
	if (r->way == SECOND_URL || r->way == SECOND_POINT) {
		at = other;
		other = 0;
	}
	if (r->way == AFTER_GET)
		at = 1;
	for (size_t i = 0; i < row_ways(r); i++) {
		enum what w = i == at ? r->what
		    : i == other      ? r->other
				      : NOTHING;

		*model_way(r, i) = thing_of(r, w, false, r->listed && i == at);
		serve(r, i, w, false, r->listed && i == at);
	}
}

/* ---- rows */

static void
row_cert(
    struct row *r, struct issuer *out, long serial, const struct issuer *by)
{
	char urls[2][400], both[900];
	struct issuer_cert how = {.cn = "asked about",
	    .by = by,
	    .key = one_ca.key, /* spares making one */
	    .serial = serial,
	    .from = t0 - DAY,
	    .to = t0 + 300 * DAY};

	for (size_t i = 0; i < 2; i++)
		snprintf(urls[i], sizeof(urls[i]), "http://127.0.0.1:%d/%s",
		    http.port, r->path[i]);
	snprintf(both, sizeof(both), "%s|%s", urls[0], urls[1]);
	if (r->ocsp) {
		how.ocsp_url = both;
	} else if (r->way == SECOND_POINT) {
		how.crl_url = urls[0];
		how.crl_url2 = urls[1];
	} else {
		how.crl_url = both;
	}
	issuer_init(out, &how);
}

static void
row_init(struct row *r)
{
	bool two = !r->ocsp && r->way == SECOND_POINT;

	r->m =
	    (struct model){.num_sources = two ? 2 : 1, .remembers = !r->ocsp};
	for (size_t i = 0; i < r->m.num_sources; i++)
		r->m.source[i].num_ways = two ? 1 : row_ways(r);
	for (size_t i = 0; i < 2; i++)
		snprintf(r->path[i], sizeof(r->path[i]), "%c%u%s",
		    i == 0 ? 'a' : 'b', r->nth,
		    r->way == BY_POST
			? "/01234567890123456789012345678901234567890123456789"
			  "01234567890123456789012345678901234567890123456789"
			  "01234567890123456789012345678901234567890123456789"
			  "01234567890123456789012345678901234567890123456789"
			: "");
	if (r->ocsp) {
		row_cert(r, &r->about, 1000 + r->nth, &one_ca);
		return;
	}
	issuer_init(&r->ca,
	    &(struct issuer_cert){.cn = "ca",
		.by = &root,
		.serial = 1000 + r->nth,
		.from = t0 - DAY,
		.to = t0 + 300 * DAY,
		.constraints = CA,
		.usage = ISSUES});
	row_cert(r, &r->about, listed_serials[0], &r->ca);
	row_cert(r, &r->sibling, 12, &r->ca);
}

static bool
row_is_none(const struct row *r)
{
	if (r->ocsp)
		/* A response is remembered by nothing but itself. */
		return r->way == SECOND_POINT || r->held == HAD_NEWER;
	return r->way == BY_POST || r->way == AFTER_GET;
}

/* Asked by an engine that has the state directory of the one before. */
static bool
row_restarts(const struct row *r)
{
	return r->hard && r->held != HELD_NOTHING && r->held != AGAIN_RIGHT &&
	    r->held != AGAIN_NEWER;
}

static void
rows_make(bool ocsp, bool restart)
{
	struct row r = {.ocsp = ocsp};
	const unsigned num = NUM_WHAT * NUM_WAYS * NUM_HELD * 8;

	num_rows = 0;
	for (unsigned i = 0; i < num; i++) {
		unsigned n = i;

		r.hard = n % 2;
		r.listed = n / 2 % 2;
		r.other = n / 4 % 2 ? OTHER : NOTHING;
		n /= 8;
		r.what = (enum what)(n % NUM_WHAT);
		r.way = (enum way)(n / NUM_WHAT % NUM_WAYS);
		r.held = (enum held)(n / NUM_WHAT / NUM_WAYS);
		if (row_is_none(&r) || r.what == NOTHING ||
		    (restart && !row_restarts(&r)))
			continue;
		assert_true(num_rows < ROWS_MAX);
		r.nth = (unsigned)num_rows;
		rows[num_rows] = r;
		row_init(&rows[num_rows++]);
	}
}

static void
rows_free(void)
{
	for (size_t i = 0; i < num_rows; i++) {
		issuer_cleanup(&rows[i].about);
		if (rows[i].ocsp)
			continue;
		issuer_cleanup(&rows[i].ca);
		issuer_cleanup(&rows[i].sibling);
	}
}

/* ---- asking */

static struct revcheck_report *
report_of(struct revcheck *rc, const struct row *r, bool sibling)
{
	const struct issuer *ca = r->ocsp ? &one_ca : &r->ca;
	X509 *x[] = {sibling ? r->sibling.cert : r->about.cert, ca->cert};
	struct revcheck_query q = {.size = sizeof(q),
	    .trust = trust,
	    .flags = REVCHECK_QUERY_LEAF_ONLY,
	    .mode =
		r->hard ? REVCHECK_MODE_HARD_FAIL : REVCHECK_MODE_SOFT_FAIL};
	struct revcheck_report *rep;
	struct revcheck_certs *chain;
	struct revcheck_error err;

	assert_int_equal(revcheck_certs_from_x509(&chain, x, 2, NULL), 0);
	q.chain = chain;
	if (revcheck_check(rc, &rep, &q, &err) != 0)
		fail_msg("%s", err.msg);
	revcheck_certs_free(chain);
	return rep;
}

static uint64_t
num_fetches(struct revcheck *rc)
{
	struct revcheck_stats s = {.size = sizeof(s)};

	revcheck_get_stats(rc, &s);
	return s.fetches;
}

static unsigned num_wrong;

static void
row_check(struct revcheck *rc, struct row *r)
{
	static const enum revcheck_status status[] = {
	    REVCHECK_UNKNOWN, REVCHECK_GOOD, REVCHECK_REVOKED};
	enum verdict v = model_ask(&r->m, false);
	uint64_t before = num_fetches(rc), asked;
	struct revcheck_report *rep = report_of(rc, r, false);
	int allows = v == VERDICT_GOOD || (v == VERDICT_UNKNOWN && !r->hard);

	asked = num_fetches(rc) - before;
	/* Asked again in vain a moment ago: left alone for a while, or not. */
	if ((r->held == AGAIN_RIGHT || r->held == AGAIN_NEWER) && asked == 0)
		r->m.num_asked = 0;
	if (revcheck_report_status(rep) == status[v] &&
	    revcheck_report_allows(rep) == allows && asked == r->m.num_asked) {
		revcheck_report_free(rep);
		return;
	}
	print_error("%s %s%s, %s%s, held %s, %s: %s, allows %d, %d ways tried, "
		    "not %s, %d, %d: %s\n",
	    r->ocsp ? "OCSP" : "CRL", whats[r->what],
	    r->listed ? " (listed)" : "", ways[r->way],
	    r->other == OTHER ? " (right one elsewhere)" : "", helds[r->held],
	    r->hard ? "HARD" : "SOFT",
	    revcheck_status_name(revcheck_report_status(rep)),
	    revcheck_report_allows(rep), (int)asked,
	    revcheck_status_name(status[v]), allows, (int)r->m.num_asked,
	    revcheck_report_text(rep));
	revcheck_report_free(rep);
	num_wrong++;
}

static const enum what held_what[NUM_HELD] = {
    [HELD_RIGHT] = RIGHT,
    [HELD_WRONG] = WRONG_SCOPE,
    [HELD_STALE] = STALE,
    [HELD_NEWER] = NEWER,
    [AGAIN_RIGHT] = RIGHT,
    [AGAIN_NEWER] = NEWER,
    [HAD_NEWER] = NEWER,
};

static void
hold(struct revcheck *rc, enum held held)
{
	enum what w = held_what[held];

	for (size_t i = 0; i < num_rows; i++) {
		struct row *r = &rows[i];

		if (r->held != held)
			continue;
		/* An answer about another is not held. */
		serve_held(r, r->ocsp && w == WRONG_SCOPE ? FLAWED : w);
	}
	script_send();
	for (size_t i = 0; i < num_rows; i++) {
		struct row *r = &rows[i];

		if (r->held != held)
			continue;
		(void)model_ask(&r->m, !r->ocsp);
		revcheck_report_free(report_of(rc, r, !r->ocsp));
	}
	if (held != HAD_NEWER)
		return;
	assert_int_equal(revcheck_archive_flush(rc, NULL, NULL), 0);
	for (size_t i = 0; i < num_rows; i++)
		for (size_t k = 0; rows[i].held == held && k < 2; k++)
			rows[i].m.source[k].held.num = 0;
}

/* All its sources; returns when all that was to come has come. */
static void
ask_again(struct revcheck *rc, enum held held)
{
	unsigned long num = 0;
	const struct row *last;
	char none[65];

	memset(none, '0', 64);
	none[64] = '\0';
	for (size_t i = 0; i < num_rows; i++)
		if (rows[i].held == held) {
			model_refresh(&rows[i].m, !rows[i].ocsp);
			num += rows[i].m.num_asked;
		}
	control(&http, "/_reset", NULL);
	assert_int_equal(revcheck_archive_refresh(rc, NULL, NULL), 0);
	hits_await(&http, num, "");
	/* What was sent before is read before the answer to this. */
	for (last = rows; last->held != HELD_NOTHING; last++)
		continue;
	revcheck_report_free(report_of(rc, last, false));
	assert_int_equal(revcheck_archive_flush(rc, none, NULL), 0);
}

static struct revcheck *
holding(int held, bool restart)
{
	char dir[32];
	struct revcheck *rc;

	snprintf(dir, sizeof(dir), "state%d-%d", rows->ocsp, held);
	if (restart)
		dir_make(dir);
	state_dir = restart ? dir : NULL;
	rc = engine_new();
	if (held_what[held] != NOTHING)
		hold(rc, (enum held)held);
	if (restart) {
		revcheck_free(rc);
		rc = engine_new();
	}
	return rc;
}

static void
all_combinations(bool ocsp, bool restart)
{
	struct revcheck *rc[NUM_HELD];
	long long over;

	rows_make(ocsp, restart);
	for (int h = 0; h < NUM_HELD; h++)
		rc[h] = holding(h, restart);
	/* What did not help is left alone for a second. */
	over = mono_ms() + 1001;
	for (size_t i = 0; i < num_rows; i++)
		serve_row(&rows[i]);
	script_send();
	while (!restart && mono_ms() < over)
		usleep(10000);
	if (!restart) {
		ask_again(rc[AGAIN_RIGHT], AGAIN_RIGHT);
		ask_again(rc[AGAIN_NEWER], AGAIN_NEWER);
	}
	num_wrong = 0;
	for (size_t i = 0; i < num_rows; i++)
		row_check(rc[rows[i].held], &rows[i]);
	for (int h = 0; h < NUM_HELD; h++)
		revcheck_free(rc[h]);
	rows_free();
	if (num_wrong > 0)
		fail_msg("%u of %zu rows", num_wrong, num_rows);
}

static void
by_crl(void **state)
{
	(void)state;
	all_combinations(false, false);
}

static void
by_ocsp(void **state)
{
	(void)state;
	all_combinations(true, false);
}

static void
by_crl_after_a_restart(void **state)
{
	(void)state;
	all_combinations(false, true);
}

static void
by_ocsp_after_a_restart(void **state)
{
	(void)state;
	all_combinations(true, true);
}

/* ---- the scene */

static void
ca_init(struct issuer *out, const char *cn, long serial)
{
	issuer_init(out,
	    &(struct issuer_cert){.cn = cn,
		.by = serial != 1 ? &root : NULL,
		.serial = serial,
		.from = t0 - 300 * DAY,
		.to = t0 + 300 * DAY,
		.constraints = CA,
		.usage = ISSUES});
}

static int
setup(void **state)
{
	(void)state;
	scene_start();
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	rows = calloc(ROWS_MAX, sizeof(*rows));
	assert_non_null(rows);
	ca_init(&root, "root", 1);
	ca_init(&one_ca, "ca", 2);
	ca_init(&twin, "ca", 3);
	issuer_init(&stranger,
	    &(struct issuer_cert){.cn = "stranger",
		.by = &one_ca,
		.serial = 4,
		.from = t0 - DAY,
		.to = t0 + DAY});
	return revcheck_trust_new(&trust, &root.cert, 1, NULL);
}

static int
teardown(void **state)
{
	struct issuer *all[] = {&root, &one_ca, &twin, &stranger};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		issuer_cleanup(all[i]);
	free(rows);
	free(script);
	scene_stop();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(by_crl),
	    cmocka_unit_test(by_ocsp),
	    cmocka_unit_test(by_crl_after_a_restart),
	    cmocka_unit_test(by_ocsp_after_a_restart),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
