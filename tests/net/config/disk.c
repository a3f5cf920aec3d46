/*
 * A disk that is full, and one that may not be written to: what cannot be kept
 * is not in force and says so, what was there goes on, and once there is room
 * again things can be removed. The disk is a tmpfs of a few pages, in a mount
 * namespace of this process: without the right to make one nothing is tried.
 */
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/lib/enrol.h"
#include "tests/lib/scene.h"

#define DISK      "disk"
#define ID        "00000000000A"
#define MAX_TRIES 3000
#define SUBJECTS                       \
	"/mgm/" ID "/mutual-tls"       \
	"/allowed-client-certificate-" \
	"subjects"

static bool mounted;

static int
setup(void **state)
{
	int rc = scene_setup(state);

	dir_make(DISK);
	mounted = unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("tmpfs", DISK, "tmpfs", 0, "size=1m") == 0;
	if (!mounted)
		print_message("# no right to mount: skipped\n");
	return rc;
}

static int
teardown(void **state)
{
	if (mounted)
		umount2(DISK, MNT_DETACH);
	return scene_teardown(state);
}

static void
prepare(void)
{
	scene_prepare();
	gateway_set(&gw, "state_dir", "\"" DISK "/state\"");
	gateway_set(&gw, "rest.users", REST_CHEAP_USERS);
}

static long
send(const char *method, const char *path, const char *body)
{
	struct web w;
	long status;

	rest(&gw, &w, method, path, body);
	status = w.status;
	if (status >= 500 && json_text(w.json, "details.reason") == NULL)
		fail_msg("%s %s: %ld %s", method, path, status, w.body);
	if (status >= 500)
		assert_non_null(
		    strstr(json_text(w.json, "details.reason"), "state.db"));
	web_free(&w);
	return status;
}

/* To the last octet. */
static void
fill(void)
{
	FILE *f = fopen(DISK "/ballast", "a");
	char octet = 'x';

	assert_non_null(f);
	setvbuf(f, NULL, _IONBF, 0);
	while (fwrite(&octet, 1, 1, f) == 1) {
		char page[4096] = {0};

		if (fwrite(page, 1, sizeof(page), f) != sizeof(page))
			break;
	}
	fclose(f);
}

static bool
is_degraded(void)
{
	struct web w;
	bool degraded;

	rest(&gw, &w, "GET", "/readyz", NULL);
	assert_int_equal(w.status, 200);
	degraded = cJSON_IsTrue(json_at(w.json, "degraded"));
	if (degraded)
		assert_non_null(strstr(w.body, "changes cannot be kept"));
	web_free(&w);
	return degraded;
}

static int
num_of(const char *path)
{
	struct web w;
	int num;

	rest(&gw, &w, "GET", path, NULL);
	assert_int_equal(w.status, 200);
	num = cJSON_GetArraySize(w.json);
	web_free(&w);
	return num;
}

static long
deny(int i)
{
	char *body = xasprintf("{\"spkiSha256\":\"%064d\",\"reason\":"
			       "\"%0200d\"}",
	    i, i);
	long status = send("POST", "/denylist", body);

	free(body);
	return status;
}

/* Adds until one does not fit; returns how many there are. */
static int
deny_until_full(int from)
{
	for (int i = from; i < MAX_TRIES; i++) {
		long status = deny(i);

		if (status == 201)
			continue;
		assert_int_equal(status, 507);
		return i;
	}
	fail_msg("it never is full");
	return 0;
}

static char *
first_entry(void)
{
	struct web w;
	char *path;

	rest(&gw, &w, "GET", "/denylist", NULL);
	path = xasprintf(
	    "/denylist/%s", json_text(cJSON_GetArrayItem(w.json, 0), "id"));
	web_free(&w);
	return path;
}

static void
a_full_disk(void **state)
{
	static const struct {
		const char *method, *path, *body;
	} rows[] = {
	    {"PUT", "/config",
		"{\"section\":\"revcheck\",\"version\":0,\"config\":"
		"{\"deadlineMs\":4321},"
		"\"schemaVersion\":{\"major\":1,\"minor\":0}}"},
	    {"PUT", SUBJECTS "/CN%3Dsomebody", ""},
	    {"POST", "/keys/" ID "/alias/one/category/TLS/scheme/" ENROL_P256,
		""},
	};
	char *entry;
	int num;

	if (!mounted)
		skip();
	prepare();
	gateway_start(&gw);
	for (int i = 0; i < 5; i++)
		assert_int_equal(deny(i), 201);
	fill();
	num = deny_until_full(5);
	assert_true(is_degraded());
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (send(rows[i].method, rows[i].path, rows[i].body) != 507)
			fail_msg("%s was kept", rows[i].path);
	/* All is as it was: nobody is kept out by a list that is not there. */
	assert_int_equal(num_of("/denylist"), num);
	assert_int_equal(num_of("/keys/" ID), 0);
	assert_int_equal(rest_version(&gw, "revcheck"), -1);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	/* Room again: what takes away works, and then all is well. */
	assert_int_equal(unlink(DISK "/ballast"), 0);
	entry = first_entry();
	assert_true(is_degraded());
	assert_int_equal(send("DELETE", entry, NULL), 204);
	assert_false(is_degraded());
	free(entry);
	gateway_stop(&gw);
	gateway_start(&gw);
	assert_int_equal(num_of("/denylist"), num - 1);
	assert_int_equal(num_of("/keys/" ID), 0);
	assert_int_equal(rest_version(&gw, "revcheck"), -1);
	assert_int_equal(send(rows[2].method, rows[2].path, rows[2].body), 200);
	/* A start and a stop need no room. */
	fill();
	gateway_stop(&gw);
	gateway_start(&gw);
	assert_int_equal(num_of("/denylist"), num - 1);
	assert_int_equal(num_of("/keys/" ID), 1);
	assert_int_equal(unlink(DISK "/ballast"), 0);
}

static void
a_disk_that_may_only_be_read(void **state)
{
	if (!mounted)
		skip();
	prepare();
	gateway_start(&gw);
	assert_int_equal(send("PUT", SUBJECTS "/CN%3Dsomebody", ""), 204);
	gateway_stop(&gw);
	assert_int_equal(
	    mount(NULL, DISK, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	gateway_must_refuse(&gw, "Read-only file system");
	assert_int_equal(mount(NULL, DISK, NULL, MS_REMOUNT, NULL), 0);
	gateway_start(&gw);
	assert_int_equal(num_of(SUBJECTS), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(a_full_disk),
	    SCENE(a_disk_that_may_only_be_read),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
