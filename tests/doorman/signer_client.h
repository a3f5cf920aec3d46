/*
 * signer_client: a signer of the test's own, which speaks bytes to the doorman,
 * well or badly. Helpers fail the test; every wait has a bound.
 */
#ifndef TESTS_DOORMAN_SIGNER_CLIENT_H
#define TESTS_DOORMAN_SIGNER_CLIENT_H

#include "fixtures/doorman/base/wire.h"
#include "tests/doorman/doorman_net.h"

struct signer_client {
	int fd;
	uint8_t answer[65536]; /* the last one, without its length */
	size_t len;
};

/* Connects to the doorman's Unix socket. */
void signer_client_open(struct signer_client *s, const struct doorman_net *o);
void signer_client_close(struct signer_client *s);
/* Ends in good order: afterwards another signer may come. */
void signer_client_leave(struct signer_client *s);
void
signer_client_send(const struct signer_client *s, const void *p, size_t len);
/* Sends what wire_begin and the like have put together; frees it. */
void signer_client_ask(const struct signer_client *s, struct buf *ask);
/* The type of the next answer; its body in *in. */
unsigned signer_client_answer(struct signer_client *s, struct wire_in *in);
/* The next answer is ERROR with this code; its text, which lives in s. */
const char *signer_client_refused(struct signer_client *s, unsigned code);
/* Nothing more comes: the other side has closed. */
void signer_client_ended(const struct signer_client *s);
void signer_client_hello(struct signer_client *s);
void signer_client_ping(struct signer_client *s);

#endif
