/*
 * Signed bodies: whatever arrives, what is taken is what the officer signed,
 * and nothing else is written down.
 */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "fixtures/doorman/service/requests/proof.h"
#include "tests/doorman/proof_key.h"

static struct config config = {.max_open_requests = 100,
    .max_open_certificate_requests = 100,
    .max_open_per_address = 100,
    .proof_max_age_sec = 900};
static struct store store;

/* The seeds are written by tests/doorman/seeds.c. */
extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".doorman-proof";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
set_up(void)
{
	BIO *in = BIO_new_mem_buf(proof_cert, -1);
	X509 *cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
	struct fault f;

	BIO_free(in);
	log_to(-1);
	config.officers = sk_X509_new_null();
	if (cert == NULL || sk_X509_push(config.officers, cert) == 0 ||
	    store_open(&store, ":memory:", true, &f) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct asker by = {.origin = "192.0.2.1"};
	struct fault f = {""};
	struct buf content;
	enum intake rc;

	if (store.db == NULL)
		set_up();
	rc = proof_open(&store, &config, view_of(data, size), PROOF_TIME,
	    &content, &by, &f);
	if (rc == INTAKE_TAKEN &&
	    (by.kind != PROOF_OFFICER ||
		!view_eq(buf_view(&content),
		    view_of(PROOF_TEXT, sizeof(PROOF_TEXT) - 1))))
		abort();
	if (rc != INTAKE_TAKEN && (rc != INTAKE_REFUSED || f.msg[0] == '\0'))
		abort();
	buf_free(&content);
	if (ERR_peek_error() != 0)
		abort();
	return 0;
}
