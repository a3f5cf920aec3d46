/*
 * peer: see peer.h.
 */
#include "tests/lib/peer.h"

#include <stdlib.h>
#include <string.h>

int
tls_try(const struct town *town, const char *peer, int port, int version)
{
	char *cert = xasprintf("%s/peers/%s.pem", town->dir, peer);
	char *key = xasprintf("%s/peers/%s.key", town->dir, peer);
	struct tls_options o = {.cert = cert, .key = key, .version = version};
	struct tls t;
	int result;

	(void)tls_connect(&t, port, &o);
	if (tls_echo(&t))
		result = TLS_IN;
	else
		result = t.alert >= 0 ? t.alert : 0;
	tls_free(&t);
	free(cert);
	free(key);
	return result;
}

void
tls_enter(struct tls *t, const struct town *town, const char *peer, int port,
    int version)
{
	char *cert = xasprintf("%s/peers/%s.pem", town->dir, peer);
	char *key = xasprintf("%s/peers/%s.key", town->dir, peer);
	struct tls_options o = {.cert = cert, .key = key, .version = version};

	if (!tls_connect(t, port, &o) || !tls_echo(t))
		fail_msg("%s did not get in: %s", peer, t->error);
	free(cert);
	free(key);
}

void
tls_must_be_cut(struct tls *t)
{
	char byte;

	assert_int_not_equal(tls_read(t, &byte, 1), 1);
	/* A read that gives up is no end. */
	assert_null(strstr(t->error, "temporarily unavailable"));
	tls_free(t);
}
