/*
 * listen_socket: makes, binds and closes them. A socket file of a Unix socket
 * goes with the last reference.
 */
#include "gateway/dataplane/listen_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "gateway/dataplane/listen_owner.h"

#define LISTEN_SOCKET_BACKLOG 1024

/* Waiting for another process that listens in the same folder just now. */
#define LISTEN_SOCKET_LOCK_TRIES 50
#define LISTEN_SOCKET_LOCK_MS    2

/*
 * A socket file nobody listens on is a leftover of a crash. One that somebody
 * listens on stays, and bind(2) says that the address is in use.
 */
static void
listen_socket_remove_leftover(const struct sockaddr_un *un)
{
	struct stat st;
	int fd;

	if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) != 0 &&
	    errno == ECONNREFUSED)
		unlink(un->sun_path);
	close(fd);
}

/*
 * From the look at a leftover until we listen, no other process may do the
 * same: it would take our new file for a leftover. The lock is on the folder,
 * and goes with the descriptor. Negative with errno.
 */
static int
listen_socket_lock_folder(const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;
	int fd;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		snprintf(folder, sizeof(folder), ".");
	else
		slash[slash == folder ? 1 : 0] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		if (errno != EWOULDBLOCK || i == LISTEN_SOCKET_LOCK_TRIES) {
			close(fd);
			fd = -1;
			break;
		}
		poll(NULL, 0, LISTEN_SOCKET_LOCK_MS);
	}
	return fd;
}

static int
listen_socket_bind_unix(struct listen_socket *b, int fd,
    const struct sockaddr_un *un, socklen_t len)
{
	int lock = listen_socket_lock_folder(un->sun_path);
	struct stat st;
	int rc;

	if (lock < 0)
		return -1;
	listen_socket_remove_leftover(un);
	rc = bind(fd, (const struct sockaddr *)un, len);
	if (rc == 0)
		rc = listen(fd, LISTEN_SOCKET_BACKLOG);
	if (rc == 0 && lstat(un->sun_path, &st) == 0) {
		b->dev = st.st_dev;
		b->ino = st.st_ino;
	}
	close(lock);
	return rc;
}

/* Which sockets there may be at its address. */
enum joins {
	JOINS_NOBODY = 0,
	JOINS_OURS_ALONE, /* looked at */
	JOINS_FIRST       /* of the same address, which has looked */
};

/*
 * SO_REUSEPORT lets any process of the same user listen beside us, and the
 * kernel would give it a part of our peers. So the first socket is bound
 * without, which fails where anybody listens, and of two who try at once the
 * kernel lets one listen. Our own others join afterwards; so does one beside
 * our own of another address, where nobody but us may listen then. A process
 * that comes meanwhile is stopped by the one that listens already.
 */
static int
listen_socket_socket(struct listen_socket *b, const struct sockaddr_storage *sa,
    socklen_t len, enum joins joins, struct err *err)
{
	const struct sockaddr *name = (const struct sockaddr *)sa;
	int one = 1, fd, rc;

	fd = socket(
	    sa->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, "cannot listen on '%s'", b->text);
	if (sa->ss_family == AF_UNIX) {
		rc = listen_socket_bind_unix(
		    b, fd, (const struct sockaddr_un *)sa, len);
		goto out;
	}
	rc = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (rc == 0 && joins != JOINS_NOBODY)
		rc =
		    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (rc == 0 && sa->ss_family == AF_INET6)
		rc = setsockopt(
		    fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (rc == 0)
		rc = bind(fd, name, len);
	if (rc == 0)
		rc = listen(fd, LISTEN_SOCKET_BACKLOG);
	if (rc == 0 && joins == JOINS_NOBODY)
		rc =
		    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (rc == 0 && joins == JOINS_OURS_ALONE && !listen_is_ours_alone(sa)) {
		errno = EADDRINUSE;
		rc = -1;
	}
out:
	if (rc == 0)
		return fd;
	err_sys(err, "cannot listen on '%s'", b->text);
	close(fd);
	return E_IO;
}

/* The first socket learns its port from the kernel, the others share it. */
static int
listen_socket_open(struct listen_socket *b, const struct address *address,
    size_t num, bool beside_ours, struct err *err)
{
	struct sockaddr_storage sa = address->sa;
	socklen_t len = address->sa_len;

	if (len == 0)
		return err_set(err, E_ARG,
		    "cannot listen on '%s': an IP address or unix:/path was "
		    "expected",
		    address->text);
	for (size_t i = 0; i < num; i++) {
		enum joins joins = i > 0 ? JOINS_FIRST
		    : beside_ours        ? JOINS_OURS_ALONE
					 : JOINS_NOBODY;
		int fd = listen_socket_socket(b, &sa, len, joins, err);

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
	b->sa = sa;
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
	b->sa = sa;
	address_text(b->address, &sa);
	*out = b;
	return 0;
}

int
listen_socket_new(struct listen_socket **out, const struct address *address,
    size_t num_workers, bool beside_ours, struct err *err)
{
	size_t num = address->path != NULL ? 1 : num_workers;
	struct listen_socket *b = listen_socket_alloc(address, num, err);
	int rc;

	*out = NULL;
	if (b == NULL)
		return E_NOMEM;
	rc = listen_socket_open(b, address, num, beside_ours, err);
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

/* Its file, unless another process has put its own there since. */
static void
listen_socket_unlink(const struct listen_socket *b)
{
	struct stat st;

	if (b->unlink_path != NULL && lstat(b->unlink_path, &st) == 0 &&
	    st.st_dev == b->dev && st.st_ino == b->ino)
		unlink(b->unlink_path);
}

void
listen_socket_free(struct listen_socket *b)
{
	if (b == NULL || !ref_down(&b->ref))
		return;
	listen_socket_unlink(b);
	for (size_t i = 0; i < b->num_fds && !b->passed; i++)
		close(b->fds[i]);
	free(b->unlink_path);
	free(b->fds);
	free(b->text);
	free(b);
}
