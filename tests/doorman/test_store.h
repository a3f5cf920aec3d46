/*
 * test_store: a doorman's memory that knows nothing yet, for each test, and
 * requests put into it in any state. Helpers fail the test.
 */
#ifndef TESTS_DOORMAN_TEST_STORE_H
#define TESTS_DOORMAN_TEST_STORE_H

#include "fixtures/doorman/service/store/store.h"

#define TEST_STORE_FILE "test.sqlite"

typedef char test_id[STORE_ID_LEN + 1];

/* For cmocka_unit_test_setup_teardown; the store is this one. */
extern struct store test_store;
int test_store_setup(void **state);
int test_store_teardown(void **state);

/* An approved request of a CSR; an approved revocation of a serial. */
void test_put_csr(test_id id, const char *subject, struct view der);
void test_put_revocation(test_id id, const char *list, const char *serial,
    int reason, time_t approved_at);
void test_set_state(const char *id, const char *state);
void test_is_in_state(const char *id, const char *want);
/* Rows of a table. */
int test_count(const char *table);

#endif
