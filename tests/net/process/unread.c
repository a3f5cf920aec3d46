/*
 * The log goes into a pipe that nobody reads: peers get in, REST answers, and
 * what was dropped is counted, and said once somebody reads.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "tests/lib/scene.h"

#define BATCH   100
#define BATCHES 500 /* more than all that may wait */

static void
shout(void)
{
	static const char one[] =
	    "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
	const struct tls_options none = {0};
	char *text = calloc(BATCH, sizeof(one)), buf[4096];
	struct tls t;

	for (int i = 0; i < BATCH; i++)
		strcat(text, one);
	assert_int_equal(tls_connect(&t, gw.rest_port, &none), 1);
	assert_int_equal(tls_write(&t, text, strlen(text)), 1);
	assert_true(tls_read(&t, buf, sizeof(buf)) > 0);
	tls_free(&t);
	free(text);
}

static double
dropped(void)
{
	struct web w;
	double num;

	rest(&gw, &w, "GET", "/status", NULL);
	assert_int_equal(w.status, 200);
	num = json_number(w.json, "logDropped");
	web_free(&w);
	return num;
}

/* Whether a line with text comes next, as far as there are any now. */
static int
hears(int fd, char *kept, size_t size, const char *text)
{
	size_t len = strlen(kept);
	ssize_t n;

	while ((n = read(fd, kept + len, size - 1 - len)) > 0) {
		len += (size_t)n;
		kept[len] = '\0';
		if (strstr(kept, text) != NULL)
			return 1;
		if (len > size / 2) {
			memmove(kept, kept + len - 200, 201);
			len = 200;
		}
	}
	return 0;
}

static void
nobody_reads_the_log(void **state)
{
	static char kept[65536];
	int fd;

	assert_int_equal(mkfifo("unread", 0600), 0);
	scene_prepare();
	gw.shell = xstrdup("exec \"$@\" 2<>unread");
	gateway_start(&gw);
	for (int i = 0; i < BATCHES && dropped() == 0; i++)
		shout();
	assert_true(dropped() > 0);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	rest_expect(&gw, "GET", "/metrics", 200);
	fd = open("unread", O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	for (int i = 0;
	     i < BATCHES && !hears(fd, kept, sizeof(kept), "were dropped"); i++)
		shout();
	assert_non_null(strstr(kept, "were dropped"));
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {SCENE(nobody_reads_the_log)};

	return cmocka_run_group_tests_name(
	    "an unread log", tests, scene_setup, scene_teardown);
}
