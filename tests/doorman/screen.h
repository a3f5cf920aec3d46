/*
 * screen: doorman-sign on a terminal of its own, and the person before it.
 * Helpers fail the test; every wait has a bound.
 */
#ifndef TESTS_DOORMAN_SCREEN_H
#define TESTS_DOORMAN_SCREEN_H

#include "tests/doorman/doorman_net.h"

#define SCREEN_SIZE 65536

struct screen {
	int fd;
	pid_t pid;
	char text[SCREEN_SIZE]; /* all that was seen since it was opened */
	size_t len;
};

/* doorman-sign -c sign.conf ARGUMENTS, NULL-terminated. */
void screen_open(struct screen *s, const struct doorman_net *o,
    const char *const *arguments);
/* Reads until text appears (1), or the terminal is closed (0). */
int screen_until(struct screen *s, const char *text);
/* The same from here on: what was seen before is forgotten. */
int screen_next(struct screen *s, const char *text);
void screen_type(struct screen *s, const char *line);
/* Its exit status, or 128 and the signal. */
int screen_end(struct screen *s);

#endif
