/*
 * soak: hundreds of CAs whose CRLs are issued anew every second, a server that
 * fails at random, checks from several threads through the public header. For
 * SOAK_SECONDS [60] no verdict may contradict what was published, and memory
 * must be flat. Prints its figures; exit status 1 when something was wrong.
 *
 * What may be said is known exactly: a CRL issued at T lists whatever was
 * revoked before T. GOOD by a CRL of T is wrong for a leaf revoked before T;
 * REVOKED is wrong for a leaf that never was; GOOD after REVOKED is wrong.
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

#include "revcheck/revcheck.h"
#include "tests/lib/crlmake.h"
#include "tests/lib/net.h"
#include "tests/lib/pkimake.h"

#define NUM_CAS     200
#define NUM_LEAVES  4
#define NUM_THREADS 3
#define VALID_SEC   6

static const char *const loopback[] = {"127.0.0.0/8", NULL};

struct leaf {
	uint8_t serial[16];
	struct revcheck_certs *chain;
	atomic_llong revoked_at; /* 0: not */
	atomic_bool seen_revoked;
};

struct authority {
	struct pki_ca ca;
	struct revcheck_trust *trust;
	struct leaf leaf[NUM_LEAVES];
	long number;
};

struct soak {
	struct proc proc;
	struct server http;
	struct authority *cas;
	struct revcheck *rc;
	atomic_bool stop;
	atomic_ulong checks, good, revoked, unknown, wrong, issued, faults;
};

struct checker {
	pthread_t thread;
	struct soak *soak;
	uint64_t random;
};

static uint32_t
number(uint64_t *s, uint32_t below)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return (uint32_t)(*s >> 20) % below;
}

/* The CAs. */

static void
issue(struct soak *s, size_t k)
{
	struct authority *a = &s->cas[k];
	struct octets o = {0};
	struct crlmake how = {.entries = &o,
	    .issuer = a->ca.cn,
	    .key = a->ca.key,
	    .number = ++a->number};
	long long now = time(NULL);
	char from[16], until[16], path[64];
	uint8_t other[16], *p;
	size_t len;

	pki_time(from, now);
	pki_time(until, now + VALID_SEC);
	how.this_update = from;
	how.next_update = until;
	/* Some company for the entries that count. */
	for (size_t i = 0; i < 200; i++) {
		struct crlmake_entry e = {.serial = other, .serial_len = 16};

		crlmake_serial(1000000 + k * 1000 + i, other);
		crlmake_entry(&o, &e);
	}
	for (int i = 0; i < NUM_LEAVES; i++) {
		struct crlmake_entry e = {
		    .serial = a->leaf[i].serial, .serial_len = 16, .reason = 1};

		if (atomic_load(&a->leaf[i].revoked_at) != 0)
			crlmake_entry(&o, &e);
	}
	p = crlmake(&how, &len);
	snprintf(path, sizeof(path), "www/%zu.crl", k);
	file_write(path, p, len);
	free(p);
	octets_free(&o);
	atomic_fetch_add(&s->issued, 1);
}

static void
authority_init(struct soak *s, size_t k)
{
	struct authority *a = &s->cas[k];
	char cn[32], url[128];
	X509 *v[2];

	snprintf(cn, sizeof(cn), "Soak CA %zu", k);
	snprintf(
	    url, sizeof(url), "http://127.0.0.1:%d/%zu.crl", s->http.port, k);
	pki_ca_init(&a->ca, cn);
	if (revcheck_trust_new(&a->trust, &a->ca.cert, 1, NULL) != 0)
		abort();
	for (size_t i = 0; i < NUM_LEAVES; i++) {
		crlmake_serial(k * NUM_LEAVES + i, a->leaf[i].serial);
		v[0] = pki_leaf(&a->ca, a->leaf[i].serial, 16, url);
		v[1] = a->ca.cert;
		if (revcheck_certs_from_x509(&a->leaf[i].chain, v, 2, NULL) !=
		    0)
			abort();
		X509_free(v[0]);
	}
	issue(s, k);
}

