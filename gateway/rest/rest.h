/*
 * rest: the operator's and the node's HTTPS server. One loop, the control
 * thread's; no handler blocks on the network. What is answered is in the
 * tables of rest_*.c.
 */
#ifndef GATEWAY_REST_REST_H
#define GATEWAY_REST_REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "gateway/base/services.h"
#include "gateway/conf/conf.h"
#include "gateway/sessions/session_check.h"

struct allowed_subjects;
struct certstore;
struct certwatch;
struct control;
struct denylist;
struct doorman_watch;
struct fleet_join;
struct keystore;
struct log_sink;
struct members;
struct rest;
struct rest_route;
struct rest_takes;
struct section_store;
struct state_db;
struct workers;

/* What handlers work with. */
struct rest_services {
	struct control *control; /* what is in force, and changes of it */
	struct workers *workers;
	struct session_checker checker;
	struct certwatch *certwatch;
	struct state_db *state; /* what the following are kept in */
	/* Read here; control changes those that mean something to it. */
	const struct section_store *sections;
	struct denylist *denylist;
	struct allowed_subjects *subjects;
	struct keystore *keys;
	struct certstore *certs;
	struct members *members;
	const struct log_sink *sink;   /* for what it has dropped */
	struct doorman_watch *doorman; /* NULL: none is watched */
	struct fleet_join *fleet;      /* NULL: there is none */
	time_t started_at;
};

#define REST_FINGERPRINT_TEXT 96
/* SHA-256 of the certificate that REST shows, "AB:CD:...", by the settings. */
int rest_fingerprint(char out[REST_FINGERPRINT_TEXT], const struct conf *conf,
    struct err *err) MUST_USE;

/*
 * Starts to listen and serve what is in tables, which end with NULL, by the
 * settings of conf. All but conf must outlive it. passed_fd is a socket of the
 * service manager's that listens already and is borrowed; -1: one is bound.
 */
int rest_new(struct rest **out, const struct services *core,
    const struct rest_services *services,
    const struct rest_route *const *tables, struct conf *conf, int passed_fd,
    struct err *err) MUST_USE;
/* Whether its certificate can be served; a self-made one is not kept. */
int rest_check(const struct conf *conf, struct err *err) MUST_USE;
/* "127.0.0.1:8888", "unix:/path" */
const char *rest_address(const struct rest *r);
/* Takes certificate, users and limits of a new configuration. */
int rest_apply(struct rest *r, struct conf *conf, struct err *err) MUST_USE;
/* Closes every connection; pending requests are cancelled. */
void rest_free(struct rest *r);

/* One request. */

enum rest_method {
	REST_GET = 0,
	REST_POST,
	REST_PUT,
	REST_DELETE,
	REST_NUM_METHODS
};
/* "GET"; "other" for NUM. */
const char *rest_method_name(enum rest_method method);

#define REST_MAX_PARAMS 6

/*
 * Freed by the server once answered. A handler answers exactly once, now or
 * later; after the cancel function ran it must not touch the request.
 */
struct rest_request {
	const struct services *core;
	const struct rest_services *services;
	enum rest_method method;
	const char *path;  /* decoded, without the base path, for logs */
	const char *query; /* raw, or NULL */
	/* What stood for {…} in the route, decoded. */
	const char *params[REST_MAX_PARAMS];
	size_t num_params;
	const char *content_type; /* or NULL */
	const char *accept;       /* or NULL */
	const char *body;         /* NUL-terminated after len */
	size_t body_len;
	char user[128];
	char address[64];
	unsigned roles;
	const struct rest_takes *takes; /* NULL: whatever comes */
	/* Private to a handler that answers later. */
	void (*cancel)(void *arg);
	void *cancel_arg;
};

typedef void rest_handler(struct rest_request *req);

/* Everybody is served; who has one of the other roles is known by it. */
#define REST_ANYBODY (1U << 16)

struct rest_route {
	enum rest_method method;
	const char *pattern; /* "config/{section}"; any case matches */
	unsigned roles;      /* any of them suffices; 0: everybody */
	rest_handler *fn;    /* NULL ends a table */
};

/* Answers. */

/* Takes json over. NULL json is a 500. */
void rest_reply_json(struct rest_request *req, int status, cJSON *json);
void rest_reply_text(
    struct rest_request *req, int status, const char *type, const char *text);
/* data is copied. */
void rest_reply_bytes(struct rest_request *req, int status, const char *type,
    const void *data, size_t len);
void rest_reply_empty(struct rest_request *req, int status);

/* {"title", "status", "details": {}}; pairs end with NULL. */
void rest_reply_error(struct rest_request *req, int status, const char *title,
    ...) __attribute__((sentinel));

/*
 * For what could not be done. 400: E_PARSE and E_LIMIT, about cause; 507: a
 * full disk; 500: all others.
 */
void rest_reply_failed(
    struct rest_request *req, const char *cause, const struct err *err);
/* 507 or 500. */
int rest_failed_status(const struct err *err);

/*
 * The body as a JSON object, unwrapped from {"request": {…}} where it is the
 * only member. NULL after having answered 400, also to a name that a route of
 * our own does not know. Free with cJSON_Delete.
 */
cJSON *rest_body_object(struct rest_request *req);

/* Value of a query parameter, decoded; free() it. NULL when absent. */
char *rest_query(const struct rest_request *req, const char *name);

/* Answers later: cancel(arg) is called if the caller leaves before. */
void rest_request_defer(
    struct rest_request *req, void (*cancel)(void *arg), void *arg);

#endif
