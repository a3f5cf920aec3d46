/* service: its thread has the priority of its maker: small answers wait on it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "cache/engine/service.h"

struct seen {
	int nice;
	bool self;
	struct service *service;
};

static void
look(void *arg)
{
	struct seen *seen = arg;

	seen->nice = getpriority(PRIO_PROCESS, 0);
	seen->self = service_is_self(seen->service);
}

static void
the_thread_runs_like_its_maker(void **state)
{
	int mine = getpriority(PRIO_PROCESS, 0);
	struct seen seen = {0};
	struct err err;

	(void)state;
	assert_int_equal(service_new(&seen.service, &err), 0);
	assert_int_equal(service_start(seen.service, &err), 0);
	assert_int_equal(service_post(seen.service, look, &seen), 0);
	service_stop(seen.service);
	assert_true(seen.self);
	assert_int_equal(seen.nice, mine);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), mine);
	service_free(seen.service);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_thread_runs_like_its_maker),
	};

	return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
