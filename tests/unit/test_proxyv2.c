/* proxyv2: headers octet by octet, and parts that do not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <openssl/ssl.h>

#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/proxy_header.h"
#include "gateway/dataplane/runtime.h"

static const uint8_t signature[12] = {
    0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 'Q', 'U', 'I', 'T', 0x0a};

static struct sockaddr_storage
v4(const char *text, uint16_t port)
{
	struct sockaddr_storage sa = {.ss_family = AF_INET};
	struct sockaddr_in *in = (void *)&sa;

	assert_int_equal(inet_pton(AF_INET, text, &in->sin_addr), 1);
	in->sin_port = htons(port);
	return sa;
}

static void
ipv4_with_everything(void **state)
{
	struct sockaddr_storage from = v4("192.0.2.1", 4321);
	struct sockaddr_storage to = v4("198.51.100.2", 443);
	uint8_t leaf[32] = {0xab}, out[PROXY_HEADER_MAX];
	const struct proxy_header p = {.from = &from,
	    .to = &to,
	    .tls_version = "TLSv1.3",
	    .common_name = "Bob",
	    .verified = 1,
	    .status = "good",
	    .leaf_sha256 = leaf};
	static const uint8_t addresses[12] = {
	    192, 0, 2, 1, 198, 51, 100, 2, 0x10, 0xe1, 0x01, 0xbb};
	/* PP2_TYPE_SSL: client 7, verify 0, version, CN. */
	static const uint8_t tls[] = {0x20, 0, 21, 0x07, 0, 0, 0, 0, 0x21, 0, 7,
	    'T', 'L', 'S', 'v', '1', '.', '3', 0x22, 0, 3, 'B', 'o', 'b'};
	static const uint8_t status[] = {0xe0, 0, 4, 'g', 'o', 'o', 'd'};
	static const uint8_t sha[] = {0xe1, 0, 32, 0xab};
	size_t at = 28;
	size_t len = proxy_header_encode(out, &p);

	(void)state;
	assert_int_equal(len, 28 + sizeof(tls) + sizeof(status) + 35);
	assert_memory_equal(out, signature, 12);
	assert_int_equal(out[12], 0x21); /* version 2, PROXY */
	assert_int_equal(out[13], 0x11);
	assert_int_equal(out[14] << 8 | out[15], len - 16);
	assert_memory_equal(out + 16, addresses, sizeof(addresses));
	assert_memory_equal(out + at, tls, sizeof(tls));
	at += sizeof(tls);
	assert_memory_equal(out + at, status, sizeof(status));
	at += sizeof(status);
	assert_memory_equal(out + at, sha, sizeof(sha));
}

static void
ipv6_and_no_certificate(void **state)
{
	struct sockaddr_storage from = {.ss_family = AF_INET6}, to = from;
	uint8_t out[PROXY_HEADER_MAX];
	const struct proxy_header p = {
	    .from = &from, .to = &to, .tls_version = "TLSv1.2"};
	size_t len = proxy_header_encode(out, &p);

	(void)state;
	assert_int_equal(len, 16 + 36 + 3 + 5 + 10);
	assert_int_equal(out[13], 0x21);
	assert_int_equal(out[52], 0x20);
	assert_int_equal(out[55], 0x01);     /* TLS, no certificate */
	assert_int_not_equal(out[59], 0x00); /* so it was not verified */
}

static void
unix_and_mixed_families_have_no_address(void **state)
{
	struct sockaddr_storage from = {.ss_family = AF_UNIX}, to = from;
	struct sockaddr_storage other = v4("192.0.2.1", 1);
	uint8_t out[PROXY_HEADER_MAX];
	struct proxy_header p = {.from = &from, .to = &to};

	(void)state;
	assert_int_equal(proxy_header_encode(out, &p), 16);
	assert_int_equal(out[13], 0x00);
	p.from = &other;
	assert_int_equal(proxy_header_encode(out, &p), 16);
	assert_int_equal(out[13], 0x00);
}

/* What is in a header: the value of a TLV, from p on. */
static const uint8_t *
tlv_find(const uint8_t *p, size_t len, unsigned type, size_t *value_len)
{
	for (size_t at = 0, n; at < len; at += 3 + n) {
		assert_true(len - at >= 3);
		n = (size_t)(p[at + 1] << 8 | p[at + 2]);
		assert_true(len - at - 3 >= n);
		*value_len = n;
		if (p[at] == type)
			return p + at + 3;
	}
	return NULL;
}

