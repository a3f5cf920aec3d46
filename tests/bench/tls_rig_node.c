/*
 * tls_rig_node: what stands behind the servers: one epoll loop with three
 * ports, one for each enum rig_backend, and a Unix socket that echoes.
 */
#include "tests/bench/tls_rig_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

enum {
	NODE_BLOCK = 65536
};

static uint8_t node_block[NODE_BLOCK];

struct node_conn {
	int fd;
	int role; /* enum rig_backend */
};

static void
node_serve(int ep, struct node_conn *c, uint32_t events)
{
	ssize_t n;

	if (c->role == RIG_SOURCE && events & EPOLLOUT) {
		n = send(c->fd, node_block, NODE_BLOCK, MSG_DONTWAIT);
		if (n >= 0 || errno == EAGAIN)
			return;
	} else {
		n = recv(c->fd, node_block, NODE_BLOCK, MSG_DONTWAIT);
		if (n > 0 && c->role == RIG_ECHO) {
			/* Ping-pong: what came fits into what is free. */
			if (send(c->fd, node_block, (size_t)n, 0) == n)
				return;
		} else if (n > 0 || (n < 0 && errno == EAGAIN)) {
			return;
		}
	}
	epoll_ctl(ep, EPOLL_CTL_DEL, c->fd, NULL);
	close(c->fd);
	free(c);
}

static void
node_accept(int ep, int listen_fd, int role)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct node_conn *c;
	int fd, one = 1;

	while ((fd = accept(listen_fd, NULL, NULL)) >= 0) {
		c = calloc(1, sizeof(*c));
		if (c == NULL)
			_exit(1);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->fd = fd;
		c->role = role;
		ev.data.ptr = c;
		if (role == RIG_SOURCE)
			ev.events |= EPOLLOUT;
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	}
}

void
rig_node_main(const int fds[4])
{
	struct node_conn listeners[4];
	int ep = epoll_create1(0);

	for (int i = 0; i < 4; i++) {
		struct epoll_event ev = {
		    .events = EPOLLIN, .data.ptr = &listeners[i]};

		listeners[i] = (struct node_conn){
		    .fd = fds[i], .role = i == 3 ? RIG_ECHO : i};
		epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev);
	}
	for (;;) {
		struct epoll_event evs[64];
		int n = epoll_wait(ep, evs, 64, -1);

		for (int i = 0; i < n; i++) {
			struct node_conn *c = evs[i].data.ptr;

			if (c >= listeners && c < listeners + 4)
				node_accept(ep, c->fd, c->role);
			else
				node_serve(ep, c, evs[i].events);
		}
	}
}
