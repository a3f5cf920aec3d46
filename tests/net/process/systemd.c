/*
 * The gateway as a service: sockets that somebody else bound and passes on,
 * which outlive it; what it tells the service manager; the units it ships.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <dirent.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/lib/scene.h"

static void
prepare(void)
{
	scene_prepare();
	gateway_set(&gw, "rest.users", REST_CHEAP_USERS);
}

/* Sockets. */

/* A socket as a service manager would make it. */
static int
bound_tcp(int family, int *port)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	bool four = family == AF_INET;
	struct sockaddr *sa =
	    four ? (struct sockaddr *)&in : (struct sockaddr *)&in6;
	socklen_t len = four ? sizeof(in) : sizeof(in6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*port = 0;
	if (fd < 0 || bind(fd, sa, len) != 0 || listen(fd, 64) != 0 ||
	    getsockname(fd, sa, &len) != 0)
		fail_msg("cannot listen: %s", strerror(errno));
	else
		*port = ntohs(four ? in.sin_port : in6.sin6_port);
	return fd;
}

#define FIRST_PASSED 3 /* as sd_listen_fds(3) has it */
#define MAX_PASSED   3

/* The places where descriptors are passed are nobody else's in this process. */
static void
reserve_places(void)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	for (int i = 0; i < MAX_PASSED; i++)
		if (null != FIRST_PASSED + i)
			(void)dup3(null, FIRST_PASSED + i, O_CLOEXEC);
}

static void
forget_passed(void)
{
	for (int i = 0; i < MAX_PASSED; i++)
		fcntl(FIRST_PASSED + i, F_SETFD, FD_CLOEXEC);
}

/* The gateway will be started with these as its descriptors 3 and on. */
static void
pass(const int *fds, size_t num, const char *names)
{
	forget_passed();
	for (size_t i = 0; i < num; i++)
		assert_true(dup2(fds[i], FIRST_PASSED + (int)i) >= 0);
	free(gw.shell);
	gw.shell = xasprintf("export LISTEN_PID=$$ LISTEN_FDS=%zu "
			     "LISTEN_FDNAMES=%s; exec \"$@\"",
	    num, names);
}

static void
set(const char *place, char *json)
{
	gateway_set(&gw, place, json);
	free(json);
}

