/*
 * ssl_join: a server's and a client's SSL that write to each other in memory.
 */
#ifndef TESTS_LIB_SSL_JOIN_H
#define TESTS_LIB_SSL_JOIN_H

#include <openssl/ssl.h>

/* room: bytes under way to either; 0: OpenSSL's own. The two own what joins
 * them. Include cmocka before. */
static inline void
ssl_join(SSL *server, SSL *client, size_t room)
{
	BIO *a, *b;

	assert_int_equal(BIO_new_bio_pair(&a, room, &b, room), 1);
	SSL_set_bio(server, a, a);
	SSL_set_bio(client, b, b);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
}

#endif
