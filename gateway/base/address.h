/*
 * address: where to listen or connect, and how a socket's address reads. Never
 * resolves a name.
 */
#ifndef GATEWAY_BASE_ADDRESS_H
#define GATEWAY_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "cache/base/error.h"

/*
 * Where to listen or connect: "127.0.0.1:8080", "[::1]:0", "unix:/path", and,
 * where a peer or node is dialled, "name.example:443" (resolved when dialled;
 * then sa_len is 0).
 */
struct address {
	char *text; /* as written */
	char *host; /* without brackets; NULL for a Unix socket */
	uint16_t port;
	char *path; /* Unix socket, NULL otherwise */
	struct sockaddr_storage sa;
	socklen_t sa_len; /* 0: a name that has to be resolved */
};

/*
 * address_parse reads one address. listen: names are not allowed and
 * port 0 is (the kernel chooses). The result is cleaned with _cleanup.
 */
int address_parse(struct address *out, const char *text, bool listen,
    struct err *err) MUST_USE;
void address_cleanup(struct address *a);

/* Whether a is exactly this address: family, port and host, or path. */
bool address_is(const struct address *a, const struct sockaddr_storage *sa);

/*
 * Whether a connection could arrive at both: the same port of one family, and
 * one host or a wildcard. Not of Unix sockets, and not of port 0.
 */
bool address_overlaps(
    const struct sockaddr_storage *a, const struct sockaddr_storage *b);

#define ADDRESS_TEXT_MAX 128
/*
 * "192.0.2.1:443", "[2001:db8::1]:443" or "unix:/path"; "unix" for a socket
 * without a name, or for none (NULL). What is not printable, a blank or a quote
 * in a path is '?'.
 */
void
address_text(char out[ADDRESS_TEXT_MAX], const struct sockaddr_storage *sa);

#endif
