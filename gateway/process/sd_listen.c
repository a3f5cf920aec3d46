/*
 * sd_listen: reads the environment once, looks at each descriptor once.
 */
#include "gateway/process/sd_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include "gateway/conf/conf.h"
#include "gateway/base/address.h"

#define FIRST_FD    3
#define MAX_SOCKETS 1024

struct passed {
	int fd;
	char name[64]; /* "" when none was given */
	struct sockaddr_storage sa;
	char address[128];
	bool reserved;
};

struct sd_listen {
	size_t num;
	struct passed sockets[];
};

/* -1 when the variable is not there, -2 when it is no such number. */
static long
env_number(const char *name, long max)
{
	const char *s = getenv(name);
	char *end;
	long v;

	if (s == NULL)
		return -1;
	errno = 0;
	v = strtol(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0' || v < 0 || v > max)
		return -2;
	return v;
}

static int
passed_look(struct passed *p, struct err *err)
{
	socklen_t len = sizeof(int);
	int type = 0, listening = 0, flags;

	if (getsockopt(p->fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0)
		return err_sys(err,
		    "descriptor %d ('%s') of LISTEN_FDS is of no use", p->fd,
		    p->name);
	(void)getsockopt(p->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len);
	if (type != SOCK_STREAM || !listening)
		return err_set(err, E_ARG,
		    "descriptor %d ('%s') of LISTEN_FDS does not listen: "
		    "expected a stream socket (ListenStream=, Accept=no)",
		    p->fd, p->name);
	len = sizeof(p->sa);
	flags = fcntl(p->fd, F_GETFL);
	if (getsockname(p->fd, (struct sockaddr *)&p->sa, &len) != 0 ||
	    flags < 0 || fcntl(p->fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(p->fd, F_SETFD, FD_CLOEXEC) != 0)
		return err_sys(err,
		    "descriptor %d ('%s') of LISTEN_FDS is of no use", p->fd,
		    p->name);
	address_text(p->address, &p->sa);
	return 0;
}

/* The i-th of "a:b:c"; "" when there are not so many. */
static void
nth_name(char *out, size_t size, const char *names, size_t i)
{
	for (; names != NULL && i > 0; i--) {
		names = strchr(names, ':');
		if (names != NULL)
			names++;
	}
	snprintf(out, size, "%.*s", names ? (int)strcspn(names, ":") : 0,
	    names ? names : "");
}

int
sd_listen_new(struct sd_listen **out, struct err *err)
{
	long pid = env_number("LISTEN_PID", INT32_MAX);
	long num = env_number("LISTEN_FDS", MAX_SOCKETS);
	const char *names = getenv("LISTEN_FDNAMES");
	struct sd_listen *a;
	int rc = 0;

	*out = NULL;
	/* Meant for a process above us. */
	if (pid != (long)getpid() || num == -1)
		num = 0;
	if (num < 0)
		return err_set(err, E_ARG,
		    "LISTEN_FDS is '%.32s': expected a number up to %d",
		    getenv("LISTEN_FDS"), MAX_SOCKETS);
	a = calloc(1, sizeof(*a) + (size_t)num * sizeof(a->sockets[0]));
	if (a == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (; rc == 0 && a->num < (size_t)num; a->num++) {
		struct passed *p = &a->sockets[a->num];

		p->fd = FIRST_FD + (int)a->num;
		nth_name(p->name, sizeof(p->name), names, a->num);
		rc = passed_look(p, err);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (rc != 0) {
		sd_listen_free(a);
		return rc;
	}
	*out = a;
	return 0;
}

void
sd_listen_free(struct sd_listen *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; i < a->num; i++)
		close(a->sockets[i].fd);
	free(a);
}

size_t
sd_listen_num(const struct sd_listen *a)
{
	return a != NULL ? a->num : 0;
}

size_t
sd_listen_find(
    const struct sd_listen *a, const char *name, const struct address *address)
{
	for (size_t i = 0; i < sd_listen_num(a); i++)
		if (strcmp(a->sockets[i].name, name) == 0)
			return i;
	for (size_t i = 0; i < sd_listen_num(a); i++)
		if (address_is(address, &a->sockets[i].sa))
			return i;
	return SD_LISTEN_NONE;
}

int
sd_listen_fd(const struct sd_listen *a, size_t i)
{
	return a->sockets[i].fd;
}

void
sd_listen_reserve(struct sd_listen *a, size_t i)
{
	a->sockets[i].reserved = true;
}

int
sd_listen_check(const struct sd_listen *a, const bool *used, struct err *err)
{
	for (size_t i = 0; i < sd_listen_num(a); i++) {
		const struct passed *p = &a->sockets[i];

		if (used[i] && p->reserved)
			return err_set(err, E_ARG,
			    "the socket on %s (named '%s') was passed for the "
			    "REST server, a listener of the same address or "
			    "name cannot have it",
			    p->address, p->name);
		if (!used[i] && !p->reserved)
			return err_set(err, E_ARG,
			    "the socket on %s (named '%s') was passed by the "
			    "service manager, but nothing in the "
			    "configuration has that address or name",
			    p->address, p->name);
	}
	return 0;
}
