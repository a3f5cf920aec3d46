/*
 * listen_socket: makes, binds and closes them. A socket file of a Unix socket
 * goes with the last reference.
 */
#include "gateway/dataplane/listen_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define LISTEN_SOCKET_BACKLOG 1024

/* A socket file nobody listens on is a leftover of a crash. */
static void
listen_socket_remove_leftover(const struct sockaddr_un *un)
{
	struct stat st;
	int fd;

	if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) != 0 &&
	    errno == ECONNREFUSED)
		unlink(un->sun_path);
	close(fd);
}

static int
listen_socket_socket(const struct sockaddr_storage *sa, socklen_t len,
    const char *text, struct err *err)
{
	int one = 1, fd;

	fd = socket(
	    sa->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, "cannot listen on '%s'", text);
	if (sa->ss_family != AF_UNIX &&
	    (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) !=
		    0))
		goto fail;
	if (sa->ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) != 0)
		goto fail;
	if (sa->ss_family == AF_UNIX)
		listen_socket_remove_leftover((const struct sockaddr_un *)sa);
	if (bind(fd, (const struct sockaddr *)sa, len) != 0 ||
	    listen(fd, LISTEN_SOCKET_BACKLOG) != 0)
		goto fail;
	return fd;
fail:
	err_sys(err, "cannot listen on '%s'", text);
	close(fd);
	return E_IO;
}

/*
 * The first socket learns its port from the kernel, the others share it. A
 * socket owned by another user may not join: the kernel checks the uid.
 */
static int
listen_socket_open(struct listen_socket *b, const struct address *address,
    size_t num, struct err *err)
{
	struct sockaddr_storage sa = address->sa;
	socklen_t len = address->sa_len;

	if (len == 0)
		return err_set(err, E_ARG,
		    "cannot listen on '%s': an IP address or unix:/path was "
		    "expected",
		    address->text);
	for (size_t i = 0; i < num; i++) {
		int fd = listen_socket_socket(&sa, len, address->text, err);

		if (fd < 0)
			return fd;
		b->fds[b->num_fds++] = fd;
		if (i > 0)
			continue;
		len = sizeof(sa);
		if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
			return err_sys(
			    err, "cannot listen on '%s'", address->text);
	}
	address_text(b->address, &sa);
	return 0;
}

/* One without a socket yet, and room for num. */
static struct listen_socket *
listen_socket_alloc(const struct address *address, size_t num, struct err *err)
{
	struct listen_socket *b = calloc(1, sizeof(*b));

	if (b == NULL)
		goto nomem;
	ref_init(&b->ref);
	b->text = strdup(address->text);
	b->fds = calloc(num, sizeof(*b->fds));
	if (b->text == NULL || b->fds == NULL)
		goto nomem;
	return b;
nomem:
	listen_socket_free(b);
	err_set(err, E_NOMEM, "cannot listen");
	return NULL;
}

int
listen_socket_new_passed(struct listen_socket **out,
    const struct address *address, int fd, struct err *err)
{
	struct listen_socket *b = listen_socket_alloc(address, 1, err);
	struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(sa);

	*out = NULL;
	if (b == NULL)
		return E_NOMEM;
	b->passed = true;
	b->fds[b->num_fds++] = fd;
	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0) {
		listen_socket_free(b);
		return err_sys(
		    err, "cannot listen on '%s', as passed", address->text);
	}
	address_text(b->address, &sa);
	*out = b;
	return 0;
}

int
listen_socket_new(struct listen_socket **out, const struct address *address,
    size_t num_workers, struct err *err)
{
	size_t num = address->path != NULL ? 1 : num_workers;
	struct listen_socket *b = listen_socket_alloc(address, num, err);
	int rc;

	*out = NULL;
	if (b == NULL)
		return E_NOMEM;
	rc = listen_socket_open(b, address, num, err);
	if (rc == 0 && address->path != NULL) {
		b->unlink_path = strdup(address->path);
		if (b->unlink_path == NULL)
			rc = err_set(err, E_NOMEM, "cannot listen");
	}
	if (rc != 0) {
		listen_socket_free(b);
		return rc;
	}
	*out = b;
	return 0;
}

struct listen_socket *
listen_socket_up_ref(struct listen_socket *b)
{
	ref_up(&b->ref);
	return b;
}

void
listen_socket_free(struct listen_socket *b)
{
	if (b == NULL || !ref_down(&b->ref))
		return;
	if (b->unlink_path != NULL)
		unlink(b->unlink_path);
	for (size_t i = 0; i < b->num_fds && !b->passed; i++)
		close(b->fds[i]);
	free(b->unlink_path);
	free(b->fds);
	free(b->text);
	free(b);
}
