/*
 * bench_archive: what a check costs when everything is there, what a rush of
 * first checks costs the CA, how soon a restart answers, and what one CRL costs
 * under many trust sets. Through the public header. Prints; judges nothing but
 * the count of fetches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include <openssl/x509.h>

#include "revcheck/revcheck.h"
#include "tests/lib/crlmake.h"
#include "tests/lib/net.h"
#include "tests/lib/pkimake.h"

#define RUSH   10000
#define TRUSTS 40

static const char *const loopback[] = {"127.0.0.0/8", NULL};

struct rig {
	struct proc proc;
	struct server http;
	struct pki_ca ca;
	struct revcheck_trust *trust;
	char url[128];
};

static double
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
print_series(const char *what, double *v, size_t n, const char *unit)
{
	qsort(v, n, sizeof(*v), by_value);
	printf("  %-52s %9.2f %s  (%.2f .. %.2f)\n", what, v[n / 2], unit, v[0],
	    v[n - 1]);
}

static void
write_crl(struct rig *r, size_t num)
{
	struct octets o = {0};
	struct crlmake how = {
	    .entries = &o, .issuer = r->ca.cn, .key = r->ca.key, .number = 1};
	char from[16], until[16];
	uint8_t serial[16], *p;
	size_t len;

	pki_time(from, time(NULL) - 60);
	pki_time(until, time(NULL) + 86400);
	how.this_update = from;
	how.next_update = until;
	for (size_t i = 0; i < num; i++) {
		struct crlmake_entry e = {.serial = serial,
		    .serial_len = 16,
		    .reason = i % 4 == 3 ? 4 : 0};

		crlmake_serial(i, serial);
		crlmake_entry(&o, &e);
	}
	p = crlmake(&how, &len);
	file_write("www/a.crl", p, len);
	free(p);
	octets_free(&o);
}

static void
rig_init(struct rig *r)
{
	dir_make("www");
	badhttp_start(&r->proc, &r->http, "badhttp.log", "--root", "www", NULL);
	pki_ca_init(&r->ca, "Bench CA");
	snprintf(
	    r->url, sizeof(r->url), "http://127.0.0.1:%d/a.crl", r->http.port);
	if (revcheck_trust_new(&r->trust, &r->ca.cert, 1, NULL) != 0)
		abort();
}

static struct revcheck *
engine(const char *state_dir, int offline)
{
	struct revcheck_options o = {.size = sizeof(o),
	    .state_dir = state_dir,
	    .offline = offline,
	    .allow_addresses = loopback,
	    .any_port = 1,
	    .max_requests = RUSH + 10};
	struct revcheck_policy p = {.size = sizeof(p),
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .order = REVCHECK_ORDER_CRL,
	    .deadline_ms = 60000};
	struct revcheck_error err;
	struct revcheck *rc;

	if (revcheck_new(&rc, &o, &err) != 0 ||
	    revcheck_set_policy(rc, &p, &err) != 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	return rc;
}

static struct revcheck_certs *
chain_of(struct rig *r, size_t i)
{
	struct revcheck_certs *c;
	uint8_t serial[16];
	X509 *v[2];

	crlmake_serial(i, serial);
	v[0] = pki_leaf(&r->ca, serial, 16, r->url);
	v[1] = r->ca.cert;
	if (revcheck_certs_from_x509(&c, v, 2, NULL) != 0)
		abort();
	X509_free(v[0]);
	return c;
}

static void
check_good(struct revcheck *rc, struct rig *r, struct revcheck_certs *chain,
    unsigned flags)
{
	struct revcheck_query q = {.size = sizeof(q),
	    .chain = chain,
	    .trust = r->trust,
	    .flags = flags};
	struct revcheck_report *rep;
	struct revcheck_error err;

	if (revcheck_check(rc, &rep, &q, &err) != 0 ||
	    !revcheck_report_allows(rep)) {
		fprintf(stderr, "bench_archive: a good leaf is refused\n");
		exit(1);
	}
	revcheck_report_free(rep);
}

/* Cached checks, alone and in threads. */

struct worker {
	pthread_t thread;
	struct revcheck *rc;
	struct rig *rig;
	struct revcheck_certs *chain;
	unsigned num, flags;
};

static void *
worker_main(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < w->num; i++)
		check_good(w->rc, w->rig, w->chain, w->flags);
	return NULL;
}

/* Processor time of the whole process: what a check costs on a busy machine. */
static double
cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

#define CACHED_THREADS 4
#define CACHED_CHECKS  50000
#define CACHED_RUNS    7

