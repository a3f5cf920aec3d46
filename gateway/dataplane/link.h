/*
 * link: what is special about connections that the node dials: which peer,
 * with which certificate, under which name; and HTTP CONNECT, which says it.
 */
#ifndef GATEWAY_DATAPLANE_LINK_H
#define GATEWAY_DATAPLANE_LINK_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "cache/base/error.h"
#include "gateway/dataplane/node.h"

struct conn;
struct door_port;
struct front;
struct link_head;
struct revcheck_trust;

enum link_head_result {
	LINK_HEAD_BAD = 0, /* answered; close */
	LINK_HEAD_MORE,
	LINK_HEAD_OK
};

/* Sets up a connection accepted on a link's port. */
int link_new(struct conn *c, const struct door_port *port) MUST_USE;
void link_head_free(struct link_head *h);

/* CONNECT: reads on from the plain side. */
enum link_head_result link_read_head(struct conn *c);

void link_get_order(const struct conn *c, struct dial_order *order);
SSL_CTX *link_get0_ctx(const struct conn *c);

/* The dial is done: remembers whom it reached. */
void link_note_remote(struct conn *c);

/* SNI, the name to verify, the anchors. */
int link_prepare_ssl(struct conn *c) MUST_USE;

/* The peer is in: tells a CONNECT client so, hands on what it sent early. */
int link_begin(struct conn *c) MUST_USE;

/* CONNECT: 502, once. */
void link_say_failed(struct conn *c);

/*
 * After a reload: the same link in another front. Changes c->link and *trust,
 * or says false.
 */
bool link_find_again(
    struct conn *c, const struct front *front, struct revcheck_trust **trust);

#endif
