/*
 * What a refresh of the status page does, counted: of twenty thousand peers
 * only the rows that are shown are made, and of thousands of CRL files none is
 * looked into.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/conn_answer.h"
#include "gateway/dataplane/conn_list.h"
#include "gateway/dataplane/conn_query.h"
#include "gateway/dataplane/worker.h"
#include "revcheck/engine/cache_item.h"
#include "tests/lib/issuer.h"
#include "tests/lib/net.h"

#define PEERS 20000
#define ROWS  50
#define FILES 2000

/* Each row has its address as text; each CRL that is looked into its issuer. */
static size_t num_rows, num_looks;

void __real_address_text(char *out, const struct sockaddr_storage *sa);
void __wrap_address_text(char *out, const struct sockaddr_storage *sa);
void
__wrap_address_text(char *out, const struct sockaddr_storage *sa)
{
	num_rows++;
	__real_address_text(out, sa);
}

void __real_cache_item_of_crl(
    struct revcheck_cache_item *out, const struct crl *crl);
void __wrap_cache_item_of_crl(
    struct revcheck_cache_item *out, const struct crl *crl);
void
__wrap_cache_item_of_crl(struct revcheck_cache_item *out, const struct crl *crl)
{
	num_looks++;
	__real_cache_item_of_crl(out, crl);
}

struct seen {
	size_t num, by_status[DECISION_NUM_STATUSES];
	uint64_t first, last;
};

static void
on_answer(void *arg, const struct conn_answer *a)
{
	struct seen *s = arg;

	s->num = a->num;
	memcpy(s->by_status, a->by_status, sizeof(s->by_status));
	s->first = a->rows[0].id;
	s->last = a->rows[a->num - 1].id;
}

/* A tenth of them is known good. */
static void
peers_make(struct conn *all, struct worker *w, struct sockaddr_storage *sa)
{
	for (size_t i = 0; i < PEERS; i++) {
		struct conn *c = &all[i];

		c->worker = w;
		c->id = i + 1;
		c->inbound = c->let_in = true;
		c->state = CONN_RELAY;
		c->remote = sa;
		c->found.status =
		    i % 10 == 0 ? REVCHECK_GOOD : REVCHECK_UNKNOWN;
		conn_list_add(w, c);
	}
}

static void
only_the_rows_that_are_shown(void **state)
{
	const struct conn_question question = {
	    .max = ROWS, .statuses = 1U << REVCHECK_UNKNOWN};
	struct sockaddr_storage sa = {.ss_family = AF_INET};
	struct conn *all = calloc(PEERS, sizeof(*all));
	struct event_base *base = event_base_new();
	struct seen seen = {0};
	struct worker w = {0};
	struct conn_query *q;
	struct err err;

	(void)state;
	assert_non_null(all);
	assert_non_null(base);
	peers_make(all, &w, &sa);
	assert_int_equal(
	    conn_query_new(&q, base, &question, 1, on_answer, &seen, &err), 0);
	num_rows = 0;
	conn_answer(&w, conn_query_part(q, 0));
	assert_int_equal(num_rows, ROWS);
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(seen.num, ROWS);
	/* The newest, but not those that are known good. */
	assert_int_equal(seen.first, PEERS);
	assert_int_equal(seen.last, PEERS - ROWS - (ROWS - 1) / 9 + 1);
	assert_int_equal(seen.by_status[REVCHECK_GOOD], PEERS / 10);
	assert_int_equal(seen.by_status[REVCHECK_UNKNOWN], PEERS - PEERS / 10);
	event_base_free(base);
	free(all);
}

static int
count_source(void *arg, const struct revcheck_source_item *item)
{
	size_t *num = arg;

	assert_int_equal(item->kept, 1);
	assert_true(item->next_update > item->this_update);
	assert_int_equal(strlen(item->key), 64);
	(*num)++;
	return 0;
}

static void
write_files(void)
{
	time_t now = time(NULL);
	struct issuer ca;

	issuer_init(&ca,
	    &(struct issuer_cert){.cn = "of many lists",
		.serial = 1,
		.from = now - 60,
		.to = now + 3600,
		.constraints = "critical,CA:TRUE",
		.usage = "critical,keyCertSign,cRLSign"});
	dir_make("crls");
	issuer_write_crl("crls/0.crl",
	    &(struct issuer_crl){
		.by = &ca, .number = 1, .from = now - 60, .next = now + 3600});
	issuer_cleanup(&ca);
	for (int i = 1; i < FILES; i++) {
		char *path = xasprintf("crls/%d.crl", i);

		assert_int_equal(link("crls/0.crl", path), 0);
		free(path);
	}
}

static int
count_issuer(void *arg, const struct revcheck_cache_item *item,
    const unsigned char *der, size_t len)
{
	(void)der, (void)len;
	*(bool *)arg = item->issuer[0] != '\0';
	return 1;
}

struct some {
	char keys[ROWS][65];
	size_t num;
};

static int
take_key(void *arg, const struct revcheck_source_item *item)
{
	struct some *s = arg;

	memcpy(s->keys[s->num++], item->key, sizeof(item->key));
	return s->num == ROWS;
}

static void
no_file_is_looked_into(void **state)
{
	const char *paths[] = {"crls", NULL};
	struct revcheck_options o = {
	    .size = sizeof(o), .offline = 1, .crl_paths = paths};
	struct some some = {.num = 0};
	struct revcheck_error err;
	struct revcheck *rc;
	bool named = false;
	size_t num = 0;

	(void)state;
	write_files();
	if (revcheck_new(&rc, &o, &err) != 0)
		fail_msg("no engine: %s", err.msg);
	num_looks = 0;
	assert_int_equal(
	    revcheck_archive_sources(rc, count_source, &num), FILES);
	assert_int_equal(num, FILES);
	assert_int_equal(num_looks, 0);
	/* But those that are shown, for their issuers. */
	(void)revcheck_archive_sources(rc, take_key, &some);
	for (size_t i = 0; i < some.num; i++) {
		assert_int_equal(revcheck_archive_get(rc, some.keys[i],
				     count_issuer, &named, &err),
		    1);
		assert_true(named);
	}
	assert_int_equal(num_looks, ROWS);
	revcheck_free(rc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_the_rows_that_are_shown),
	    cmocka_unit_test(no_file_is_looked_into),
	};

	return cmocka_run_group_tests_name("page work", tests, NULL, NULL);
}
