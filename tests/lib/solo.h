/*
 * solo: the scene of most tests of the door: one town for the whole program
 * and, before it, one gateway at a time, a new one for each test.
 */
#ifndef TESTS_LIB_SOLO_H
#define TESTS_LIB_SOLO_H

#include <stdbool.h>
#include <sys/resource.h>

#include "tests/lib/gateway.h"
#include "tests/lib/peer.h"

extern struct town town;
extern struct gateway gw;

/* For cmocka_run_group_tests: the town, in the directory "net". */
int solo_setup(void **state);
int solo_teardown(void **state);
/* A test after which, failed or not, its gateway is stopped. */
#define SOLO(f) cmocka_unit_test_teardown(f, solo_end)
int solo_end(void **state);

/* gateway_prepare, under a name (so with a state) that no other had. */
void solo_prepare(void);
/*
 * Waits until the gateway has no more than so many descriptors open, so has
 * noticed that others have left. Handshakes of the good peer are the clock.
 */
void solo_await_fds(size_t most);
/*
 * As many descriptors as there may be, for the test and for the gateways it
 * starts. False when that is impossible or fewer than least.
 */
bool solo_many_files(rlim_t least);

#endif
