/*
 * The prompt on a real terminal. Whatever signal comes, the terminal echoes
 * again, nothing typed is left in memory, and then the signal does what it
 * does everywhere else.
 */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "fixtures/doorman/base/prompt.h"
#include "tests/lib/net.h"

#define QUESTION    "PIN, please: "
#define SCREEN_SIZE 4096

/* A terminal; a shell of sorts leads its session, one job prompts on it. */
struct screen {
	int fd, report; /* report: the shell tells pids and states of its job */
	pid_t shell, job;
	char text[SCREEN_SIZE];
	size_t len;
};

static volatile sig_atomic_t handled;

static void
on_signal(int sig)
{
	handled = sig;
}

/* The job: exits 0 with the answer in order, else with what went wrong. */
static int
job_answered(void)
{
	char line[PROMPT_MAX];
	struct fault f = {""};

	if (prompt_line(line, QUESTION, false, -1, &f) != 0)
		return 10;
	return strcmp(line, "4815") == 0 ? 0 : 11;
}

/* The job: has a handler of its own, and lives on after the signal. */
static int
job_with_handler(void)
{
	struct sigaction act = {.sa_handler = on_signal};
	char line[PROMPT_MAX];
	struct fault f = {""};

	sigaction(SIGTERM, &act, NULL);
	memset(line, 'x', sizeof(line));
	if (prompt_line(line, QUESTION, false, -1, &f) == 0)
		return 10;
	if (handled != SIGTERM || strstr(f.msg, "signal 15") == NULL)
		return 11;
	for (size_t i = 0; i < sizeof(line); i++)
		if (line[i] != '\0')
			return 12;
	/* The handler is the caller's again. */
	handled = 0;
	raise(SIGTERM);
	return handled == SIGTERM ? 0 : 13;
}

/* The job: SIGHUP was ignored by who started it, as under nohup. */
static int
job_nohup(void)
{
	signal(SIGHUP, SIG_IGN);
	return job_answered();
}

/* Starts the job in the foreground and reports each change of its state. */
static void
shell_main(int report, int (*job)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(0, getpid());
		signal(SIGTTOU, SIG_DFL);
		_exit(job());
	}
	if (write(report, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	for (;;) {
		if (waitpid(pid, &status, WUNTRACED) != pid ||
		    write(report, &status, sizeof(status)) != sizeof(status))
			_exit(1);
		if (!WIFSTOPPED(status))
			break;
	}
	pause();
	_exit(0);
}

static void
screen_open(struct screen *s, int (*job)(void))
{
	int report[2];

	memset(s, 0, sizeof(*s));
	assert_int_equal(pipe(report), 0);
	s->shell = forkpty(&s->fd, NULL, NULL, NULL);
	assert_true(s->shell >= 0);
	if (s->shell == 0)
		shell_main(report[1], job);
	close(report[1]);
	s->report = report[0];
	assert_int_equal(
	    read(s->report, &s->job, sizeof(s->job)), sizeof(s->job));
}

/* Reads until the text was seen this often. */
static void
screen_until(struct screen *s, const char *text, int times)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	for (;;) {
		const char *at = s->text;
		ssize_t n;
		int seen = 0;

		while ((at = strstr(at, text)) != NULL) {
			at += strlen(text);
			seen++;
		}
		if (seen >= times)
			return;
		if (poll(&p, 1, WAIT_MS) != 1)
			fail_msg("waiting for '%s': %s", text, s->text);
		n = read(s->fd, s->text + s->len, SCREEN_SIZE - 1 - s->len);
		assert_true(n > 0);
		s->len += (size_t)n;
		s->text[s->len] = '\0';
	}
}

static void
screen_type(const struct screen *s, const char *text)
{
	assert_int_equal(write(s->fd, text, strlen(text)), (int)strlen(text));
}

static bool
screen_echoes(const struct screen *s)
{
	struct termios t;

	assert_int_equal(tcgetattr(s->fd, &t), 0);
	return (t.c_lflag & ECHO) != 0;
}

