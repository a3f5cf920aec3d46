/*
 * bench_growth: what a check, a change and the start cost as there is more of
 * one kind: trust sets, denied and allowed names, evidence, who is in. CPU of
 * this process, the least of several runs, and memory an item. Prints; judges
 * nothing. What real connections cost beside that is told by bench_page.
 */
#include <math.h>
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

#include "gateway/base/source_index.h"
#include "gateway/state/allowed_subjects.h"
#include "tests/lib/crlmake.h"
#include "tests/lib/issuer.h"
#include "tests/lib/net.h"
#include "tests/lib/pkimake.h"

#define DAY  86400
#define RUNS 7
#define MOST 100000

static struct issuer ca, leaf;
static struct revcheck_trust *trust;
static struct revcheck_certs *chain;
static struct revcheck *rc;

/* Of one kind, at one number. CPU in microseconds; negative: not measured. */
struct point {
	size_t num;
	double start, ask, change, bytes;
};

static double
cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double
memory(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)(m.uordblks + m.hblkhd);
}

static void
must(int code, const struct revcheck_error *err)
{
	if (code < 0) {
		fprintf(stderr, "bench_growth: %s\n", err->msg);
		exit(1);
	}
}

static void
check(struct revcheck_trust *t)
{
	struct revcheck_query q = {.size = sizeof(q),
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .chain = chain,
	    .trust = t,
	    .flags = REVCHECK_QUERY_PATH_VERIFIED};
	struct revcheck_report *report = NULL;
	struct revcheck_error err = {0};

	must(revcheck_check(rc, &report, &q, &err), &err);
	if (revcheck_report_allows(report) != 1) {
		fprintf(stderr, "%s\n", revcheck_report_text(report));
		exit(1);
	}
	revcheck_report_free(report);
}

/* The least of a number of runs, each of `times` of fn. */
static double
least(void (*fn)(size_t i), size_t times)
{
	double best = -1, t;

	for (int r = 0; r < RUNS; r++) {
		t = cpu_us();
		for (size_t i = 0; i < times; i++)
			fn(i);
		t = (cpu_us() - t) / (double)times;
		best = best < 0 || t < best ? t : best;
	}
	return best;
}

static void
ask(size_t i)
{
	(void)i;
	check(trust);
}

static void
cell(double v, const char *unit)
{
	if (v < 0)
		printf(" %14s", "-");
	else
		printf(" %11.2f %s", v, unit);
}

static void
print_table(const char *what, const struct point *v, size_t num)
{
	const struct point *first = &v[0], *last = &v[num - 1];

	printf("%s\n  %8s %14s %14s %14s %14s\n", what, "number", "start",
	    "a check", "one change", "memory");
	for (size_t i = 0; i < num; i++) {
		printf("  %8zu", v[i].num);
		cell(v[i].start / 1e3, "ms");
		cell(v[i].ask, "us");
		cell(v[i].change, "us");
		cell(v[i].bytes / (double)v[i].num, "B ");
		printf(" each\n");
	}
	printf("  grows by %.2f x a check, %.2f x a change; log n by %.1f\n",
	    first->ask > 0 ? last->ask / first->ask : 0,
	    first->change > 0 ? last->change / first->change : 0,
	    log2((double)last->num + 1));
	fflush(stdout);
}

/* Denied. */

static struct revcheck_deny denied[MOST + 1];
static uint8_t serials[MOST + 1][16];
static uint8_t *issuer_der;
static size_t num_now;

static void
deny_and_back(size_t i)
{
	struct revcheck_error err = {0};

	(void)i;
	must(revcheck_denylist_add(rc, &denied[MOST], &err), &err);
	must(revcheck_denylist_remove(rc, &denied[MOST], &err), &err);
}

static struct point
grow_denied(size_t num)
{
	struct point p = {.num = num};
	struct revcheck_error err = {0};
	double at, had = memory();

	at = cpu_us();
	must(revcheck_set_denylist(rc, denied, num, &err), &err);
	p.start = cpu_us() - at;
	p.bytes = memory() - had;
	check(trust);
	p.ask = least(ask, 2000);
	p.change = least(deny_and_back, 200) / 2;
	must(revcheck_set_denylist(rc, NULL, 0, &err), &err);
	return p;
}

static void
denied_init(void)
{
	int len = i2d_X509_NAME(X509_get_issuer_name(leaf.cert), &issuer_der);

	for (size_t i = 0; i <= MOST; i++) {
		crlmake_serial(i, serials[i]);
		denied[i] = (struct revcheck_deny){.issuer_der = issuer_der,
		    .issuer_len = (size_t)len,
		    .serial = serials[i],
		    .serial_len = 16};
	}
}

/* Allowed. */

static struct state_db *db;
static struct allowed_subjects *allowed;

static void
name_of(char out[64], size_t i)
{
	snprintf(out, 64, "CN=node %zu,O=growth,C=CH", i);
}

