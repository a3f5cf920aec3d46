/* log_sink: one line of text or JSON each, and a flood is cut off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "gateway/process/log_sink.h"

static FILE *file;
static int old_stderr;

/* stderr is a file while a test runs. */
static int
catch_stderr(void **state)
{
	(void)state;
	file = tmpfile();
	old_stderr = dup(STDERR_FILENO);
	return file == NULL || old_stderr < 0 ||
	    dup2(fileno(file), STDERR_FILENO) < 0;
}

static int
release_stderr(void **state)
{
	(void)state;
	dup2(old_stderr, STDERR_FILENO);
	close(old_stderr);
	return fclose(file);
}

static char *
written(struct log_sink *s)
{
	char *text;
	long len;

	assert_true(log_sink_flush(s, 60000));
	len = lseek(fileno(file), 0, SEEK_END);
	text = calloc(1, (size_t)len + 1);
	assert_non_null(text);
	assert_int_equal(pread(fileno(file), text, (size_t)len, 0), len);
	return text;
}

static struct log_sink *
sink(enum conf_log_format format)
{
	const struct conf_log conf = {
	    .format = format, .level = LOG_LEVEL_INFO};
	struct log_sink *s;
	struct err err;

	assert_int_equal(log_sink_new(&s, &conf, &err), 0);
	assert_int_equal(log_sink_start(s, &err), 0);
	return s;
}

static void
fields_are_members(void **state)
{
	struct log_sink *s = sink(CONF_LOG_JSON);
	const char *const list[] = {"a\"", "", "b\n", NULL};
	const struct log_field fields[] = {
	    LOG_FIELD_TEXT("peer", "\"}\n{\\ \x01\xff"),
	    LOG_FIELD_TEXT("empty", ""), LOG_FIELD_INTEGER("less", -5),
	    LOG_FIELD_NUMBER("most", UINT64_MAX), LOG_FIELD_BOOL("so", true),
	    LOG_FIELD_BOOL("not", false), LOG_FIELD_LIST("list", list),
	    LOG_FIELD_LIST("none", list + 3)};
	const char *when;
	char *text;
	cJSON *o;

	(void)state;
	log_event(log_sink_get0_log(s), LOG_LEVEL_WARN, "an-event", fields,
	    LOG_NUM(fields), "said \"%s\" (n=%u t='%s' empty=%d)", "\n\\", 7U,
	    "'", 9);
	log_event(
	    log_sink_get0_log(s), LOG_LEVEL_DEBUG, NULL, fields, 2, "unsaid");
	text = written(s);
	o = cJSON_Parse(text);
	assert_non_null(o);
	assert_string_equal(
	    cJSON_GetStringValue(cJSON_GetObjectItem(o, "level")), "warn");
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(o, "msg")),
	    "said \"\\x0a\\\"");
	assert_string_equal(
	    cJSON_GetStringValue(cJSON_GetObjectItem(o, "peer")),
	    "\"}\\x0a{\\ \\x01\\xff");
	assert_string_equal(
	    cJSON_GetStringValue(cJSON_GetObjectItem(o, "empty")), "");
	assert_string_equal(
	    cJSON_GetStringValue(cJSON_GetObjectItem(o, "event")), "an-event");
	assert_string_equal(
	    cJSON_GetStringValue(cJSON_GetObjectItem(o, "t")), "'");
	assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(o, "n")) == 7);
	assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(o, "less")) == -5);
	assert_non_null(strstr(text, "\"most\":18446744073709551615,"));
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(o, "so")));
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(o, "not")));
	assert_non_null(strstr(
	    text, "\"list\":[\"a\\\"\",\"\",\"b\\\\x0a\"],\"none\":[],"));
	/* ts, level, event, msg; what was given; n and t of the format. */
	assert_int_equal(cJSON_GetArraySize(o), 4 + 8 + 2);
	when = cJSON_GetStringValue(cJSON_GetObjectItem(o, "ts"));
	assert_int_equal(strlen(when), strlen("2026-11-30T09:00:00.123Z"));
	assert_true(when[10] == 'T' && when[19] == '.' && when[23] == 'Z');
	/* One line, and the end of it. */
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	cJSON_Delete(o);
	free(text);
	log_sink_free(s);
}

