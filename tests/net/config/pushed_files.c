/*
 * Configuration pushed as one watched file, in every way a file is replaced;
 * the same versions and the same history as over REST; and a change that
 * cannot be written down, which is not made.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/scene.h"

#define LINK  "corda.p2p.linkManager"
#define OFF   ",\"revocationCheck\":{\"mode\":\"OFF\"}"
#define TRIES 20000 /* a bound; each is a request */

static int
setup(void **state)
{
	scene_prepare();
	return 0;
}

/* The section as a file has it: with this size, and more members. */
static void
write_section(const char *path, int size, const char *more)
{
	char *text = xasprintf("{\"section\":\"" LINK "\",%s\"config\":"
			       "{\"maxMessageSize\":%d}}",
	    more, size);

	file_write(path, text, strlen(text));
	free(text);
}

static void
await_section(int size, const char *more)
{
	char *want = xasprintf("{\"maxMessageSize\":%d%s}", size, more);
	char *got = NULL;

	for (int i = 0; i < TRIES; i++) {
		struct web w;

		rest(&gw, &w, "GET", "/config/" LINK, NULL);
		free(got);
		got = xstrdup(json_text(w.json, "sourceConfig"));
		web_free(&w);
		if (strcmp(got, want) == 0)
			break;
	}
	assert_string_equal(got, want);
	free(got);
	free(want);
}

static void
await_size(int size)
{
	await_section(size, "");
}

static void
link_to(const char *target, const char *path)
{
	assert_int_equal(symlink(target, "new.link"), 0);
	assert_int_equal(rename("new.link", path), 0);
}

static void
one_file_is_watched(void **state)
{
	struct web w;
	const cJSON *last;

	dir_make("one");
	write_section("one/link.json", 1001, "");
	gateway_set(&gw, "watch", "\"one/link.json\"");
	gateway_start(&gw);
	/* What is there at the start counts. */
	await_size(1001);
	write_section("one/link.json", 1002, "");
	await_size(1002);
	write_section("one/new", 1003, "");
	assert_int_equal(rename("one/new", "one/link.json"), 0);
	await_size(1003);
	/* Another file beside it is another's. */
	write_section("one/other.json", 1004, "");
	/* The same again is no change. */
	write_section("one/link.json", 1003, "");
	write_section("one/link.json", 1005, "");
	await_size(1005);
	assert_int_equal(rest_version(&gw, LINK), 4);
	/* Gone is no change, and it may come back. */
	assert_int_equal(unlink("one/link.json"), 0);
	write_section("one/link.json", 1006, "");
	await_size(1006);
	rest(&gw, &w, "GET", "/config/" LINK "/history", NULL);
	last = cJSON_GetArrayItem(w.json, cJSON_GetArraySize(w.json) - 1);
	assert_string_equal(json_text(last, "who"), "file");
	assert_non_null(strstr(json_text(last, "from"), "one/link.json"));
	assert_string_equal(
	    json_text(last, "config"), "{\"maxMessageSize\":1006}");
	web_free(&w);
}

/* As orchestrators mount them: links to links, one of which is exchanged. */
static void
links_are_followed(void **state)
{
	dir_make("cm");
	dir_make("cm/..v1");
	dir_make("cm/..v2");
	write_section("cm/..v1/link.json", 1101, "");
	write_section("cm/..v2/link.json", 1102, "");
	link_to("..v1", "cm/..data");
	link_to("..data/link.json", "cm/link.json");
	gateway_set(&gw, "watch", "\"cm\"");
	gateway_start(&gw);
	await_size(1101);
	link_to("..v2", "cm/..data");
	await_size(1102);
	/* What happens behind a link is seen when SIGHUP says so. */
	write_section("cm/..v2/link.json", 1103, "");
	proc_signal(&gw.proc, SIGHUP);
	await_size(1103);
}

static void
a_file_may_name_its_version(void **state)
{
	dir_make("versions");
	write_section("versions/link.json", 1201, "\"version\":-1,");
	gateway_set(&gw, "watch", "\"versions\"");
	gateway_start(&gw);
	await_size(1201);
	write_section("versions/link.json", 1202, "\"version\":7,");
	gateway_must_say_next(
	    &gw, "the version given is 7, the version stored is 1");
	write_section("versions/link.json", 1203, "\"version\":\"x\",");
	gateway_must_say_next(&gw, "version is not a whole number");
	await_size(1201);
	write_section("versions/link.json", 1204, "\"version\":1,");
	await_size(1204);
	/* Not JSON, not a section, too large: named, and nothing changes. */
	file_write("versions/a.json", "{", 1);
	gateway_must_say_next(&gw, "versions/a.json");
	file_write("versions/b.json", "{\"section\":\"x\",\"config\":{}}", 27);
	gateway_must_say_next(&gw, "expected {\"section\": a known section");
	await_size(1204);
	assert_int_equal(rest_version(&gw, LINK), 2);
}

/* A full disk. */

static long
put(int size, const char *more, char **title)
{
	char *config = xasprintf("{\"maxMessageSize\":%d%s}", size, more);
	struct web w;
	long status;

	rest_put(&gw, &w, LINK, config);
	status = w.status;
	*title = xstrdup(json_text(w.json, "title") != NULL
		? json_text(w.json, "title")
		: "");
	web_free(&w);
	free(config);
	return status;
}

static void
may_grow_to(rlim_t bytes)
{
	const struct rlimit limit = {bytes, RLIM_INFINITY};

	assert_int_equal(prlimit(gw.proc.pid, RLIMIT_FSIZE, &limit, NULL), 0);
}

static void
what_cannot_be_kept_is_not_made(void **state)
{
	char *file, *title;
	struct stat sb;
	long status = 0;

	gateway_start(&gw);
	assert_int_equal(put(1301, "", &title), 202);
	free(title);
	file = xasprintf("%s.state/state.db-wal", gw.name);
	assert_int_equal(stat(file, &sb), 0);
	/* A change does not fit any more, only a part of one. */
	may_grow_to((rlim_t)sb.st_size + 10);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(put(1302, "", &title), 507);
		assert_string_equal(title, "Config Version Error");
		free(title);
		await_size(1301);
		assert_int_equal(rest_version(&gw, LINK), 1);
	}
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	/* Page by page: the last that is wanted is that of the commit. */
	for (int pages = 1; status != 202; pages++) {
		assert_in_range(pages, 1, 20);
		may_grow_to((rlim_t)sb.st_size + 10 + (rlim_t)pages * 4120);
		status = put(1303, OFF, &title);
		free(title);
		if (status == 202)
			break;
		assert_int_equal(status, 507);
		/* Nor is it in force. */
		assert_int_equal(tls_try(&town, "revoked", gw.port, 0),
		    ALERT_CERTIFICATE_REVOKED);
		await_size(1301);
		assert_int_equal(rest_version(&gw, LINK), 1);
	}
	may_grow_to(RLIM_INFINITY);
	assert_int_equal(rest_version(&gw, LINK), 2);
	gateway_stop(&gw);
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "revoked", gw.port, 0), TLS_IN);
	await_section(1303, OFF);
	assert_int_equal(rest_version(&gw, LINK), 2);
	free(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, scene_end)
	    TEST(one_file_is_watched),
	    TEST(links_are_followed),
	    TEST(a_file_may_name_its_version),
	    TEST(what_cannot_be_kept_is_not_made),
#undef TEST
	};

	return cmocka_run_group_tests_name(
	    "pushed configuration", tests, scene_setup, scene_teardown);
}
