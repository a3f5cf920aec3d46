/*
 * bench_crl: a CRL from bytes to answering, beside what has to be done at the
 * least (SHA-256 of the bytes, by OpenSSL) and beside OpenSSL's own way. All
 * in one run, interleaved; medians with spread. Prints; judges nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <malloc.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "cache/base/clock.h"
#include "cache/crl/crl.h"
#include "tests/lib/crlmake.h"

#define RUNS 7

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct series {
	double v[RUNS];
	size_t n;
};

static double
median(struct series *s)
{
	qsort(s->v, s->n, sizeof(s->v[0]), by_value);
	return s->v[s->n / 2];
}

static void
print_ms(const char *what, struct series *s)
{
	double m = median(s);

	printf("  %-52s %9.3f ms  (%.3f .. %.3f)\n", what, m, s->v[0],
	    s->v[s->n - 1]);
}

static void
die(const char *what)
{
	fprintf(stderr, "bench_crl: %s\n", what);
	exit(1);
}

static double
now_ms(void)
{
	return (double)clock_mono_us() / 1000.0;
}

static void
sha256(const uint8_t *p, size_t len)
{
	unsigned char md[32];

	if (EVP_Digest(p, len, md, NULL, EVP_sha256(), NULL) != 1)
		die("sha256");
}

static void
verify(const struct crl *c, EVP_PKEY *key)
{
	const struct crl_info *i = crl_get0_info(c);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1 ||
	    EVP_PKEY_verify(ctx, i->signature.p, i->signature.len, i->digest,
		i->digest_len) != 1)
		die("signature");
	EVP_PKEY_CTX_free(ctx);
}

static void
ask_first(const struct crl *c)
{
	uint8_t serial[16];
	struct crl_entry e;

	crlmake_serial(1, serial);
	if (!crl_find(c, span_of(serial, 16), span_of(NULL, 0), NULL, NULL, &e))
		die("the first look-up");
}

/* The same bytes, page-aligned and in place, as a fetch leaves them. */
static double
load_taken(const uint8_t *der, size_t len, EVP_PKEY *key, struct crl **out)
{
	uint8_t *p = malloc(len);
	struct err err;
	double t;

	if (p == NULL)
		die("memory");
	memcpy(p, der, len);
	t = now_ms();
	if (crl_parse_take(p, len, NULL, out, NULL, &err) != 0)
		die(err.msg);
	verify(*out, key);
	ask_first(*out);
	return now_ms() - t;
}

static double
load_copied(const uint8_t *der, size_t len, EVP_PKEY *key)
{
	struct crl *c;
	struct err err;
	double t = now_ms();

	if (crl_parse(span_of(der, len), NULL, &c, NULL, &err) != 0)
		die(err.msg);
	verify(c, key);
	ask_first(c);
	t = now_ms() - t;
	crl_free(c);
	return t;
}

/* 16 KiB pieces, as libcurl delivers them. */
static double
load_streamed(const uint8_t *der, size_t len, EVP_PKEY *key)
{
	struct crl_builder *b = crl_builder_new(NULL);
	struct crl *c;
	struct err err;
	double t = now_ms();

	for (size_t at = 0; at < len; at += 16384)
		if (crl_builder_feed(b,
			span_of(der + at, len - at < 16384 ? len - at : 16384),
			NULL, &err) != 0)
			die(err.msg);
	if (crl_builder_finish(b, &c, NULL, &err) != 0)
		die(err.msg);
	verify(c, key);
	ask_first(c);
	t = now_ms() - t;
	crl_builder_free(b);
	crl_free(c);
	return t;
}

static double
load_mapped(const uint8_t *der, size_t len, EVP_PKEY *key)
{
	char path[] = "/tmp/bench_crl.XXXXXX";
	int fd = mkstemp(path);
	struct crl *c;
	struct err err;
	double t;

	if (fd < 0 || write(fd, der, len) != (ssize_t)len)
		die("a temporary file");
	t = now_ms();
	if (crl_map(fd, NULL, &c, NULL, &err) != 0)
		die(err.msg);
	verify(c, key);
	ask_first(c);
	t = now_ms() - t;
	crl_free(c);
	close(fd);
	unlink(path);
	return t;
}

