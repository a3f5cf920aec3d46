/*
 * dial: a TLS connection to a server, for a look at what it shows. Nothing is
 * verified in the handshake: the engine does that afterwards.
 */
#ifndef REVCHECK_CLI_DIAL_H
#define REVCHECK_CLI_DIAL_H

#include <openssl/ssl.h>

#include "revcheck/cli/cli.h"
#include "revcheck/cli/target.h"

/* fd -1 and the rest zeroed to begin with. */
struct dial {
	const struct target *target;
	const char *sni;        /* NULL: none is sent */
	const char *cert, *key; /* PEM, for servers that ask; may be NULL */
	uint64_t end_mono_ms;
	char address[64]; /* connected to */
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
};

/* TCP, STARTTLS, TLS. 0, or an exit status with its sentence on stderr. */
int dial_server(struct dial *d);
void dial_cleanup(struct dial *d);

#endif
