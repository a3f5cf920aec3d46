/* The hook's text and its command: what strangers cannot do with either. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixtures/doorman/service/events/spawn.h"
#include "fixtures/doorman/service/events/template.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))
#define MIME                                        \
	"MIME-Version: 1.0\n"                       \
	"Content-Type: text/plain; charset=UTF-8\n" \
	"Content-Transfer-Encoding: 8bit\n"

static void
templates(void **state)
{
	static const struct {
		const char *text, *value, *want;
	} rows[] = {
	    {"Subject: {a}\n\n{a}\n", "x", "Subject: x\n" MIME "\nx\n"},
	    {"\n{a}{a}\n", "x", "\nxx\n"},
	    {"\n{a}\n", "\xc3\xa9", "\n\xc3\xa9\n"},
	    {"\n{ {} {a {A} a} {a}}\n", "x", "\n{ {} {a {A} a} x}\n"},
	    {"Subject: {a}\n\n", "\xc3\xa9",
		"Subject: =?UTF-8?B?w6k=?=\n" MIME "\n"},
	    {"Subject: {a}\n\n", "=?UTF-8?B?w6k=?=",
		"Subject: =?UTF-8?B?PT9VVEYtOD9CP3c2az0/PQ==?=\n" MIME "\n"},
	    /* A line break that got here all the same ends no header. */
	    {"Subject: {a}\n\n", "x\nBcc: y",
		"Subject: =?UTF-8?B?eApCY2M6IHk=?=\n" MIME "\n"},
	    {"Content-Type: text/html\nSubject: {a}\n\n{a}", "x",
		"Content-Type: text/html\nSubject: x\n\nx"},
	    /* A dot alone would end the mail. */
	    {"\n{a}\n.\nb\n", ".", "\n..\n..\nb\n"},
	    {"\n{a}\n", "x\n.\ny", "\nx\n..\ny\n"},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct template_value v = {"a", rows[i].value};
		struct buf out;

		buf_init(&out, 1000);
		template_fill(&out, rows[i].text, &v, 1);
		assert_string_equal(buf_str(&out), rows[i].want);
		buf_free(&out);
	}
}

/* Words of whole characters, in lines that a mail may have. */
static void
long_headers(void **state)
{
	struct template_value v;
	struct buf text, out;
	const char *p;

	(void)state;
	buf_init(&text, 10000);
	buf_init(&out, 10000);
	for (int i = 0; i < 300; i++)
		buf_printf(&text, "\xe2\x82\xac");
	v = (struct template_value){"a", buf_str(&text)};
	template_fill(&out, "Subject: {a}\n\n", &v, 1);
	p = buf_str(&out);
	for (int line = 0; strncmp(p, "MIME", 4) != 0; line++) {
		assert_true(strcspn(p, "\n") <= 76 + 9);
		assert_true(line == 0 || *p == ' ');
		p = strchr(p, '\n') + 1;
	}
	buf_free(&text);
	buf_free(&out);
}

static void
what_a_template_may_say(void **state)
{
	static const char *const names[] = {"a", "b_c"};
	static const struct {
		const char *text, *says; /* NULL: it may */
	} rows[] = {
	    {"", NULL},
	    {"To: x\nSubject: {a}\n {b_c}\nX-Doorman: {a}\n\n{a}", NULL},
	    {"\nTo: {a}\n", NULL},
	    {"subject: {a}\n\n", NULL},
	    {"{d}", "no {d}"},
	    {"\n{d}", "no {d}"},
	    {"To: {a}\n\n", "other than Subject"},
	    {"Subject: x\nBcc: {a}\n\n", "other than Subject"},
	    {"To: x,\n {a}\nSubject: y\n\n", "other than Subject"},
	    {"{a}\n\n", "other than Subject"},
	};
	struct fault f;

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		int rc = template_check(rows[i].text, names, 2, &f);

		if (rc != (rows[i].says == NULL ? 0 : -1))
			fail_msg("row %zu: %d", i, rc);
		if (rc != 0 && strstr(f.msg, rows[i].says) == NULL)
			fail_msg("row %zu: %s", i, f.msg);
	}
}

