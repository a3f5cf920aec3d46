/*
 * conn: one connection between a peer (TLS) and the node (plain), dialled by
 * either. Owned by its worker; made here, driven here, freed here only.
 */
#ifndef GATEWAY_DATAPLANE_CONN_H
#define GATEWAY_DATAPLANE_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <event2/event_struct.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "gateway/base/chain_poll.h"
#include "gateway/base/source_index.h"
#include "gateway/dataplane/half_open.h"
#include "gateway/dataplane/limits.h"
#include "gateway/dataplane/relay.h"
#include "gateway/observe/decision_ring.h"
#include "revcheck/revcheck.h"

struct dial;
struct listen_port;
struct runtime;
struct handshake;
struct http_exchange;
struct outbound_head;
struct outbound_target;
struct pending_check;
struct worker;

/*
 *	inbound:  HANDSHAKE <-> VERDICT, then DIAL (the node), then RELAY;
 *	          HTTP instead of both where requests are read
 *	outbound: HEAD (CONNECT only), DIAL (the peer), HANDSHAKE <-> VERDICT,
 *	          then RELAY
 *	any of them -> LINGER -> gone
 *
 * Timers: HEAD, HANDSHAKE, VERDICT and an outbound DIAL share the handshake
 * deadline; an inbound DIAL has the node's own; RELAY the idle time, HTTP what
 * http.h says, LINGER a second or two.
 */
enum conn_state {
	CONN_GONE = 0,
	CONN_HEAD,      /* outbound: reading CONNECT */
	CONN_DIAL,      /* connecting to the node or the peer */
	CONN_HANDSHAKE, /* TLS */
	CONN_VERDICT,   /* TLS, suspended */
	CONN_RELAY,
	CONN_HTTP,  /* requests: http.h */
	CONN_LINGER /* said no; waits for the peer to hear it */
};

struct conn {
	unsigned magic;
	void (*drive)(struct conn *c); /* conn.c's; may free c */
	bool inbound;
	bool in_handshake; /* counted by limits as one */
	bool let_in;
	bool timed_out;
	bool tls_left; /* the TLS side hung up while suspended */
	bool doomed;   /* will be closed when its grace is over */
	bool relaying; /* counted */
	bool reads_http;
	char *listen; /* inbound: its listener's address, as configured */
	enum conn_state state;
	struct decision_finding found; /* of who is in, when last asked about */
	time_t let_in_at;
	unsigned ready; /* enum relay_event, seen and not yet handled */
	unsigned armed; /* enum relay_event, waited for */

	struct conn *prev, *next; /* of its worker */
	struct half_open_place half_open;
	struct worker *worker;
	struct runtime *runtime;      /* a reference */
	struct revcheck_trust *trust; /* the runtime's */
	uint64_t id;
	uint64_t round;             /* worker's recheck_round when last asked */
	struct source_asker answer; /* what its verdict rests on */
	bool missed;                /* due before it was live */

	int tls_fd;
	int plain_fd;
	SSL *ssl;
	struct limits_peer peer;
	struct sockaddr_storage *remote; /* the TLS side's, on the heap */

	struct handshake *handshake;    /* until RELAY */
	struct dial *dial;              /* in DIAL */
	struct outbound_head *head;     /* outbound, until RELAY */
	size_t link;                    /* outbound: index into conf->links, */
	bool via_connect;               /* or by CONNECT, */
	struct outbound_target *target; /* to there */
	struct revcheck_certs *certs;   /* verified chain of a live peer */
	struct chain_poll_item recheck; /* while it is asked about again */
	struct relay relay;
	struct http_exchange
	    *http; /* in HTTP; of the relay then only the counts */

	uint64_t active_mono_ms;
	uint64_t close_at_mono_ms; /* doomed */
	time_t ends_at; /* first notAfter of certs, anchor included; 0: none */
	size_t lingered_bytes;

	struct event ev_tls_read, ev_tls_write;
	struct event ev_plain_read, ev_plain_write;
	struct event ev_timer;
};

/* Takes fd, and the limits' connection and handshake. */
void conn_accept(struct worker *w, const struct listen_port *port, int fd,
    const struct sockaddr_storage *sa, const struct limits_peer *peer);

/* Accepted, let in, and carrying traffic. */
static inline bool
conn_is_live(const struct conn *c)
{
	return c->state == CONN_RELAY || c->state == CONN_HTTP;
}

/* No new work from now on: what waits for a request goes. May free c. */
void conn_drain(struct conn *c);

/*
 * For shutting down: a TLS peer that is in is told by close_notify where its
 * socket takes it; nothing is waited for.
 */
void conn_close(struct conn *c);

#endif