/* Whether it is there, and then whole. sub: within what is said of TLS. */
static bool
has(const uint8_t *out, size_t len, bool sub, unsigned type, const void *want,
    size_t want_len)
{
	size_t n;
	const uint8_t *p = out + 16, *end = out + len;

	assert_int_equal(out[14] << 8 | out[15], len - 16);
	assert_int_equal(out[13], 0x00);
	if (sub) {
		p = tlv_find(p, (size_t)(end - p), 0x20, &n);
		assert_non_null(p);
		end = p + n;
		p += 5;
	}
	p = tlv_find(p, (size_t)(end - p), type, &n);
	if (p == NULL)
		return false;
	assert_int_equal(n, want_len);
	assert_memory_equal(p, want, n);
	return true;
}

/* Sizes on both sides of the limit; what is small is always there. */
static void
what_does_not_fit_is_left_out(void **state)
{
	/* 16, TLS 3 + 5 + 10, ALPN 3 + 8, name 3 + 255, subject 3 + 511. */
	enum {
		USED = 16 + 18 + 11 + 258 + 514,
		FREE = PROXY_HEADER_MAX - USED
	};
	static const struct {
		size_t cn, cert; /* 0: none */
		bool has_cn, has_cert;
	} rows[] = {
	    {0, 0, false, false},
	    {0, 1, false, true},
	    {0, FREE - 3, false, true},
	    {0, FREE - 2, false, false},
	    {0, 100000, false, false},
	    {FREE - 3, 0, true, false},
	    {FREE - 2, 0, false, false},
	    {100, FREE - 106, true, true},
	    {100, FREE - 105, true, false},
	    {FREE - 3, 1, true, false},
	    {FREE - 2, FREE - 3, false, true},
	    {70000, 70000, false, false},
	};
	static uint8_t cert[100000];
	static char cn[70001];
	char subject[512], name[256];
	uint8_t out[PROXY_HEADER_MAX];

	(void)state;
	memset(subject, 's', sizeof(subject));
	memset(name, 'n', sizeof(name));
	subject[511] = name[255] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct proxy_header p = {.tls_version = "TLSv1.3",
		    .verified = 1,
		    .server_name = name,
		    .alpn = (const uint8_t *)"http/1.1",
		    .alpn_len = 8,
		    .subject = subject,
		    .certificate = rows[i].cert > 0 ? cert : NULL,
		    .certificate_len = rows[i].cert};
		size_t len;

		memset(cn, 'c', sizeof(cn));
		cn[rows[i].cn] = '\0';
		p.common_name = rows[i].cn > 0 ? cn : NULL;
		len = proxy_header_encode(out, &p);
		assert_in_range(len, USED, PROXY_HEADER_MAX);
		assert_true(has(out, len, true, 0x21, "TLSv1.3", 7));
		assert_true(has(out, len, false, 0x01, "http/1.1", 8));
		assert_true(has(out, len, false, 0x02, name, 255));
		assert_true(has(out, len, false, 0xe2, subject, 511));
		assert_int_equal(
		    has(out, len, true, 0x22, cn, rows[i].cn), rows[i].has_cn);
		assert_int_equal(has(out, len, true, 0x28, cert, rows[i].cert),
		    rows[i].has_cert);
	}
}

/* A name that holds a NUL is another's up to there: the node has none. */
static void
a_name_with_a_nul_is_not_told(void **state)
{
	static const unsigned char names[2][9] = {"good peer", "good\0bad!"};
	static struct conf conf; /* says nothing of certificates */
	struct runtime runtime = {.conf = &conf};
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct conn c = {
	    .tls_fd = -1, .runtime = &runtime, .ssl = SSL_new(ctx)};
	uint8_t out[PROXY_HEADER_MAX];

	(void)state;
	for (int i = 0; i < 2; i++) {
		X509 *x = X509_new();

		assert_int_equal(
		    X509_NAME_add_entry_by_NID(X509_get_subject_name(x),
			NID_commonName, MBSTRING_UTF8, names[i], 9, -1, 0),
		    1);
		assert_int_equal(
		    revcheck_certs_from_x509(&c.certs, &x, 1, NULL), 0);
		assert_true(proxy_header_make(out, &c) > 28);
		/* Its field: type, length. */
		assert_int_equal(
		    memmem(out, sizeof(out), "\x22\0\x09good", 7) != NULL,
		    i == 0);
		assert_null(memmem(out, sizeof(out), "\x22\0\x04good", 7));
		revcheck_certs_free(c.certs);
		X509_free(x);
	}
	SSL_free(c.ssl);
	SSL_CTX_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ipv4_with_everything),
	    cmocka_unit_test(ipv6_and_no_certificate),
	    cmocka_unit_test(unix_and_mixed_families_have_no_address),
	    cmocka_unit_test(what_does_not_fit_is_left_out),
	    cmocka_unit_test(a_name_with_a_nul_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
