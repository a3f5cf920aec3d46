/*
 * connect: `revcheck connect`, a live TLS server's chain and staple. OpenSSL
 * verifies nothing in this handshake: the engine does it afterwards, with the
 * same rules as everywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "revcheck/cli/cli.h"

struct dial {
	char host[256], port[16];
	uint64_t end_mono_ms;
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
};

static uint64_t
mono_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* "host:port" or "[address]:port". */
static int
split_target(struct dial *d, const char *target)
{
	const char *colon = strrchr(target, ':'), *host = target;
	size_t len;

	if (colon == NULL || colon[1] == '\0' || colon == target)
		return cli_fail(EXIT_USAGE,
		    "expected HOST:PORT or [ADDRESS]:PORT, not '%s'", target);
	len = (size_t)(colon - target);
	if (host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	} else if (memchr(host, ':', len) != NULL) {
		return cli_fail(EXIT_USAGE,
		    "an IPv6 address goes into brackets: [ADDRESS]:PORT, not "
		    "'%s'",
		    target);
	}
	if (len == 0 || len >= sizeof(d->host) ||
	    strlen(colon + 1) >= sizeof(d->port))
		return cli_fail(EXIT_USAGE,
		    "expected HOST:PORT or [ADDRESS]:PORT, not '%s'", target);
	memcpy(d->host, host, len);
	d->host[len] = '\0';
	snprintf(d->port, sizeof(d->port), "%s", colon + 1);
	return 0;
}

