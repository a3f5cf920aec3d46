/*
 * scene: that of most tests of the gateway: one town for the whole program
 * and, before it, one gateway at a time: one for all tests, or a new one for
 * each.
 */
#ifndef TESTS_LIB_SCENE_H
#define TESTS_LIB_SCENE_H

#include <stdbool.h>
#include <sys/resource.h>

#include "tests/lib/gateway.h"
#include "tests/lib/peer.h"

extern struct town town;
extern struct gateway gw;

/* For cmocka_run_group_tests: the town, in the directory "net". */
int scene_setup(void **state);
/* What scene_setup or scene_up has started. */
int scene_teardown(void **state);

/* The town and the gateway of all tests: key, JSON (NULL: none), ... of it. */
#define scene_up(...) scene_up_args((const char *const[]){__VA_ARGS__, NULL})
void scene_up_args(const char *const *settings);
/* For cmocka_run_group_tests: without any settings. */
int scene_up_plain(void **state);

/* A test after which, failed or not, its gateway is stopped. */
#define SCENE(f) cmocka_unit_test_teardown(f, scene_end)
int scene_end(void **state);

/* gateway_prepare, under a name (so with a state) that no other had. */
void scene_prepare(void);
/*
 * Waits until the gateway has no more than so many descriptors open, so has
 * noticed that others have left. Handshakes of the good peer are the clock.
 */
void scene_await_fds(size_t most);
/*
 * As many descriptors as there may be, for the test and for the gateways it
 * starts. False when that is impossible or fewer than least.
 */
bool scene_many_files(rlim_t least);

#endif