/* In either form a name ends where we say that it does. */
static void
a_quote_in_a_name_is_no_end_of_it(void **state)
{
	static const enum conf_log_format formats[] = {
	    CONF_LOG_TEXT, CONF_LOG_JSON};
	static const char *const said[] = {
	    "info  let in peer 'O=x\\x27: revoked (why=none)' (conn=1)\n",
	    "\"msg\":\"let in peer 'O=x\\\\x27: revoked "
	    "(why=none)'\",\"conn\":1}"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct log_sink *s = sink(formats[i]);
		char *text;

		log_line(log_sink_get0_log(s), LOG_LEVEL_INFO,
		    "let in peer '%s' (conn=%d)", "O=x': revoked (why=none)",
		    1);
		text = written(s);
		assert_non_null(strstr(text, said[i]));
		free(text);
		log_sink_free(s);
	}
}

/* As long as anything may be: still JSON, with what does not fit left out. */
static void
long_lines_stay_whole(void **state)
{
	struct log_sink *s = sink(CONF_LOG_JSON);
	char value[4000], *text;
	const struct log_field fields[] = {LOG_FIELD_TEXT("a", value),
	    LOG_FIELD_TEXT("b", "short"), LOG_FIELD_TEXT("c", value),
	    LOG_FIELD_TEXT("d", "last")};
	cJSON *o;

	(void)state;
	memset(value, '"', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	log_event(
	    log_sink_get0_log(s), LOG_LEVEL_ERROR, "e", fields, 4, "%s", value);
	text = written(s);
	o = cJSON_Parse(text);
	assert_non_null(o);
	assert_non_null(cJSON_GetObjectItem(o, "b"));
	assert_non_null(cJSON_GetObjectItem(o, "d"));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	cJSON_Delete(o);
	free(text);
	log_sink_free(s);
}

static void
text_has_the_line_only(void **state)
{
	struct log_sink *s = sink(CONF_LOG_TEXT);
	const struct log_field field = LOG_FIELD_TEXT("peer", "x");
	char *text;

	(void)state;
	log_event(log_sink_get0_log(s), LOG_LEVEL_INFO, "e", &field, 1,
	    "one (a=%d)", 1);
	text = written(s);
	assert_string_equal(strchr(text, 'Z'), "Z info  one (a=1)\n");
	free(text);
	log_sink_free(s);
}

/* Errors are never dropped; of the rest it is told how many were. */
static void
a_flood_is_cut_off(void **state)
{
	struct log_sink *s = sink(CONF_LOG_TEXT);
	const struct log *log = log_sink_get0_log(s);
	unsigned floods = 0, told = 0, errors = 0, dropped = 0;
	const time_t began = time(NULL);
	char *text, *save = NULL;

	(void)state;
	/* Until a second has begun after the one that was too full. */
	while (told == 0) {
		assert_true(time(NULL) - began < 60);
		for (int k = 0; k < LOG_SINK_MAX_PER_SEC; k++)
			log_line(log, LOG_LEVEL_WARN, "flood");
		floods += LOG_SINK_MAX_PER_SEC;
		log_line(log, LOG_LEVEL_ERROR, "error");
		errors++;
		text = written(s);
		told = strstr(text, "log lines were dropped") != NULL;
		free(text);
	}
	text = written(s);
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char *n = strstr(line, "warn  ");

		if (strstr(line, "were dropped") != NULL)
			dropped += (unsigned)strtoul(n + 6, NULL, 10);
		else if (strstr(line, "flood") != NULL)
			floods--;
		else if (strstr(line, " error") != NULL)
			errors--;
	}
	assert_int_equal(errors, 0);
	assert_true(dropped > 0);
	/* The rest was dropped in the second that goes on. */
	assert_true(floods >= dropped);
	free(text);
	log_sink_free(s);
}

