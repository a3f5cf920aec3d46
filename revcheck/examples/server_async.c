/*
 * server_async CERTIFICATE KEY ANCHORS PEERS: the server of server.c on one
 * libevent loop that waits for nobody: while a handshake is asked about, it
 * goes on with the others. Says "ready PORT", then a line for each, and ends
 * when so many have gone.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <revcheck.h>

struct server {
	struct event_base *base;
	struct evconnlistener *listener;
	SSL_CTX *ctx;
	int left;
};

struct peer {
	struct server *server;
	SSL *ssl;
	struct event *event; /* what the handshake waits for */
	evutil_socket_t fd;
};

static void on_ready(evutil_socket_t fd, short what, void *arg);

static void
peer_free(struct peer *p)
{
	struct server *s = p->server;

	if (p->event != NULL)
		event_free(p->event);
	SSL_free(p->ssl);
	evutil_closesocket(p->fd);
	free(p);
	if (--s->left == 0)
		event_base_loopbreak(s->base);
}

static void
wait_for(struct peer *p, evutil_socket_t fd, short what)
{
	if (p->event != NULL)
		event_free(p->event);
	p->event = event_new(p->server->base, fd, what, on_ready, p);
	if (p->event == NULL || event_add(p->event, NULL) != 0)
		peer_free(p);
}

/* The verdict is awaited on a descriptor of the SSL's own. */
static void
wait_for_verdict(struct peer *p)
{
	OSSL_ASYNC_FD fds[4];
	size_t num = 0;

	if (SSL_get_all_async_fds(p->ssl, NULL, &num) == 1 && num >= 1 &&
	    num <= 4 && SSL_get_all_async_fds(p->ssl, fds, &num) == 1)
		wait_for(p, fds[0], EV_READ);
	else
		peer_free(p);
}

static void
go_on(struct peer *p)
{
	static const char hello[] = "hello from the server\n";
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(p->ssl);
	switch (SSL_get_error(p->ssl, rc)) {
	case SSL_ERROR_WANT_ASYNC:
		wait_for_verdict(p);
		return;
	case SSL_ERROR_WANT_READ:
		wait_for(p, p->fd, EV_READ);
		return;
	case SSL_ERROR_WANT_WRITE:
		wait_for(p, p->fd, EV_WRITE);
		return;
	case SSL_ERROR_NONE:
		/* It fits into the buffer of a new connection. */
		SSL_write(p->ssl, hello, sizeof(hello) - 1);
		SSL_shutdown(p->ssl);
		break;
	default:
		break; /* the alert is sent */
	}
	peer_free(p);
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	go_on(arg);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *sa, int len, void *arg)
{
	struct peer *p = calloc(1, sizeof(*p));
	struct server *s = arg;

	(void)listener, (void)sa, (void)len;
	if (p == NULL) {
		evutil_closesocket(fd);
		return;
	}
	*p = (struct peer){.server = s, .ssl = SSL_new(s->ctx), .fd = fd};
	if (p->ssl == NULL || SSL_set_fd(p->ssl, (int)fd) != 1) {
		peer_free(p);
		return;
	}
	SSL_set_accept_state(p->ssl);
	SSL_set_mode(p->ssl, SSL_MODE_ASYNC);
	go_on(p);
}

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
run(struct server *s)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);

	s->listener = evconnlistener_new_bind(s->base, on_accept, s,
	    LEV_OPT_CLOSE_ON_FREE, 16, (struct sockaddr *)&sin, sizeof(sin));
	if (s->listener == NULL ||
	    getsockname(evconnlistener_get_fd(s->listener),
		(struct sockaddr *)&sin, &len) != 0)
		return 0;
	printf("ready %u\n", ntohs(sin.sin_port));
	fflush(stdout);
	event_base_dispatch(s->base);
	evconnlistener_free(s->listener);
	return 1;
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
	struct server s = {
	    .base = event_base_new(), .ctx = SSL_CTX_new(TLS_server_method())};
	int ok = 0;

	if (argc != 5 || s.base == NULL || s.ctx == NULL) {
		fprintf(stderr,
		    "usage: server_async CERTIFICATE KEY ANCHORS PEERS\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	s.left = atoi(argv[4]);
	if (SSL_CTX_use_certificate_chain_file(s.ctx, argv[1]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(s.ctx, argv[2], SSL_FILETYPE_PEM) != 1)
		fprintf(stderr, "server_async: cannot use %s and %s\n", argv[1],
		    argv[2]);
	else if (revcheck_new(&rc, &options, &err) != 0 ||
	    revcheck_trust_load(&how.trust, argv[3], &err) != 0 ||
	    revcheck_ssl_ctx_attach(s.ctx, rc, &how, &err) != 0)
		fprintf(stderr, "server_async: %s\n", err.msg);
	else
		ok = run(&s);
	SSL_CTX_free(s.ctx);
	event_base_free(s.base);
	revcheck_trust_free(how.trust);
	revcheck_free(rc);
	return ok ? 0 : 1;
}
