/*
 * tls_rig_bare: the yardstick: one thread, epoll, mutual TLS with the chain
 * verified by OpenSSL, no tickets, no revocation, echo.
 */
#include "tests/bench/tls_rig_parts.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>

static void
bare_serve(int ep, SSL *ssl)
{
	static uint8_t block[65536];
	int fd = SSL_get_fd(ssl), n, e;

	ERR_clear_error();
	if (!SSL_is_init_finished(ssl)) {
		n = SSL_do_handshake(ssl);
		if (n == 1)
			return;
	} else {
		n = SSL_read(ssl, block, sizeof(block));
		if (n > 0) {
			/* Ping-pong never fills a socket; a sink sends none. */
			SSL_write(ssl, block, n);
			return;
		}
	}
	e = SSL_get_error(ssl, n);
	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
		return;
	if (e == SSL_ERROR_ZERO_RETURN)
		SSL_shutdown(ssl);
	epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL);
	SSL_free(ssl);
	close(fd);
}

static void
bare_accept(int ep, int listen_fd, SSL_CTX *ctx)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int fd, one = 1;

	while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		SSL *ssl = SSL_new(ctx);

		if (ssl == NULL)
			_exit(1);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		SSL_set_fd(ssl, fd);
		SSL_set_accept_state(ssl);
		ev.data.ptr = ssl;
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	}
}

void
rig_bare_main(const char *conf)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
	char net[160], path[300], key[300];
	unsigned tls_version;
	int ep = epoll_create1(0), port, listen_fd;
	FILE *f = fopen(conf, "r");

	if (f == NULL ||
	    fscanf(f, "%d %x %159s", &port, &tls_version, net) != 3)
		rig_give_up("cannot read '%s'", conf);
	fclose(f);
	listen_fd = rig_listen(&port);
	snprintf(path, sizeof(path), "%s/gateway.pem", net);
	snprintf(key, sizeof(key), "%s/gateway.key", net);
	if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, path) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		rig_give_up("cannot use '%s'", path);
	snprintf(path, sizeof(path), "%s/trust.pem", net);
	if (SSL_CTX_load_verify_file(ctx, path) != 1)
		rig_give_up("cannot use '%s'", path);
	SSL_CTX_set_min_proto_version(ctx, (int)tls_version);
	SSL_CTX_set_max_proto_version(ctx, (int)tls_version);
	SSL_CTX_set_verify(
	    ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	epoll_ctl(ep, EPOLL_CTL_ADD, listen_fd, &ev);
	for (;;) {
		struct epoll_event evs[64];
		int n = epoll_wait(ep, evs, 64, -1);

		for (int i = 0; i < n; i++)
			if (evs[i].data.ptr == NULL)
				bare_accept(ep, listen_fd, ctx);
			else
				bare_serve(ep, evs[i].data.ptr);
	}
}
