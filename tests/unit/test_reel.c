/* reel: pieces stay as they are, and blocks go with the last one in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/observe/reel.h"

/* Blocks that there are. */
static int num_blocks;
static bool short_of_memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *
__wrap_malloc(size_t size)
{
	if (size < REEL_BLOCK_BYTES)
		return __real_malloc(size);
	if (short_of_memory)
		return NULL;
	num_blocks++;
	return __real_malloc(size);
}

/* Only blocks are freed while there are any. */
void __real_free(void *p);
void __wrap_free(void *p);
void
__wrap_free(void *p)
{
	num_blocks -= p != NULL;
	__real_free(p);
}

static struct reel_piece
written(struct reel *r, size_t len, int c)
{
	struct reel_piece p = reel_add(r, len);

	assert_int_equal(p.len, len);
	memset(p.bytes, c, len);
	return p;
}

static void
is_all(const struct reel_piece *p, int c)
{
	for (size_t i = 0; i < p->len; i++)
		assert_int_equal(p->bytes[i], c);
}

/* Of a ring of them, each as long as another. */
static void
who_is_first_in_goes_first(void **state)
{
	enum {
		KEPT = 100
	};
	struct reel_piece kept[KEPT] = {0};
	struct reel r = {0};
	size_t most = 0;

	(void)state;
	num_blocks = 0;
	for (int i = 0; i < 10 * KEPT; i++) {
		struct reel_piece *p = &kept[i % KEPT];

		if (i >= KEPT)
			is_all(p, (i - KEPT) & 0xff);
		reel_piece_release(p);
		*p = written(&r, 500 + (size_t)i % 7 * 100, i & 0xff);
		if ((size_t)num_blocks > most)
			most = (size_t)num_blocks;
	}
	/* 80,000 bytes in three blocks, the ends of two that go and come. */
	assert_in_range(most, 3, 5);
	for (int i = 0; i < KEPT; i++) {
		is_all(&kept[i], (10 * KEPT - KEPT + i) & 0xff);
		reel_piece_release(&kept[i]);
	}
	assert_int_equal(num_blocks, 1);
	reel_cleanup(&r);
	assert_int_equal(num_blocks, 0);
}

/* Who looks has it still when it has been let go of. */
static void
whoever_has_a_piece_has_its_bytes(void **state)
{
	struct reel r = {0};
	struct reel_piece p, none;

	(void)state;
	num_blocks = 0;
	p = written(&r, 10, 'x');
	reel_piece_up_ref(&p);
	reel_piece_release(&p);
	reel_cleanup(&r);
	assert_int_equal(num_blocks, 1);
	is_all(&p, 'x');
	reel_piece_release(&p);
	assert_int_equal(num_blocks, 0);
	none = reel_add(&r, 0);
	assert_null(none.block);
	reel_piece_up_ref(&none);
	reel_piece_release(&none);
}

static void
a_long_one_has_a_block_of_its_length(void **state)
{
	struct reel r = {0};
	struct reel_piece a, b, c;

	(void)state;
	num_blocks = 0;
	a = written(&r, 10, 'a');
	b = written(&r, 3 * (size_t)REEL_BLOCK_BYTES, 'b');
	c = written(&r, 10, 'c');
	assert_int_equal(num_blocks, 3);
	is_all(&a, 'a');
	is_all(&b, 'b');
	reel_piece_release(&b);
	assert_int_equal(num_blocks, 2);
	/* Nothing is lost, and nothing kept, where there is no more. */
	short_of_memory = true;
	b = reel_add(&r, REEL_BLOCK_BYTES);
	short_of_memory = false;
	assert_int_equal(b.len, 0);
	assert_null(b.block);
	b = written(&r, 10, 'd');
	assert_int_equal(num_blocks, 2);
	is_all(&c, 'c');
	reel_piece_release(&a);
	reel_piece_release(&b);
	reel_piece_release(&c);
	reel_cleanup(&r);
	assert_int_equal(num_blocks, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_is_first_in_goes_first),
	    cmocka_unit_test(whoever_has_a_piece_has_its_bytes),
	    cmocka_unit_test(a_long_one_has_a_block_of_its_length),
	};

	return cmocka_run_group_tests_name("reel", tests, NULL, NULL);
}
