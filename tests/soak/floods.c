/*
 * floods: one gateway whose log nobody reads, before a node; good peers and a
 * probe of /healthz, first alone, then under floods of every kind at once from
 * other addresses: half-open handshakes, bare connects, silent REST
 * connections, unfinished bodies, wrong logins. Prints what good peers and the
 * probe waited, calm and flooded, side by side. It reports and does not judge:
 * figures depend on the machine. Exit status 1 only when the gateway has died
 * or let nobody in.
 *
 *   SOAK_SECONDS [60]: of the flood; the calm before it has a quarter
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "tests/lib/scene.h"

#define NUM_PEERS   2
#define MAX_SAMPLES 1000000
#define HELD        400 /* connections that a flood keeps open */

/* What was waited, in microseconds. */
struct samples {
	pthread_mutex_t lock;
	uint32_t *us;
	size_t num, failed;
};

enum phase {
	PHASE_CALM = 0,
	PHASE_FLOOD,
	NUM_PHASES
};

static struct samples peers[NUM_PHASES], probes[NUM_PHASES];
static atomic_int phase;
static atomic_bool stop;

struct flood {
	const char *name, *from; /* address */
	void (*one)(struct flood *f);
	unsigned per_sec;
	atomic_ulong tried, done;
	int held[HELD];
	size_t at;
	SSL_CTX *ctx;
	pthread_t thread;
};

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
sample(struct samples *s, bool ok, uint64_t since)
{
	uint64_t us = now_us() - since;

	pthread_mutex_lock(&s->lock);
	if (!ok)
		s->failed++;
	else if (s->num < MAX_SAMPLES)
		s->us[s->num++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	pthread_mutex_unlock(&s->lock);
}

/* Clients. */

/* What is waited is to be the gateway's, not Nagle's. */
static int
at_once(int fd)
{
	const int on = 1;

	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* A connection from one of our other addresses; -1: none. */
static int
dial_from(const char *from, int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	struct timeval tv = {2, 0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	inet_pton(AF_INET, from, &sin.sin_addr);
	(void)at_once(fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0) {
		sin.sin_port = htons((uint16_t)port);
		sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0)
			return fd;
	}
	close(fd);
	return -1;
}

/* Keeps fd open instead of the oldest one. */
static void
hold(struct flood *f, int fd)
{
	int *slot = &f->held[f->at++ % HELD];

	if (*slot > 0)
		close(*slot);
	*slot = fd;
}

static void
flood_half_open(struct flood *f)
{
	int fd = dial_from(f->from, gw.port);

	if (fd < 0)
		return;
	atomic_fetch_add(&f->done, 1);
	hold(f, fd);
}

static void
flood_bare(struct flood *f)
{
	int fd = dial_from(f->from, gw.port);

	if (fd < 0)
		return;
	atomic_fetch_add(&f->done, 1);
	close(fd);
}

static void
flood_silent_rest(struct flood *f)
{
	int fd = dial_from(f->from, gw.rest_port);

	if (fd < 0)
		return;
	atomic_fetch_add(&f->done, 1);
	hold(f, fd);
}

/* TLS to REST, and request. *fd stays open when the SSL is freed. */
static SSL *
rest_say(struct flood *f, const char *request, int *fd)
{
	SSL *ssl = SSL_new(f->ctx);

	*fd = dial_from(f->from, gw.rest_port);
	if (ssl != NULL && *fd >= 0 && SSL_set_fd(ssl, *fd) == 1 &&
	    SSL_connect(ssl) == 1 &&
	    SSL_write(ssl, request, (int)strlen(request)) > 0)
		return ssl;
	SSL_free(ssl);
	ERR_clear_error();
	if (*fd >= 0)
		close(*fd);
	return NULL;
}

static void
flood_unfinished_body(struct flood *f)
{
	int fd;
	SSL *ssl = rest_say(f,
	    "POST /api/v1/denylist HTTP/1.1\r\nHost: x\r\n"
	    "Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
	    "{\"reason\":\"",
	    &fd);

	if (ssl == NULL)
		return;
	atomic_fetch_add(&f->done, 1);
	SSL_free(ssl);
	hold(f, fd);
}

static bool
rest_get(struct flood *f, const char *request, const char *want)
{
	char answer[256] = "";
	int fd;
	SSL *ssl = rest_say(f, request, &fd);
	int n = ssl == NULL ? 0 : SSL_read(ssl, answer, sizeof(answer) - 1);

	if (ssl == NULL)
		return false;
	SSL_free(ssl);
	ERR_clear_error();
	close(fd);
	return n > 0 && strstr(answer, want) != NULL;
}

static void
flood_wrong_login(struct flood *f)
{
	/* operator:wrong */
	if (rest_get(f,
		"GET /api/v1/status HTTP/1.1\r\nHost: x\r\n"
		"Authorization: Basic b3BlcmF0b3I6d3Jvbmc=\r\n"
		"Connection: close\r\n\r\n",
		"HTTP/1.1 4"))
		atomic_fetch_add(&f->done, 1);
}

static struct flood floods[] = {
    {.name = "half-open handshakes",
	.from = "127.0.0.2",
	.one = flood_half_open,
	.per_sec = 200},
    {.name = "bare connects",
	.from = "127.0.0.3",
	.one = flood_bare,
	.per_sec = 200},
    {.name = "silent REST connections",
	.from = "127.0.0.4",
	.one = flood_silent_rest,
	.per_sec = 50},
    {.name = "unfinished bodies",
	.from = "127.0.0.5",
	.one = flood_unfinished_body,
	.per_sec = 10},
    {.name = "wrong logins",
	.from = "127.0.0.6",
	.one = flood_wrong_login,
	.per_sec = 20},
};
#define NUM_FLOODS (sizeof(floods) / sizeof(floods[0]))

/* At its pace, or as fast as it gets through. */
static void *
flood_main(void *arg)
{
	struct flood *f = arg;
	uint64_t next = now_us();

	while (!atomic_load(&stop)) {
		uint64_t now = now_us();

		if (now < next)
			usleep((useconds_t)(next - now));
		next += 1000000 / f->per_sec;
		if (now > next + 1000000)
			next = now;
		atomic_fetch_add(&f->tried, 1);
		f->one(f);
	}
	for (size_t i = 0; i < HELD; i++)
		if (f->held[i] > 0)
			close(f->held[i]);
	return NULL;
}

static void *
peer_main(void *arg)
{
	char *cert = xasprintf("%s/peers/good.pem", town.dir);
	char *key = xasprintf("%s/peers/good.key", town.dir);
	const struct tls_options o = {
	    .cert = cert, .key = key, .timeout_ms = 10000};

	(void)arg;
	while (!atomic_load(&stop)) {
		struct samples *s = &peers[atomic_load(&phase)];
		uint64_t since = now_us();
		struct tls t;

		sample(s,
		    tls_connect(&t, gw.port, &o) == 1 && at_once(t.fd) == 0 &&
			tls_echo(&t) == 1,
		    since);
		tls_free(&t);
		usleep(20000);
	}
	free(cert);
	free(key);
	return NULL;
}

static void *
probe_main(void *arg)
{
	struct flood f = {
	    .from = "127.0.0.1", .ctx = SSL_CTX_new(TLS_client_method())};

	(void)arg;
	while (!atomic_load(&stop)) {
		struct samples *s = &probes[atomic_load(&phase)];
		uint64_t since = now_us();

		sample(s,
		    rest_get(&f,
			"GET /api/v1/healthz HTTP/1.1\r\nHost: x\r\n"
			"Connection: close\r\n\r\n",
			"HTTP/1.1 200"),
		    since);
		usleep(100000);
	}
	SSL_CTX_free(f.ctx);
	return NULL;
}

/* Figures. */

static int
by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double
quantile_ms(const struct samples *s, double q)
{
	size_t at = (size_t)(q * (double)s->num);

	if (s->num == 0)
		return 0;
	return s->us[at < s->num ? at : s->num - 1] / 1000.0;
}

static void
print_row(const char *what, struct samples s[NUM_PHASES], double q)
{
	printf("floods: %-26s %10.1f ms %10.1f ms\n", what,
	    quantile_ms(&s[PHASE_CALM], q), quantile_ms(&s[PHASE_FLOOD], q));
}

static void
print_figures(int seconds)
{
	for (size_t i = 0; i < NUM_PHASES; i++) {
		qsort(peers[i].us, peers[i].num, sizeof(uint32_t), by_size);
		qsort(probes[i].us, probes[i].num, sizeof(uint32_t), by_size);
	}
	printf("floods: %d s\n", seconds);
	for (size_t i = 0; i < NUM_FLOODS; i++)
		printf("floods: %-26s %8lu tried, %8lu got through\n",
		    floods[i].name, atomic_load(&floods[i].tried),
		    atomic_load(&floods[i].done));
	printf("floods: %-26s %13s %13s\n", "", "calm", "flooded");
	printf("floods: %-26s %13zu %13zu\n", "good peers in", peers[0].num,
	    peers[1].num);
	printf("floods: %-26s %13zu %13zu\n", "good peers not in",
	    peers[0].failed, peers[1].failed);
	print_row("handshake, median", peers, 0.5);
	print_row("handshake, 99 %", peers, 0.99);
	print_row("handshake, longest", peers, 1);
	printf("floods: %-26s %13zu %13zu\n", "/healthz answered",
	    probes[0].num, probes[1].num);
	printf("floods: %-26s %13zu %13zu\n", "/healthz not answered",
	    probes[0].failed, probes[1].failed);
	print_row("/healthz, 99 %", probes, 0.99);
	print_row("/healthz, longest", probes, 1);
	printf("floods: handshake at 99 %%: %.1f times calm (wanted: below "
	       "3); /healthz: %.0f ms at most (wanted: below 1000)\n",
	    quantile_ms(&peers[1], 0.99) /
		(peers[0].num > 0 ? quantile_ms(&peers[0], 0.99) : 1),
	    quantile_ms(&probes[1], 1));
	printf("floods: resident %.1f MB\n",
	    (double)pid_rss_bytes(gw.proc.pid) / 1e6);
}

static void
set_up(int *unread)
{
	for (size_t i = 0; i < NUM_PHASES; i++) {
		struct samples *s[] = {&peers[i], &probes[i]};

		for (size_t k = 0; k < 2; k++) {
			pthread_mutex_init(&s[k]->lock, NULL);
			s[k]->us = calloc(MAX_SAMPLES, sizeof(uint32_t));
			if (s[k]->us == NULL)
				abort();
		}
	}
	for (size_t i = 0; i < NUM_FLOODS; i++) {
		floods[i].ctx = SSL_CTX_new(TLS_client_method());
		/* As of a stranger, who does not care whom it talks to. */
		SSL_CTX_set_quiet_shutdown(floods[i].ctx, 1);
	}
	(void)scene_many_files(8192);
	town_start(&town, "net", NULL);
	scene_prepare();
	/* Nobody reads, and the pipe is full before the calm is over. */
	if (mkfifo("unread", 0600) != 0 ||
	    (*unread = open("unread", O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0)
		abort();
	gw.shell = xstrdup("exec \"$@\" 2>unread");
	gateway_set(&gw, "log.level", "\"debug\"");
	gateway_start(&gw);
}

int
main(void)
{
	const char *text = getenv("SOAK_SECONDS");
	int seconds = text != NULL ? atoi(text) : 60, unread = -1, bad;
	char dir[] = "/tmp/floods.XXXXXX", command[64];
	pthread_t good[NUM_PEERS], probe;

	if (seconds < 4)
		seconds = 4;
	signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		abort();
	set_up(&unread);
	for (size_t i = 0; i < NUM_PEERS; i++)
		if (pthread_create(&good[i], NULL, peer_main, NULL) != 0)
			abort();
	if (pthread_create(&probe, NULL, probe_main, NULL) != 0)
		abort();
	sleep((unsigned)seconds / 4);
	atomic_store(&phase, PHASE_FLOOD);
	for (size_t i = 0; i < NUM_FLOODS; i++)
		if (pthread_create(
			&floods[i].thread, NULL, flood_main, &floods[i]) != 0)
			abort();
	sleep((unsigned)seconds);
	atomic_store(&stop, true);
	for (size_t i = 0; i < NUM_PEERS; i++)
		pthread_join(good[i], NULL);
	pthread_join(probe, NULL);
	for (size_t i = 0; i < NUM_FLOODS; i++) {
		pthread_join(floods[i].thread, NULL);
		SSL_CTX_free(floods[i].ctx);
	}
	bad = kill(gw.proc.pid, 0) != 0 || peers[PHASE_FLOOD].num == 0;
	if (!bad)
		print_figures(seconds);
	gateway_free(&gw);
	town_stop(&town);
	close(unread);
	for (size_t i = 0; i < NUM_PHASES; i++) {
		free(peers[i].us);
		free(probes[i].us);
	}
	if (chdir("/") != 0)
		abort();
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		bad = 1;
	puts(bad ? "floods: FAILED" : "floods: ok");
	return bad;
}
