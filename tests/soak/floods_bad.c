/*
 * floods_bad: strangers, and a node gone wild. Each kind has its pace, its
 * threads and its addresses; what it keeps open is a ring, so that it is
 * bounded here, too. Floods are less urgent than those who are measured: on
 * one machine, processor time that they take is not what is asked about.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/lib/scene.h"
#include "tests/soak/floods.h"

#define HELD        1024
#define NICE        10
#define MAX_THREADS 32

/* Connections kept open, the oldest of which gives way. */
struct hold {
	pthread_mutex_t lock;
	int fd[HELD];
	size_t at;
};

struct bad_world bad_world;
static SSL_CTX *anonymous, *stranger;
static pthread_t threads[MAX_THREADS];
static size_t num_threads;

static void
hold(struct bad *b, int fd)
{
	struct hold *h = b->hold;
	int old;

	atomic_fetch_add(&b->done, 1);
	pthread_mutex_lock(&h->lock);
	old = h->fd[h->at];
	h->fd[h->at] = fd;
	h->at = (h->at + 1) % HELD;
	pthread_mutex_unlock(&h->lock);
	if (old > 0)
		close(old);
}

/* From the next of its addresses; each kind has a net of its own. */
static int
dial(struct bad *b, int port)
{
	unsigned n = atomic_fetch_add(&b->at, 1) % b->num_from;
	char from[32];

	snprintf(from, sizeof(from), "%s.%u.%u", bad_world.net,
	    (unsigned)(b - bads), n + 1);
	return floods_dial(from, port);
}

static void
hold_silent(struct bad *b, int port)
{
	int fd = dial(b, port);

	if (fd >= 0)
		hold(b, fd);
}

static void
half_open(struct bad *b)
{
	hold_silent(b, gw.port);
}

static void
silent_rest(struct bad *b)
{
	hold_silent(b, gw.rest_port);
}

static void
bare(struct bad *b)
{
	int fd = dial(b, gw.port);

	if (fd < 0)
		return;
	atomic_fetch_add(&b->done, 1);
	close(fd);
}

/* Shakes hands on fd, which stays open when the SSL is freed. */
static SSL *
shake(SSL_CTX *ctx, int fd)
{
	SSL *ssl = fd >= 0 ? SSL_new(ctx) : NULL;

	if (ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1)
		return ssl;
	SSL_free(ssl);
	ERR_clear_error();
	return NULL;
}

/* A chain that nobody vouches for, or none. */
static void
refused(struct bad *b)
{
	int fd = dial(b, gw.port);
	SSL *ssl = shake(atomic_load(&b->at) % 2 ? stranger : anonymous, fd);
	char byte;

	/* TLS 1.3: the client's handshake ends before it is judged. */
	if (ssl != NULL && SSL_read(ssl, &byte, 1) > 0)
		abort();
	if (fd >= 0) {
		atomic_fetch_add(&b->done, 1);
		close(fd);
	}
	SSL_free(ssl);
	ERR_clear_error();
}

/* What is said to REST: head, then more of x's. The connection is held. */
static void
pour(struct bad *b, const char *head, size_t more)
{
	static const char text[16384] = {[0 ... 16383] = 'x'};
	int fd = dial(b, gw.rest_port);
	SSL *ssl = shake(anonymous, fd);
	bool sent = ssl != NULL && SSL_write(ssl, head, (int)strlen(head)) > 0;

	for (size_t i = 0; sent && i < more; i += sizeof(text))
		sent = SSL_write(ssl, text, (int)sizeof(text)) > 0;
	SSL_free(ssl);
	ERR_clear_error();
	if (sent)
		hold(b, fd);
	else if (fd >= 0)
		close(fd);
}

#define POST "POST /api/v1/denylist HTTP/1.1\r\nHost: x\r\n"

static void
unfinished_body(struct bad *b)
{
	pour(b, POST "Content-Length: 1000000\r\n\r\n{\"reason\":\"", 0);
}

/* All but the end of what a body may be. */
static void
endless_chunk(struct bad *b)
{
	pour(b, POST "Transfer-Encoding: chunked\r\n\r\nF00000\r\n", 1000000);
}

/* More than it may be. */
static void
huge_chunk(struct bad *b)
{
	pour(b, POST "Transfer-Encoding: chunked\r\n\r\nF00000\r\n", 2000000);
}

