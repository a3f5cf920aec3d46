/*
 * tls_client: one client connection, blocking: cheap enough that the server
 * is what is measured. Everything exits when it cannot.
 */
#include "tests/bench/tls_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

size_t
client_fresh(struct setting *s, size_t num)
{
	size_t first = s->next_client;

	s->next_client += num;
	rig_mint(&s->rig, s->next_client);
	return first;
}

SSL *
client_open(struct setting *s, int port, size_t client)
{
	int fd = rig_dial(port);
	SSL *ssl = SSL_new(s->ctx);

	if (fd < 0 || ssl == NULL)
		exit(1);
	rig_use_client(&s->rig, ssl, client);
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) != 1) {
		fprintf(stderr, "bench: handshake failed\n");
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	return ssl;
}

void
client_close(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	close(fd);
}

void
client_handshake(struct setting *s, int port, size_t client)
{
	SSL *ssl = client_open(s, port, client);
	char buf[64];
	int n;

	SSL_shutdown(ssl);
	n = SSL_read(ssl, buf, sizeof(buf));
	if (n > 0 || SSL_get_error(ssl, n) == SSL_ERROR_SSL) {
		fprintf(stderr, "bench: refused\n");
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	ERR_clear_error();
	client_close(ssl);
}

void
client_prove_echo(struct setting *s, int port)
{
	SSL *ssl = client_open(s, port, 0);
	char buf[8] = "";

	if (SSL_write(ssl, "echo", 4) != 4 ||
	    SSL_read(ssl, buf, sizeof(buf)) != 4 ||
	    memcmp(buf, "echo", 4) != 0) {
		fprintf(stderr, "bench: no echo\n");
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	client_close(ssl);
}

bool
client_is_refused(struct setting *s, int port, size_t client)
{
	int fd = rig_dial(port);
	SSL *ssl = SSL_new(s->ctx);
	char byte = 'x';
	bool in;

	if (fd < 0 || ssl == NULL)
		exit(1);
	rig_use_client(&s->rig, ssl, client);
	SSL_set_fd(ssl, fd);
	/* In TLS 1.3 only an answer tells that the server has agreed. */
	in = SSL_connect(ssl) == 1 && SSL_write(ssl, &byte, 1) == 1 &&
	    SSL_read(ssl, &byte, 1) == 1;
	ERR_clear_error();
	client_close(ssl);
	return !in;
}