static void
authority_cleanup(struct authority *a)
{
	for (size_t i = 0; i < NUM_LEAVES; i++)
		revcheck_certs_free(a->leaf[i].chain);
	revcheck_trust_free(a->trust);
	pki_ca_cleanup(&a->ca);
}

/* Checks. */

static void
wrong(struct soak *s, const char *what, struct revcheck_report *rep)
{
	atomic_fetch_add(&s->wrong, 1);
	fprintf(stderr, "soak: %s: %s\n", what, revcheck_report_text(rep));
}

static void
judge(struct soak *s, struct leaf *l, struct revcheck_report *rep, bool was)
{
	const struct revcheck_result *r = revcheck_report_get0(rep, 0);
	long long revoked = atomic_load(&l->revoked_at);

	switch (r->status) {
	case REVCHECK_GOOD:
		atomic_fetch_add(&s->good, 1);
		if (revoked != 0 && revoked < (long long)r->this_update)
			wrong(s, "good, though listed", rep);
		if (was)
			wrong(s, "good, though known revoked", rep);
		break;
	case REVCHECK_REVOKED:
		atomic_fetch_add(&s->revoked, 1);
		if (revoked == 0)
			wrong(s, "revoked, though it never was", rep);
		atomic_store(&l->seen_revoked, true);
		break;
	case REVCHECK_UNKNOWN:
		atomic_fetch_add(&s->unknown, 1);
		if (revcheck_report_allows(rep))
			wrong(s, "unknown, and allowed", rep);
		break;
	default:
		wrong(s, "neither good nor revoked nor unknown", rep);
		break;
	}
}

static void *
checker_main(void *arg)
{
	struct checker *c = arg;
	struct soak *s = c->soak;
	struct revcheck_report *rep;
	struct revcheck_error err;

	while (!atomic_load(&s->stop)) {
		struct authority *a = &s->cas[number(&c->random, NUM_CAS)];
		struct leaf *l = &a->leaf[number(&c->random, NUM_LEAVES)];
		struct revcheck_query q = {
		    .size = sizeof(q), .chain = l->chain, .trust = a->trust};
		bool was = atomic_load(&l->seen_revoked);

		if (revcheck_check(s->rc, &rep, &q, &err) != 0) {
			fprintf(stderr, "soak: %s\n", err.msg);
			atomic_fetch_add(&s->wrong, 1);
			break;
		}
		judge(s, l, rep, was);
		revcheck_report_free(rep);
		atomic_fetch_add(&s->checks, 1);
	}
	return NULL;
}

/* The run. */

/* Some servers break, others are mended. */
static void
stir(struct soak *s, uint64_t *random)
{
	static const char *const faults[] = {"500", "404", "garbage=200",
	    "truncate=100", "close", "reset", "delay=1500", "origin", "origin",
	    "origin"};
	char lines[4096];
	size_t n = 0;

	for (int i = 0; i < 20; i++) {
		const char *f = faults[number(random, 10)];

		n += (size_t)snprintf(lines + n, sizeof(lines) - n,
		    "/%u.crl %s\n", number(random, NUM_CAS), f);
		if (strcmp(f, "origin") != 0)
			atomic_fetch_add(&s->faults, 1);
	}
	control(&s->http, "/_script", lines);
}

static void
open_engine(struct soak *s)
{
	struct revcheck_options o = {.size = sizeof(o),
	    .state_dir = "state",
	    .allow_addresses = loopback,
	    .any_port = 1,
	    .memory_bytes = 8 << 20};
	struct revcheck_policy p = {.size = sizeof(p),
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .order = REVCHECK_ORDER_CRL,
	    .skew_sec = 1,
	    .deadline_ms = 3000};
	struct revcheck_error err;

	if (revcheck_new(&s->rc, &o, &err) != 0 ||
	    revcheck_set_policy(s->rc, &p, &err) != 0) {
		fprintf(stderr, "soak: %s\n", err.msg);
		exit(1);
	}
}

