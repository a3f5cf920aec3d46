/*
 * tls_rig_bare: the yardstick: one thread, epoll, mutual TLS with the chain
 * verified by OpenSSL, no tickets, no revocation. It echoes; or, where it is
 * given a node, it relays: what any relay over OpenSSL has to do and nothing
 * else, several records at a time. It waits where it cannot write, so bytes
 * in bulk may go one way only, on one connection.
 */
#include "tests/bench/tls_rig_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>

enum {
	BARE_PAD = 128 * 1024,
	BARE_READ = 66 * 1024
};

static uint8_t pad[BARE_PAD];

struct bare_conn {
	SSL *ssl;
	int fd, node_fd; /* -1: none */
	struct bare_end {
		struct bare_conn *conn; /* NULL: the listener */
	} peer, node;
	struct bare_conn *next; /* of those that are over */
};

static struct {
	int ep, node_port;
	SSL_CTX *ctx;
	struct bare_conn *over; /* an event of theirs may be left */
} bare;

static void
bare_watch(int fd, struct bare_end *end)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = end};

	epoll_ctl(bare.ep, EPOLL_CTL_ADD, fd, &ev);
}

static void
bare_await(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	(void)poll(&p, 1, -1);
}

static void
bare_end(struct bare_conn *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	close(c->fd);
	if (c->node_fd >= 0)
		close(c->node_fd);
	c->next = bare.over;
	bare.over = c;
}

/* Behind a handshake: the node, and records side by side in one write. */
static bool
bare_dial(struct bare_conn *c)
{
	BIO *out = BIO_new(BIO_f_buffer());
	int one = 1;

	c->node_fd = rig_dial(bare.node_port);
	if (c->node_fd < 0 || out == NULL ||
	    BIO_set_write_buffer_size(out, BARE_PAD + 8 * 64) != 1)
		return false;
	fcntl(c->node_fd, F_SETFL, O_NONBLOCK);
	setsockopt(c->node_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	BIO_up_ref(SSL_get_rbio(c->ssl));
	SSL_set0_wbio(c->ssl, BIO_push(out, SSL_get_rbio(c->ssl)));
	SSL_set_default_read_buffer_len(c->ssl, BARE_READ);
	bare_watch(c->node_fd, &c->node);
	return true;
}

static void
bare_to_node(const struct bare_conn *c, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = send(c->node_fd, pad + done, len - done, 0);

		if (n > 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			bare_await(c->node_fd, POLLOUT);
		else
			return;
	}
}

static void
bare_to_peer(const struct bare_conn *c, size_t len)
{
	for (size_t done = 0, n; done < len; done += n)
		if (!SSL_write_ex(c->ssl, pad + done, len - done, &n))
			return;
	while (BIO_flush(SSL_get_wbio(c->ssl)) <= 0 &&
	    BIO_should_retry(SSL_get_wbio(c->ssl)))
		bare_await(c->fd, POLLOUT);
}

/*
 * A pad of the peer's, to the node or back. SSL_ERROR_NONE: come again, it may
 * lie in OpenSSL, where no event tells of it.
 */
static int
bare_up(struct bare_conn *c)
{
	int why = SSL_ERROR_NONE;
	size_t len = 0, n;

	while (why == SSL_ERROR_NONE && len + 16384 <= sizeof(pad)) {
		if (SSL_read_ex(c->ssl, pad + len, sizeof(pad) - len, &n))
			len += n;
		else
			why = SSL_get_error(c->ssl, 0);
		if (why == SSL_ERROR_NONE && !SSL_has_pending(c->ssl))
			why = SSL_ERROR_WANT_READ;
	}
	if (len > 0 && c->node_fd >= 0)
		bare_to_node(c, len);
	else if (len > 0)
		/* Ping-pong never fills a socket; a sink sends none. */
		SSL_write_ex(c->ssl, pad, len, &n);
	return why;
}

static bool
bare_serve_node(struct bare_conn *c)
{
	ssize_t n = recv(c->node_fd, pad, sizeof(pad), 0);

	if (n > 0)
		bare_to_peer(c, (size_t)n);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static bool
bare_serve_peer(struct bare_conn *c)
{
	int why = SSL_ERROR_NONE, n;

	ERR_clear_error();
	if (!SSL_is_init_finished(c->ssl)) {
		n = SSL_do_handshake(c->ssl);
		if (n != 1)
			why = SSL_get_error(c->ssl, n);
		else if (bare.node_port != 0 && !bare_dial(c))
			return false;
		else if (!SSL_has_pending(c->ssl))
			return true;
	}
	while (why == SSL_ERROR_NONE)
		why = bare_up(c);
	if (why == SSL_ERROR_ZERO_RETURN)
		SSL_shutdown(c->ssl);
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

static void
bare_serve(struct bare_end *end)
{
	struct bare_conn *c = end->conn;

	if (c->ssl == NULL)
		return;
	if (!(end == &c->node ? bare_serve_node(c) : bare_serve_peer(c)))
		bare_end(c);
}

static void
bare_accept(int listen_fd)
{
	int fd, one = 1;

	while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct bare_conn *c = calloc(1, sizeof(*c));
		SSL *ssl = SSL_new(bare.ctx);

		if (c == NULL || ssl == NULL)
			_exit(1);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		SSL_set_fd(ssl, fd);
		SSL_set_accept_state(ssl);
		*c = (struct bare_conn){.ssl = ssl,
		    .fd = fd,
		    .node_fd = -1,
		    .peer.conn = c,
		    .node.conn = c};
		bare_watch(fd, &c->peer);
	}
}

static SSL_CTX *
bare_ctx(const char *net, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	char path[300], key[300];

	snprintf(path, sizeof(path), "%s/gateway.pem", net);
	snprintf(key, sizeof(key), "%s/gateway.key", net);
	if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, path) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		rig_give_up("cannot use '%s'", path);
	snprintf(path, sizeof(path), "%s/trust.pem", net);
	if (SSL_CTX_load_verify_file(ctx, path) != 1)
		rig_give_up("cannot use '%s'", path);
	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_verify(
	    ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

void
rig_bare_main(const char *conf)
{
	struct bare_end listener = {.conn = NULL};
	unsigned tls_version;
	int port, listen_fd;
	char net[160];
	FILE *f = fopen(conf, "r");

	if (f == NULL ||
	    fscanf(f, "%d %x %d %159s", &port, &tls_version, &bare.node_port,
		net) != 4)
		rig_give_up("cannot read '%s'", conf);
	fclose(f);
	listen_fd = rig_listen(&port);
	bare.ep = epoll_create1(0);
	bare.ctx = bare_ctx(net, (int)tls_version);
	SSL_CTX_set_read_ahead(bare.ctx, bare.node_port != 0);
	bare_watch(listen_fd, &listener);
	for (;;) {
		struct epoll_event evs[64];
		int n = epoll_wait(bare.ep, evs, 64, -1);

		for (int i = 0; i < n; i++)
			if (evs[i].data.ptr == &listener)
				bare_accept(listen_fd);
			else
				bare_serve(evs[i].data.ptr);
		for (struct bare_conn *c; (c = bare.over) != NULL; free(c))
			bare.over = c->next;
	}
}
