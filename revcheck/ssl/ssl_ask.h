/*
 * ssl_ask: one question of a handshake. Blocking outside of OpenSSL's async
 * jobs; within one it pauses the job, and whoever drives the SSL polls a
 * descriptor.
 */
#ifndef REVCHECK_SSL_SSL_ASK_H
#define REVCHECK_SSL_SSL_ASK_H

#include "revcheck/revcheck.h"

/* Owned: everything it needs after the handshake is gone. */
struct ssl_ask {
	struct revcheck *rc; /* borrowed: outlives every handshake */
	struct revcheck_trust *trust;
	struct revcheck_certs *chain; /* the verified path */
	void *staple;                 /* NULL: none */
	size_t staple_len;
	enum revcheck_mode mode;
	uint32_t deadline_ms;
	int purpose;
};

struct ssl_ask *ssl_ask_new(void);
void ssl_ask_free(struct ssl_ask *a);

/*
 * Takes a over. The report (a reference), or NULL when there was no asking:
 * refused. Of a job that is thrown away meanwhile nobody touches anything.
 */
struct revcheck_report *ssl_ask_wait(struct ssl_ask *a);

#endif
