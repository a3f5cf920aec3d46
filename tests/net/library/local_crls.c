/*
 * Local CRL files while an engine uses them: removed, rolled back, replaced by
 * what is forged, by rubbish, by a list of somebody else.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "revcheck/revcheck.h"
#include "tests/lib/issuer.h"
#include "tests/lib/net.h"

#define HOUR 3600
#define DAY  86400
#define MANY 1000 /* files */

static struct revcheck_trust *trust;
static struct issuer root, stranger, other, a, b;
static time_t t0;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static unsigned num_changes;

static void
changed(void *arg, const unsigned char *source, uint64_t change)
{
	(void)arg, (void)source, (void)change;
	pthread_mutex_lock(&lock);
	num_changes++;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&lock);
}

static void
await_changes(unsigned n)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_MS / 1000;
	pthread_mutex_lock(&lock);
	while (rc == 0 && num_changes < n)
		rc = pthread_cond_timedwait(&cond, &lock, &until);
	pthread_mutex_unlock(&lock);
	assert_int_equal(rc, 0);
}

static struct revcheck *
engine_new(void)
{
	const char *paths[] = {"local", NULL};
	struct revcheck_options o = {
	    .size = sizeof(o), .offline = 1, .crl_paths = paths};
	struct revcheck_error err;
	struct revcheck *rc;

	if (revcheck_new(&rc, &o, &err) != 0)
		fail_msg("no engine: %s", err.msg);
	/* Behind it in the queue: the first reading has been told of. */
	assert_int_equal(revcheck_archive_flush(rc, NULL, NULL), 0);
	num_changes = 0;
	revcheck_watch(rc, changed, NULL);
	return rc;
}

static void
engine_free(struct revcheck *rc)
{
	revcheck_watch(rc, NULL, NULL);
	revcheck_free(rc);
}

static struct revcheck_result
ask(struct revcheck *rc, const struct issuer *who)
{
	struct revcheck_query q = {.size = sizeof(q), .trust = trust};
	X509 *chain[] = {who->cert, root.cert};
	struct revcheck_certs *certs;
	struct revcheck_report *rep;
	struct revcheck_result r;
	struct revcheck_error err;

	assert_int_equal(revcheck_certs_from_x509(&certs, chain, 2, NULL), 0);
	q.chain = certs;
	if (revcheck_check(rc, &rep, &q, &err) != 0)
		fail_msg("%s", err.msg);
	r = *revcheck_report_get0(rep, 0);
	revcheck_report_free(rep);
	revcheck_certs_free(certs);
	return r;
}

/* ---- what a file holds */

enum content {
	GONE,
	LISTING_5, /* b is revoked */
	HOLDING_5, /* b is on hold */
	SILENT_4,
	SILENT_5_EARLIER,
	SILENT_6,
	FORGED_9,  /* in the root's name, by another key */
	ANOTHERS,  /* of another CA */
	EXPIRED_6, /* later, silent, and out of date already */
	RUBBISH,
};

static void
put(enum content what)
{
	static const long lists_b[] = {11, 0};
	struct issuer_crl crl = {
	    .by = &root, .number = 5, .from = t0 - HOUR, .next = t0 + DAY};

	switch (what) {
	case GONE:
		assert_int_equal(unlink("local/root.crl"), 0);
		return;
	case HOLDING_5:
		crl.reason = 6;
		crl.serials = lists_b;
		break;
	case LISTING_5:
		crl.serials = lists_b;
		break;
	case SILENT_4:
		crl.number = 4;
		break;
	case SILENT_5_EARLIER:
		crl.from = t0 - 2 * HOUR;
		break;
	case FORGED_9:
		crl.number = 9;
		crl.by = &stranger;
		break;
	case ANOTHERS:
		crl.by = &other;
		break;
	case EXPIRED_6:
		crl.number = 6;
		crl.from = t0 - HOUR + 1;
		crl.next = t0 - HOUR + 2;
		break;
	default:
		crl.number = 6;
		crl.from = t0 - HOUR / 2;
		break;
	}
	if (what == RUBBISH)
		file_write("local/.part", "no CRL", 6);
	else
		issuer_write_crl("local/.part", &crl);
	assert_int_equal(rename("local/.part", "local/root.crl"), 0);
}

