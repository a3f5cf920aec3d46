/*
 * kill -9 in the middle of it: keys, certificate chains and holding
 * identities are written by a child that is killed at any moment, its first
 * start included. Whatever it had acknowledged is there afterwards, what was
 * under way is there whole or not at all, and the next start never fails.
 * Works in memory: what a killed process has written stays written with or
 * without a disk under it, and this way it is many more kills.
 */
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache/base/clock.h"
#include "fixtures/lib/fixture.h"
#include "fixtures/lib/proc.h"
#include "gateway/members/certstore.h"
#include "gateway/members/members.h"
#include "gateway/base/json.h"
#include "gateway/members/keystore.h"
#include "tests/lib/selfcert.h"

#define NUM_KILLS  300
#define MIN_KILLS  20   /* on a machine that is busy elsewhere, */
#define LIMIT_MS   8000 /* however long they take; more are welcome */
#define PER_DIR    6    /* lives of a directory; keys take time to read */
#define NUM_CHAINS 5
#define HOLDER     "0123456789AB"

/* What was acknowledged, by number; 0: nothing yet. */
enum kind {
	KIND_KEY = 0,
	KIND_CHAIN,
	KIND_HOLDING,
	NUM_KINDS
};

struct ack {
	int kind;
	unsigned number;
};

struct stores {
	struct state_db *db;
	struct keystore *keys;
	struct certstore *certs;
	struct members *holdings;
};

static char memory[] = "/dev/shm/gateway-kill.XXXXXX";
static const char *top = memory; /* or here */
static X509 *chains[NUM_CHAINS];
static unsigned seed;

static int
setup(void **state)
{
	const char *subject[] = {"O", "chain", NULL};

	for (size_t i = 0; i < NUM_CHAINS; i++) {
		EVP_PKEY *key;

		chains[i] = selfcert_new(&key, subject);
		EVP_PKEY_free(key);
	}
	if (mkdtemp(memory) == NULL)
		top = ".";
	seed = (unsigned)clock_mono_us();
	print_message("# seed %u\n", seed);
	return 0;
}

static int
teardown(void **state)
{
	const char *argv[] = {"/bin/rm", "-r", memory, NULL};

	for (size_t i = 0; i < NUM_CHAINS; i++)
		X509_free(chains[i]);
	return top == memory ? proc_run(argv, "rm.log", 10000, NULL) : 0;
}

static int
stores_open(struct stores *s, const char *dir, struct err *err)
{
	const struct keystore_place place = {.token = NULL};
	int rc;

	memset(s, 0, sizeof(*s));
	rc = state_db_open(&s->db, dir, NULL, err);
	if (rc == 0)
		rc = keystore_open(
		    &s->keys, s->db, dir, NULL, &place, NULL, err);
	if (rc == 0)
		rc = certstore_open(&s->certs, s->db, err);
	if (rc == 0)
		rc = members_open(&s->holdings, s->db, err);
	/* Who has chains has had a key. */
	if (rc == 0 && members_find(s->holdings, HOLDER) == NULL)
		rc = members_change(s->holdings, HOLDER, NULL, NULL, NULL, err);
	return rc;
}

static void
stores_close(struct stores *s)
{
	keystore_close(s->keys);
	certstore_close(s->certs);
	members_close(s->holdings);
	state_db_close(s->db);
}

/* The child: each change as REST makes it. */

/* Each key is of a tenant of its own, who is known from then on. */
static void
tenant_of(char out[KEYSTORE_ID_SIZE], unsigned n)
{
	snprintf(out, KEYSTORE_ID_SIZE, "%012X", n);
}

static int
do_key(struct stores *s, unsigned n)
{
	struct keystore_key *k;
	char tenant[KEYSTORE_ID_SIZE];
	struct err err;

	tenant_of(tenant, n);
	if (keystore_new_key(s->keys, &k, tenant, "alias", "TLS",
		"CORDA.ECDSA.SECP256R1", &err) != 0)
		return -1;
	return members_keep_key(s->holdings, s->keys, k, &err);
}

