/*
 * Started as root, the gateway becomes somebody who may do little: what was
 * for root alone has been read, low ports are bound, and a reload reads as
 * whom it has become. Runs as root only, in a network of its own, where ports
 * below 1024 are low for certain and nobody else's.
 */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <net/if.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/scene.h"

#define USER        "nobody" /* on every Debian */
#define EXTRA_GROUP 54321

static char place[] = "/tmp/p2p-privileges.XXXXXX";
static uid_t uid;
static bool possible; /* otherwise everything is skipped */

/* Loopback, and nothing else. */
static bool
own_network(void)
{
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd;
	bool up;

	if (unshare(CLONE_NEWNET) != 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &r) == 0;
	if (fd >= 0)
		close(fd);
	return up;
}

static void
set_text(const char *key, char *text)
{
	char *json = xasprintf("\"%s\"", text);

	gateway_set(&gw, key, json);
	free(json);
	free(text);
}

static int
setup(void **state)
{
	const struct passwd *pw = getpwnam(USER);
	const gid_t extra = EXTRA_GROUP;

	(void)state;
	if (getuid() != 0 || pw == NULL || !own_network())
		return 0;
	uid = pw->pw_uid;
	/* The test's own directory is root's, and so are those above it. */
	if (mkdtemp(place) == NULL || chmod(place, 0755) != 0 ||
	    chdir(place) != 0)
		return -1;
	/* One that it must not keep. */
	if (setgroups(1, &extra) != 0)
		return -1;
	possible = true;
	town_start(&town, "net", NULL);
	gateway_prepare(&gw, "gateway", &town);
	gateway_set(&gw, "listen", "[\"127.0.0.1:443\", \"[::1]:443\"]");
	set_text("user", xstrdup(USER));
	set_text("state_dir", xasprintf("%s/state", place));
	/* LeakSanitizer may not look at a process that changed its user. */
	gw.shell = xstrdup("export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0\n"
			   "exec \"$@\"");
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

static int
teardown(void **state)
{
	(void)state;
	if (!possible)
		return 0;
	gateway_free(&gw);
	town_stop(&town);
	return chdir("/") != 0 ||
	    nftw(place, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0;
}

/* What a thread may still do; every thread, since each has its own answer. */
static void
must_be_nobody(const char *task)
{
	char *path =
	    xasprintf("/proc/%d/task/%s/status", (int)gw.proc.pid, task);
	char *text = file_need(path, NULL);
	char *ids = xasprintf("\nUid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid);

	assert_non_null(strstr(text, ids));
	assert_null(strstr(text, "\nGid:\t0"));
	assert_null(strstr(text, "\nGroups:\t0"));
	assert_null(strstr(text, "\nGroups:\t54321"));
	/* CAP_NET_BIND_SERVICE is bit 10. */
	assert_non_null(strstr(text, "\nCapPrm:\t0000000000000400\n"));
	assert_non_null(strstr(text, "\nCapEff:\t0000000000000400\n"));
	assert_non_null(strstr(text, "\nCapInh:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nNoNewPrivs:\t1\n"));
	free(ids);
	free(text);
	free(path);
}

static int
must_be_theirs(
    const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)type, (void)where;
	if (st->st_uid != uid)
		fail_msg("%s is of user %u", path, st->st_uid);
	return 0;
}

static void
root_reads_and_nobody_serves(void **state)
{
	char *key = town_path(&town, "gateway.key");
	char *status;
	DIR *dir;
	struct dirent *e;
	size_t num = 0;

	(void)state;
	if (!possible)
		skip();
	assert_int_equal(chmod(key, 0600), 0);
	gateway_start(&gw);
	assert_int_equal(gw.port, 443);
	status = xasprintf("/proc/%d/task", (int)gw.proc.pid);
	dir = opendir(status);
	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.') {
			must_be_nobody(e->d_name);
			num++;
		}
	closedir(dir);
	/* Main, two workers, the engine's. */
	assert_true(num >= 4);
	assert_int_equal(tls_try(&town, "good", 443, 0), TLS_IN);
	assert_int_equal(tls_try(&town, "revoked", 443, 0), 44);
	rest_mode(&gw, "HARD_FAIL");
	assert_int_equal(nftw("state", must_be_theirs, 8, FTW_PHYS), 0);
	free(status);
	free(key);
}

static void
reload(const char *says, const char *more)
{
	char *line;

	gateway_write(&gw);
	proc_mark(&gw.proc);
	proc_signal(&gw.proc, SIGHUP);
	line = proc_await(&gw.proc, says, WAIT_MS);
	if (line == NULL || strstr(line, more) == NULL)
		fail_msg("'%s' and '%s' expected: %s", says, more,
		    line != NULL ? line : "nothing");
	free(line);
}

static void
a_reload_reads_as_nobody(void **state)
{
	char *key = town_path(&town, "gateway.key");

	(void)state;
	if (!possible)
		skip();
	gateway_set(&gw, "listen", "[\"127.0.0.1:443\", \"127.0.0.1:444\"]");
	reload("cannot reload", "Permission denied");
	assert_int_equal(tls_try(&town, "good", 443, 0), TLS_IN);
	/* May it read the key, it may also bind the port. */
	assert_int_equal(chown(key, uid, (gid_t)-1), 0);
	reload("reloaded the configuration", "");
	assert_int_equal(tls_try(&town, "good", 443, 0), TLS_IN);
	assert_int_equal(tls_try(&town, "good", 444, 0), TLS_IN);
	free(key);
}

/* Again as root: what nobody wrote is there. */
static void
a_restart_finds_its_state(void **state)
{
	struct web w;

	(void)state;
	if (!possible)
		skip();
	gateway_stop(&gw);
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "good", 444, 0), TLS_IN);
	rest(&gw, &w, "GET", "/config/corda.p2p.linkManager", NULL);
	assert_int_equal(w.status, 200);
	assert_non_null(strstr(json_text(w.json, "sourceConfig"), "HARD_FAIL"));
	web_free(&w);
	assert_int_equal(nftw("state", must_be_theirs, 8, FTW_PHYS), 0);
	gateway_stop(&gw);
}

/* Whom it cannot become it does not pretend to be. */
static void
only_root_can(void **state)
{
	char *out;

	(void)state;
	if (!possible)
		skip();
	/* Root without the right to change users. */
	free(gw.shell);
	gw.shell = xstrdup("exec /usr/bin/setpriv "
			   "--bounding-set=-setuid,-setgid \"$@\"");
	assert_int_equal(gateway_refuses(&gw, &out), 1);
	if (strstr(out, "cannot become user 'nobody'") == NULL)
		fail_msg("%s", out);
	free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(root_reads_and_nobody_serves),
	    cmocka_unit_test(a_reload_reads_as_nobody),
	    cmocka_unit_test(a_restart_finds_its_state),
	    cmocka_unit_test(only_root_can),
	};

	return cmocka_run_group_tests_name(
	    "privileges", tests, setup, teardown);
}
