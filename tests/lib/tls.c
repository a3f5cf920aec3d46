/*
 * tls: see tls.h. Blocking sockets with time limits; one thread a client.
 */
#include "tests/lib/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>

static void
on_info(const SSL *ssl, int where, int ret)
{
	struct tls *t = SSL_get_ex_data(ssl, 0);

	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT &&
	    (ret >> 8) == SSL3_AL_FATAL)
		t->alert = ret & 0xff;
}

static void
note_error(struct tls *t, const char *what, int rc)
{
	int why = SSL_get_error(t->ssl, rc);
	unsigned long e = ERR_peek_error();

	snprintf(t->error, sizeof(t->error), "%s: error %d: %s", what, why,
	    e ? ERR_reason_error_string(e) : strerror(errno));
	ERR_clear_error();
}

static int
dial(int port, const struct tls_options *o)
{
	int ms = o->timeout_ms ? o->timeout_ms : WAIT_MS;
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};
	struct sockaddr_in sin = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sin.sin_port = htons((uint16_t)port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	if (o->receive_bytes != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &o->receive_bytes,
		    sizeof(o->receive_bytes));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static SSL_CTX *
context(const struct tls_options *o)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL)
		die("no TLS context");
	SSL_CTX_set_info_callback(ctx, on_info);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
	if (o->version != 0 &&
	    (!SSL_CTX_set_min_proto_version(ctx, o->version) ||
		!SSL_CTX_set_max_proto_version(ctx, o->version)))
		die("no such TLS version");
	if (o->cert != NULL &&
	    (SSL_CTX_use_certificate_chain_file(ctx, o->cert) != 1 ||
		SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM) !=
		    1))
		die("cannot use '%s' and '%s'", o->cert, o->key);
	if (o->ca != NULL) {
		if (SSL_CTX_load_verify_locations(ctx, o->ca, NULL) != 1)
			die("cannot use '%s'", o->ca);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	}
	return ctx;
}

static int
prepare(struct tls *t, int port, const struct tls_options *o)
{
	signal(SIGPIPE, SIG_IGN);
	memset(t, 0, sizeof(*t));
	t->alert = -1;
	ERR_clear_error();
	t->fd = dial(port, o);
	if (t->fd < 0) {
		snprintf(
		    t->error, sizeof(t->error), "connect: %s", strerror(errno));
		return 0;
	}
	t->ctx = context(o);
	t->ssl = SSL_new(t->ctx);
	if (t->ssl == NULL || !SSL_set_fd(t->ssl, t->fd) ||
	    !SSL_set_ex_data(t->ssl, 0, t))
		die("no TLS connection");
	SSL_set_connect_state(t->ssl);
	if (o->name != NULL) {
		SSL_set_tlsext_host_name(t->ssl, o->name);
		if (o->ca != NULL)
			SSL_set1_host(t->ssl, o->name);
	}
	if (o->session != NULL)
		SSL_set_session(t->ssl, o->session);
	return 1;
}

int
tls_connect(struct tls *t, int port, const struct tls_options *o)
{
	int rc;

	if (!prepare(t, port, o))
		return 0;
	rc = SSL_do_handshake(t->ssl);
	if (rc != 1) {
		note_error(t, "handshake", rc);
		return 0;
	}
	t->connected = 1;
	t->resumed = SSL_session_reused(t->ssl);
	return 1;
}

void
tls_dial(struct tls *t, int port, const struct tls_options *o)
{
	if (!prepare(t, port, o))
		die("cannot connect: %s", t->error);
	if (fcntl(t->fd, F_SETFL, fcntl(t->fd, F_GETFL) | O_NONBLOCK) != 0)
		die("fcntl: %s", strerror(errno));
}

int
tls_step(struct tls *t)
{
	int rc = SSL_do_handshake(t->ssl), why;

	if (rc == 1) {
		t->connected = 1;
		return 1;
	}
	why = SSL_get_error(t->ssl, rc);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return 0;
	note_error(t, "handshake", rc);
	return -1;
}

int
tls_write(struct tls *t, const void *data, size_t len)
{
	const char *p = data;
	int n;

	while (len > 0) {
		n = SSL_write(t->ssl, p, len > 1 << 20 ? 1 << 20 : (int)len);
		if (n <= 0) {
			note_error(t, "write", n);
			return 0;
		}
		p += n;
		len -= (size_t)n;
	}
	return 1;
}

int
tls_read(struct tls *t, void *data, size_t len)
{
	int n = SSL_read(t->ssl, data, (int)len);

	if (n > 0)
		return n;
	if (SSL_get_error(t->ssl, n) == SSL_ERROR_ZERO_RETURN)
		return 0;
	note_error(t, "read", n);
	return -1;
}

int
tls_echo(struct tls *t)
{
	static const char line[] = "hello from a peer\n";
	char buf[sizeof(line)];
	size_t have = 0;
	int n;

	if (!t->connected)
		return 0;
	/* A refused write still leaves the alert to be read. */
	(void)tls_write(t, line, sizeof(line) - 1);
	while (have < sizeof(line) - 1) {
		n = tls_read(t, buf + have, sizeof(line) - 1 - have);
		if (n <= 0)
			return 0;
		have += (size_t)n;
	}
	return memcmp(buf, line, sizeof(line) - 1) == 0;
}

void
tls_half_close(struct tls *t)
{
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

void
tls_leave(struct tls *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

void
tls_free(struct tls *t)
{
	if (t->ssl == NULL && t->ctx == NULL)
		return;
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	if (t->fd >= 0)
		close(t->fd);
	memset(t, 0, sizeof(*t));
	t->fd = -1;
}

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
