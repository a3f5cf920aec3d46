/*
 * fetch: one HTTP exchange at a time per object, many at once per fetcher, by
 * libcurl's multi interface on the service thread's loop. A fetch ends in bytes
 * that are parsed as far as syntax goes, or in a named failure. Whether they
 * are authentic is for the acceptor.
 */
#ifndef CACHE_FETCH_FETCH_H
#define CACHE_FETCH_FETCH_H

#include "cache/evidence/evidence.h"
#include "cache/base/bytes.h"

struct address_rules;
struct event_base;
struct fetcher;
struct fetch;

#define FETCH_MAX_REDIRECTS 2
#define FETCH_MAX_VALIDATOR 256 /* ETag, Last-Modified kept up to this */

struct fetch_limits {
	uint32_t connect_timeout_ms;
	uint32_t ocsp_timeout_ms, crl_timeout_ms; /* whole transfer */
	uint32_t low_speed_bytes, low_speed_sec;  /* CRL: slower is given up */
	uint32_t max_ocsp_bytes;
	struct crl_limits crl;
};

struct fetcher_options {
	struct fetch_limits limits;
	const struct address_rules *addresses; /* outlives the fetcher */
	const uint16_t *ports;                 /* 0-terminated; NULL: 80, 443 */
	bool any_port;
	const char *proxy;
	const char *https_ca_file;
	const char *user_agent;
};

/* Strings and lists are copied. */
int fetcher_new(struct fetcher **out, struct event_base *base,
    const struct fetcher_options *o, struct err *err) MUST_USE;
/*
 * Proxy and https_ca_file alone: E_ARG, E_IO. A proxy may have credentials, so
 * an error does not repeat it.
 */
int fetcher_check(const struct fetcher_options *o, struct err *err) MUST_USE;
/*
 * Other rules for what is connected to from now on, redirects of what is under
 * way included; connections made before are not used again. Rules are borrowed,
 * ports copied as by fetcher_new. E_NOMEM: nothing has changed.
 */
int fetcher_set_addresses(struct fetcher *f, const struct address_rules *rules,
    const uint16_t *ports, bool any_port) MUST_USE;
/* Ends every fetch; no done function is called. */
void fetcher_free(struct fetcher *f);

struct fetch_order {
	enum evidence_kind kind;
	const char *url;
	struct span request; /* OCSP */
	bool post;           /* else by GET, and the URL must be short enough */
	uint64_t until_mono_ms; /* given up then at the latest; 0: no such */
	/* From the last answer, to be told "not modified"; NULL: none. */
	const char *etag, *last_modified;
	/* Told of what has arrived; total 0: not announced. NULL: nobody. */
	void (*progress)(void *arg, uint64_t bytes, uint64_t total);
};

/* The outcome; lent to done, which may take `crl` or `body`. */
struct fetch_result {
	enum evidence_fail fail;
	int http_status;     /* of the last answer, 0: none */
	bool dead;           /* nobody there, or may not be asked */
	bool not_modified;   /* 304, fail is NONE, no content */
	struct crl *crl;     /* EVIDENCE_CRL */
	struct bytes body;   /* EVIDENCE_OCSP */
	uint64_t num_bytes;  /* received */
	int64_t max_age_sec; /* Cache-Control; -1: none */
	char etag[FETCH_MAX_VALIDATOR];
	char last_modified[FETCH_MAX_VALIDATOR];
	char msg[256];
};
typedef void fetch_done_fn(void *arg, struct fetch_result *r);

/*
 * fetch_start: done is called exactly once, later, from the loop; not after
 * fetch_cancel. What is refused before a connection is made is reported the
 * same way. E_NOMEM.
 */
int fetch_start(struct fetcher *f, const struct fetch_order *order,
    fetch_done_fn *done, void *arg, struct fetch **out) MUST_USE;
void fetch_cancel(struct fetch *x);
/* How long one exchange may take at most. */
uint32_t fetch_timeout_ms(const struct fetcher *f, enum evidence_kind kind);

#endif