static int
do_chain(struct stores *s, unsigned n)
{
	struct certstore_list list = {
	    .v = {chains[n % NUM_CHAINS], chains[(n + 1) % NUM_CHAINS]},
	    .num = 1 + n % 2};
	struct err err;
	int rc = state_db_begin(s->db, &err);

	if (rc != 0)
		return rc;
	rc = certstore_put(
	    s->certs, HOLDER, CERTSTORE_TLS, "alias", &list, &err);
	return state_db_end(s->db, rc, &err);
}

/* Registration and setup by turns, so that each carries the other along. */
static int
do_holding(struct stores *s, unsigned n)
{
	cJSON *o = cJSON_CreateObject();
	char *long_text = calloc(1, 5200);
	struct err err;
	int rc;

	memset(long_text, 'x', 4100 + n % 1000);
	cJSON_AddNumberToObject(o, "number", n);
	cJSON_AddStringToObject(o, "text", long_text);
	rc = members_change(s->holdings, HOLDER, NULL, n % 2 == 0 ? o : NULL,
	    n % 2 == 0 ? NULL : o, &err);
	cJSON_Delete(o);
	free(long_text);
	return rc;
}

/* Keys are few: reading each again takes its decryption. */
static int
kind_by_lot(unsigned *r)
{
	unsigned lot = (unsigned)rand_r(r) % 9;

	return lot == 0 ? KIND_KEY : lot % 2 == 0 ? KIND_CHAIN : KIND_HOLDING;
}

static _Noreturn void
child(const char *dir, int fd, const unsigned last[NUM_KINDS], unsigned r)
{
	int (*const doing[NUM_KINDS])(struct stores *, unsigned) = {
	    do_key, do_chain, do_holding};
	unsigned next[NUM_KINDS];
	struct stores s;
	struct err err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	memcpy(next, last, sizeof(next));
	if (stores_open(&s, dir, &err) != 0)
		_exit(1);
	for (;;) {
		struct ack ack = {.kind = kind_by_lot(&r)};

		ack.number = ++next[ack.kind];
		if (doing[ack.kind](&s, ack.number) != 0)
			_exit(2);
		if (write(fd, &ack, sizeof(ack)) != sizeof(ack))
			_exit(3);
	}
}

/* What is found. */

static unsigned
found_keys(struct stores *s)
{
	unsigned num = (unsigned)keystore_num(s->keys);
	char tenant[KEYSTORE_ID_SIZE];

	for (unsigned i = 1; i <= num; i++) {
		tenant_of(tenant, i);
		assert_string_equal(
		    keystore_get(s->keys, i - 1)->tenant, tenant);
		/* Made by one call, so they are known together. */
		assert_non_null(members_find(s->holdings, tenant));
	}
	return num;
}

