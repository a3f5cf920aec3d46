/*
 * What is signed is hashed by a thread beside the scanner where much of it has
 * come: the digest is that of the bytes whatever the pieces and whenever the
 * block moves, and a builder is given up at any point.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sched.h>
#include <sys/mman.h>

#include <openssl/evp.h>

#include "cache/crl/crl_build.h"
#include "tests/lib/crlmake.h"
#include "tests/lib/net.h"

#define NUM 60000 /* 2.3 MB: the block of those that grow moves */

static uint8_t *der;
static size_t len;

static int
setup(void **state)
{
	(void)state;
	der = crlmake_many(NUM, NULL, &len);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(der);
	return 0;
}

static void
feed(struct crl_builder *b, size_t from, size_t to, size_t piece)
{
	for (size_t n; from < to; from += n) {
		n = to - from < piece ? to - from : piece;
		assert_int_equal(
		    crl_builder_feed(b, span_of(der + from, n), NULL, NULL), 0);
	}
}

/* Of the bytes as they are now. */
static void
check_crl(const struct crl *c)
{
	const struct crl_info *info = crl_get0_info(c);
	unsigned char md[32];

	assert_int_equal(info->num_entries, NUM);
	assert_int_equal(info->der.len, len);
	assert_memory_equal(info->der.p, der, len);
	assert_int_equal(EVP_Digest(der + (info->tbs.p - info->der.p),
			     info->tbs.len, md, NULL, EVP_sha256(), NULL),
	    1);
	assert_int_equal(info->digest_len, sizeof(md));
	assert_memory_equal(info->digest, md, sizeof(md));
}

static void
finish(struct crl_builder *b, unsigned char digest[32])
{
	struct crl *c;

	assert_int_equal(crl_builder_finish(b, &c, NULL, NULL), 0);
	check_crl(c);
	if (digest != NULL)
		memcpy(digest, crl_get0_info(c)->digest, 32);
	crl_free(c);
	crl_builder_free(b);
}

static void
test_pieces(void **state)
{
	static const size_t pieces[] = {
	    61, 4096, 16384, 65536, 100003, 131072, 600000, SIZE_MAX};
	struct crl_builder *b;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		b = crl_builder_new(NULL);
		feed(b, 0, len, pieces[i]);
		finish(b, NULL);
	}
}

/* Small ones, and those about as large as one for which a thread is started. */
static void
test_sizes(void **state)
{
	size_t all = len;
	uint8_t *large = der;
	struct crl *c;
	unsigned char md[32];

	(void)state;
	for (size_t num = 1; num < 32000; num += num < 24000 ? 5999 : 1001) {
		der = crlmake_many(num, NULL, &len);
		for (int whole = 0; whole < 2; whole++) {
			struct crl_builder *b = crl_builder_new(NULL);

			feed(b, 0, len, whole ? len : 10000);
			assert_int_equal(
			    crl_builder_finish(b, &c, NULL, NULL), 0);
			assert_int_equal(EVP_Digest(crl_get0_info(c)->tbs.p,
					     crl_get0_info(c)->tbs.len, md,
					     NULL, EVP_sha256(), NULL),
			    1);
			assert_memory_equal(crl_get0_info(c)->digest, md, 32);
			crl_free(c);
			crl_builder_free(b);
		}
		free(der);
	}
	der = large;
	len = all;
}

/* One octet in another state is another digest, wherever it stands. */
static void
test_one_octet(void **state)
{
	unsigned char was[32], is[32];
	struct crl_builder *b = crl_builder_new(NULL);

	(void)state;
	feed(b, 0, len, 16384);
	finish(b, was);
	for (size_t at = 5; at < NUM; at += NUM / 7) {
		/* Of a serial: each is found again by its last octets. */
		uint8_t serial[16], *p;

		crlmake_serial(at, serial);
		p = memmem(der, len, serial, sizeof(serial));
		assert_non_null(p);
		p[3] ^= 1;
		b = crl_builder_new(NULL);
		feed(b, 0, len, 16384);
		finish(b, is);
		p[3] ^= 1;
		assert_memory_not_equal(was, is, sizeof(is));
	}
}

/* What is next to the block is taken: it moves while much is to be hashed. */
static void
test_moved(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++) {
		struct crl_builder *b = crl_builder_new(NULL);
		const struct mem_block *der_block = &b->crl->der;
		const uint8_t *was;
		void *next;

		feed(b, 0, 32768, 16384);
		was = der_block->p;
		assert_true(der_block->mapped > 0 && der_block->len < len);
		next = mmap(der_block->p + der_block->mapped, 1, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		feed(b, 32768, der_block->len, SIZE_MAX);
		feed(b, der_block->len, len, SIZE_MAX);
		assert_ptr_not_equal(der_block->p, was);
		if (next != MAP_FAILED)
			assert_int_equal(munmap(next, 1), 0);
		finish(b, NULL);
	}
}

/* One that was waited for is seen a little longer. */
static void
await_threads(size_t num)
{
	while (pid_num_threads(getpid()) > num)
		sched_yield();
	assert_int_equal(pid_num_threads(getpid()), num);
}

/* Freed while the thread reads; what is announced never comes. */
static void
test_given_up(void **state)
{
	size_t before = pid_num_threads(getpid());
	struct crl_builder *b;
	enum crl_fault fault;
	struct crl *c;

	(void)state;
	for (size_t to = 1; to < len; to += len / 37) {
		b = crl_builder_new(NULL);
		feed(b, 0, to, 70000);
		crl_builder_free(b);
		b = crl_builder_new(NULL);
		feed(b, 0, to, SIZE_MAX);
		assert_int_equal(
		    crl_builder_finish(b, &c, &fault, NULL), E_PARSE);
		assert_int_equal(fault, CRL_FAULT_MALFORMED);
		crl_builder_free(b);
	}
	await_threads(before);
}

/* Of more builders than there are threads for, and only where much came. */
static void
test_many(void **state)
{
	struct crl_builder *b[9];
	size_t before = pid_num_threads(getpid());

	(void)state;
	for (size_t i = 0; i < 9; i++)
		b[i] = crl_builder_new(NULL);
	for (size_t i = 0; i < 9; i++)
		feed(b[i], 0, 100000, 9000);
	assert_int_equal(pid_num_threads(getpid()), before);
	for (size_t at = 100000; at < len; at += 50000)
		for (size_t i = 0; i < 9; i++) {
			feed(b[i], at, at + 50000 < len ? at + 50000 : len,
			    9000);
			if (at == 400000)
				assert_int_equal(
				    pid_num_threads(getpid()), before + 4);
		}
	for (size_t i = 0; i < 9; i++)
		finish(b[i], NULL);
	await_threads(before);
}

/* The thread that hashes ends where another takes over. */
static void
test_aside(void **state)
{
	struct crl_builder *b = crl_builder_new(NULL);
	size_t before = pid_num_threads(getpid());

	(void)state;
	feed(b, 0, 700000, 16384);
	await_threads(before + 1);
	assert_true(crl_builder_aside(b, 0));
	feed(b, 700000, len, 16384);
	await_threads(before + 1);
	finish(b, NULL);
	await_threads(before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_one_octet),
	    cmocka_unit_test(test_moved),
	    cmocka_unit_test(test_given_up),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_aside),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
