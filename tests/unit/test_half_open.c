/*
 * half_open: who gives way when there is no room for another handshake: the
 * oldest of the address that has most; among equals one that is slow, or
 * nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sys/socket.h>

#include "gateway/dataplane/half_open.h"

#define AT    100000
#define YOUNG (AT + HALF_OPEN_SLOW_MS - 1)
#define LATE  (AT + 9 * HALF_OPEN_SLOW_MS)

static struct limits_peer
peer(uint8_t last)
{
	return (struct limits_peer){
	    .family = 4, .octets = {10, 0, (uint8_t)(last % 7), last}};
}

static struct half_open *
fresh(void)
{
	struct half_open *h;

	assert_int_equal(half_open_new(&h, NULL), 0);
	return h;
}

static void
add(struct half_open *h, struct half_open_place *p, uint8_t from, uint64_t at)
{
	struct limits_peer who = peer(from);

	half_open_add(h, p, &who, -1, at);
}

/* Somebody from there: the address that made room, or -1. */
static int
room(struct half_open *h, uint8_t from, uint64_t now)
{
	struct limits_peer who = peer(from), gone;

	return half_open_make_room(h, &who, now, &gone) ? gone.octets[3] : -1;
}

static void
only_the_slow_give_way_to_equals(void **state)
{
	struct half_open *h = fresh();
	struct half_open_place slow = {0}, quick = {0};

	(void)state;
	assert_int_equal(room(h, 9, LATE), -1);
	add(h, &slow, 1, AT);
	add(h, &quick, 2, AT + HALF_OPEN_SLOW_MS);
	assert_int_equal(room(h, 9, AT), -1);
	assert_int_equal(room(h, 9, YOUNG), -1);
	assert_int_equal(room(h, 9, AT + HALF_OPEN_SLOW_MS), 1);
	assert_true(slow.shed);
	assert_false(quick.shed);
	/* Once is enough, and it does not come back. */
	add(h, &slow, 1, AT);
	half_open_remove(h, &slow);
	assert_int_equal(room(h, 9, YOUNG + HALF_OPEN_SLOW_MS), -1);
	half_open_remove(h, &quick);
	half_open_remove(h, &quick);
	assert_int_equal(room(h, 9, LATE), -1);
	assert_false(quick.shed);
	half_open_free(h);
}

/* Young or not, whoever has most makes room for who has less by two. */
static void
who_has_most_gives_way(void **state)
{
	struct half_open *h = fresh();
	struct half_open_place many[5] = {0}, few[2] = {0}, one = {0};

	(void)state;
	add(h, &one, 3, AT);
	for (size_t i = 0; i < 2; i++)
		add(h, &few[i], 2, AT);
	for (size_t i = 0; i < 5; i++)
		add(h, &many[i], 1, AT + 1 + i);
	/* Its own newcomers wait for one to be slow. */
	assert_int_equal(room(h, 1, YOUNG), -1);
	/* Of the many the oldest, and down to the rest. */
	assert_int_equal(room(h, 9, YOUNG), 1);
	assert_true(many[0].shed);
	assert_int_equal(room(h, 9, YOUNG), 1);
	assert_true(many[1].shed);
	/* Three to its two and one more are equals; to one they are not. */
	assert_int_equal(room(h, 2, YOUNG), -1);
	assert_int_equal(room(h, 3, YOUNG), 1);
	/* Two each: the older goes first. */
	assert_int_equal(room(h, 9, YOUNG), 2);
	assert_int_equal(room(h, 9, YOUNG), 1);
	assert_int_equal(room(h, 9, YOUNG), -1);
	assert_false(one.shed);
	half_open_free(h);
}

/* Who is heard of again goes to the end. */
static void
oldest_first_whoever_leaves(void **state)
{
	struct half_open *h = fresh();
	struct half_open_place c[4] = {0};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		add(h, &c[i], 1, AT + i);
	half_open_remove(h, &c[1]);
	assert_int_equal(room(h, 1, LATE), 1);
	assert_true(c[0].shed);
	half_open_remove(h, &c[2]);
	add(h, &c[2], 1, AT + 4);
	assert_int_equal(room(h, 1, LATE), 1);
	assert_true(c[3].shed);
	assert_int_equal(room(h, 1, LATE), 1);
	assert_true(c[2].shed && !c[1].shed);
	assert_int_equal(room(h, 1, LATE), -1);
	half_open_free(h);
}

/* Against a plain search, with many addresses that come and go. */
static void
the_top_is_always_who_has_most(void **state)
{
	static struct half_open_place p[600];
	unsigned have[40] = {0}, seed = 7;
	struct half_open *h = fresh();
	uint64_t at = AT;

	(void)state;
	memset(p, 0, sizeof(p));
	for (int round = 0; round < 20000; round++) {
		unsigned i, most = 0;
		int from;

		seed = seed * 1103515245u + 12345u;
		i = (seed >> 8) % 600;
		from = (int)(i % 40);
		if (p[i].address != NULL) {
			half_open_remove(h, &p[i]);
			have[from]--;
		} else if (!p[i].shed) {
			add(h, &p[i], (uint8_t)from, ++at);
			have[from]++;
		} else {
			p[i].shed = false;
		}
		if (round % 5 != 0)
			continue;
		for (unsigned k = 0; k < 40; k++)
			most = have[k] > most ? have[k] : most;
		from = room(h, 200, at);
		assert_int_equal(from >= 0, most > 1);
		if (from < 0)
			continue;
		assert_int_equal(have[from], most);
		have[from]--;
	}
	for (size_t i = 0; i < 600; i++)
		half_open_remove(h, &p[i]);
	half_open_free(h);
}

/* Its owner, on whatever thread, is told by its socket. */
static void
the_socket_is_shut_down(void **state)
{
	struct half_open *h = fresh();
	struct half_open_place p = {0};
	struct limits_peer who = peer(1), gone;
	int fds[2];
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	half_open_add(h, &p, &who, fds[0], AT);
	assert_true(half_open_make_room(h, &who, LATE, &gone));
	assert_memory_equal(&gone, &who, sizeof(gone));
	assert_int_equal(recv(fds[0], &byte, 1, MSG_DONTWAIT), 0);
	assert_int_equal(recv(fds[1], &byte, 1, MSG_DONTWAIT), 0);
	close(fds[0]);
	close(fds[1]);
	half_open_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_the_slow_give_way_to_equals),
	    cmocka_unit_test(who_has_most_gives_way),
	    cmocka_unit_test(oldest_first_whoever_leaves),
	    cmocka_unit_test(the_top_is_always_who_has_most),
	    cmocka_unit_test(the_socket_is_shut_down),
	};

	return cmocka_run_group_tests_name("half_open", tests, NULL, NULL);
}
