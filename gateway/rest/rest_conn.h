/*
 * rest_conn: the connections of the REST server and what each of them may take:
 * time, memory, a place. Control thread only. HTTP is libevent's, which limits
 * none of this.
 *
 *	OPENING --first byte of a request--> READING --all of it--> ANSWERING
 *	   |                                  ^   \                    |
 *	   | handshake_timeout_ms             |    request_timeout_ms  v
 *	   v                                  +----------------------- IDLE
 *	 dropped                         CLOSING: 400, 408 or 503, then dropped
 *
 * Who has shown credentials is known; all others are strangers and make room
 * for whoever comes next, the address with most of them first. So neither
 * silent nor slow callers keep others out, however many they are. Nor do known
 * ones: an address has half of the places, this host an eighth to itself.
 */
#ifndef GATEWAY_REST_REST_CONN_H
#define GATEWAY_REST_REST_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bufferevent;
struct event_base;
struct rest;
struct rest_conn;

/* evhttp's callback for a connection's bufferevent; arg is the server. */
struct bufferevent *rest_conn_new(struct event_base *base, void *arg);

/* That of a bufferevent; NULL when it could not be given TLS. */
struct rest_conn *rest_conn_of(struct bufferevent *bev);

/*
 * Accepting failed for want of a descriptor: drops whoever makes room first
 * (see above), unless somebody is leaving already. True: one is free in the
 * next turns of the loop. False: nobody makes room.
 */
bool rest_conn_free_descriptor(struct rest *r);

/* Before the server goes: none counts any more. */
void rest_conns_leave(struct rest *r);

/* Corda's sentence about a body that is larger than max_body_bytes. */
void rest_conn_length_text(char *out, size_t room, size_t length, uint32_t max);

/* A request is there as a whole, and is answered. */
void rest_conn_answering(struct rest_conn *c);
/* Its answer is on the way. */
void rest_conn_answered(struct rest_conn *c);
/* Whoever is at the other end has shown credentials. */
void rest_conn_is_known(struct rest_conn *c);

/* From this host, or by a Unix socket. */
bool rest_conn_is_local(const struct rest_conn *c);
/* Whose failures count together: an address, of IPv6 its /64. */
const char *rest_conn_group(const struct rest_conn *c);

#endif