/* The next change of the job, as waitpid gave it to the shell. */
static int
screen_change(const struct screen *s)
{
	struct pollfd p = {.fd = s->report, .events = POLLIN};
	int status;

	if (poll(&p, 1, WAIT_MS) != 1)
		fail_msg("the job neither ends nor stops: %s", s->text);
	assert_int_equal(
	    read(s->report, &status, sizeof(status)), sizeof(status));
	return status;
}

static void
screen_close(struct screen *s)
{
	kill(s->shell, SIGKILL);
	assert_int_equal(waitpid(s->shell, NULL, 0), s->shell);
	close(s->fd);
	close(s->report);
}

static void
the_answer_is_not_echoed(void **state)
{
	struct screen s;
	int status;

	(void)state;
	screen_open(&s, job_answered);
	screen_until(&s, QUESTION, 1);
	assert_false(screen_echoes(&s));
	screen_type(&s, "4815\n");
	status = screen_change(&s);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(screen_echoes(&s));
	assert_null(strstr(s.text, "4815"));
	screen_close(&s);
}

static void
ends_by(int sig, const char *key)
{
	struct screen s;
	int status;

	screen_open(&s, job_answered);
	screen_until(&s, QUESTION, 1);
	screen_type(&s, "48");
	if (key != NULL)
		screen_type(&s, key);
	else
		assert_int_equal(kill(s.job, sig), 0);
	status = screen_change(&s);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), sig);
	assert_true(screen_echoes(&s));
	screen_close(&s);
}

static void
a_signal_ends_it_and_the_terminal_echoes(void **state)
{
	(void)state;
	ends_by(SIGINT, "\003"); /* Ctrl-C */
	ends_by(SIGQUIT, "\034");
	ends_by(SIGINT, NULL);
	ends_by(SIGTERM, NULL);
	ends_by(SIGHUP, NULL);
	ends_by(SIGALRM, NULL);
}

static void
stops_and_goes_on(const char *key, int sig)
{
	struct screen s;
	int status;

	screen_open(&s, job_answered);
	screen_until(&s, QUESTION, 1);
	screen_type(&s, "23"); /* not part of the answer */
	if (key != NULL)
		screen_type(&s, key);
	else
		assert_int_equal(kill(s.job, sig), 0);
	status = screen_change(&s);
	assert_true(WIFSTOPPED(status));
	/* SIGSTOP cannot be seen coming; a shell restores its own modes. */
	if (sig != SIGSTOP)
		assert_true(screen_echoes(&s));
	assert_int_equal(kill(s.job, SIGCONT), 0);
	screen_until(&s, QUESTION, 2);
	assert_false(screen_echoes(&s));
	screen_type(&s, "4815\n");
	status = screen_change(&s);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(screen_echoes(&s));
	screen_close(&s);
}

static void
a_stopped_prompt_asks_again(void **state)
{
	(void)state;
	stops_and_goes_on("\032", SIGTSTP); /* Ctrl-Z */
	stops_and_goes_on(NULL, SIGTSTP);
	stops_and_goes_on(NULL, SIGSTOP);
}

static void
what_was_typed_is_wiped(void **state)
{
	struct screen s;
	int status;

	(void)state;
	screen_open(&s, job_with_handler);
	screen_until(&s, QUESTION, 1);
	screen_type(&s, "4815");
	assert_int_equal(kill(s.job, SIGTERM), 0);
	status = screen_change(&s);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(screen_echoes(&s));
	screen_close(&s);
}

static void
an_ignored_signal_stays_ignored(void **state)
{
	struct screen s;
	int status;

	(void)state;
	screen_open(&s, job_nohup);
	screen_until(&s, QUESTION, 1);
	assert_int_equal(kill(s.job, SIGHUP), 0);
	screen_type(&s, "4815\n");
	status = screen_change(&s);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	screen_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_answer_is_not_echoed),
	    cmocka_unit_test(a_signal_ends_it_and_the_terminal_echoes),
	    cmocka_unit_test(a_stopped_prompt_asks_again),
	    cmocka_unit_test(what_was_typed_is_wiped),
	    cmocka_unit_test(an_ignored_signal_stays_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
