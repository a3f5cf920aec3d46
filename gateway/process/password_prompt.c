/*
 * password_prompt: a terminal whose echo is off for one line. Signals of the
 * terminal wait until it is on again.
 */
#include "gateway/process/password_prompt.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/crypto.h>

static bool
read_line(char *out, size_t size)
{
	if (fgets(out, (int)size, stdin) == NULL)
		return false;
	out[strcspn(out, "\r\n")] = '\0';
	return true;
}

static bool
ask(const char *question, char *out, size_t size)
{
	struct termios before, silent;
	sigset_t stops, old;
	bool ok;

	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return false;
	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTSTP);
	sigaddset(&stops, SIGTERM);
	sigprocmask(SIG_BLOCK, &stops, &old);
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	ok = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
	if (ok) {
		fputs(question, stderr);
		fflush(stderr);
		ok = read_line(out, size);
	}
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return ok;
}

bool
password_prompt(char *out, size_t size)
{
	char again[1024];
	bool same;

	if (!isatty(STDIN_FILENO)) {
		if (read_line(out, size))
			return true;
		fprintf(stderr, "p2p-gateway: no password on standard input\n");
		return false;
	}
	if (!ask("Password: ", out, size) ||
	    !ask("Again: ", again, sizeof(again))) {
		fprintf(stderr, "p2p-gateway: no password\n");
		return false;
	}
	same = strcmp(out, again) == 0;
	OPENSSL_cleanse(again, sizeof(again));
	if (!same)
		fprintf(stderr, "p2p-gateway: they are not the same\n");
	return same;
}