/* A pipe in the place of stderr; its end for reading. */
static int
pipe_as_stderr(void)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	close(ends[1]);
	return ends[0];
}

/* Says lines until some are dropped: that many fit the pipe and the ring. */
static unsigned
say_until_dropped(struct log_sink *s, const struct log *log)
{
	char text[2000];
	unsigned said = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (; log_sink_dropped(s) == 0; said++) {
		assert_true(said < 100000);
		log_line(log, LOG_LEVEL_ERROR, "%s", text);
	}
	return said;
}

/* Reads on until the text has come; free() what was read. */
static char *
read_until(int fd, const char *until)
{
	size_t size = (size_t)8 << 20, len = 0;
	char *text = calloc(1, size);
	ssize_t n;

	assert_non_null(text);
	while (strstr(text + (len > 5000 ? len - 5000 : 0), until) == NULL) {
		n = read(fd, text + len, size - len - 1);
		assert_true(n > 0);
		len += (size_t)n;
	}
	return text;
}

/* Whoever logs goes on; what found no room is counted, and told when it can. */
static void
nobody_reads_and_nobody_waits(void **state)
{
	struct log_sink *s = sink(CONF_LOG_TEXT);
	int fd = pipe_as_stderr();
	char *text;

	(void)state;
	say_until_dropped(s, log_sink_get0_log(s));
	assert_false(log_sink_flush(s, 1));
	/* Now somebody reads, and says more until a second has passed. */
	text = read_until(fd, "xxx\n");
	free(text);
	for (;;) {
		log_line(log_sink_get0_log(s), LOG_LEVEL_ERROR, "more");
		text = read_until(fd, "more\n");
		if (strstr(text, "log lines were dropped") != NULL)
			break;
		free(text);
	}
	free(text);
	log_sink_free(s);
	close(fd);
}

/* It ends though nobody will ever read. */
static void
an_unread_log_can_be_closed(void **state)
{
	struct log_sink *s = sink(CONF_LOG_TEXT);
	int fd = pipe_as_stderr();

	(void)state;
	say_until_dropped(s, log_sink_get0_log(s));
	log_sink_free(s);
	close(fd);
}

/* What strangers cause, errors included, never takes the last of the room. */
static void
strangers_leave_room(void **state)
{
	struct log_sink *s = sink(CONF_LOG_TEXT);
	int fd = pipe_as_stderr();
	uint64_t dropped;

	(void)state;
	say_until_dropped(s, log_sink_get0_strangers(s));
	dropped = log_sink_dropped(s);
	log_line(log_sink_get0_log(s), LOG_LEVEL_INFO, "ours");
	assert_int_equal(log_sink_dropped(s), dropped);
	log_sink_free(s);
	close(fd);
}

/* A start that is refused before there is a thread still says why. */
static void
what_is_said_first_is_written(void **state)
{
	const struct conf_log conf = {.level = LOG_LEVEL_INFO};
	char text[200] = "";
	struct log_sink *s;
	struct err err;

	(void)state;
	assert_int_equal(log_sink_new(&s, &conf, &err), 0);
	log_line(log_sink_get0_log(s), LOG_LEVEL_WARN, "early");
	log_sink_free(s);
	assert_true(pread(fileno(file), text, sizeof(text) - 1, 0) > 0);
	assert_non_null(strstr(text, " early\n"));
}

#define ONE(f) cmocka_unit_test_setup_teardown(f, catch_stderr, release_stderr)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ONE(fields_are_members),
	    ONE(a_quote_in_a_name_is_no_end_of_it),
	    ONE(long_lines_stay_whole),
	    ONE(text_has_the_line_only),
	    ONE(a_flood_is_cut_off),
	    ONE(nobody_reads_and_nobody_waits),
	    ONE(an_unread_log_can_be_closed),
	    ONE(strangers_leave_room),
	    ONE(what_is_said_first_is_written),
	};

	return cmocka_run_group_tests_name("log sink", tests, NULL, NULL);
}
