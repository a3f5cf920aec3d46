/* What a terminal is given goes through less, whole; what is none is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixtures/doorman/base/buf.h"
#include "fixtures/doorman/base/pager.h"

#define ROWS 500

/* A less of our own, found first: it keeps what it is given. */
static void
fake_less(void)
{
	static const char script[] = "#!/bin/sh\ncat >paged\n"
				     "echo \"$LESSSECURE $*\" >asked\n";
	struct fault f;

	mkdir("bin", 0755);
	assert_int_equal(
	    file_replace("bin/less", view_of(script, strlen(script)), 0755, &f),
	    0);
	assert_int_equal(chmod("bin/less", 0755), 0);
}

static void
print_rows(void)
{
	struct pager pager;

	pager_begin(&pager);
	for (int i = 0; i < ROWS; i++)
		printf("row %d\n", i);
	pager_end(&pager);
	printf("after\n");
	fflush(stdout);
}

/* The rows as a child prints them to `out`, with this PATH. */
static void
child_prints(int out, const char *path)
{
	pid_t pid = fork();
	int status = -1;

	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(out, STDOUT_FILENO);
		setenv("PATH", path, 1);
		setenv("TERM", "xterm", 1);
		print_rows();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
holds_all(const char *path, bool after)
{
	struct buf text;
	struct fault f = {""};
	const char *p;

	if (buf_read_file(&text, path, 1 << 20, &f) != 0)
		fail_msg("%s", f.msg);
	p = buf_str(&text);
	for (int i = 0; i < ROWS; i++) {
		char row[32];

		snprintf(row, sizeof(row), "row %d\n", i);
		p = strstr(p, row);
		if (p == NULL)
			fail_msg("no row %d in '%s'", i, path);
	}
	assert_int_equal(strstr(p, "after\n") != NULL, after);
	buf_free(&text);
}

static void
a_terminal_has_a_pager(void **state)
{
	char *path, text[256] = "";
	int ours, theirs;
	FILE *asked;

	(void)state;
	fake_less();
	assert_true(asprintf(&path, "%s/bin:/usr/bin:/bin",
			getcwd((char[4096]){0}, 4096)) > 0);
	assert_int_equal(openpty(&ours, &theirs, NULL, NULL, NULL), 0);
	child_prints(theirs, path);
	holds_all("paged", false);
	asked = fopen("asked", "r");
	assert_non_null(asked);
	assert_non_null(fgets(text, sizeof(text), asked));
	assert_string_equal(text, "1 -F -X\n");
	fclose(asked);
	/* And the terminal is the program's again. */
	assert_true(read(ours, text, sizeof(text) - 1) > 0);
	assert_memory_equal(text, "after", 5);
	close(ours);
	close(theirs);
	free(path);
}

static void
a_file_has_none(void **state)
{
	int fd = open("direct", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	(void)state;
	remove("paged");
	fake_less();
	child_prints(fd, "bin:/usr/bin:/bin");
	close(fd);
	holds_all("direct", true);
	assert_int_not_equal(access("paged", F_OK), 0);
}

/* All of it, at once, where there is no less. */
static void
without_less_it_is_printed(void **state)
{
	int ours, theirs;
	char c[4096];
	size_t rows = 0;
	ssize_t n;
	pid_t pid;

	(void)state;
	assert_int_equal(openpty(&ours, &theirs, NULL, NULL, NULL), 0);
	/* A terminal holds less than that: somebody must read meanwhile. */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		child_prints(theirs, "/nonexistent");
		_exit(0);
	}
	close(theirs);
	while ((n = read(ours, c, sizeof(c))) > 0)
		for (ssize_t i = 0; i < n; i++)
			rows += c[i] == '\n';
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(rows, ROWS + 1);
	close(ours);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_terminal_has_a_pager),
	    cmocka_unit_test(a_file_has_none),
	    cmocka_unit_test(without_less_it_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
