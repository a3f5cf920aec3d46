/*
 * floods: one gateway before a node; whoever is good is measured alone, then
 * under floods of every kind at once (floods_bad.c), the log's pipe full and
 * read by nobody; last, with fewer descriptors than peers ask for. Prints what
 * was waited, calm and flooded, side by side.
 *
 * Exit status 1 when somebody good was not served, the gateway has died, its
 * log did not fill the pipe, memory has grown, or descriptors did not come
 * back. Times are printed with what is wanted of them and not judged: they are
 * of a machine, and of what else runs there. This is no part of make test.
 *
 *   SOAK_SECONDS [60]: of the flood, the last tenth of it without descriptors;
 *                      the calm before it has a quarter, a minute at most
 *
 * With the right to make a network namespace (root), strangers come from
 * addresses that are not loopback's, as far as the gateway can tell; else from
 * 127.0.0.0/8, where wrong logins are waited for and never turned away.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "tests/lib/scene.h"
#include "tests/soak/floods.h"

/* Above what floods need: handshakes, dials with both sides, REST. */
#define NUM_FILES 2048
/* In the last phase, fewer than are open. */
#define DRY_FILES 100
#define MB        1e6
/* Unfinished requests may have 64 MiB; the rest is connections, 1,300. */
#define MAX_RESIDENT (200 * MB)

atomic_int floods_phase;
atomic_bool floods_stop;

static struct gateway far;
static int unread = -1;
static size_t calm_fds;
static unsigned num_wrong;

/* Of each second of a phase: what the process takes. */
struct taken {
	double resident, most_resident;
	size_t most_fds, least_fds;
	unsigned seconds, unread_full;
	double early, late; /* resident, most in the second, last quarter */
};
static struct taken taken[NUM_PHASES];