/* Waits for the events on the socket until the deadline. */
static bool
wait_for(const struct dial *d, short events)
{
	struct pollfd p = {.fd = d->fd, .events = events};
	uint64_t now = mono_ms();
	int n;

	do {
		n = poll(&p, 1,
		    now < d->end_mono_ms ? (int)(d->end_mono_ms - now) : 0);
		now = mono_ms();
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
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	int rc = getaddrinfo(d->host, d->port, &hints, &list);

	if (rc != 0)
		return cli_fail(EXIT_UNAVAILABLE, "cannot find '%s:%s': %s",
		    d->host, d->port, gai_strerror(rc));
	for (struct addrinfo *a = list; a != NULL && d->fd < 0; a = a->ai_next)
		if (try_address(d, a))
			break;
	freeaddrinfo(list);
	if (d->fd < 0)
		return cli_fail(EXIT_UNAVAILABLE,
		    "cannot connect to '%s:%s': %s", d->host, d->port,
		    strerror(errno));
	return 0;
}

static int
ssl_failed(const struct dial *d, const char *what)
{
	unsigned long e = ERR_peek_error();
	const char *reason = e != 0 ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return cli_fail(EXIT_UNAVAILABLE, "%s with '%s:%s': %s", what, d->host,
	    d->port,
	    reason != NULL ? reason : "the peer closed or went silent");
}

/* A certificate of our own, for servers that ask for one. */
static int
use_own_cert(struct dial *d, struct opt *table)
{
	const char *cert = opt_value(table, "--cert"),
		   *key = opt_value(table, "--key");

	if (cert == NULL)
		return 0;
	if (key == NULL)
		key = cert;
	if (SSL_CTX_use_certificate_chain_file(d->ctx, cert) != 1) {
		ERR_clear_error();
		return cli_fail(EXIT_INPUT,
		    "cannot read '%s': expected certificates in PEM", cert);
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
dial_tls(struct dial *d, struct opt *table)
{
	const char *name = opt_value(table, "--servername");
	struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST}, *a = NULL;
	int rc;

	d->ctx = SSL_CTX_new(TLS_client_method());
	if (d->ctx == NULL)
		return cli_fail(EXIT_SOFTWARE, "out of memory");
	/* The question is what the server shows, not whether we like it. */
	SSL_CTX_set_verify(d->ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_security_level(d->ctx, 0);
	rc = use_own_cert(d, table);
	if (rc != 0)
		return rc;
	d->ssl = SSL_new(d->ctx);
	if (d->ssl == NULL || SSL_set_fd(d->ssl, d->fd) != 1)
		return cli_fail(EXIT_SOFTWARE, "out of memory");
	/* RFC 6066 3: no address in server_name. */
	if (name == NULL && getaddrinfo(d->host, NULL, &numeric, &a) != 0)
		name = d->host;
	if (a != NULL)
		freeaddrinfo(a);
	if ((name != NULL && SSL_set_tlsext_host_name(d->ssl, name) != 1) ||
	    SSL_set_tlsext_status_type(d->ssl, TLSEXT_STATUSTYPE_ocsp) != 1)
		return ssl_failed(d, "cannot prepare a handshake");
	return handshake(d);
}

static void
dial_cleanup(struct dial *d)
{
	SSL_free(d->ssl);
	SSL_CTX_free(d->ctx);
	if (d->fd >= 0)
		close(d->fd);
}

/* What the server sent becomes the question. */
static int
take_chain(struct ask *a, struct dial *d)
{
	STACK_OF(X509) *sent = SSL_get_peer_cert_chain(d->ssl);
	int num = sk_X509_num(sent), rc = 0;
	const unsigned char *staple = NULL;
	long staple_len = SSL_get_tlsext_status_ocsp_resp(d->ssl, &staple);
	struct revcheck_error err;
	X509 **v;

	if (num <= 0)
		return cli_fail(EXIT_UNAVAILABLE,
		    "'%s:%s' showed no certificate", d->host, d->port);
	v = calloc((size_t)num, sizeof(*v));
	if (v == NULL)
		return cli_fail(EXIT_SOFTWARE, "out of memory");
	for (int i = 0; i < num; i++)
		v[i] = sk_X509_value(sent, i);
	if (revcheck_certs_from_x509(&a->chain, v, (size_t)num, &err) != 0)
		rc = cli_fail_library(&err);
	free(v);
	if (staple_len > 0) {
		a->query.staple = staple;
		a->query.staple_len = (size_t)staple_len;
	}
	return rc;
}

static void
print_server(const struct ask *a, const struct dial *d)
{
	X509 *leaf = revcheck_certs_get0(a->chain, 0);
	bool named = X509_check_host(leaf, d->host, 0, 0, NULL) == 1 ||
	    X509_check_ip_asc(leaf, d->host, 0) == 1;

	printf("%s%s:%s%s\n", tint_on(stdout, TINT_BOLD), d->host, d->port,
	    tint_off(stdout));
	print_field(stdout, "protocol", TINT_NONE, "%s, %s",
	    SSL_get_version(d->ssl), SSL_get_cipher_name(d->ssl));
	print_field(stdout, "name", named ? TINT_NONE : TINT_WARN,
	    named ? "the certificate is for '%s'"
		  : "the certificate is not for '%s'",
	    d->host);
	print_field(stdout, "staple", TINT_NONE,
	    a->query.staple_len > 0 ? "an OCSP response of %zu bytes" : "none",
	    a->query.staple_len);
	fputc('\n', stdout);
}

int
cmd_connect(int argc, char **argv)
{
	static const char *const starttls[] = {"none", NULL};
	struct opt table[] = {{"--servername", true, false, {0}, 0},
	    {"--starttls", true, false, {0}, 0},
	    {"--cert", true, false, {0}, 0}, {"--key", true, false, {0}, 0},
	    {"--timeout-ms", true, false, {0}, 0}, ASK_OPTIONS, {0}};
	struct ask a = {.query.purpose = 2};
	struct dial d = {.fd = -1};
	const char *target;
	uint64_t timeout = 10000;
	int rc, num, word;

	rc = opt_parse(table, argc, argv, &target, 1, &num);
	if (rc != 0)
		return rc;
	if (opt_given(table, "--help"))
		return help_print(stdout, "connect");
	if (num != 1)
		return cli_fail(EXIT_USAGE, "give a server: HOST:PORT");
	if (opt_word(table, "--starttls", starttls, &word) != 0 ||
	    opt_number(table, "--timeout-ms", 1, 3600000, &timeout) != 0 ||
	    split_target(&d, target) != 0)
		return EXIT_USAGE;
	d.end_mono_ms = mono_ms() + timeout;
	rc = ask_init(&a, table, false);
	if (rc == 0)
		rc = dial_tcp(&d);
	if (rc == 0)
		rc = dial_tls(&d, table);
	if (rc == 0)
		rc = take_chain(&a, &d);
	if (rc == 0) {
		if (!a.json)
			print_server(&a, &d);
		rc = ask_run(&a);
	}
	ask_cleanup(&a);
	dial_cleanup(&d);
	return rc;
}
