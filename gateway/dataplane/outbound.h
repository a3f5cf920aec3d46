/*
 * outbound: what is special about connections that the node dials: which peer,
 * with which certificate, under which name; and HTTP CONNECT, which says it.
 */
#ifndef GATEWAY_DATAPLANE_OUTBOUND_H
#define GATEWAY_DATAPLANE_OUTBOUND_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "cache/base/error.h"
#include "gateway/dataplane/dial.h"

struct admission_terms;
struct conn;
struct listen_port;
struct runtime;
struct outbound_head;

/* Where a CONNECT leads, for the connection's life. */
#define OUTBOUND_HOST_MAX 255
struct outbound_target {
	char host[OUTBOUND_HOST_MAX + 1];
	char text[OUTBOUND_HOST_MAX + 8]; /* host:port, brackets and all */
};

enum outbound_head_result {
	OUTBOUND_HEAD_BAD = 0, /* answered; close */
	OUTBOUND_HEAD_MORE,
	OUTBOUND_HEAD_OK
};

/* Sets up a connection accepted on a link's port. */
int outbound_new(struct conn *c, const struct listen_port *port) MUST_USE;
void outbound_head_free(struct outbound_head *h);

/*
 * CONNECT: from a whole head. 0, or the status of the refusal. Pure. *address
 * is to be cleaned up in either case.
 */
unsigned outbound_parse_connect(struct outbound_target *t,
    struct address *address, const char *head) MUST_USE;

/* CONNECT: reads on from the plain side. */
enum outbound_head_result outbound_read_head(struct conn *c);

void outbound_get_order(const struct conn *c, struct dial_order *order);
SSL_CTX *outbound_get0_ctx(const struct conn *c);

/* The dial is done: remembers whom it reached. */
void outbound_note_remote(struct conn *c);

/* SNI. */
int outbound_prepare_ssl(struct conn *c) MUST_USE;

/* The peer is in: tells a CONNECT client so, hands on what it sent early. */
int outbound_begin(struct conn *c) MUST_USE;

/* CONNECT: 502, once. */
void outbound_say_failed(struct conn *c);

/*
 * Whom it may lead to by the configuration of runtime, its own or one of after
 * a change: fills in trust and name, and *link for struct conn. False when that
 * configuration has its link, or allows its target, no more.
 */
bool outbound_get_terms(const struct conn *c, const struct runtime *runtime,
    size_t *link, struct admission_terms *terms);

/*
 * CONNECT's list of targets: pattern is "host:port", "*.host:port" (one label
 * or more, but not host itself) or "*:port"; port may be "*".
 */
bool outbound_pattern_matches(const char *pattern, const char *target);

#endif