/* Another password each time, so that each is compared. */
static void
wrong_login(struct bad *b)
{
	char user[64], base64[96], request[256], answer[64] = "";
	int fd = dial(b, gw.rest_port);
	SSL *ssl = shake(anonymous, fd);

	snprintf(user, sizeof(user), "operator:wrong%u", atomic_load(&b->at));
	EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)user,
	    (int)strlen(user));
	snprintf(request, sizeof(request),
	    "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n"
	    "Authorization: Basic %s\r\nConnection: close\r\n\r\n",
	    base64);
	if (ssl != NULL && SSL_write(ssl, request, (int)strlen(request)) > 0 &&
	    SSL_read(ssl, answer, sizeof(answer) - 1) > 0)
		atomic_fetch_add(&b->done, 1);
	if (strstr(answer, "HTTP/1.1 2") != NULL)
		abort();
	SSL_free(ssl);
	ERR_clear_error();
	if (fd >= 0)
		close(fd);
}

/* The node dials those who never answer. */
static void
dial_silent(struct bad *b)
{
	int fd = floods_dial("127.0.0.1", bad_world.connect_port), peer;
	char head[96];
	int len = snprintf(head, sizeof(head),
	    "CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n",
	    bad_world.silent_port);

	if (fd >= 0 && send(fd, head, (size_t)len, MSG_NOSIGNAL) == len)
		hold(b, fd);
	else if (fd >= 0)
		close(fd);
	while ((peer = accept4(bad_world.silent_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		hold(b, peer);
}

/* The node does not end its CONNECT. */
static void
unfinished_connect(struct bad *b)
{
	static const char head[] = "CONNECT 127.0.0.1:1 HTTP/1.1\r\n";
	int fd = floods_dial("127.0.0.1", bad_world.connect_port);

	if (fd >= 0 && send(fd, head, sizeof(head) - 1, MSG_NOSIGNAL) > 0)
		hold(b, fd);
	else if (fd >= 0)
		close(fd);
}

#define BAD(what, f, pace, addresses, workers)                \
	{                                                     \
		.name = what, .once = f, .per_sec = pace,     \
		.num_from = addresses, .num_threads = workers \
	}
struct bad bads[] = {
    BAD("half open, of one address", half_open, 200, 1, 1),
    BAD("half open, of many", half_open, 100, 50, 1),
    BAD("bare connects", bare, 200, 8, 1),
    BAD("refused strangers", refused, 20, 8, 1),
    BAD("silent REST connections", silent_rest, 100, 8, 1),
    BAD("unfinished bodies", unfinished_body, 10, 8, 1),
    BAD("chunks without an end", endless_chunk, 5, 8, 1),
    BAD("chunks, more than may be", huge_chunk, 5, 8, 1),
    BAD("wrong logins", wrong_login, 5, 4, 4),
    BAD("dials to the silent", dial_silent, 20, 1, 1),
    BAD("unfinished CONNECTs", unfinished_connect, 10, 1, 1),
};
const size_t num_bads = sizeof(bads) / sizeof(bads[0]);

/* At its pace, or as fast as it gets through. */
static void *
run(void *arg)
{
	struct bad *b = arg;
	uint64_t next = floods_now_us();

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	while (!atomic_load(&floods_stop)) {
		uint64_t now = floods_now_us();

		if (now < next)
			usleep((useconds_t)(next - now));
		next += 1000000 / b->per_sec;
		if (now > next + 1000000)
			next = now;
		atomic_fetch_add(&b->tried, 1);
		b->once(b);
	}
	return NULL;
}

void
bad_start(void)
{
	char *cert = town_path(&town, "peers/stranger.pem");
	char *key = town_path(&town, "peers/stranger.key");

	anonymous = SSL_CTX_new(TLS_client_method());
	stranger = SSL_CTX_new(TLS_client_method());
	if (anonymous == NULL || stranger == NULL ||
	    SSL_CTX_use_certificate_chain_file(stranger, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(stranger, key, SSL_FILETYPE_PEM) != 1)
		abort();
	free(cert);
	free(key);
	for (size_t i = 0; i < num_bads; i++) {
		bads[i].hold = calloc(1, sizeof(struct hold));
		if (bads[i].hold == NULL)
			abort();
		pthread_mutex_init(&bads[i].hold->lock, NULL);
		for (unsigned k = 0; k < bads[i].num_threads; k++)
			if (num_threads == MAX_THREADS ||
			    pthread_create(&threads[num_threads++], NULL, run,
				&bads[i]) != 0)
				abort();
	}
}

void
bad_end(void)
{
	while (num_threads > 0)
		pthread_join(threads[--num_threads], NULL);
	for (size_t i = 0; i < num_bads; i++) {
		struct hold *h = bads[i].hold;

		for (size_t k = 0; k < HELD; k++)
			if (h->fd[k] > 0)
				close(h->fd[k]);
		free(h);
	}
	SSL_CTX_free(anonymous);
	SSL_CTX_free(stranger);
}
