/* proxyv2: headers octet by octet, and one that does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "gateway/dataplane/proxy_header.h"

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
	int len = proxy_header_encode(out, &p);

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
	int len = proxy_header_encode(out, &p);

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

static void
too_long_is_refused(void **state)
{
	char name[PROXY_HEADER_MAX];
	uint8_t out[PROXY_HEADER_MAX];
	const struct proxy_header p = {
	    .tls_version = "TLSv1.3", .common_name = name, .verified = 1};

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(proxy_header_encode(out, &p), E_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ipv4_with_everything),
	    cmocka_unit_test(ipv6_and_no_certificate),
	    cmocka_unit_test(unix_and_mixed_families_have_no_address),
	    cmocka_unit_test(too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
