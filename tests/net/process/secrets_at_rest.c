/*
 * Secrets of the process: no core dump has them, a file that everybody may
 * read is warned about, a terminal does not show what is typed, and /readyz
 * tells strangers no more than yes or no.
 */
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/lib/scene.h"

static void
there_is_no_core_dump(void **state)
{
	char *path, *limits, *line;

	scene_prepare();
	gateway_start(&gw);
	path = xasprintf("/proc/%d/limits", (int)gw.proc.pid);
	limits = file_need(path, NULL);
	line = strstr(limits, "Max core file size");
	assert_non_null(line);
	assert_int_equal(
	    strtol(line + strlen("Max core file size"), NULL, 10), 0);
	free(limits);
	free(path);
}

/*
 * Nor does another process of the same user read its memory: it is not
 * dumpable, which shows in what is refused to a debugger. Root may all of it,
 * so both sides do without that one capability here.
 */
static void
nobody_looks_into_it(void **state)
{
	static const char less[] = "setpriv --bounding-set=-sys_ptrace ";
	const char *with = getuid() == 0 ? less : "";
	char *line;

	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	/* A sanitizer looks for leaks as a debugger would, so it is let. */
	return;
#endif
	if (system("setpriv --version >/dev/null 2>&1") != 0)
		skip();
	scene_prepare();
	gw.shell = xasprintf("exec %s\"$@\"", with);
	gateway_start(&gw);
	line = xasprintf("%ssh -c 'sleep 60 & "
			 "readlink /proc/$!/exe >/dev/null || exit 3; "
			 "kill $!; "
			 "readlink /proc/%d/exe && exit 4; exit 0'",
	    with, (int)gw.proc.pid);
	assert_int_equal(WEXITSTATUS(system(line)), 0);
	free(line);
}

static void
keys_for_everybody_are_warned_about(void **state)
{
	char *path = town_path(&town, "gateway.key");

	assert_int_equal(chmod(path, 0644), 0);
	scene_prepare();
	gateway_start(&gw);
	gateway_must_say(&gw, "everybody on this host may read the secret");
	gateway_stop(&gw);
	assert_int_equal(chmod(path, 0600), 0);
	scene_end(NULL);
	scene_prepare();
	gateway_start(&gw);
	rest_expect(&gw, "GET", "/status", 200);
	gateway_settle_log(&gw);
	assert_false(
	    proc_said(&gw.proc, "everybody on this host may read the secret"));
	free(path);
}

/* Everything that is shown until text is; 0 at the end. */
static int
shown(int fd, char *all, size_t size, const char *text)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = strlen(all);
	ssize_t n;

	while (text == NULL || strstr(all, text) == NULL) {
		if (poll(&p, 1, WAIT_MS) != 1 ||
		    (n = read(fd, all + len, size - 1 - len)) <= 0)
			return 0;
		len += (size_t)n;
		all[len] = '\0';
	}
	return 1;
}

static int
typed(const char *first, const char *second, char *all, size_t size)
{
	char *path = bin_path("p2p-gateway");
	int fd, status;
	pid_t pid = forkpty(&fd, NULL, NULL, NULL);

	assert_true(pid >= 0);
	if (pid == 0) {
		execl(path, path, "--hash-password", NULL);
		_exit(127);
	}
	all[0] = '\0';
	assert_true(shown(fd, all, size, "Password: "));
	assert_int_equal(write(fd, first, strlen(first)), strlen(first));
	assert_true(shown(fd, all, size, "Again: "));
	assert_int_equal(write(fd, second, strlen(second)), strlen(second));
	shown(fd, all, size, NULL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fd);
	free(path);
	return WEXITSTATUS(status);
}

static void
a_terminal_does_not_show_it(void **state)
{
	char all[4096];

	assert_int_equal(typed("hunter2\n", "hunter2\n", all, sizeof(all)), 0);
	assert_null(strstr(all, "hunter2"));
	assert_non_null(strstr(all, "pbkdf2-sha256$600000$"));
	assert_int_equal(typed("hunter2\n", "hunter3\n", all, sizeof(all)), 2);
	assert_null(strstr(all, "hunter"));
	assert_null(strstr(all, "pbkdf2"));
}

static void
readyz(struct web *w, const char *user)
{
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v1/readyz", gw.rest_port);

	web_request(w, "GET", url, user, NULL, NULL);
	assert_int_equal(w->status, 200);
	assert_non_null(json_at(w->json, "ready"));
	assert_non_null(json_at(w->json, "degraded"));
	free(url);
}

static void
strangers_are_told_yes_or_no(void **state)
{
	static const char *const strangers[] = {NULL, "operator:wrong"};
	struct web w;

	scene_prepare();
	gateway_start(&gw);
	for (size_t i = 0; i < 2; i++) {
		readyz(&w, strangers[i]);
		assert_int_equal(cJSON_GetArraySize(w.json), 2);
		web_free(&w);
	}
	readyz(&w, REST_USER);
	assert_non_null(json_at(w.json, "reasons"));
	web_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(there_is_no_core_dump),
	    SCENE(nobody_looks_into_it),
	    SCENE(keys_for_everybody_are_warned_about),
	    cmocka_unit_test(a_terminal_does_not_show_it),
	    SCENE(strangers_are_told_yes_or_no),
	};

	return cmocka_run_group_tests_name(
	    "secrets at rest", tests, scene_setup, scene_teardown);
}