static void
allow(size_t i, bool on)
{
	struct err err = {0};
	char name[64];

	name_of(name, i);
	if (allowed_subjects_set(allowed, "AABBCCDDEEFF", name, on, &err) !=
	    0) {
		fprintf(stderr, "bench_growth: %s\n", err.msg);
		exit(1);
	}
}

static void
is_allowed(size_t i)
{
	char name[64];

	name_of(name, i % num_now);
	if (!name_set_has(allowed_subjects_names(allowed), name))
		exit(1);
}

/* Without what SQLite waits for the disk: in memory. */
static void
allow_and_back(size_t i)
{
	struct err err = {0};

	(void)i;
	for (int on = 1; on >= 0; on--) {
		if (state_db_begin(db, &err) != 0)
			exit(1);
		allow(MOST, on != 0);
		if (state_db_end(db, 0, &err) != 0)
			exit(1);
	}
}

static struct point
grow_allowed(size_t num)
{
	struct point p = {.num = num};
	struct err err = {0};
	double at, had = memory();

	num_now = num;
	if (state_db_open(&db, NULL, NULL, &err) != 0 ||
	    allowed_subjects_open(&allowed, db, &err) != 0 ||
	    state_db_begin(db, &err) != 0)
		exit(1);
	for (size_t i = 0; i < num; i++)
		allow(i, true);
	if (state_db_end(db, 0, &err) != 0)
		exit(1);
	p.bytes = memory() - had;
	/* As at a start: read out of the database. */
	allowed_subjects_close(allowed);
	state_db_close(db);
	if (state_db_open(&db, NULL, NULL, &err) != 0)
		exit(1);
	at = cpu_us();
	if (allowed_subjects_open(&allowed, db, &err) != 0 ||
	    state_db_begin(db, &err) != 0)
		exit(1);
	for (size_t i = 0; i < num; i++)
		allow(i, true);
	if (state_db_end(db, 0, &err) != 0)
		exit(1);
	p.start = cpu_us() - at;
	p.ask = least(is_allowed, 2000);
	p.change = least(allow_and_back, 200) / 2;
	allowed_subjects_close(allowed);
	state_db_close(db);
	return p;
}

/* Evidence: CRLs of other CAs, handed over by the embedder. */

static struct revcheck_evidence *
evidence_of(size_t num, const void *own, size_t own_len)
{
	struct revcheck_evidence *e;
	struct revcheck_error err = {0};
	char from[16], until[16], cn[32];

	pki_time(from, time(NULL) - 60);
	pki_time(until, time(NULL) + DAY);
	must(revcheck_evidence_new(&e, &err), &err);
	for (size_t i = 1; i < num; i++) {
		struct octets none = {0};
		struct crlmake how = {.entries = &none,
		    .issuer = cn,
		    .number = 1,
		    .this_update = from,
		    .next_update = until};
		size_t len;
		uint8_t *p;

		snprintf(cn, sizeof(cn), "growth %zu", i);
		p = crlmake(&how, &len);
		must(revcheck_evidence_add(
			 e, REVCHECK_EVIDENCE_CRL, p, len, "bench", &err),
		    &err);
		free(p);
	}
	must(revcheck_evidence_add(
		 e, REVCHECK_EVIDENCE_CRL, own, own_len, "bench", &err),
	    &err);
	return e;
}

static struct point
grow_evidence(size_t num)
{
	struct point p = {.num = num, .change = -1};
	struct revcheck_evidence *e;
	size_t len;
	char *own = file_need("own.crl", &len);
	double at, had = memory();

	at = cpu_us();
	e = evidence_of(num, own, len);
	revcheck_set_local_evidence(rc, e);
	p.start = cpu_us() - at;
	p.bytes = memory() - had;
	free(own);
	check(trust);
	p.ask = least(ask, 2000);
	revcheck_set_local_evidence(rc, NULL);
	revcheck_evidence_free(e);
	return p;
}

/* Trust sets, each with an anchor of its own beside the CA. */

static struct revcheck_trust **trusts;

static void
ask_each(size_t i)
{
	check(trusts[i % num_now]);
}

static struct revcheck_trust *
trust_of(size_t i)
{
	struct revcheck_trust *t;
	struct revcheck_error err = {0};
	struct pki_ca other;
	X509 *anchors[2];
	char cn[32];

	snprintf(cn, sizeof(cn), "Other %zu", i);
	pki_ca_init(&other, cn);
	anchors[0] = ca.cert;
	anchors[1] = other.cert;
	must(revcheck_trust_new(&t, anchors, 2, &err), &err);
	pki_ca_cleanup(&other);
	return t;
}

static void
trust_one_more(size_t i)
{
	struct revcheck_trust *t = trust_of(MOST + i);

	check(t);
	revcheck_trust_free(t);
}

static struct point
grow_trusts(size_t num)
{
	struct point p = {.num = num};
	double at, had = memory();

	num_now = num;
	trusts = calloc(num, sizeof(*trusts));
	at = cpu_us();
	for (size_t i = 0; i < num; i++) {
		trusts[i] = trust_of(i);
		check(trusts[i]);
	}
	p.start = cpu_us() - at;
	p.bytes = memory() - had;
	p.ask = least(ask_each, num > 2000 ? num : 2000);
	p.change = least(trust_one_more, 20);
	for (size_t i = 0; i < num; i++)
		revcheck_trust_free(trusts[i]);
	free(trusts);
	return p;
}