static int
run(const char *script, const char *input, long timeout_ms, int stop_fd,
    bool *stopped, struct fault *f)
{
	char *const env[] = {(char *)"A=b", NULL};
	char command[64];
	FILE *file = fopen("hook.sh", "w");
	struct spawn s = {.command = command,
	    .env = env,
	    .input = view_of(input, strlen(input)),
	    .timeout_ms = timeout_ms,
	    .stop_fd = stop_fd};

	snprintf(command, sizeof(command), "./hook.sh one  two");
	assert_non_null(file);
	assert_true(fprintf(file, "#!/bin/sh\n%s\n", script) > 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod("hook.sh", 0700), 0);
	return spawn_run(&s, stopped, f);
}

#define WAIT_MS 60000

static void
commands(void **state)
{
	static const struct {
		const char *script, *says;
	} rows[] = {
	    {"exit 0", NULL},
	    {"test \"$*\" = 'one two'", NULL},
	    {"test \"$A\" = b && test -z \"$HOME$USER\"", NULL},
	    {"test \"$(cat)\" = hello", NULL},
	    /* It need not read. */
	    {"exec <&-; exit 0", NULL},
	    {"test -z \"$(ls /proc/self/fd | sed -n '/^[4-9]/p')\"", NULL},
	    {"exit 3", "status 3"},
	    {"echo why >&2; exit 75", "status 75: why"},
	    {"printf 'a\\033[2Jb'; exit 1", "status 1: a"},
	    {"kill -9 $$", "signal 9"},
	    {"trap '' TERM; kill -PIPE $$; exit 0", "signal 13"},
	};
	struct fault f;
	bool stopped;

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		int rc =
		    run(rows[i].script, "hello", WAIT_MS, -1, &stopped, &f);

		if (rc != (rows[i].says == NULL ? 0 : -1))
			fail_msg("%s: %d %s", rows[i].script, rc, f.msg);
		if (rc != 0 && strstr(f.msg, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].script, f.msg);
		assert_false(stopped);
	}
	unlink("hook.sh");
}

static void
what_cannot_be_run(void **state)
{
	char *const env[] = {NULL};
	struct spawn s = {.command = "/nonexistent/hook",
	    .env = env,
	    .timeout_ms = WAIT_MS,
	    .stop_fd = -1};
	struct fault f;
	bool stopped;

	(void)state;
	assert_int_equal(spawn_run(&s, &stopped, &f), -1);
	assert_non_null(strstr(f.msg, "cannot run '/nonexistent/hook'"));
	s.command = "  ";
	assert_int_equal(spawn_run(&s, &stopped, &f), -1);
}

/* More than any pipe holds, to one that reads late and answers at length. */
static void
much_text(void **state)
{
	size_t len = 1000000;
	char *text = malloc(len + 1);
	struct fault f;
	bool stopped;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	if (run("head -c 300000 /dev/zero; test $(wc -c) = 1000000", text,
		WAIT_MS, -1, &stopped, &f) != 0)
		fail_msg("%s", f.msg);
	free(text);
	unlink("hook.sh");
}

/* A pipe whose other end its children hold: closed when all are gone. */
static void
its_time_is_bounded(void **state)
{
	int alive[2];
	char script[200], byte;
	struct fault f;
	bool stopped;

	(void)state;
	assert_int_equal(mkfifo("alive", 0600), 0);
	alive[0] = open("alive", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(alive[0] >= 0);
	snprintf(
	    script, sizeof(script), "exec 3>alive; sleep 1000 & sleep 1000");
	assert_int_equal(run(script, "", 100, -1, &stopped, &f), -1);
	assert_non_null(strstr(f.msg, "was killed"));
	assert_false(stopped);
	/* Blocks until nobody writes: its group is gone as well. */
	assert_int_equal(
	    fcntl(alive[0], F_SETFL, fcntl(alive[0], F_GETFL) & ~O_NONBLOCK),
	    0);
	assert_int_equal(read(alive[0], &byte, 1), 0);
	alive[1] = eventfd(1, EFD_CLOEXEC);
	assert_int_equal(run(script, "", WAIT_MS, alive[1], &stopped, &f), -1);
	assert_true(stopped);
	assert_int_equal(read(alive[0], &byte, 1), 0);
	close(alive[0]);
	close(alive[1]);
	unlink("alive");
	unlink("hook.sh");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(templates),
	    cmocka_unit_test(long_headers),
	    cmocka_unit_test(what_a_template_may_say),
	    cmocka_unit_test(commands),
	    cmocka_unit_test(what_cannot_be_run),
	    cmocka_unit_test(much_text),
	    cmocka_unit_test(its_time_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