/* One run: time and processor time a check. */
static double
cached_us(struct revcheck *rc, struct rig *r, struct revcheck_certs **chains,
    int threads, unsigned flags, double *cpu)
{
	struct worker w[CACHED_THREADS];
	double t = now_us(), c = cpu_us();

	for (int i = 0; i < threads; i++) {
		w[i] = (struct worker){.rc = rc,
		    .rig = r,
		    .chain = chains[i],
		    .num = CACHED_CHECKS,
		    .flags = flags};
		if (pthread_create(&w[i].thread, NULL, worker_main, &w[i]))
			abort();
	}
	for (int i = 0; i < threads; i++)
		pthread_join(w[i].thread, NULL);
	*cpu = (cpu_us() - c) / CACHED_CHECKS / threads;
	return (now_us() - t) / CACHED_CHECKS;
}

/* In turns, so that what else the machine does hits all of them. */
static void
bench_cached_threads(
    struct revcheck *rc, struct rig *r, struct revcheck_certs **chains)
{
	static const int threads[] = {1, 2, CACHED_THREADS};
	double v[3][CACHED_RUNS], cpu[3][CACHED_RUNS];
	char what[80];

	for (int i = 0; i < CACHED_RUNS; i++)
		for (size_t k = 0; k < 3; k++)
			v[k][i] = cached_us(rc, r, chains, threads[k],
			    REVCHECK_QUERY_PATH_VERIFIED, &cpu[k][i]);
	for (size_t k = 0; k < 3; k++) {
		snprintf(what, sizeof(what),
		    "path given, %d thread%s on %ld cores", threads[k],
		    threads[k] > 1 ? "s" : "", sysconf(_SC_NPROCESSORS_ONLN));
		print_series(what, v[k], CACHED_RUNS, "us");
		print_series(
		    "  processor time a check", cpu[k], CACHED_RUNS, "us");
		if (k > 0)
			printf("  %-52s %9.2f x\n",
			    "  of one thread's (goal 1.1)",
			    cpu[k][CACHED_RUNS / 2] / cpu[0][CACHED_RUNS / 2]);
	}
}

static void
bench_cached(struct rig *r)
{
	struct revcheck *rc = engine(NULL, 0);
	struct revcheck_certs *own[CACHED_THREADS], *same[CACHED_THREADS];
	double v[CACHED_RUNS], cpu;

	write_crl(r, 1000);
	for (size_t i = 0; i < CACHED_THREADS; i++) {
		own[i] = chain_of(r, 5000 + i);
		same[i] = own[0];
		check_good(rc, r, own[i], 0);
	}
	printf("cached check of one certificate (goal: 1.2 us)\n");
	bench_cached_threads(rc, r, own);
	printf("cached check, all threads ask of the same certificate\n");
	bench_cached_threads(rc, r, same);
	for (int i = 0; i < CACHED_RUNS; i++)
		v[i] = cached_us(rc, r, own, 1, 0, &cpu);
	print_series("path verified as well, 1 thread", v, CACHED_RUNS, "us");
	for (size_t i = 0; i < CACHED_THREADS; i++)
		revcheck_certs_free(own[i]);
	revcheck_free(rc);
}

/* Ten thousand at once. */

static atomic_uint num_done, num_allowed;

static void
rush_done(struct revcheck_report *rep, void *arg)
{
	atomic_fetch_add(&num_allowed, (unsigned)revcheck_report_allows(rep));
	atomic_fetch_add(&num_done, 1);
}

static int
bench_rush(struct rig *r)
{
	struct revcheck *rc = engine(NULL, 0);
	struct revcheck_certs *chain[16];
	struct revcheck_request **req = calloc(RUSH, sizeof(*req));
	struct revcheck_report *rep;
	struct revcheck_error err;
	unsigned long n;
	double t;
	int got;

	write_crl(r, 1000);
	for (size_t i = 0; i < 16; i++)
		chain[i] = chain_of(r, 5000 + i);
	control(&r->http, "/_script", "/a.crl gate=g");
	control(&r->http, "/_reset", NULL);
	t = now_us();
	for (int i = 0; i < RUSH; i++) {
		struct revcheck_query q = {.size = sizeof(q),
		    .chain = chain[i % 16],
		    .trust = r->trust};

		got = revcheck_submit(
		    rc, &req[i], &rep, &q, NULL, rush_done, NULL, &err);
		if (got != REVCHECK_PENDING) {
			fprintf(stderr, "rush: %d: %s\n", got, err.msg);
			return 1;
		}
	}
	printf("%d first checks of one CA's certificates\n", RUSH);
	printf("  %-52s %9.2f us each\n", "submitted", (now_us() - t) / RUSH);
	hits_await(&r->http, 1, "/a.crl");
	t = now_us();
	control(&r->http, "/_release/g", NULL);
	while (atomic_load(&num_done) < RUSH)
		usleep(1000);
	printf("  %-52s %9.2f ms\n", "all answered after the CRL arrived",
	    (now_us() - t) / 1000);
	n = hits(&r->http, "/a.crl");
	printf("  %-52s %9lu  (bar: 1), %u allowed\n", "fetches", n,
	    atomic_load(&num_allowed));
	for (int i = 0; i < RUSH; i++)
		revcheck_request_free(req[i]);
	for (size_t i = 0; i < 16; i++)
		revcheck_certs_free(chain[i]);
	free(req);
	revcheck_free(rc);
	return n == 1 && atomic_load(&num_allowed) == RUSH ? 0 : 1;
}