/* Nobody has asked about b before: no memory of the answer helps. */
static void
what_follows_in_a_file(void **state)
{
	static const struct {
		const char *name;
		enum content was, is;
		enum revcheck_status status;
	} rows[] = {
	    {"removed", LISTING_5, GONE, REVCHECK_REVOKED},
	    {"removed, silent", SILENT_6, GONE, REVCHECK_GOOD},
	    {"replaced", LISTING_5, SILENT_6, REVCHECK_REVOKED},
	    {"released", HOLDING_5, SILENT_6, REVCHECK_GOOD},
	    {"released too early", HOLDING_5, EXPIRED_6, REVCHECK_REVOKED},
	    {"number rolled back", LISTING_5, SILENT_4, REVCHECK_REVOKED},
	    {"hold, number rolled back", HOLDING_5, SILENT_4, REVCHECK_REVOKED},
	    {"hold, date rolled back", HOLDING_5, SILENT_5_EARLIER,
		REVCHECK_REVOKED},
	    {"forged", LISTING_5, FORGED_9, REVCHECK_REVOKED},
	    {"hold, forged", HOLDING_5, FORGED_9, REVCHECK_REVOKED},
	    {"another CA's", LISTING_5, ANOTHERS, REVCHECK_REVOKED},
	    {"rubbish", LISTING_5, RUBBISH, REVCHECK_REVOKED},
	    {"revoked now", SILENT_4, LISTING_5, REVCHECK_REVOKED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck_result r;
		struct revcheck *rc;

		put(rows[i].was);
		rc = engine_new();
		r = ask(rc, &a);
		assert_int_equal(r.status, REVCHECK_GOOD);
		assert_int_equal(r.source, REVCHECK_SOURCE_FILE);
		put(rows[i].is);
		await_changes(1);
		r = ask(rc, &b);
		if (r.status != rows[i].status)
			fail_msg("%s: %s: %s", rows[i].name,
			    revcheck_status_name(r.status), r.text);
		if (r.status == REVCHECK_REVOKED)
			assert_int_equal(r.source, REVCHECK_SOURCE_FILE);
		engine_free(rc);
	}
}

/* Whatever is written over it, and whether it was asked about meanwhile. */
static void
an_older_one_never_takes_the_place(void **state)
{
	static const enum content over[] = {
	    SILENT_4, SILENT_5_EARLIER, RUBBISH, SILENT_4, GONE, SILENT_4};
	const size_t num = sizeof(over) / sizeof(over[0]);

	(void)state;
	for (int asked = 0; asked < 2; asked++) {
		struct revcheck_result r;
		struct revcheck *rc;

		put(LISTING_5);
		rc = engine_new();
		if (asked)
			assert_int_equal(ask(rc, &a).status, REVCHECK_GOOD);
		for (size_t i = 0; i < num; i++) {
			put(over[i]);
			await_changes((unsigned)i + 1);
			if (asked)
				assert_int_equal(
				    ask(rc, &a).status, REVCHECK_GOOD);
		}
		r = ask(rc, &b);
		assert_int_equal(r.status, REVCHECK_REVOKED);
		assert_string_equal(r.crl_number, "05");
		engine_free(rc);
	}
}

struct row {
	unsigned num;
	struct revcheck_cache_item last;
};

static int
note_row(void *arg, const struct revcheck_cache_item *item)
{
	struct row *r = arg;

	r->num++;
	r->last = *item;
	return 0;
}

static struct row
rows_of(struct revcheck *rc)
{
	struct row r = {.num = 0};
	int n = revcheck_archive_list(rc, note_row, &r);

	assert_int_equal(n, r.num);
	return r;
}

/*
 * Until the row of the one file says so; "" is no fault. Changes are not
 * counted: what is learned meanwhile is one, too.
 */
static void
await_row(struct revcheck *rc, const char *number, const char *fault)
{
	struct timespec ts = {.tv_nsec = 5000000};
	struct row r;

	for (int i = 0; i < WAIT_MS / 5; i++) {
		r = rows_of(rc);
		if (strcmp(r.last.number, number) == 0 &&
		    (fault[0] == '\0' ? r.last.error[0] == '\0'
				      : strstr(r.last.error, fault) != NULL))
			return;
		nanosleep(&ts, NULL);
	}
	fail_msg("CRL %s: '%s'", r.last.number, r.last.error);
}

/* Until what is read is in force, too. */
static void
await_status(
    struct revcheck *rc, const struct issuer *who, enum revcheck_status status)
{
	struct timespec ts = {.tv_nsec = 5000000};
	int i = 0;

	while (ask(rc, who).status != status && i++ < WAIT_MS / 5)
		nanosleep(&ts, NULL);
	assert_true(i <= WAIT_MS / 5);
}

/* What a file taught stays until somebody says forget. */
static void
a_file_that_went_is_forgotten_by_its_key(void **state)
{
	struct revcheck *rc;
	struct row r;

	(void)state;
	put(LISTING_5);
	rc = engine_new();
	r = rows_of(rc);
	assert_int_equal(r.num, 1);
	assert_int_equal(r.last.source, REVCHECK_SOURCE_FILE);
	assert_string_equal(r.last.url, "local/root.crl");
	assert_string_equal(r.last.number, "05");
	assert_string_equal(r.last.error, "");
	assert_int_equal(r.last.num_entries, 1);
	put(GONE);
	await_row(rc, "05", "the file is gone");
	assert_int_equal(ask(rc, &a).status, REVCHECK_GOOD);
	r = rows_of(rc);
	assert_int_equal(r.num, 1);
	assert_non_null(strstr(r.last.error, "the file is gone"));
	/* All of it flushed: not what files said. */
	assert_int_equal(revcheck_archive_flush(rc, NULL, NULL), 0);
	assert_int_equal(ask(rc, &a).status, REVCHECK_GOOD);
	assert_int_equal(revcheck_archive_flush(rc, r.last.key, NULL), 0);
	assert_int_equal(ask(rc, &a).status, REVCHECK_UNKNOWN);
	assert_int_equal(ask(rc, &b).status, REVCHECK_UNKNOWN);
	assert_int_equal(rows_of(rc).num, 0);
	/* It comes back, and counts; what is there is not forgotten. */
	put(SILENT_4);
	await_status(rc, &b, REVCHECK_GOOD);
	put(LISTING_5);
	await_status(rc, &b, REVCHECK_REVOKED);
	assert_int_equal(revcheck_archive_flush(rc, r.last.key, NULL), 0);
	assert_int_equal(ask(rc, &b).method, REVCHECK_METHOD_CRL);
	put(GONE);
	await_row(rc, "05", "the file is gone");
	assert_int_equal(revcheck_archive_flush(rc, r.last.key, NULL), 0);
	/* A revocation that was seen proven is remembered all the same. */
	assert_int_equal(ask(rc, &b).status, REVCHECK_REVOKED);
	assert_int_equal(ask(rc, &b).method, REVCHECK_METHOD_MEMORY);
	engine_free(rc);
}

/* What was read under the one name is not kept for the other. */
static void
a_file_renamed_is_one_row(void **state)
{
	struct revcheck *rc;
	struct row r;

	(void)state;
	put(LISTING_5);
	rc = engine_new();
	assert_int_equal(rename("local/root.crl", "local/named.crl"), 0);
	do {
		await_changes(1);
		r = rows_of(rc);
	} while (strcmp(r.last.url, "local/named.crl") != 0);
	assert_int_equal(r.num, 1);
	assert_string_equal(r.last.error, "");
	assert_int_equal(unlink("local/named.crl"), 0);
	engine_free(rc);
}

static void
a_fault_is_a_row(void **state)
{
	struct revcheck *rc;
	struct row r;

	(void)state;
	put(RUBBISH);
	rc = engine_new();
	r = rows_of(rc);
	assert_int_equal(r.num, 1);
	assert_non_null(strstr(r.last.error, "neither DER nor PEM"));
	assert_int_equal(r.last.this_update, 0);
	put(LISTING_5);
	await_row(rc, "05", "");
	put(RUBBISH);
	await_row(rc, "05", "neither DER nor PEM");
	engine_free(rc);
}

/* Of many issuers; the one that matters is found, however it is written. */
static void
one_among_many(void **state)
{
	struct issuer_crl crl = {
	    .by = &other, .number = 5, .from = t0 - HOUR, .next = t0 + DAY};
	char path[64], cn[32];
	struct revcheck *rc;

	(void)state;
	crl.cn = cn;
	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "local/%d.crl", i);
		snprintf(cn, sizeof(cn), "other %d", i);
		issuer_write_crl(path, &crl);
	}
	/* RFC 5280 7.1: without regard to case. */
	crl = (struct issuer_crl){.by = &root,
	    .cn = "ROOT",
	    .number = 6,
	    .serials = (const long[]){10, 0},
	    .from = t0 - HOUR,
	    .next = t0 + DAY};
	issuer_write_crl("local/root2.crl", &crl);
	put(LISTING_5);
	rc = engine_new();
	assert_int_equal(rows_of(rc).num, MANY + 2);
	assert_int_equal(ask(rc, &b).status, REVCHECK_REVOKED);
	assert_int_equal(ask(rc, &a).status, REVCHECK_REVOKED);
	engine_free(rc);
	assert_int_equal(system("rm -f local/*.crl"), 0);
}

