/*
 * judged: a certificate request that csr_read is to take or to refuse.
 * Helpers fail the test.
 */
#ifndef TESTS_DOORMAN_JUDGED_H
#define TESTS_DOORMAN_JUDGED_H

#include <stddef.h>

#include <openssl/x509.h>

/* Exactly these bytes; says: a part of the sentence, NULL: they are taken. */
void test_judged(const char *row, const void *p, size_t len, const char *says);
void test_judged_request(const char *row, X509_REQ *req, const char *says);

#endif
