/* rest_internal: what the files of the REST server share. */
#ifndef GATEWAY_REST_REST_INTERNAL_H
#define GATEWAY_REST_REST_INTERNAL_H

#include <event2/event.h>
#include <event2/http.h>

#include <openssl/ssl.h>

#include "gateway/rest/rest_auth.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/rest_counts.h"
#include "gateway/rest/rest_path.h"

/* Bytes of requests that all connections together may have in flight. */
#define REST_MAX_INPUT (64 * 1024 * 1024)

#define REST_MAX_HEADER_BYTES 16384

struct evconnlistener;
struct rest_conn;
struct rest_group;

struct listen_socket;

struct rest {
	const struct services *core;
	const struct rest_services *services;
	const struct rest_route *const *tables;
	struct conf *conf;
	struct conf *started; /* has the state_dir in use */
	struct evhttp *http;
	struct evconnlistener *listener;
	struct event *pause; /* after accept failed */
	uint64_t pause_said_mono_ms;
	SSL_CTX *ctx;
	struct rest_auth *auth;
	struct rest_job *jobs; /* requests that were not answered yet */
	struct rest_conn *connections;
	struct rest_group *groups; /* of them, by address */
	unsigned num_connections;
	struct rest_counts counts;
	size_t input_bytes;          /* of requests that are not answered yet */
	struct listen_socket *bound; /* of a Unix socket */
	char address[160];
	struct rest *next; /* of all servers */
};

/* One request between evhttp's callback and its answer. */
struct rest_job {
	struct rest_request pub; /* first: handlers see only this */
	struct rest *rest;
	struct evhttp_request *http;
	struct event *closed; /* armed while deferred */
	struct rest_job *next, **prev;
	struct rest_path path;          /* what params point into */
	char *raw_path;                 /* for the log */
	const struct rest_route *route; /* NULL: there is none */
	bool path_known;                /* with another method */
	struct rest_login *login;       /* while it is waited for */
	uint64_t start_mono_ms;
};

/* evhttp's callback for everything. */
void rest_on_request(struct evhttp_request *http, void *arg);

/* rest_job.c */

/* On the list of r; NULL when out of memory. */
struct rest_job *rest_job_new(struct rest *r, struct evhttp_request *http);
void rest_job_free(struct rest_job *job);
struct rest_job *rest_job_of(struct rest_request *req);
struct rest_conn *rest_job_conn(const struct rest_job *job);
/* Until it is known who asks, that of strangers. */
const struct log *rest_job_get0_log(const struct rest_job *job);
/* Counts its answer, and says it. */
void rest_job_say(const struct rest_job *job, int status);
/* It was deferred; it goes on, and may be deferred again. */
void rest_job_stop_waiting(struct rest_job *job);
/* Of its answer; name and value are copied. */
void
rest_add_header(struct rest_request *req, const char *name, const char *value);

/* Cancels and frees a job whose request goes away unanswered. */
void rest_job_abandon(struct rest_job *job);

/*
 * A server context with the configured certificate, or one of our own making
 * that is kept in the state directory.
 */
/* Empty when it cannot be said. */
void rest_fingerprint_text(char out[REST_FINGERPRINT_TEXT], const X509 *x);
int rest_tls_new(SSL_CTX **out, const struct conf *conf, const char *state_dir,
    struct err *err) MUST_USE;

/*
 * Roles of the client certificate of a connection; 0 for none, or when it is
 * not good any more.
 */
unsigned rest_client_cert_roles(const struct rest_request *req,
    const struct conf *conf, SSL *ssl, char user[REST_AUTH_USER_SIZE]);

#endif