/* By name whatever the address, by address whatever the name. */
static void
sockets_find_their_listeners(void **state)
{
	int port[3], rest_port;
	const int fds[] = {bound_tcp(AF_INET, &port[0]),
	    bound_tcp(AF_INET, &port[1]), bound_tcp(AF_INET, &rest_port)};
	struct web w;

	(void)state;
	prepare();
	set("listen",
	    xasprintf("[\"127.0.0.1:1\", \"127.0.0.1:%d\", \"127.0.0.1:0\"]",
		port[1]));
	gateway_set(&gw, "rest.listen", "\"127.0.0.1:2\"");
	pass(fds, 3, "listen:p2p-gateway.socket:rest");
	gateway_start(&gw);
	assert_int_equal(gw.port, port[0]);
	assert_int_equal(gw.rest_port, rest_port);
	/* Every worker accepts on each of them. */
	for (int i = 0; i < 20; i++) {
		assert_int_equal(
		    tls_try(&town, "good", port[i % 2], 0), TLS_IN);
		assert_int_equal(tls_try(&town, "revoked", port[i % 2], 0),
		    ALERT_CERTIFICATE_REVOKED);
	}
	rest(&gw, &w, "GET", "/status", NULL);
	assert_int_equal(w.status, 200);
	web_free(&w);
	assert_true(proc_says(&gw.proc,
	    "listener 'listen-3': no socket was passed for it, bound here"));
	forget_passed();
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

/* The socket stays open while nobody serves it: who comes then waits. */
static void
a_restart_refuses_nobody(void **state)
{
	char *cert = town_path(&town, "peers/good.pem");
	char *key = town_path(&town, "peers/good.key");
	const struct tls_options o = {
	    .cert = cert, .key = key, .version = TLS1_2_VERSION};
	struct tls t;
	int port, fd = bound_tcp(AF_INET, &port);

	(void)state;
	prepare();
	pass(&fd, 1, "listen");
	for (int i = 0; i < 3; i++) {
		gateway_start(&gw);
		assert_int_equal(gw.port, port);
		if (i > 0) {
			/* Dialled while there was no gateway. */
			struct pollfd p = {.fd = t.fd, .events = POLLIN};
			int step;

			while ((step = tls_step(&t)) == 0)
				assert_int_equal(poll(&p, 1, WAIT_MS), 1);
			assert_int_equal(step, 1);
			tls_free(&t);
		}
		assert_int_equal(tls_try(&town, "good", port, 0), TLS_IN);
		/* By SIGTERM, and by what nobody can prepare for. */
		if (i == 1) {
			proc_signal(&gw.proc, SIGKILL);
			(void)proc_wait(&gw.proc, WAIT_MS);
			proc_cleanup(&gw.proc);
		} else {
			gateway_stop(&gw);
		}
		if (i < 2)
			tls_dial(&t, port, &o);
	}
	forget_passed();
	close(fd);
	free(cert);
	free(key);
}

static void
reload(const char *says)
{
	char *line;

	gateway_write(&gw);
	proc_mark(&gw.proc);
	proc_signal(&gw.proc, SIGHUP);
	line = proc_await(&gw.proc, says, WAIT_MS);
	if (line == NULL)
		fail_msg("no '%s' after a reload", says);
	free(line);
}

/* IPv6 and Unix sockets, too; a reload that would orphan one is refused. */
static void
a_reload_keeps_them(void **state)
{
	struct sockaddr_un un = {
	    .sun_family = AF_UNIX, .sun_path = "door.sock"};
	int port4, port6;
	const int fds[] = {bound_tcp(AF_INET, &port4),
	    bound_tcp(AF_INET6, &port6),
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};

	(void)state;
	assert_int_equal(bind(fds[2], (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fds[2], 8), 0);
	prepare();
	set("listen",
	    xasprintf("[\"127.0.0.1:%d\", \"[::1]:%d\", \"unix:door.sock\"]",
		port4, port6));
	pass(fds, 3, "a:b:c");
	gateway_start(&gw);
	for (int i = 0; i < 5; i++) {
		reload("reloaded the configuration");
		assert_int_equal(tls_try(&town, "good", port4, 0), TLS_IN);
	}
	/* In another order they are the same sockets. */
	set("listen",
	    xasprintf("[\"unix:door.sock\", \"[::1]:%d\", \"127.0.0.1:%d\"]",
		port6, port4));
	reload("reloaded the configuration");
	assert_int_equal(tls_try(&town, "good", port4, 0), TLS_IN);
	set("listen",
	    xasprintf("[\"unix:door.sock\", \"127.0.0.1:%d\"]", port4));
	reload("cannot reload");
	assert_true(proc_says(&gw.proc,
	    "was passed by the service manager, but nothing in the "
	    "configuration has that address or name"));
	assert_int_equal(tls_try(&town, "good", port4, 0), TLS_IN);
	gateway_stop(&gw);
	/* Not ours to remove. */
	assert_int_equal(access("door.sock", F_OK), 0);
	forget_passed();
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static void
expect_refusal(const char *shell, const char *says)
{
	if (shell != NULL) {
		free(gw.shell);
		gw.shell = xstrdup(shell);
	}
	gateway_must_refuse(&gw, says);
}

static void
what_cannot_be_used_is_named(void **state)
{
	int port, fd = bound_tcp(AF_INET, &port);
	int two[] = {fd, fd};
	int idle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int packets = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char *text =
	    xasprintf("the socket on 127.0.0.1:%d (named 'other')", port);

	(void)state;
	prepare();
	pass(&fd, 1, "other");
	expect_refusal(NULL, text);
	pass(&idle, 1, "listen");
	expect_refusal(NULL, "descriptor 3 ('listen') of LISTEN_FDS does not");
	pass(&packets, 1, "listen");
	expect_refusal(NULL, "expected a stream socket");
	pass(two, 2, "listen:listen");
	expect_refusal(NULL, "nothing in the configuration");
	gateway_set(&gw, "listen", "[\"127.0.0.1:0\"]");
	set("connect",
	    xasprintf("{\"listen\": \"127.0.0.1:%d\", \"allow\": []}", port));
	pass(&fd, 1, "listen");
	expect_refusal(NULL, "another one has the socket");
	gateway_set(&gw, "connect", NULL);
	expect_refusal("export LISTEN_PID=$$ LISTEN_FDS=some; exec \"$@\"",
	    "LISTEN_FDS is 'some'");
	expect_refusal("export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\" 3<&-",
	    "Bad file descriptor");
	/* Not meant for this process. */
	free(gw.shell);
	gw.shell = xstrdup("export LISTEN_PID=1 LISTEN_FDS=some; exec \"$@\"");
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	forget_passed();
	close(fd);
	close(idle);
	close(packets);
	free(text);
}

/* systemd's own launcher. The first peer to come is what starts it. */
static void
by_systemd_itself(void **state)
{
	static const char tool[] = "/usr/bin/systemd-socket-activate";
	int port, fd = bound_tcp(AF_INET, &port);
	char *address = xasprintf("127.0.0.1:%d", port);
	char *path = bin_path("p2p-gateway"), *text, *line;
	const char *argv[] = {tool, "--listen", address, "--fdname=listen",
	    path, "--config", "activated.json", NULL};
	struct proc p;

	(void)state;
	close(fd);
	if (access(tool, X_OK) != 0)
		skip();
	prepare();
	text = cJSON_Print(gw.config);
	file_write("activated.json", text, strlen(text));
	proc_start(&p, "activate", "activate.log", argv);
	line = proc_await(&p, "Listening on", WAIT_MS);
	assert_non_null(line);
	free(line);
	assert_int_equal(tls_try(&town, "good", port, 0), TLS_IN);
	assert_int_equal(
	    tls_try(&town, "revoked", port, 0), ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(proc_stop(&p, WAIT_MS), 0);
	proc_cleanup(&p);
	free(address);
	free(path);
	free(text);
}

/* Notifications. */

static int manager = -1; /* the socket that NOTIFY_SOCKET names */

static void
listen_as_manager(bool abstract)
{
	char cwd[60], *name;
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	socklen_t len;

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	name = abstract ? xasprintf("@p2p-gateway-test-%d", (int)getpid())
			: xasprintf("%s/notify", cwd);
	assert_true(strlen(name) < sizeof(un.sun_path));
	memcpy(un.sun_path, name, strlen(name));
	len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	if (abstract)
		un.sun_path[0] = '\0';
	(void)unlink("notify");
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&un, len), 0);
	free(gw.shell);
	gw.shell = xasprintf("export NOTIFY_SOCKET=%s WATCHDOG_USEC=400000\n"
			     "exec \"$@\"",
	    name);
	free(name);
}

/* The next message that is not the watchdog's. */
static void
told(char *buf, size_t size)
{
	struct pollfd p = {.fd = manager, .events = POLLIN};
	ssize_t n;

	do {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = recv(manager, buf, size - 1, 0);
		assert_true(n > 0);
		buf[n] = '\0';
	} while (strcmp(buf, "WATCHDOG=1") == 0);
}

static void
must_be_told(const char *what, const char *more)
{
	char buf[1024];

	told(buf, sizeof(buf));
	if (strncmp(buf, what, strlen(what)) != 0 || strstr(buf, more) == NULL)
		fail_msg("'%s' and '%s' expected, but: %s", what, more, buf);
}

static void
each_step_is_told(void **state)
{
	char *good, *key;
	struct tls t;

	(void)state;
	for (int i = 0; i < 2; i++) {
		prepare();
		listen_as_manager(i == 1);
		gateway_set(&gw, "limits.drain_timeout_ms", "7000");
		gateway_start(&gw);
		must_be_told("READY=1\n", "STATUS=serving");
		reload("reloaded the configuration");
		must_be_told("RELOADING=1\nMONOTONIC_USEC=", "STATUS=");
		must_be_told("READY=1\n", "STATUS=serving");
		gateway_set(&gw, "workers", "\"many\"");
		reload("cannot reload");
		must_be_told("RELOADING=1\nMONOTONIC_USEC=", "STATUS=");
		must_be_told("READY=1\n", "reload refused: ");
		good = town_path(&town, "peers/good.pem");
		key = town_path(&town, "peers/good.key");
		tls_enter(&t, &town, "good", gw.port, 0);
		proc_signal(&gw.proc, SIGTERM);
		must_be_told("STOPPING=1\n", "EXTEND_TIMEOUT_USEC=12000000\n");
		tls_free(&t);
		free(good);
		free(key);
		gateway_free(&gw);
		close(manager);
	}
}

static void
must_be_fed(void)
{
	struct pollfd p = {.fd = manager, .events = POLLIN};
	char buf[1024];
	ssize_t n;

	do {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = recv(manager, buf, sizeof(buf) - 1, 0);
		assert_true(n > 0);
		buf[n] = '\0';
	} while (strcmp(buf, "WATCHDOG=1") != 0);
}

/* Who writes the log, and so would tell of it. */
static bool
is_the_log(pid_t tid)
{
	char *path =
	    xasprintf("/proc/%d/task/%d/comm", (int)gw.proc.pid, (int)tid);
	char *name = file_need(path, NULL);
	bool is = strcmp(name, "log\n") == 0;

	free(name);
	free(path);
	return is;
}

/* Stops every thread but the first and the log's, or lets them go again. */
static void
hold_threads(bool hold)
{
	char *path = xasprintf("/proc/%d/task", (int)gw.proc.pid);
	DIR *dir = opendir(path);
	struct dirent *e;

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		pid_t tid = atoi(e->d_name);

		if (tid <= 0 || tid == gw.proc.pid || is_the_log(tid))
			continue;
		if (!hold) {
			assert_int_equal(
			    ptrace(PTRACE_DETACH, tid, NULL, NULL), 0);
			continue;
		}
		if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
			fail_msg("cannot stop a thread: %s", strerror(errno));
		assert_int_equal(ptrace(PTRACE_INTERRUPT, tid, NULL, NULL), 0);
		assert_int_equal(waitpid(tid, NULL, __WALL), tid);
	}
	closedir(dir);
	free(path);
}

/* The loop that feeds it turns, but no worker does: the manager must know. */
static void
a_stuck_worker_starves_the_watchdog(void **state)
{
	char *line;
	char buf[64];

	(void)state;
	prepare();
	listen_as_manager(false);
	gateway_start(&gw);
	must_be_fed();
	hold_threads(true);
	line = proc_await(&gw.proc, "a worker does not answer", WAIT_MS);
	assert_non_null(line);
	free(line);
	while (recv(manager, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		continue;
	/* Once more, and nothing was sent meanwhile. */
	line = proc_await(&gw.proc, "a worker does not answer", WAIT_MS);
	assert_non_null(line);
	free(line);
	assert_int_equal(recv(manager, buf, sizeof(buf), MSG_DONTWAIT), -1);
	hold_threads(false);
	must_be_fed();
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	gateway_stop(&gw);
	close(manager);
}

/* Its slice in nanoseconds, as Linux 6.12 and later tell it. */
static uint64_t
slice_of(pid_t tid)
{
	uint64_t attr[6] = {0}; /* sched_attr; the fourth is sched_runtime */

	assert_int_equal(
	    syscall(SYS_sched_getattr, tid, attr, sizeof(attr), 0), 0);
	return attr[3];
}

/* Whoever serves peers runs as soon as it wakes. */
static void
workers_have_a_short_slice(void **state)
{
	unsigned major = 0, minor = 0, short_ones = 0;
	struct utsname kernel;
	struct dirent *e;
	char *path;
	DIR *dir;

	(void)state;
	assert_int_equal(uname(&kernel), 0);
	assert_int_equal(sscanf(kernel.release, "%u.%u", &major, &minor), 2);
	if (major < 6 || (major == 6 && minor < 12))
		skip();
	prepare();
	gateway_start(&gw);
	/* All that is done before this is done by a worker. */
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	path = xasprintf("/proc/%d/task", (int)gw.proc.pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL)
		if (atoi(e->d_name) > 0)
			short_ones += slice_of(atoi(e->d_name)) == 300000;
	closedir(dir);
	free(path);
	assert_true(short_ones > 0);
	assert_int_not_equal(slice_of(gw.proc.pid), 300000);
	gateway_stop(&gw);
}

/* Units. */

static void
units_are_well_made(void **state)
{
	static const char tool[] = "/usr/bin/systemd-analyze";
	static const char script[] =
	    "for u in service socket; do"
	    "  sed -e \"s|@SBINDIR@|$BIN|; s|@SYSCONFDIR@|/etc|\" "
	    "    \"$TOP/gateway/systemd/p2p-gateway.$u\" >p2p-gateway.$u;"
	    "done;"
	    "exec systemd-analyze verify --man=no \"$PWD/p2p-gateway.service\""
	    " \"$PWD/p2p-gateway.socket\"";
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	char *out;

	(void)state;
	if (access(tool, X_OK) != 0)
		skip();
	if (proc_run(argv, "verify.log", WAIT_MS, &out) != 0 ||
	    strstr(out, "p2p-gateway") != NULL)
		fail_msg("%s", out);
	free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(sockets_find_their_listeners),
	    SCENE(a_restart_refuses_nobody),
	    SCENE(a_reload_keeps_them),
	    SCENE(what_cannot_be_used_is_named),
	    SCENE(by_systemd_itself),
	    SCENE(each_step_is_told),
	    SCENE(a_stuck_worker_starves_the_watchdog),
	    SCENE(workers_have_a_short_slice),
	    cmocka_unit_test(units_are_well_made),
	};

	reserve_places();
	return cmocka_run_group_tests_name(
	    "systemd", tests, scene_setup, scene_teardown);
}
