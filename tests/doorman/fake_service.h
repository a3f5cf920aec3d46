/*
 * fake_service: a doorman that was broken into. It answers the signer's
 * questions with what the test has put together, true or not, and keeps what
 * is submitted. Helpers fail the test.
 */
#ifndef TESTS_DOORMAN_FAKE_SERVICE_H
#define TESTS_DOORMAN_FAKE_SERVICE_H

#include <pthread.h>

#include "fixtures/doorman/base/wire.h"

#define FAKE_TYPES (WIRE_LAST + 1)

struct fake_service {
	int listener, stop[2];
	pthread_t thread;
	struct buf answer[FAKE_TYPES]; /* whole frames; empty: it hangs up */
	struct buf asked[FAKE_TYPES];  /* the last frame of that type */
};

/* Listens on a Unix socket; HELLO and PING are answered well. */
void fake_service_open(struct fake_service *s, const char *path);
void fake_service_close(struct fake_service *s);
/* The answers to all but HELLO and PING, and what was asked, are forgotten. */
void fake_service_reset(struct fake_service *s);
/* Serves one connection after the other, from a thread of its own. */
void fake_service_serve(struct fake_service *s);
void fake_service_join(struct fake_service *s);

/* Begins and ends the answer to a question of that type. */
struct buf *fake_service_begin(struct fake_service *s, unsigned type);
void fake_service_end(struct fake_service *s, unsigned type);

#endif
