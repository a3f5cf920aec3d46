/*
 * object_store: an HTTP store whose objects are named by the SHA-256 of their
 * bytes and never change: S3, WebDAV, or any server that takes GET and PUT. It
 * is asked at the URL that an operator wrote and nowhere else, and what it
 * gives has the length and the digest that were expected, or is not given.
 */
#ifndef CACHE_FETCH_OBJECT_STORE_H
#define CACHE_FETCH_OBJECT_STORE_H

#include <time.h>

#include "cache/base/bytes.h"
#include "cache/base/error.h"

struct fetcher;
struct object_store;
struct object_transfer;

struct object_store_options {
	const char *url;     /* http or https, without query or credentials */
	const char *ca_file; /* NULL: the system's store */
	/*
	 * "USER:PASSWORD", with a region access key and secret; a whole header
	 * line. By https, or to a loopback address. NULL: none.
	 */
	const char *credentials, *header;
	const char *region;  /* sign as S3 wants it; NULL: do not */
	uint64_t max_bytes;  /* of an object */
	uint32_t timeout_ms; /* of one transfer */
};

/* Copies. E_ARG names what is wrong, never credentials or header. E_NOMEM. */
int object_store_new(struct object_store **out,
    const struct object_store_options *o, struct err *err) MUST_USE;
/* Not while a transfer uses it. */
void object_store_free(struct object_store *s);

enum object_outcome {
	OBJECT_FAILED = 0,
	OBJECT_DONE,
	OBJECT_MISSING, /* 404, 410 */
	OBJECT_OTHER,   /* it came, and is not what was expected */
};

/* Lent to done, which may take body. */
struct object_result {
	enum object_outcome outcome;
	struct bytes body;  /* of a GET that is DONE */
	time_t modified_at; /* of a HEAD; 0: not known */
	char msg[256];      /* why it is not DONE */
};
typedef void object_done_fn(void *arg, struct object_result *r);

enum object_verb {
	OBJECT_GET,
	OBJECT_HEAD,
	OBJECT_PUT,
};
struct object_order {
	enum object_verb verb;
	uint8_t sha256[32];
	uint64_t len;        /* GET: what is expected */
	struct span body;    /* PUT: lent until it is done or cancelled */
	uint32_t timeout_ms; /* if shorter than the store's; 0: no such */
};

/*
 * On the fetcher's thread. done is called exactly once, later, from the loop;
 * not after object_cancel. Cancelled before the fetcher is freed. E_NOMEM;
 * E_LIMIT: the object is too large.
 */
int object_start(struct fetcher *f, const struct object_store *s,
    const struct object_order *o, object_done_fn *done, void *arg,
    struct object_transfer **out) MUST_USE;
void object_cancel(struct object_transfer *x);

#endif
