/*
 * bench_recheck: what one changed CRL costs 20,000 who are in, of 2,000
 * issuers; beside it what a changed policy costs, which asks about everybody.
 * The index and the engine are the real ones, the connections are not there:
 * they would be as many descriptors again. Prints; judges nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <malloc.h>

#include "gateway/base/source_box.h"
#include "gateway/base/source_index.h"
#include "tests/lib/issuer.h"
#include "tests/lib/net.h"

#define ISSUERS 2000
#define EACH    10
#define ASKERS  (ISSUERS * EACH)
#define DAY     86400

static struct proc proc;
static struct server http;
static struct issuer root, cas[ISSUERS];
static struct revcheck_certs *paths[ISSUERS];
static struct revcheck_trust *trust;
static struct revcheck *rc;
static struct source_index *x;
static struct source_asker askers[ASKERS];
static struct source_box box;
static unsigned long num_told;

static double
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void
on_due(void *arg)
{
	(void)arg;
}

static void
on_change(void *arg, const unsigned char *source, uint64_t change)
{
	(void)arg;
	source_box_put(&box, source, change);
	__atomic_fetch_add(&num_told, 1, __ATOMIC_SEQ_CST);
}

static void
list_write(int i, long number)
{
	char path[64];

	snprintf(path, sizeof(path), "www/%d.crl", i);
	issuer_write_crl(path,
	    &(struct issuer_crl){.by = i < 0 ? &root : &cas[i],
		.number = number,
		.from = time(NULL) - DAY + number,
		.next = time(NULL) + DAY});
}

static void
issue(struct issuer *out, const struct issuer *by, int crl, bool is_ca)
{
	static long serial;
	char url[64], cn[32];

	snprintf(cn, sizeof(cn), "n%ld", ++serial);
	snprintf(
	    url, sizeof(url), "http://127.0.0.1:%d/%d.crl", http.port, crl);
	issuer_init(out,
	    &(struct issuer_cert){.cn = cn,
		.by = by,
		.serial = serial,
		.from = time(NULL) - DAY,
		.to = time(NULL) + DAY,
		.constraints = is_ca ? "critical,CA:TRUE" : NULL,
		.usage = is_ca ? "critical,keyCertSign,cRLSign" : NULL,
		.crl_url = by != NULL ? url : NULL});
}

static struct revcheck_report *
ask(int i, unsigned flags)
{
	struct revcheck_query q = {.size = sizeof(q),
	    .chain = paths[i],
	    .trust = trust,
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .flags =
		flags | REVCHECK_QUERY_PATH_VERIFIED | REVCHECK_QUERY_RECHECK};
	struct revcheck_report *report = NULL;
	struct revcheck_error err;

	if (revcheck_check(rc, &report, &q, &err) != 0)
		fail_msg("%s", err.msg);
	if (revcheck_report_allows(report) != 1)
		fail_msg("%s", revcheck_report_text(report));
	return report;
}

static void
setup(void)
{
	static const char *const loopback[] = {"127.0.0.1", NULL};
	struct revcheck_options o = {
	    .size = sizeof(o), .allow_addresses = loopback, .any_port = 1};
	struct issuer leaf;

	evthread_use_pthreads();
	dir_make("www");
	badhttp_start(&proc, &http, "badhttp.log", "--root", "www", NULL);
	issue(&root, NULL, -1, true);
	list_write(-1, 1);
	assert_int_equal(revcheck_trust_new(&trust, &root.cert, 1, NULL), 0);
	assert_int_equal(revcheck_new(&rc, &o, NULL), 0);
	for (int i = 0; i < ISSUERS; i++) {
		X509 *list[3];

		issue(&cas[i], &root, -1, true);
		list_write(i, 1);
		issue(&leaf, &cas[i], i, false);
		list[0] = leaf.cert;
		list[1] = cas[i].cert;
		list[2] = root.cert;
		assert_int_equal(
		    revcheck_certs_from_x509(&paths[i], list, 3, NULL), 0);
		revcheck_report_free(ask(i, 0));
		issuer_cleanup(&leaf);
	}
	source_box_init(&box);
	revcheck_watch(rc, on_change, NULL);
}

/* Asks about all who are due; how many. */
static size_t
ask_due(void)
{
	struct source_asker *a;
	size_t n = 0;

	while ((a = source_index_take(x)) != NULL) {
		struct revcheck_report *report =
		    ask((int)(a - askers) % ISSUERS, REVCHECK_QUERY_OFFLINE);

		source_index_rest(x, a, report, 0);
		revcheck_report_free(report);
		n++;
	}
	return n;
}

static void
one_crl_of_many(void **state)
{
	struct event_base *base = event_base_new();
	struct revcheck_report *report;
	double at, told, found, asked;
	size_t bytes, n;

	(void)state;
	setup();
	assert_int_equal(
	    source_index_new(&x, base, NULL, on_due, NULL, NULL), 0);
	bytes = mallinfo2().uordblks;
	at = now_us();
	for (int i = 0; i < ASKERS; i++) {
		assert_int_equal(source_index_join(x, &askers[i]), 0);
		report = ask(i % ISSUERS, REVCHECK_QUERY_OFFLINE);
		source_index_rest(x, &askers[i], report, 0);
		revcheck_report_free(report);
	}
	printf(
	    "bench_recheck: %d who are in, of %d issuers\n", ASKERS, ISSUERS);
	printf("  in, asked and put into the index      %10.2f us each\n",
	    (now_us() - at) / ASKERS);
	printf("  memory of the index                   %10.0f bytes each\n",
	    (double)(mallinfo2().uordblks - bytes) / ASKERS +
		(double)sizeof(askers[0]));
	list_write(7, 2);
	while (__atomic_load_n(&num_told, __ATOMIC_SEQ_CST) == 0) {
		assert_true(revcheck_archive_refresh(rc, NULL, NULL) >= 0);
		usleep(100000);
	}
	told = now_us();
	assert_false(source_box_take(&box, x));
	found = now_us();
	n = ask_due();
	asked = now_us();
	printf("  one changed CRL: found in             %10.2f us\n",
	    found - told);
	printf("  one changed CRL: %5zu asked in        %10.2f us\n", n,
	    asked - found);
	at = now_us();
	source_index_all_due(x);
	n = ask_due();
	printf("  everybody:       %5zu asked in        %10.2f us\n", n,
	    now_us() - at);
	revcheck_watch(rc, NULL, NULL);
	revcheck_free(rc);
	for (int i = 0; i < ASKERS; i++)
		source_index_leave(x, &askers[i]);
	source_index_free(x);
	event_base_free(base);
	source_box_cleanup(&box);
	for (int i = 0; i < ISSUERS; i++) {
		revcheck_certs_free(paths[i]);
		issuer_cleanup(&cas[i]);
	}
	issuer_cleanup(&root);
	revcheck_trust_free(trust);
	proc_stop(&proc, WAIT_MS);
	proc_cleanup(&proc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(one_crl_of_many)};

	char dir[] = "/tmp/bench_recheck.XXXXXX";
	char command[64];
	int rc_run;

	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return 1;
	rc_run = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) != 0 ? 1 : rc_run;
}