static uint64_t
random64(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* One read that misses every cache, each address from the read before. */
static double
miss_ns(void)
{
	static const size_t num = (size_t)64 << 20 >> 3;
	size_t *next = malloc(num * sizeof(*next)), j, t, at = 0, sum = 0;
	uint64_t s = 88172645463325252u;
	double ms;

	if (next == NULL)
		die("memory");
	for (size_t i = 0; i < num; i++)
		next[i] = i;
	for (size_t i = num - 1; i > 0; i--) { /* one cycle through all */
		j = (size_t)(random64(&s) % i);
		t = next[i];
		next[i] = next[j];
		next[j] = t;
	}
	ms = now_ms();
	for (size_t i = 0; i < 2000000; i++) {
		at = next[at];
		sum += at;
	}
	ms = now_ms() - ms;
	free(next);
	if (sum == 1)
		puts("");
	return ms * 1e6 / 2000000;
}

#define LOOKUPS 1000000
static double
lookup_ns(const struct crl *c, size_t num, const uint8_t *serials, size_t n)
{
	struct crl_entry e;
	size_t found = 0;
	double t = now_ms();

	for (size_t i = 0; i < n; i++)
		found += crl_find(c, span_of(serials + 16 * i, 16),
		    span_of(NULL, 0), NULL, NULL, &e);
	t = now_ms() - t;
	if (found < n / 3 || found > n * 2 / 3)
		die("half of the serials are listed");
	(void)num;
	return t * 1e6 / (double)n;
}

static double
ossl_lookup_ns(X509_CRL *x, const uint8_t *serials, size_t n)
{
	ASN1_INTEGER **ints = calloc(n, sizeof(*ints));
	X509_REVOKED *r;
	size_t found = 0;
	double t;

	for (size_t i = 0; i < n; i++) {
		ints[i] = ASN1_INTEGER_new();
		ASN1_STRING_set(ints[i], serials + 16 * i, 16);
	}
	t = now_ms();
	for (size_t i = 0; i < n; i++)
		found += X509_CRL_get0_by_serial(x, &r, ints[i]) > 0;
	t = now_ms() - t;
	for (size_t i = 0; i < n; i++)
		ASN1_INTEGER_free(ints[i]);
	free(ints);
	if (found < n / 3)
		die("OpenSSL finds them");
	return t * 1e6 / (double)n;
}

static void
bench_openssl(const uint8_t *der, size_t len, EVP_PKEY *key,
    const uint8_t *serials, double ours_ns)
{
	const unsigned char *p = der;
	struct mallinfo2 before = mallinfo2(), after;
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	X509_REVOKED *r;
	X509_CRL *x;
	double t0 = now_ms(), t1, t2, t3, ns;
	uint8_t serial[16];

	x = d2i_X509_CRL(NULL, &p, (long)len);
	t1 = now_ms();
	if (x == NULL || X509_CRL_verify(x, key) != 1)
		die("OpenSSL's verify");
	t2 = now_ms();
	crlmake_serial(1, serial);
	ASN1_STRING_set(n, serial, 16);
	if (X509_CRL_get0_by_serial(x, &r, n) <= 0)
		die("OpenSSL's first look-up");
	t3 = now_ms();
	after = mallinfo2();
	printf("  %-52s %9.0f ms  (d2i %.0f, verify %.0f, look-up %.0f)\n",
	    "OpenSSL: bytes to answering", t3 - t0, t1 - t0, t2 - t1, t3 - t2);
	printf("  %-52s %9.1f MB\n", "OpenSSL: memory beyond the bytes",
	    (double)(after.uordblks + after.hblkhd - before.uordblks -
		before.hblkhd) /
		1e6);
	ns = ossl_lookup_ns(x, serials, 200000);
	printf("  %-52s %9.0f ns  (ours is 1/%.1f, goal 1/10)\n",
	    "OpenSSL: look-up", ns, ns / ours_ns);
	ASN1_INTEGER_free(n);
	X509_CRL_free(x);
}

static void
bench_size(size_t num, EVP_PKEY *key, double miss)
{
	struct series sha = {0}, take = {0}, copy = {0}, stream = {0},
		      map = {0}, look = {0};
	uint8_t *der, *serials = malloc((size_t)LOOKUPS * 16);
	uint64_t s = 0x2545f4914f6cdd1du;
	struct crl *c = NULL;
	size_t len;
	double t, base, ns;

	if (serials == NULL)
		die("memory");
	der = crlmake_many(num, key, &len);
	for (size_t i = 0; i < LOOKUPS; i++)
		crlmake_serial(
		    (size_t)(random64(&s) % (2 * num)), serials + 16 * i);
	printf("%zu entries, %.1f MB\n", num, (double)len / 1e6);
	for (int i = 0; i < RUNS; i++) {
		t = now_ms();
		sha256(der, len);
		sha.v[sha.n++] = now_ms() - t;
		crl_free(c);
		take.v[take.n++] = load_taken(der, len, key, &c);
		copy.v[copy.n++] = load_copied(der, len, key);
		stream.v[stream.n++] = load_streamed(der, len, key);
		map.v[map.n++] = load_mapped(der, len, key);
		look.v[look.n++] = lookup_ns(c, num, serials, LOOKUPS);
	}
	base = median(&sha);
	print_ms("SHA-256 of the bytes, OpenSSL", &sha);
	print_ms("bytes in memory -> verified, answering", &take);
	printf("  %-52s %9.2f x\n", "  of SHA-256 (goal 1.5)",
	    median(&take) / base);
	print_ms("the same, copied first", &copy);
	printf("  %-52s %9.2f x\n", "  of SHA-256 (goal 1.5)",
	    median(&copy) / base);
	print_ms("the same, arriving in pieces of 16 KiB", &stream);
	printf("  %-52s %9.2f x\n", "  of SHA-256 (goal 1.5)",
	    median(&stream) / base);
	print_ms("file on disk -> verified, answering", &map);
	printf("  %-52s %9.2f x\n", "  of SHA-256 (goal 1.5)",
	    median(&map) / base);
	printf("  %-52s %9.2f bytes an entry (bar 12)\n",
	    "memory beyond the DER", (double)crl_index_bytes(c) / (double)num);
	printf("  %-52s %9.3f x DER (bar 1.3)\n", "memory in all",
	    (double)(crl_index_bytes(c) + len) / (double)len);
	ns = median(&look);
	printf("  %-52s %9.0f ns  (%.0f .. %.0f)\n", "look-up, half present",
	    ns, look.v[0], look.v[look.n - 1]);
	printf("  %-52s %9.2f x %.0f ns (bar 3)\n", "  of a cache-missing read",
	    ns / miss, miss);
	if (num <= 1000000)
		bench_openssl(der, len, key, serials, ns);
	crl_free(c);
	free(serials);
	free(der);
}

int
main(int argc, char **argv)
{
	static const size_t sizes[] = {10000, 100000, 1000000, 5000000};
	EVP_PKEY *key = EVP_EC_gen("P-256");
	double miss = miss_ns();

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1) {
		bench_size((size_t)atol(argv[1]), key, miss);
	} else {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			bench_size(sizes[i], key, miss);
	}
	EVP_PKEY_free(key);
	return 0;
}
