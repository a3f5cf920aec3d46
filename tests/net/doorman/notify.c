/* What the doorman's services tell a service manager, and when. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixtures/lib/port.h"
#include "tests/doorman/doorman_net.h"

static int
listen_as_manager(const char *name)
{
	char *cwd = getcwd(NULL, 0), *path = xasprintf("%s/%s", cwd, name);
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = WAIT_MS / 1000};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(strlen(path) < sizeof(sun.sun_path));
	strcpy(sun.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setenv("NOTIFY_SOCKET", path, 1);
	free(path);
	free(cwd);
	return fd;
}

/* The next message that begins so; others, but watchdogs, are mistakes. */
static void
hears(int fd, const char *want)
{
	char text[256];
	ssize_t n;

	do {
		n = recv(fd, text, sizeof(text) - 1, 0);
		if (n <= 0)
			fail_msg("the manager hears nothing of '%s'", want);
		text[n] = '\0';
	} while (
	    strcmp(text, "WATCHDOG=1") == 0 && strcmp(want, "WATCHDOG=1") != 0);
	if (strncmp(text, want, strlen(want)) != 0)
		fail_msg("the manager hears '%s', not '%s'", text, want);
}

static void
serve_is_heard(void **state)
{
	struct doorman_net o;
	int fd;

	(void)state;
	doorman_net_init(&o, "serve", NULL, NULL);
	fd = listen_as_manager("manager");
	setenv("WATCHDOG_USEC", "100000", 1);
	doorman_net_start(&o);
	hears(fd, "READY=1");
	hears(fd, "WATCHDOG=1");
	hears(fd, "WATCHDOG=1");
	kill(o.serve.pid, SIGHUP);
	hears(fd, "RELOADING=1\nMONOTONIC_USEC=");
	hears(fd, "READY=1");
	doorman_net_stop(&o);
	hears(fd, "STOPPING=1");
	unsetenv("WATCHDOG_USEC");
	unsetenv("NOTIFY_SOCKET");
	close(fd);
	doorman_net_free(&o);
}

static void
ocsp_is_heard(void **state)
{
	int held, fd;
	char *where = xasprintf("127.0.0.1:%d", port_hold(&held));
	const char *more[] = {"--ocsp-listen", where, NULL};
	char *path = fixture_path("doorman");
	struct doorman_net o;
	struct proc p;

	(void)state;
	doorman_net_init(&o, "ocsp", NULL, more);
	fd = listen_as_manager("manager2");
	/* Meant for another process: nobody pats this dog. */
	setenv("WATCHDOG_USEC", "100000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	{
		const char *argv[] = {path, "ocsp", "-c", o.conf, NULL};

		proc_start(&p, "doorman", "ocsp.log", argv);
	}
	hears(fd, "READY=1");
	kill(p.pid, SIGHUP);
	hears(fd, "RELOADING=1\n");
	hears(fd, "READY=1");
	assert_int_equal(proc_stop(&p, WAIT_MS), 0);
	hears(fd, "STOPPING=1");
	proc_cleanup(&p);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	unsetenv("NOTIFY_SOCKET");
	close(fd);
	close(held);
	free(where);
	free(path);
	doorman_net_free(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(serve_is_heard),
	    cmocka_unit_test(ocsp_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