/* Restart. */

static void
bench_restart(struct rig *r)
{
	struct revcheck *rc;
	struct revcheck_certs *chain = chain_of(r, 5000000);
	unsigned char md[32];
	double sha[5], first[5];
	size_t len;
	char *p;

	control(&r->http, "/_script", "/a.crl origin");
	write_crl(r, 1000000);
	rc = engine("state", 0);
	check_good(rc, r, chain, 0);
	revcheck_free(rc); /* writes it */
	p = file_need("www/a.crl", &len);
	for (int i = 0; i < 5; i++) {
		sha[i] = now_us();
		if (EVP_Digest(p, len, md, NULL, EVP_sha256(), NULL) != 1)
			abort();
		sha[i] = (now_us() - sha[i]) / 1000;
		rc = engine("state", 1);
		first[i] = now_us();
		check_good(rc, r, chain, 0);
		first[i] = (now_us() - first[i]) / 1000;
		revcheck_free(rc);
	}
	free(p);
	printf("restart with 1,000,000 entries on disk, network off\n");
	print_series("SHA-256 of the bytes, OpenSSL", sha, 5, "ms");
	print_series("first check answered", first, 5, "ms");
	printf(
	    "  %-52s %9.2f x\n", "  of SHA-256 (bar 1.5)", first[2] / sha[2]);
	revcheck_certs_free(chain);
}

/* Trust sets. */

/* One anchor more than the CA's own, which has nothing to do with it. */
static struct revcheck_trust *
trust_of(struct rig *r, size_t i)
{
	struct revcheck_trust *t;
	struct pki_ca unrelated;
	X509 *anchors[2];
	char cn[32];

	snprintf(cn, sizeof(cn), "Unrelated %zu", i);
	pki_ca_init(&unrelated, cn);
	anchors[0] = r->ca.cert;
	anchors[1] = unrelated.cert;
	if (revcheck_trust_new(&t, anchors, 2, NULL) != 0)
		abort();
	pki_ca_cleanup(&unrelated);
	return t;
}

static int
bench_trusts(struct rig *r)
{
	struct revcheck *rc = engine(NULL, 0);
	struct revcheck_certs *chain = chain_of(r, 5000000);
	struct revcheck_stats one = {.size = sizeof(one)}, all = one;
	struct revcheck_trust *own = r->trust;
	double first, v[TRUSTS];

	write_crl(r, 1000000);
	first = now_us();
	check_good(rc, r, chain, 0);
	first = (now_us() - first) / 1000;
	revcheck_get_stats(rc, &one);
	for (size_t i = 0; i < TRUSTS; i++) {
		r->trust = trust_of(r, i);
		v[i] = now_us();
		check_good(rc, r, chain, 0);
		v[i] = (now_us() - v[i]) / 1000;
		revcheck_trust_free(r->trust);
	}
	r->trust = own;
	revcheck_get_stats(rc, &all);
	printf("one CRL of 1,000,000 entries, %d trust sets\n", TRUSTS);
	printf("  %-52s %9.2f ms\n", "first check, under one", first);
	print_series("first check under each other", v, TRUSTS, "ms");
	printf("  %-52s %9.2f MB, %llu more\n", "held", (double)one.bytes / 1e6,
	    (unsigned long long)(all.bytes - one.bytes));
	printf("  %-52s %9llu  (bar: 1)\n", "fetches",
	    (unsigned long long)all.fetches);
	revcheck_certs_free(chain);
	revcheck_free(rc);
	return all.fetches == 1 ? 0 : 1;
}

int
main(void)
{
	char dir[] = "/tmp/bench_archive.XXXXXX";
	char command[64];
	struct rig r = {0};
	int rc;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		abort();
	rig_init(&r);
	bench_cached(&r);
	rc = bench_rush(&r);
	bench_restart(&r);
	rc = bench_trusts(&r) != 0 ? 1 : rc;
	proc_stop(&r.proc, WAIT_MS);
	proc_cleanup(&r.proc);
	revcheck_trust_free(r.trust);
	pki_ca_cleanup(&r.ca);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) != 0 ? 1 : rc;
}
