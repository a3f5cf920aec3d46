/*
 * floods_good: a peer who comes in, a node that dials out, whoever watches,
 * an operator, and the node's session checks: again and again, each with the
 * time that it took. All of it comes from 127.0.0.1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <sys/socket.h>

#include "tests/lib/peer.h"
#include "tests/lib/scene.h"
#include "tests/soak/floods.h"

#define MAX_SAMPLES 1000000
#define MAX_THREADS 16
/* More than the gateway remembers, so that each is compared. */
#define NUM_USERS 100

struct good_world good_world;
static pthread_t threads[MAX_THREADS];
static size_t num_threads;

char *
good_users(void)
{
	static const unsigned char salt[] = "0123456789abcdef";
	static const char pass[] = "demo-password";
	unsigned char hash[32];
	char salt64[40], hash64[60], *text, *more;

	if (PKCS5_PBKDF2_HMAC(pass, sizeof(pass) - 1, salt, 16, 600000,
		EVP_sha256(), sizeof(hash), hash) != 1)
		abort();
	EVP_EncodeBlock((unsigned char *)salt64, salt, 16);
	EVP_EncodeBlock((unsigned char *)hash64, hash, sizeof(hash));
	text = xasprintf("[{\"name\":\"operator\",\"roles\":[\"operate\","
			 "\"check\"],\"password\":\"%s\"}",
	    pass);
	for (int i = 0; i < NUM_USERS; i++) {
		more = xasprintf(
		    "%s,{\"name\":\"user%d\",\"roles\":[\"read\"],"
		    "\"password_hash\":\"pbkdf2-sha256$600000$%s$%s\"}",
		    text, i, salt64, hash64);
		free(text);
		text = more;
	}
	more = xasprintf("%s]", text);
	free(text);
	return more;
}

/* A whole handshake, the verdict, and a line through the node and back. */
static bool
comes_in(void)
{
	char *cert = town_path(&town, "peers/good.pem");
	char *key = town_path(&town, "peers/good.key");
	const struct tls_options o = {
	    .cert = cert, .key = key, .timeout_ms = 10000};
	const int on = 1;
	struct tls t;
	bool ok;

	/* What is waited is to be the gateway's, not Nagle's. */
	ok = tls_connect(&t, gw.port, &o) == 1 &&
	    setsockopt(t.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
	    tls_echo(&t) == 1;
	tls_free(&t);
	free(cert);
	free(key);
	return ok;
}

static bool
says(int fd, const char *text, const char *want)
{
	char answer[512] = "";
	size_t len = 0;
	ssize_t n;

	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return false;
	while (strstr(answer, want) == NULL) {
		n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
		if (n <= 0)
			return false;
		len += (size_t)n;
		answer[len] = '\0';
	}
	return true;
}

/* The other way round: the node's CONNECT, and a line through the peer. */
static bool
goes_out(void)
{
	int fd = floods_dial("127.0.0.1", good_world.connect_port);
	char *head = xasprintf("CONNECT 127.0.0.1:%d HTTP/1.1\r\n"
			       "Host: x\r\n\r\n",
	    good_world.far_port);
	bool ok = fd >= 0 && says(fd, head, "\r\n\r\n") &&
	    says(fd, "through\n", "through\n");

	if (fd >= 0)
		close(fd);
	free(head);
	return ok;
}

static bool
asks(const char *method, const char *path, const char *user, const char *body)
{
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v1%s", gw.rest_port, path);
	struct web w;
	bool ok;

	web_request(&w, method, url, user, body, NULL);
	ok = w.status == 200;
	web_free(&w);
	free(url);
	return ok;
}

static bool
healthz(void)
{
	return asks("GET", "/healthz", NULL, NULL);
}

static bool
readyz(void)
{
	return asks("GET", "/readyz", NULL, NULL);
}

static bool
metrics(void)
{
	return asks("GET", "/metrics", REST_USER, NULL);
}

static bool
first_login(void)
{
	static unsigned num;
	char user[64];

	snprintf(user, sizeof(user), "user%u:demo-password", num++ % NUM_USERS);
	return asks("GET", "/status", user, NULL);
}

static bool
session_check(void)
{
	return asks("POST", "/revocation/check", REST_USER, good_world.check);
}

#define GOOD(what, f, pause, workers, always)               \
	{                                                   \
		.name = what, .once = f, .pause_ms = pause, \
		.num_threads = workers, .dry = always,      \
		.lock = PTHREAD_MUTEX_INITIALIZER           \
	}
/* The first two are handshakes, the third is /healthz: floods.c. */
struct good goods[] = {
    GOOD("handshake in", comes_in, 20, 2, false),
    GOOD("handshake out", goes_out, 100, 1, false),
    GOOD("GET /healthz", healthz, 100, 1, true),
    GOOD("GET /readyz", readyz, 500, 1, true),
    GOOD("GET /metrics", metrics, 500, 1, true),
    GOOD("a login, the first time", first_login, 1000, 1, true),
    GOOD("session check", session_check, 100, 1, true),
};
const size_t num_goods = sizeof(goods) / sizeof(goods[0]);

static void
sample(struct good *g, enum phase phase, bool ok, uint64_t us)
{
	struct samples *s = &g->samples[phase];

	pthread_mutex_lock(&g->lock);
	if (!ok)
		s->failed++;
	else if (s->num < MAX_SAMPLES)
		s->us[s->num++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	pthread_mutex_unlock(&g->lock);
}

static void *
run(void *arg)
{
	struct good *g = arg;

	while (!atomic_load(&floods_stop)) {
		int phase = atomic_load(&floods_phase);
		uint64_t since = floods_now_us();
		bool ok = g->once();

		/* What began in one and ended in another tells of neither. */
		if (phase == atomic_load(&floods_phase))
			sample(g, phase, ok, floods_now_us() - since);
		usleep(g->pause_ms * 1000);
	}
	return NULL;
}

void
good_start(void)
{
	for (size_t i = 0; i < num_goods; i++) {
		for (size_t k = 0; k < NUM_PHASES; k++) {
			goods[i].samples[k].us =
			    calloc(MAX_SAMPLES, sizeof(uint32_t));
			if (goods[i].samples[k].us == NULL)
				abort();
		}
		for (unsigned k = 0; k < goods[i].num_threads; k++)
			if (num_threads == MAX_THREADS ||
			    pthread_create(&threads[num_threads++], NULL, run,
				&goods[i]) != 0)
				abort();
	}
}

void
good_end(void)
{
	while (num_threads > 0)
		pthread_join(threads[--num_threads], NULL);
}
