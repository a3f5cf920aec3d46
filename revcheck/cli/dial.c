/* dial: see the header. */
#include "revcheck/cli/dial.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

/* Waits for the events on the socket until the deadline. */
static bool
wait_for(const struct dial *d, short events)
{
	struct pollfd p = {.fd = d->fd, .events = events};
	uint64_t now;
	int n;

	do {
		now = cli_mono_ms();
		n = poll(&p, 1,
		    now < d->end_mono_ms ? (int)(d->end_mono_ms - now) : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

static bool
try_address(struct dial *d, const struct addrinfo *a)
{
	socklen_t len = sizeof(int);
	int error = 0;

	d->fd = socket(a->ai_family,
	    a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
	if (d->fd < 0)
		return false;
	if (connect(d->fd, a->ai_addr, a->ai_addrlen) == 0)
		return true;
	if (errno == EINPROGRESS) {
		errno = ETIMEDOUT;
		if (wait_for(d, POLLOUT) &&
		    getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len) ==
			0) {
			if (error == 0)
				return true;
			errno = error;
		}
	}
	error = errno;
	close(d->fd);
	d->fd = -1;
	errno = error;
	return false;
}

static int
dial_tcp(struct dial *d)
{
	const struct target *t = d->target;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	int rc = getaddrinfo(t->host, t->port, &hints, &list);

	if (rc != 0)
		return cli_fail(EXIT_UNAVAILABLE, "cannot find '%s:%s': %s",
		    t->host, t->port, gai_strerror(rc));
	for (struct addrinfo *a = list; a != NULL && d->fd < 0;
	     a = a->ai_next) {
		if (!try_address(d, a))
			continue;
		if (getnameinfo(a->ai_addr, a->ai_addrlen, d->address,
			sizeof(d->address), NULL, 0, NI_NUMERICHOST) != 0)
			d->address[0] = '\0';
	}
	freeaddrinfo(list);
	if (d->fd < 0)
		return cli_fail(EXIT_UNAVAILABLE,
		    "cannot connect to '%s:%s': %s", t->host, t->port,
		    strerror(errno));
	return 0;
}

static int
ssl_failed(const struct dial *d, const char *what)
{
	unsigned long e = ERR_peek_error();
	const char *reason = e != 0 ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return cli_fail(EXIT_UNAVAILABLE, "%s with '%s:%s': %s", what,
	    d->target->host, d->target->port,
	    reason != NULL ? reason : "the peer closed or went silent");
}

/* A certificate of our own, for servers that ask for one. */
static int
use_own_cert(struct dial *d)
{
	const char *key = d->key != NULL ? d->key : d->cert;

	if (d->cert == NULL)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(d->ctx, d->cert) != 1) {
		ERR_clear_error();
		return cli_fail(EXIT_INPUT,
		    "cannot read '%s': expected certificates in PEM", d->cert);
	}
	if (SSL_CTX_use_PrivateKey_file(d->ctx, key, SSL_FILETYPE_PEM) != 1) {
		ERR_clear_error();
		return cli_fail(EXIT_INPUT,
		    "cannot read '%s': expected the private key in PEM", key);
	}
	return 0;
}

static int
handshake(struct dial *d)
{
	int n, want;

	for (;;) {
		ERR_clear_error();
		n = SSL_connect(d->ssl);
		if (n == 1)
			return 0;
		want = SSL_get_error(d->ssl, n);
		if ((want != SSL_ERROR_WANT_READ &&
			want != SSL_ERROR_WANT_WRITE) ||
		    !wait_for(
			d, want == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT))
			return ssl_failed(d, "cannot complete a handshake");
	}
}

static int
prepare(struct dial *d)
{
	int rc;

	d->ctx = SSL_CTX_new(TLS_client_method());
	if (d->ctx == NULL)
		return cli_fail(EXIT_SOFTWARE, "out of memory");
	/* The question is what the server shows, not whether we like it. */
	SSL_CTX_set_verify(d->ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_security_level(d->ctx, 0);
	rc = use_own_cert(d);
	if (rc != 0)
		return rc;
	d->ssl = SSL_new(d->ctx);
	if (d->ssl == NULL)
		return cli_fail(EXIT_SOFTWARE, "out of memory");
	if ((d->sni != NULL && SSL_set_tlsext_host_name(d->ssl, d->sni) != 1) ||
	    SSL_set_tlsext_status_type(d->ssl, TLSEXT_STATUSTYPE_ocsp) != 1)
		return ssl_failed(d, "cannot prepare a handshake");
	return 0;
}

static int
ask_for_tls(struct dial *d)
{
	const struct target *t = d->target;
	char text[256];

	if (starttls_ask(t->starttls, d->fd, d->end_mono_ms,
		d->sni != NULL ? d->sni : t->host, text, sizeof(text)) == 0)
		return 0;
	return cli_fail(EXIT_UNAVAILABLE,
	    "cannot begin TLS (%s) with '%s:%s': %s",
	    starttls_names[t->starttls], t->host, t->port, text);
}

int
dial_server(struct dial *d)
{
	int rc = prepare(d);

	if (rc == 0)
		rc = dial_tcp(d);
	if (rc == 0)
		rc = ask_for_tls(d);
	if (rc == 0 && SSL_set_fd(d->ssl, d->fd) != 1)
		rc = cli_fail(EXIT_SOFTWARE, "out of memory");
	return rc != 0 ? rc : handshake(d);
}

void
dial_cleanup(struct dial *d)
{
	SSL_free(d->ssl);
	SSL_CTX_free(d->ctx);
	if (d->fd >= 0)
		close(d->fd);
}