uint64_t
floods_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int
floods_dial(const char *from, int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	const struct timeval tv = {20, 0};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	inet_pton(AF_INET, from, &sin.sin_addr);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
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

static const char *const phase_names[] = {"calm", "flooded", "dry"};

static void
print_good(const struct good *g)
{
	for (size_t i = 0; i < NUM_PHASES; i++) {
		const struct samples *s = &g->samples[i];

		if (s->num > 0)
			qsort(s->us, s->num, sizeof(uint32_t), by_size);
		printf("floods: %-23s %-8s %7zu %5zu %8.1f %8.1f %8.1f\n",
		    i == 0 ? g->name : "", phase_names[i], s->num, s->failed,
		    quantile_ms(s, 0.5), quantile_ms(s, 0.99),
		    quantile_ms(s, 1));
	}
}

static double
ratio(const struct good *g)
{
	double calm = quantile_ms(&g->samples[PHASE_CALM], 0.99);

	return calm > 0 ? quantile_ms(&g->samples[PHASE_FLOOD], 0.99) / calm
			: 0;
}

static void
print_figures(void)
{
	printf("floods: %-27s %8s %8s\n", "", "tried", "through");
	for (size_t i = 0; i < num_bads; i++)
		printf("floods: %-27s %8lu %8lu\n", bads[i].name,
		    atomic_load(&bads[i].tried), atomic_load(&bads[i].done));
	printf("floods: %-32s %7s %5s %8s %8s %8s\n", "", "served", "not",
	    "50 % ms", "99 % ms", "all ms");
	for (size_t i = 0; i < num_goods; i++)
		print_good(&goods[i]);
	for (size_t i = 0; i < NUM_PHASES; i++)
		printf("floods: %-8s %4u s, resident %.1f MB at most, "
		       "descriptors %zu to %zu, log pipe full %u times\n",
		    phase_names[i], taken[i].seconds,
		    taken[i].most_resident / MB, taken[i].least_fds,
		    taken[i].most_fds, taken[i].unread_full);
	printf("floods: 99 %% of handshakes: in %.1f, out %.1f times calm "
	       "(wanted: below 3); /healthz: %.0f ms at most (wanted: below "
	       "1000)\n",
	    ratio(&goods[0]), ratio(&goods[1]),
	    quantile_ms(&goods[2].samples[PHASE_FLOOD], 1));
}

/* Judgement. */

static void
check(bool ok, const char *what, const char *whose)
{
	if (ok)
		return;
	num_wrong++;
	printf("floods: WRONG: %s %s\n", what, whose);
}

static void
check_good(const struct good *g)
{
	for (size_t i = 0; i < NUM_PHASES; i++) {
		const struct samples *s = &g->samples[i];

		if (i == PHASE_DRY && !g->dry)
			continue;
		check(s->num > 0, "never served:", g->name);
		check(s->failed == 0, "not always served:", g->name);
	}
}

static double
log_dropped(void)
{
	struct web w;
	double num;

	rest(&gw, &w, "GET", "/status", NULL);
	num = json_number(w.json, "logDropped");
	web_free(&w);
	return num;
}

static void
check_all(void)
{
	const struct taken *flood = &taken[PHASE_FLOOD];

	for (size_t i = 0; i < num_goods; i++)
		check_good(&goods[i]);
	check(
	    flood->unread_full == flood->seconds, "the log's pipe", "had room");
	check(log_dropped() > 0, "no line of the log", "was dropped");
	check(flood->most_resident < MAX_RESIDENT, "too much", "memory");
	check(
	    flood->seconds < 60 || flood->late < 1.25 * flood->early + 16 * MB,
	    "memory", "grows");
}

/* Phases. */

static bool
pipe_is_full(void)
{
	struct pollfd p = {.fd = unread, .events = POLLOUT};

	return poll(&p, 1, 0) == 0;
}

static void
take_sample(struct taken *t, unsigned second, unsigned of)
{
	size_t fds = pid_num_fds(gw.proc.pid);

	t->resident = (double)pid_rss_bytes(gw.proc.pid);
	if (t->resident > t->most_resident)
		t->most_resident = t->resident;
	if (second * 4 >= of && second * 2 < of && t->resident > t->early)
		t->early = t->resident;
	if (second * 4 >= of * 3 && t->resident > t->late)
		t->late = t->resident;
	if (fds > t->most_fds)
		t->most_fds = fds;
	if (t->least_fds == 0 || fds < t->least_fds)
		t->least_fds = fds;
	t->unread_full += pipe_is_full();
	t->seconds++;
}

/* False: it has died. */
static bool
pass(enum phase phase, unsigned seconds)
{
	atomic_store(&floods_phase, phase);
	for (unsigned i = 0; i < seconds; i++) {
		sleep(1);
		if (proc_wait(&gw.proc, 0) != -1)
			return false;
		take_sample(&taken[phase], i, seconds);
		if (i % 60 == 59)
			printf("floods: %s, %u s: %.1f MB, %zu descriptors\n",
			    phase_names[phase], i + 1,
			    taken[phase].resident / MB,
			    pid_num_fds(gw.proc.pid));
	}
	return true;
}

static void
limit_files(rlim_t num)
{
	const struct rlimit rl = {.rlim_cur = num, .rlim_max = NUM_FILES};

	if (prlimit(gw.proc.pid, RLIMIT_NOFILE, &rl, NULL) != 0)
		abort();
}

static bool
soak(unsigned seconds)
{
	unsigned dry = seconds / 10 < 3 ? 3 : seconds / 10;
	bool alive;

	good_start();
	alive = pass(PHASE_CALM, seconds / 4 > 60 ? 60 : seconds / 4);
	calm_fds = taken[PHASE_CALM].most_fds;
	if (alive) {
		bad_start();
		alive = pass(PHASE_FLOOD, seconds - dry);
		/* Whoever fails now fails in the next one. */
		atomic_store(&floods_phase, PHASE_DRY);
		if (alive)
			limit_files(pid_num_fds(gw.proc.pid) - DRY_FILES);
		alive = alive && pass(PHASE_DRY, dry);
	}
	atomic_store(&floods_stop, true);
	good_end();
	if (taken[PHASE_FLOOD].seconds > 0)
		bad_end();
	return alive;
}

/* The scene. */

static void
far_addresses(void)
{
	bad_world.net = "127.18";
	if (unshare(CLONE_NEWNET) != 0)
		return;
	bad_world.net = "198.18";
	if (system("ip link set lo up && "
		   "ip route add local 198.18.0.0/15 dev lo") != 0)
		die("ip(8) has not set up a network namespace");
}

static void
listen_silently(void)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    listen(fd, 1024) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) != 0)
		abort();
	bad_world.silent_fd = fd;
	bad_world.silent_port = ntohs(sin.sin_port);
}