static void
check_chain(struct stores *s, unsigned acknowledged)
{
	struct certstore_list list = {.num = 0};
	struct err err;
	bool same = false;
	char *pem;
	int rc =
	    certstore_get(s->certs, HOLDER, CERTSTORE_TLS, "alias", &pem, &err);

	if (rc == E_ARG) {
		assert_int_equal(acknowledged, 0);
		return;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(certstore_read(&list, pem, strlen(pem), &err), 0);
	free(pem);
	for (unsigned n = acknowledged; n <= acknowledged + 1; n++)
		same |= n > 0 && list.num == 1 + n % 2 &&
		    X509_cmp(list.v[0], chains[n % NUM_CHAINS]) == 0 &&
		    (list.num == 1 ||
			X509_cmp(list.v[1], chains[(n + 1) % NUM_CHAINS]) == 0);
	certstore_list_cleanup(&list);
	assert_true(same);
}

static unsigned
number_in(const cJSON *o, unsigned parity)
{
	const char *text = json_get_string(o, "text");
	double n;

	if (o == NULL)
		return 0;
	assert_non_null(text);
	n = cJSON_GetNumberValue(json_get(o, "number"));
	assert_int_equal((unsigned)n % 2, parity);
	assert_int_equal(strlen(text), 4100 + (unsigned)n % 1000);
	return (unsigned)n;
}

/* The last two numbers, one in each half, or one of them not yet. */
static unsigned
found_holding(struct stores *s)
{
	const struct member *h = members_find(s->holdings, HOLDER);
	unsigned even, odd;

	assert_non_null(h);
	if (h->registration == NULL && h->setup == NULL)
		return 0;
	even = number_in(h->registration, 0);
	odd = number_in(h->setup, 1);
	assert_true(even == odd + 1 || odd == even + 1);
	return even > odd ? even : odd;
}

static void
check_one(unsigned found, unsigned *acknowledged)
{
	assert_in_range(found, *acknowledged, *acknowledged + 1);
	*acknowledged = found;
}

static void
check(const char *dir, unsigned last[NUM_KINDS])
{
	struct stores s;
	struct err err;

	if (stores_open(&s, dir, &err) != 0)
		fail_msg("does not start: %s", err.msg);
	check_one(found_keys(&s), &last[KIND_KEY]);
	check_chain(&s, last[KIND_CHAIN]);
	check_one(found_holding(&s), &last[KIND_HOLDING]);
	stores_close(&s);
}

/* The parent. */

/* Not a sleep: it is a moment that is sought, not something that comes. */
static void
spin_us(uint64_t us)
{
	uint64_t end = clock_mono_us() + us;

	while (clock_mono_us() < end)
		sched_yield();
}

static void
one_life(const char *dir, unsigned last[NUM_KINDS])
{
	unsigned acks = rand_r(&seed) % 6, delay_us = rand_r(&seed) % 3000;
	struct ack ack;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		child(dir, fds[1], last, seed);
	}
	close(fds[1]);
	for (unsigned i = 0; i < acks; i++) {
		if (read(fds[0], &ack, sizeof(ack)) != sizeof(ack))
			break;
		last[ack.kind] = ack.number;
	}
	spin_us(delay_us);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status))
		fail_msg("the child ended with %d", WEXITSTATUS(status));
	/* Acknowledged before it died, read only now. */
	while (read(fds[0], &ack, sizeof(ack)) == sizeof(ack))
		last[ack.kind] = ack.number;
	close(fds[0]);
}

static void
nothing_is_lost_or_mixed(void **state)
{
	uint64_t end = clock_mono_ms() + LIMIT_MS;
	unsigned last[NUM_KINDS] = {0}, kills = 0;
	unsigned long changes = 0;
	char *dir = NULL;

	while (
	    kills < MIN_KILLS || (kills < NUM_KILLS && clock_mono_ms() < end)) {
		if (kills % PER_DIR == 0) {
			free(dir);
			dir = xasprintf("%s/state-%u", top, kills);
			dir_make(dir);
			memset(last, 0, sizeof(last));
		}
		for (int k = 0; k < NUM_KINDS; k++)
			changes -= last[k];
		one_life(dir, last);
		check(dir, last);
		for (int k = 0; k < NUM_KINDS; k++)
			changes += last[k];
		kills++;
	}
	free(dir);
	print_message("# %u kills, %lu changes\n", kills, changes);
	assert_in_range(kills, MIN_KILLS, NUM_KILLS);
	assert_in_range(changes, kills, ULONG_MAX);
}

/* The moments that chance would take long to find: before and after. */
static void
a_key_is_never_without_its_holding(void **state)
{
	for (int committed = 0; committed < 2; committed++) {
		char *dir = xasprintf("%s/between-%d", top, committed);
		static const char tenant[] = "BA9876543210";
		struct keystore_key *k;
		struct stores s;
		struct err err;
		int status;
		pid_t pid;

		dir_make(dir);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			if (stores_open(&s, dir, &err) == 0 &&
			    keystore_new_key(s.keys, &k, tenant, "alias", "TLS",
				"CORDA.ECDSA.SECP256R1", &err) == 0 &&
			    (committed ? members_keep_key(
					     s.holdings, s.keys, k, &err)
				       : state_db_begin(s.db, &err) != 0 ||
					keystore_keep(s.keys, k, &err) != 0 ||
					state_db_flush(s.db, &err) != 0) == 0)
				(void)kill(getpid(), SIGKILL);
			_exit(1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(stores_open(&s, dir, &err), 0);
		assert_int_equal(keystore_num(s.keys), committed);
		assert_int_equal(
		    members_find(s.holdings, tenant) != NULL, committed);
		stores_close(&s);
		free(dir);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_lost_or_mixed),
	    cmocka_unit_test(a_key_is_never_without_its_holding),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
