/*
 * etcd_request: struct engine and struct request from the inside, and how a
 * request is sent; for etcd*.c only.
 */
#ifndef GATEWAY_FLEET_ETCD_REQUEST_H
#define GATEWAY_FLEET_ETCD_REQUEST_H

#include "cache/base/curl_loop.h"
#include "gateway/fleet/etcd_json.h"

struct engine {
	const struct log *log;
	struct curl_loop *loop;
	struct event *work; /* tells what libcurl's callbacks have left */
	char *endpoint, *prefix, *ca_file, *certificate, *key;
	char *user, *password;
	/* "": to be had; "-": there are no users. The caller's, or own_token.
	 */
	char *token;
	char own_token[ENGINE_MAX_TOKEN + 1];
	unsigned token_num;
	unsigned timeout_ms;
	struct request *first; /* under way, in the order they were asked */
	struct engine_watch_calls watch_calls;
	bool logging_in, working, closed;
};

/* Owned by its engine until it has been answered. */
struct request {
	struct request *next, **prev;
	struct engine *engine;
	enum etcd_call call;
	bool read;    /* may be sent twice */
	bool waiting; /* for a token */
	bool again;   /* was sent once more, with another token */
	bool over;    /* to be told: trouble or failed, or else its answer */
	bool lines;   /* of a watch: some have come */
	unsigned token_num;
	unsigned timeout_ms; /* 0: without end */
	uint64_t begun_ms;
	CURL *easy;
	struct curl_slist *headers;
	struct bytes body, in;
	size_t line_len; /* of in: the last, without an end yet */
	size_t sent;     /* of body, given to libcurl */
	int status;
	CURLcode trouble;
	char trouble_text[CURL_ERROR_SIZE];
	bool failed; /* without libcurl: result and why */
	enum engine_result result;
	char why[256];
	engine_done_fn *done;
	void *arg;
};

/* NULL: no memory. The last of its engine. */
struct request *etcd_request_new(
    struct engine *e, enum etcd_call call, engine_done_fn *done, void *arg);
void etcd_request_free(struct request *r);
/* Its answer or its failure is told from the loop. */
void etcd_request_send(struct request *r);
void etcd_request_fail(
    struct request *r, enum engine_result result, const char *why);
/* As if it had never been sent. */
void etcd_request_rewind(struct request *r);
/* What became of one that has no answer; err says why. */
enum engine_result
etcd_request_trouble(const struct request *r, struct err *err);
/* curl_loop's `ended`. */
void etcd_request_ended(CURL *easy, CURLcode rc);

#endif