static void
set(const char *place, char *json)
{
	gateway_set(&gw, place, json);
	free(json);
}

static int
connect_port(void)
{
	char *line, *value, *colon;
	int port;

	gw.proc.mark = 0;
	line = proc_await(&gw.proc, "ready listen=", WAIT_MS);
	value = line != NULL ? line_value(line, "connect") : NULL;
	colon = value != NULL ? strrchr(value, ':') : NULL;
	if (colon == NULL)
		abort();
	port = atoi(colon + 1);
	free(value);
	free(line);
	return port;
}

static void
set_up(void)
{
	char *ca = fixture_path("ca");

	if (!scene_many_files(10000))
		die("too few descriptors for the floods themselves");
	far_addresses();
	listen_silently();
	town_start(&town, "net", NULL);
	gateway_run(&far, "far", &town);
	scene_prepare();
	set("identities",
	    xasprintf("[{\"name\":\"own\",\"certificate\":\"%s/peers/good.pem"
		      "\",\"key\":\"%s/peers/good.key\"}]",
		town.dir, town.dir));
	set("connect",
	    xasprintf("{\"listen\":\"127.0.0.1:0\",\"allow\":[\"127.0.0.1:%d"
		      "\",\"127.0.0.1:%d\"]}",
		far.port, bad_world.silent_port));
	set("limits.max_handshakes", xasprintf("%d", FLOODS_MAX_HANDSHAKES));
	set("rest.users", good_users());
	gateway_set(&gw, "log.level", "\"debug\"");
	/* Nobody reads, and the pipe is full before the calm is over. */
	if (mkfifo("unread", 0600) != 0 ||
	    (unread = open("unread", O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0)
		abort();
	gw.shell = xasprintf("ulimit -n %d; exec \"$@\" 2>unread", NUM_FILES);
	gateway_start(&gw);
	good_world.connect_port = bad_world.connect_port = connect_port();
	good_world.far_port = far.port;
	if (proc_run(
		(const char *const[]){ca, "body", town.dir, "sessions/good",
		    "--mode", "HARD_FAIL", "--trust", "trust", NULL},
		"body.log", WAIT_MS, &good_world.check) != 0)
		abort();
	free(ca);
}

static void
clean_up(void)
{
	gateway_free(&gw);
	gateway_free(&far);
	town_stop(&town);
	close(unread);
	close(bad_world.silent_fd);
	free(good_world.check);
	for (size_t i = 0; i < num_goods; i++)
		for (size_t k = 0; k < NUM_PHASES; k++)
			free(goods[i].samples[k].us);
}

int
main(void)
{
	const char *text = getenv("SOAK_SECONDS");
	int seconds = text != NULL ? atoi(text) : 60;
	char dir[] = "/tmp/floods.XXXXXX", command[64];
	bool alive;

	signal(SIGPIPE, SIG_IGN);
	setlinebuf(stdout);
	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		abort();
	set_up();
	alive = soak(seconds < 12 ? 12 : (unsigned)seconds);
	print_figures();
	check(alive, "the gateway", "has died");
	if (alive) {
		check_all();
		/* Who floods has left; each good one on the way comes in. */
		scene_await_fds(calm_fds + 8);
		printf("floods: afterwards resident %.1f MB, %zu descriptors "
		       "(calm: %zu)\n",
		    (double)pid_rss_bytes(gw.proc.pid) / MB,
		    pid_num_fds(gw.proc.pid), calm_fds);
		clean_up();
	}
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (chdir("/") != 0 || system(command) != 0)
		num_wrong++;
	puts(num_wrong > 0 ? "floods: FAILED" : "floods: ok");
	return num_wrong > 0;
}