static int
setup(void **state)
{
	struct issuer_cert how = {.cn = "root",
	    .serial = 1,
	    .constraints = "critical,CA:TRUE",
	    .usage = "critical,keyCertSign,cRLSign"};

	(void)state;
	t0 = time(NULL);
	how.from = t0 - 30 * DAY;
	how.to = t0 + 30 * DAY;
	dir_make("local");
	issuer_init(&root, &how);
	issuer_init(&stranger, &how);
	how.cn = "other";
	issuer_init(&other, &how);
	how = (struct issuer_cert){.cn = "a",
	    .by = &root,
	    .serial = 10,
	    .from = how.from,
	    .to = how.to};
	issuer_init(&a, &how);
	how.cn = "b";
	how.serial = 11;
	issuer_init(&b, &how);
	return revcheck_trust_new(&trust, &root.cert, 1, NULL);
}

static int
teardown(void **state)
{
	struct issuer *all[] = {&root, &stranger, &other, &a, &b};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		issuer_cleanup(all[i]);
	revcheck_trust_free(trust);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_follows_in_a_file),
	    cmocka_unit_test(an_older_one_never_takes_the_place),
	    cmocka_unit_test(a_file_that_went_is_forgotten_by_its_key),
	    cmocka_unit_test(a_file_renamed_is_one_row),
	    cmocka_unit_test(a_fault_is_a_row),
	    cmocka_unit_test(one_among_many),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