/* Who is in, by what their answers rest on: ten of each source. */

static struct source_index *in;
static struct source_asker *askers;

static void
on_due(void *arg)
{
	(void)arg;
}

static struct revcheck_report *
report_now(void)
{
	struct revcheck_query q = {.size = sizeof(q),
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .chain = chain,
	    .trust = trust,
	    .flags = REVCHECK_QUERY_PATH_VERIFIED};
	struct revcheck_report *report = NULL;
	struct revcheck_error err = {0};

	must(revcheck_check(rc, &report, &q, &err), &err);
	return report;
}

static void
come_and_go(size_t i)
{
	struct revcheck_report *report = report_now();
	struct source_asker a = {0};

	(void)i;
	if (source_index_join(in, &a) != 0)
		exit(1);
	source_index_rest(in, &a, report, 0);
	source_index_leave(in, &a);
	revcheck_report_free(report);
}

/* Of a source that nobody rests on. */
static void
other_changes(size_t i)
{
	uint8_t id[32] = {0};

	memcpy(id, &i, sizeof(i));
	source_index_changed(in, id, 1);
}

static struct point
grow_in(size_t num)
{
	struct event_base *base = event_base_new();
	struct revcheck_report *report = report_now();
	struct point p = {.num = num};
	double at, had = memory();

	if (base == NULL ||
	    source_index_new(&in, base, NULL, on_due, NULL, NULL) != 0)
		exit(1);
	askers = calloc(num, sizeof(*askers));
	at = cpu_us();
	for (size_t i = 0; i < num; i++) {
		if (source_index_join(in, &askers[i]) != 0)
			exit(1);
		source_index_rest(in, &askers[i], report, 0);
	}
	p.start = cpu_us() - at;
	p.bytes = memory() - had;
	p.ask = least(come_and_go, 2000);
	p.change = least(other_changes, 2000);
	for (size_t i = 0; i < num; i++)
		source_index_leave(in, &askers[i]);
	source_index_free(in);
	free(askers);
	revcheck_report_free(report);
	event_base_free(base);
	return p;
}

/* All of them. */

static void
setup(void)
{
	static const char *const files[] = {"own.crl", NULL};
	struct revcheck_options o = {
	    .size = sizeof(o), .offline = 1, .crl_paths = files};
	struct revcheck_error err = {0};
	X509 *list[2];

	evthread_use_pthreads();
	issuer_init(&ca,
	    &(struct issuer_cert){.cn = "growth ca",
		.serial = 1,
		.from = time(NULL) - DAY,
		.to = time(NULL) + DAY,
		.constraints = "critical,CA:TRUE",
		.usage = "critical,keyCertSign,cRLSign"});
	issuer_init(&leaf,
	    &(struct issuer_cert){.cn = "growth leaf",
		.by = &ca,
		.serial = 2,
		.from = time(NULL) - DAY,
		.to = time(NULL) + DAY,
		.crl_url = "http://127.0.0.1:1/a.crl"});
	issuer_write_crl("own.crl",
	    &(struct issuer_crl){.by = &ca,
		.number = 1,
		.from = time(NULL) - DAY,
		.next = time(NULL) + DAY});
	list[0] = leaf.cert;
	list[1] = ca.cert;
	must(revcheck_trust_new(&trust, &ca.cert, 1, &err), &err);
	must(revcheck_certs_from_x509(&chain, list, 2, &err), &err);
	must(revcheck_new(&rc, &o, &err), &err);
}

static void
grow(const char *what, struct point (*run)(size_t num), size_t most)
{
	static const size_t steps[] = {1, 100, 3000, 20000, MOST};
	struct point v[5];
	size_t num = 0;

	for (size_t i = 0; i < 5 && (i == 0 || steps[i - 1] < most); i++)
		v[num++] = run(steps[i] < most ? steps[i] : most);
	print_table(what, v, num);
}

int
main(void)
{
	char dir[] = "/tmp/bench_growth.XXXXXX", command[64];
	double load[3] = {0};

	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return 1;
	(void)getloadavg(load, 3);
	printf("bench_growth: load %.2f\n", load[0]);
	setup();
	denied_init();
	grow("trust sets", grow_trusts, 3000);
	grow("denied certificates", grow_denied, MOST);
	grow("allowed subjects (a check: the look-up alone)", grow_allowed,
	    MOST - 1);
	grow("CRLs at hand, of as many CAs", grow_evidence, MOST);
	grow(
	    "who is in (a check: comes, is asked about, goes)", grow_in, 20000);
	revcheck_free(rc);
	revcheck_certs_free(chain);
	revcheck_trust_free(trust);
	OPENSSL_free(issuer_der);
	issuer_cleanup(&leaf);
	issuer_cleanup(&ca);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) != 0;
}
