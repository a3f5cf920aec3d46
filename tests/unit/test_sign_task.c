/*
 * async_task: work that waits for a token does not hold its loop up, can be
 * made to end, and stays shallow on its job's stack.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>
#include <event2/thread.h>
#include <openssl/async.h>

#include "fixtures/lib/fixture.h"
#include "gateway/members/csr.h"
#include "gateway/members/keystore.h"
#include "gateway/pkcs11/async_task.h"
#include "gateway/base/dn.h"
#include "gateway/pkcs11/pkcs11.h"
#include "tests/lib/stack_depth.h"
#include "tests/lib/softtoken.h"

#define TENANT "0123456789AB"

static struct event_base *base;
static struct pkcs11 *token;
static struct state_db *db;
static struct keystore *keys;

static int
setup(void **state)
{
	struct pkcs11_options o = {.module = SOFTTOKEN_MODULE,
	    .where = {.token = "task"},
	    .pin = SOFTTOKEN_PIN,
	    .threads = 2,
	    .timeout_ms = 100000};
	struct keystore_place place = {.categories = ~0u};
	struct err err;

	if (evthread_use_pthreads() != 0)
		return -1;
	base = event_base_new();
	softtoken_make("task");
	dir_make("state");
	assert_int_equal(pkcs11_open(&token, &o, &err), 0);
	place.token = token;
	assert_int_equal(state_db_open(&db, "state", NULL, &err), 0);
	return keystore_open(&keys, db, "state", NULL, &place, NULL, &err);
}

static int
teardown(void **state)
{
	keystore_close(keys);
	state_db_close(db);
	event_base_free(base);
	ASYNC_cleanup_thread();
	return pkcs11_close() ? 0 : -1;
}

struct work {
	const char *alias, *scheme;
	struct keystore_key *fresh;
	const struct keystore_key *key;
	char *pem;
	int rc;
	bool returned, done;
	struct err err;
};

static void
on_done(void *arg)
{
	struct work *w = arg;

	w->done = true;
}

static void
make(void *arg)
{
	struct work *w = arg;

	stack_depth_here();
	w->rc = keystore_new_key(
	    keys, &w->fresh, TENANT, w->alias, "TLS", w->scheme, &w->err);
	w->returned = true;
}

static void
ask(void *arg)
{
	struct work *w = arg;
	X509_NAME *name = dn_parse("O=Alice, L=London, C=GB");
	const char *names[CSR_MAX_NAMES];

	stack_depth_here();
	for (size_t i = 0; i < CSR_MAX_NAMES; i++)
		names[i] = "a-rather-long-name-of-a-host.example.com";
	w->rc = csr_make(
	    &w->pem, w->key, name, names, CSR_MAX_NAMES, NULL, &w->err);
	w->returned = true;
	X509_NAME_free(name);
}

/* A token may be faster than the look at it: then it is done at once. */
static bool
run(struct work *w, void (*fn)(void *))
{
	struct async_task *task;
	enum async_task_result result;

	w->returned = w->done = false;
	result = async_task_run(&task, base, fn, on_done, w);
	assert_int_not_equal(result, ASYNC_TASK_FAILED);
	assert_int_equal(w->returned, result == ASYNC_TASK_DONE);
	while (result == ASYNC_TASK_PENDING && !w->done)
		assert_int_equal(event_base_loop(base,
				     EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY),
		    0);
	assert_true(w->returned);
	if (w->rc != 0)
		fail_msg("%s", w->err.msg);
	return result == ASYNC_TASK_PENDING;
}

/* On the stack of the loop, as REST does. */
static void
keep(struct work *w)
{
	struct err err;
	int rc;

	assert_int_equal(state_db_begin(db, &err), 0);
	rc = keystore_keep(keys, w->fresh, &err);
	if (state_db_end(db, rc, &err) != 0)
		fail_msg("%s", err.msg);
	w->key = keystore_find(keys, w->fresh->tenant, w->fresh->id);
	assert_ptr_equal(w->key, w->fresh);
}

static void
the_loop_goes_on_and_the_stack_is_shallow(void **state)
{
	static const char *const schemes[] = {
	    "CORDA.ECDSA.SECP256R1", "CORDA.ECDSA.SECP384R1", "CORDA.RSA"};
	unsigned pending = 0;

	for (size_t i = 0; i < 3; i++) {
		struct work w = {.alias = schemes[i], .scheme = schemes[i]};

		pending += run(&w, make);
		keep(&w);
		assert_true(pkcs11_has(w.key->pkey));
		print_message("# key made: %zu octets\n", stack_depth_used());
		pending += run(&w, ask);
		assert_non_null(strstr(w.pem, "BEGIN CERTIFICATE REQUEST"));
		print_message(
		    "# and asked for: %zu octets\n", stack_depth_used());
		assert_in_range(stack_depth_used(), 1024, STACK_DEPTH_LIMIT);
		free(w.pem);
	}
	assert_true(pending > 0);
}

static void
it_can_be_cancelled(void **state)
{
	enum async_task_result result = ASYNC_TASK_DONE;
	struct async_task *task;
	struct work w;
	size_t num = 0;
	char alias[16];

	/* An RSA key takes a while, and mostly longer than we do. */
	for (int i = 0; i < 10 && result == ASYNC_TASK_DONE; i++) {
		snprintf(alias, sizeof(alias), "left%d", i);
		num = keystore_num(keys);
		w = (struct work){.alias = alias, .scheme = "CORDA.RSA"};
		result = async_task_run(&task, base, make, on_done, &w);
		if (result == ASYNC_TASK_DONE)
			keystore_discard(keys, w.fresh);
	}
	assert_int_equal(result, ASYNC_TASK_PENDING);
	async_task_cancel(task);
	assert_true(w.returned);
	assert_false(w.done);
	assert_int_not_equal(w.rc, 0);
	assert_null(w.fresh);
	assert_int_equal(keystore_num(keys), num);
	async_task_cancel(NULL);
}

static void
nothing(void *arg)
{
	struct work *w = arg;

	w->returned = true;
}

static void
what_does_not_wait_is_done_at_once(void **state)
{
	struct work w = {.rc = 0};
	struct async_task *task;

	assert_int_equal(
	    async_task_run(&task, base, nothing, on_done, &w), ASYNC_TASK_DONE);
	assert_true(w.returned);
	assert_false(w.done);
	assert_null(task);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_loop_goes_on_and_the_stack_is_shallow),
	    cmocka_unit_test(it_can_be_cancelled),
	    cmocka_unit_test(what_does_not_wait_is_done_at_once),
	};

	if (stack_depth_begin() != 1)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