static void
second(struct soak *s, uint64_t *random)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	/* Revoked first, then issued: what was revoked before is listed. */
	for (int i = 0; i < 5; i++) {
		struct authority *a = &s->cas[number(random, NUM_CAS)];
		struct leaf *l = &a->leaf[number(random, NUM_LEAVES)];
		long long none = 0;

		atomic_compare_exchange_strong(
		    &l->revoked_at, &none, (long long)time(NULL));
	}
	for (size_t k = 0; k < NUM_CAS; k++)
		issue(s, k);
	stir(s, random);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void
print_figures(struct soak *s, int seconds, size_t early, size_t late)
{
	struct revcheck_stats st = {.size = sizeof(st)};

	revcheck_get_stats(s->rc, &st);
	printf("soak: %d s, %d CAs, %lu CRLs issued, %lu faults set\n", seconds,
	    NUM_CAS, atomic_load(&s->issued), atomic_load(&s->faults));
	printf("soak: %lu checks: %lu good, %lu revoked, %lu unknown, "
	       "%lu wrong\n",
	    atomic_load(&s->checks), atomic_load(&s->good),
	    atomic_load(&s->revoked), atomic_load(&s->unknown),
	    atomic_load(&s->wrong));
	printf("soak: %llu fetches, %llu not modified, %llu joined, %llu "
	       "evicted; failed: %llu http, %llu malformed, %llu unreachable, "
	       "%llu backing off\n",
	    (unsigned long long)st.fetches, (unsigned long long)st.fetches_304,
	    (unsigned long long)st.joins, (unsigned long long)st.evictions,
	    (unsigned long long)st.fail_http,
	    (unsigned long long)st.fail_malformed,
	    (unsigned long long)st.fail_unreachable,
	    (unsigned long long)st.fail_backoff);
	printf("soak: resident %.1f MB after a third, %.1f MB at the end\n",
	    (double)early / 1e6, (double)late / 1e6);
}

int
main(void)
{
	const char *text = getenv("SOAK_SECONDS");
	int seconds = text != NULL ? atoi(text) : 60;
	char dir[] = "/tmp/soak.XXXXXX", command[64];
	struct checker c[NUM_THREADS];
	uint64_t random = 88172645463325252u;
	size_t early = 0, late;
	static struct soak s;
	int bad;

	if (seconds < 3)
		seconds = 3;
	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		abort();
	dir_make("www");
	badhttp_start(&s.proc, &s.http, "badhttp.log", "--root", "www", NULL);
	s.cas = calloc(NUM_CAS, sizeof(*s.cas));
	for (size_t k = 0; k < NUM_CAS; k++)
		authority_init(&s, k);
	open_engine(&s);
	for (int i = 0; i < NUM_THREADS; i++) {
		c[i] = (struct checker){
		    .soak = &s, .random = 0x9e3779b97f4a7c15u * (i + 1u)};
		if (pthread_create(&c[i].thread, NULL, checker_main, &c[i]))
			abort();
	}
	for (int i = 0; i < seconds; i++) {
		second(&s, &random);
		if (i == seconds / 3)
			early = pid_rss_bytes(getpid());
	}
	late = pid_rss_bytes(getpid());
	atomic_store(&s.stop, true);
	for (int i = 0; i < NUM_THREADS; i++)
		pthread_join(c[i].thread, NULL);
	print_figures(&s, seconds, early, late);
	revcheck_free(s.rc);
	proc_stop(&s.proc, WAIT_MS);
	proc_cleanup(&s.proc);
	for (size_t k = 0; k < NUM_CAS; k++)
		authority_cleanup(&s.cas[k]);
	free(s.cas);
	bad = atomic_load(&s.wrong) > 0 ||
	    late > early + early / 4 + ((size_t)16 << 20) ||
	    atomic_load(&s.good) == 0 || atomic_load(&s.revoked) == 0;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		bad = 1;
	puts(bad ? "soak: FAILED" : "soak: ok");
	return bad;
}
