/*
 * conn_query: a question to all workers about the connections of who is in, and
 * their answers. Asked by one thread with a loop (the control thread); each
 * worker answers between two events of its loop, into a part of its own, and
 * nobody waits for anybody.
 */
#ifndef GATEWAY_DATAPLANE_CONN_QUERY_H
#define GATEWAY_DATAPLANE_CONN_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/x509.h>

#include "cache/base/error.h"
#include "gateway/base/address.h"
#include "gateway/observe/decision_ring.h"

struct event_base;

/* RFC 5280 section 4.1.2.2 has 20. */
#define CONN_SERIAL_MAX 64

struct conn_question {
	/* A bit for each that is shown; 0: all. */
	uint32_t statuses, ways;
	uint64_t after; /* only ids below it; 0: all */
	/* Only of leaves of this serial, without leading zeros; len 0: all. */
	unsigned char serial[CONN_SERIAL_MAX];
	size_t serial_len;
	size_t max; /* rows */
	/* A connection to be cut, and the words for why; 0: none. */
	uint64_t cut;
	char cut_text[128];
};

struct conn_row {
	uint64_t id;
	enum decision_way way;
	char peer[ADDRESS_TEXT_MAX];
	X509 *leaf; /* a reference; NULL: it showed none */
	time_t since;
	struct decision_finding found; /* when it was asked about last */
	const char *tls;               /* "TLSv1.3"; static */
	uint64_t bytes_in, bytes_out;  /* from the peer, to the peer */
};

struct conn_answer {
	struct conn_row *rows; /* by id, the largest first */
	size_t num;
	/* All who are in, whatever was looked for. */
	size_t by_status[DECISION_NUM_STATUSES];
	bool cut;
};

struct conn_query;
typedef void conn_query_fn(void *arg, const struct conn_answer *a);

/* One worker's part of it. */
struct conn_query_part {
	struct conn_query *query;
	struct conn_query_part *next; /* in a mailbox */
	struct conn_answer answer;
};

/*
 * done is called once, on the loop of base, when all num parts are answered;
 * what it is given is lent. E_NOMEM.
 */
int conn_query_new(struct conn_query **out, struct event_base *base,
    const struct conn_question *question, size_t num, conn_query_fn *done,
    void *arg, struct err *err) MUST_USE;
/* done is not called any more. Not after it was, nor from inside it. */
void conn_query_cancel(struct conn_query *q);

struct conn_query_part *conn_query_part(struct conn_query *q, size_t i);

/* A worker's; thread-safe. */
const struct conn_question *conn_query_get0(const struct conn_query_part *p);
/* The part is answered, or never will be. */
void conn_query_part_done(struct conn_query_part *p);

#endif
