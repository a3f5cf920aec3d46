/*
 * fetch_internal: struct fetcher and struct fetch from the inside; for fetch*.c
 * only. Everything here belongs to the service thread.
 */
#ifndef CACHE_FETCH_FETCH_INTERNAL_H
#define CACHE_FETCH_FETCH_INTERNAL_H

#include <curl/curl.h>
#include <event2/util.h>

#include "cache/base/curl_loop.h"
#include "cache/fetch/fetch.h"

/* What libcurl's handle is of: CURLOPT_PRIVATE. */
struct transfer {
	/* It is over, with rc. */
	void (*answered)(struct transfer *x, CURLcode rc);
};

/* Owned by the archive. */
struct fetcher {
	struct event_base *base;
	struct curl_loop *loop;
	CURLM *multi; /* the loop's */
	struct fetch_limits limits;
	const struct address_rules *addresses;
	uint16_t *ports;
	bool any_port;
	uint64_t rules_mono_ms; /* when they were replaced; 0: never */
	char *proxy, *https_ca_file, *user_agent;
	/* fetch_answered, for those that it makes. */
	void (*fetched)(struct transfer *x, CURLcode rc);
	/* fetch_tend, likewise. */
	void (*tend)(evutil_socket_t fd, short what, void *arg);
	struct fetch *first; /* every fetch under way */
};

/* Owned by its fetcher from fetch_start until done or fetch_cancel. */
struct fetch {
	struct transfer base; /* first: cast back from it */
	struct fetch *next, **prev;
	struct fetcher *fetcher;
	struct event *soon; /* reports a failure that needed no network */
	CURL *easy;
	struct curl_slist *headers;
	enum evidence_kind kind;
	char *url; /* what is asked now */
	char *host;
	struct bytes get; /* URL of the GET form */
	uint8_t *request;
	size_t request_len;
	bool post;
	char *etag, *last_modified;
	unsigned redirects;
	const char *refused; /* kind of address that was not asked */
	struct crl_builder *builder;
	/* A large CRL is read aside: until there is room, or it has been. */
	struct event *tend;    /* told, or after a while; NULL: none is */
	int told_fd;           /* eventfd(2), with tend */
	uint64_t tend_mono_ms; /* since when */
	bool received;         /* all of it */
	struct fetch_result result;
	uint8_t first[16]; /* of the body, to say what it is */
	size_t first_len;
	unsigned codings; /* Content-Encoding lines of this answer */
	bool packed;      /* one says more than "identity" */
	enum evidence_fail body_fail; /* why the write callback stopped it */
	char trouble[CURL_ERROR_SIZE];
	uint64_t until_mono_ms;
	void (*progress)(void *arg, uint64_t bytes, uint64_t total);
	fetch_done_fn *done;
	void *arg;
};

/*
 * fetch_set_url: what is asked next, as url_normalise makes it. False: it may
 * not be asked; result says why.
 */
bool fetch_set_url(struct fetch *x, const char *text) MUST_USE;
/* Hands the URL to libcurl; false: result says why. */
bool fetch_ask(struct fetch *x) MUST_USE;
void fetch_fail(struct fetch *x, enum evidence_fail fail, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/*
 * fetch_wait has fetch_tend called when the thread aside has room for so many
 * bytes, or, where all was received, has read them; after so long this thread
 * helps it: it may find no processor, and somebody may wait. False: out of
 * memory.
 */
#define FETCH_ROOM_BYTES ((size_t)256 << 10)
#define FETCH_ROOM_MS    10
#define FETCH_READ_MS    50
bool fetch_wait(struct fetch *x) MUST_USE;
/* Nothing has been received of what is asked next. False: out of memory. */
bool fetch_body_begin(struct fetch *x) MUST_USE;
/* libcurl's callbacks for what an answer brings; arg is the fetch. */
size_t fetch_body(char *p, size_t size, size_t num, void *arg);
size_t fetch_header_line(char *p, size_t size, size_t num, void *arg);
/* Calls done and frees x. */
void fetch_tell(struct fetch *x);

/*
 * fetch_answered: the transfer of x is over, with rc. Follows a redirect, or
 * calls done and frees x.
 */
void fetch_answered(struct transfer *x, CURLcode rc);

/*
 * fetch_tend lets the transfer go on where there is room, or, where all was
 * received, calls done when it has been read.
 */
void fetch_tend(evutil_socket_t fd, short what, void *arg);

#endif
