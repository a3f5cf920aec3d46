/*
 * server CERTIFICATE KEY ANCHORS PEERS: a blocking TLS server on loopback that
 * asks about each client's certificate in the handshake, serves so many and
 * ends. Says "ready PORT", then a line for each. A client that may come in is
 * sent a line.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include <revcheck.h>

static void
on_decided(void *arg, SSL *ssl, const struct revcheck_report *report)
{
	(void)arg;
	(void)ssl;
	puts(report != NULL ? revcheck_report_text(report)
			    : "refused: the path does not verify");
	fflush(stdout);
}

static int
listen_on_loopback(void)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, len) != 0 ||
	    listen(fd, 16) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) != 0)
		return -1;
	printf("ready %u\n", ntohs(sin.sin_port));
	fflush(stdout);
	return fd;
}

static void
serve_one(SSL_CTX *ctx, int fd)
{
	static const char hello[] = "hello from the server\n";
	SSL *ssl = SSL_new(ctx);

	if (ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1) {
		SSL_write(ssl, hello, sizeof(hello) - 1);
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(fd);
}

int
main(int argc, char **argv)
{
	static const char *const local[] = {"127.0.0.1", NULL};
	struct revcheck_options options = {
	    .size = sizeof(options), .allow_addresses = local, .any_port = 1};
	struct revcheck_ssl_options how = {.size = sizeof(how),
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .decided = on_decided};
	struct revcheck_error err = {0};
	struct revcheck *rc = NULL;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int listener = -1, left, ok = 0;

	if (argc != 5 || ctx == NULL) {
		fprintf(
		    stderr, "usage: server CERTIFICATE KEY ANCHORS PEERS\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); /* clients leave when they like */
	if (SSL_CTX_use_certificate_chain_file(ctx, argv[1]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[2], SSL_FILETYPE_PEM) != 1) {
		fprintf(
		    stderr, "server: cannot use %s and %s\n", argv[1], argv[2]);
	} else if (revcheck_new(&rc, &options, &err) != 0 ||
	    revcheck_trust_load(&how.trust, argv[3], &err) != 0 ||
	    revcheck_ssl_ctx_attach(ctx, rc, &how, &err) != 0) {
		fprintf(stderr, "server: %s\n", err.msg);
	} else if ((listener = listen_on_loopback()) >= 0) {
		for (left = atoi(argv[4]); left > 0; left--) {
			int fd = accept(listener, NULL, NULL);

			if (fd >= 0)
				serve_one(ctx, fd);
		}
		ok = 1;
	}
	if (listener >= 0)
		close(listener);
	SSL_CTX_free(ctx);
	revcheck_trust_free(how.trust);
	revcheck_free(rc);
	return ok ? 0 : 1;
}
