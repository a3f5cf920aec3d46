/*
 * exchanges: what an engine asks of the network while it works, as it tells:
 * for the progress line, for patience with what still arrives, and for who
 * wants to read it afterwards.
 */
#ifndef REVCHECK_CLI_EXCHANGES_H
#define REVCHECK_CLI_EXCHANGES_H

#include <pthread.h>
#include <stdbool.h>

#include "revcheck/revcheck.h"

#define EXCHANGES_MAX 4096 /* kept */

struct exchange_seen {
	uint64_t id;
	enum revcheck_evidence_kind kind;
	char *url;
	bool post, ended, not_modified;
	char serial[80]; /* OCSP: of the certificate that is asked about */
	uint64_t bytes, moved_ms;
	uint32_t ms;
	int http_status;
	enum revcheck_why why;
	char text[256];
};

struct exchanges {
	pthread_mutex_t lock; /* below */
	bool keep;            /* those that have ended, too */
	struct exchange_seen *v;
	size_t num, cap;
};

void exchanges_init(struct exchanges *l, bool keep);
void exchanges_cleanup(struct exchanges *l);
/* A revcheck_exchange_fn; arg is a struct exchanges. */
revcheck_exchange_fn exchanges_hear;
/* Whether something is arriving still: bytes in the last two seconds. */
bool exchanges_moving(struct exchanges *l);

#endif
