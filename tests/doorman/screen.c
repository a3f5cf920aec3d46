/* screen: see the header. */
#include "tests/doorman/screen.h"

#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void
screen_open(
    struct screen *s, const struct doorman_net *o, const char *const *arguments)
{
	char *path = fixture_path("doorman-sign");
	const char *argv[16] = {path, "-c", o->sign_conf};
	int n = 3;

	while (*arguments != NULL && n < 15)
		argv[n++] = *arguments++;
	memset(s, 0, sizeof(*s));
	s->pid = forkpty(&s->fd, NULL, NULL, NULL);
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		execv(path, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	free(path);
}

int
screen_until(struct screen *s, const char *text)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	while (text == NULL || strstr(s->text, text) == NULL) {
		ssize_t n;

		if (poll(&p, 1, WAIT_MS) != 1)
			fail_msg("waiting for '%s': %s", text, s->text);
		n = read(s->fd, s->text + s->len, SCREEN_SIZE - 1 - s->len);
		if (n <= 0)
			return 0;
		s->len += (size_t)n;
		s->text[s->len] = '\0';
	}
	return 1;
}

int
screen_next(struct screen *s, const char *text)
{
	s->len = 0;
	s->text[0] = '\0';
	return screen_until(s, text);
}

void
screen_type(struct screen *s, const char *line)
{
	char *text = xasprintf("%s\n", line);

	assert_int_equal(write(s->fd, text, strlen(text)), (int)strlen(text));
	free(text);
}

int
screen_end(struct screen *s)
{
	int status;

	while (screen_until(s, NULL) != 0)
		;
	close(s->fd);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
