/*
 * rest_authorize_conn: a connection of a proxy, and the requests on it, one
 * after the other. HTTP is read by gateway/http1: whoever asks is trusted, but
 * what it passes on comes from its peers.
 *
 *	HEAD -> BODY -> ASKING -> HEAD ...   or CLOSING from anywhere
 *
 * Control thread only.
 */
#ifndef GATEWAY_REST_REST_AUTHORIZE_CONN_H
#define GATEWAY_REST_REST_AUTHORIZE_CONN_H

#include <stdbool.h>

#include "gateway/base/address.h"

struct authorizer;
struct bufferevent;
struct rest;
struct rest_authorize_conn;

/* What connections work with and hang on. */
struct rest_authorize_conns {
	struct rest *rest;
	struct authorizer *authorizer;
	struct rest_authorize_conn *list; /* newest first */
	unsigned num;
};

/* Who is at the other end, as far as its socket tells. */
struct rest_authorize_caller {
	bool known; /* may ask: a listed user of this system */
	bool local; /* of this host */
	char from[ADDRESS_TEXT_MAX];
};

/* Takes bev over, also when it fails: false, out of memory. */
bool rest_authorize_conn_new(struct rest_authorize_conns *conns,
    struct bufferevent *bev, const struct rest_authorize_caller *caller);
/* Ends the oldest that has not shown who it is. False: there is none. */
bool rest_authorize_conn_make_room(struct rest_authorize_conns *conns);
void rest_authorize_conns_free(struct rest_authorize_conns *conns);

#endif
