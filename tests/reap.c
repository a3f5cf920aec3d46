/*
 * reap LEFT COMMAND...: runs a command and exits as it does. Whatever it has
 * started and not ended, however deep, becomes a child of this process, which
 * waits a while for it to end by itself (a child that was told to die with its
 * parent is about to), then ends it and writes its number and command line
 * into the file LEFT, which is made only then.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE_SEC 10 /* waited in full only for what stays */

/* Reads a small file of /proc; NULs and newlines become blanks. */
static void
proc_read(char *out, size_t size, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);

	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	for (ssize_t i = 0; i < n; i++)
		if (out[i] == '\0' || out[i] == '\n')
			out[i] = ' ';
}

/* Ends every child and says who it was; theirs come to us next. */
static void
children_end(const char *left)
{
	char list[4096], path[64], command[512];
	FILE *f;

	proc_read(list, sizeof(list), "/proc/thread-self/children");
	for (char *at = strtok(list, " "); at != NULL; at = strtok(NULL, " ")) {
		pid_t pid = (pid_t)strtol(at, NULL, 10);

		snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
		proc_read(command, sizeof(command), path);
		kill(pid, SIGKILL);
		/* One that has ended meanwhile has none. */
		f = command[0] != '\0' ? fopen(left, "a") : NULL;
		if (f == NULL)
			continue;
		fprintf(f, "%d: %s\n", (int)pid, command);
		fclose(f);
	}
}

/* Waits until somebody ends; false: nobody is left, or it is too late. */
static int
child_wait(const sigset_t *chld, time_t until, int *none)
{
	struct timespec left = {.tv_sec = until - time(NULL)};
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		;
	*none = pid < 0 && errno == ECHILD;
	return !*none && left.tv_sec > 0 &&
	    (sigtimedwait(chld, NULL, &left) > 0 || errno == EINTR);
}

int
main(int argc, char **argv)
{
	int status = 0, none = 0;
	sigset_t chld, old;
	time_t until;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: reap LEFT COMMAND...\n");
		return 125;
	}
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		execvp(argv[2], argv + 2);
		fprintf(
		    stderr, "cannot run '%s': %s\n", argv[2], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 125;
	until = time(NULL) + GRACE_SEC;
	while (child_wait(&chld, until, &none))
		;
	while (!none) {
		children_end(argv[1]);
		until = time(NULL) + 1;
		while (child_wait(&chld, until, &none))
			;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
