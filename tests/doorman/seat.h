/*
 * seat: somebody at the desk who speaks bytes, well or badly: a signer of
 * the test's own. Helpers fail the test; every wait has a bound.
 */
#ifndef TESTS_DOORMAN_SEAT_H
#define TESTS_DOORMAN_SEAT_H

#include "fixtures/doorman/base/wire.h"
#include "tests/doorman/office.h"

struct seat {
	int fd;
	uint8_t answer[65536]; /* the last one, without its length */
	size_t len;
};

/* Connects to the office's Unix socket. */
void seat_open(struct seat *s, const struct office *o);
void seat_close(struct seat *s);
/* Ends as a good guest does: afterwards the desk is free. */
void seat_leave(struct seat *s);
void seat_send(const struct seat *s, const void *p, size_t len);
/* Sends what wire_begin and the like have put together; frees it. */
void seat_ask(const struct seat *s, struct buf *ask);
/* The type of the next answer; its body in *in. */
unsigned seat_answer(struct seat *s, struct wire_in *in);
/* The next answer is ERROR with this code; its text, which lives in s. */
const char *seat_refused(struct seat *s, unsigned code);
/* Nothing more comes: the other side has closed. */
void seat_ended(const struct seat *s);
void seat_hello(struct seat *s);
void seat_ping(struct seat *s);

#endif
