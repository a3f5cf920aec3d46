/* rest_authorize: see the header. Listening, and who is at a socket. */
#include "gateway/rest/rest_authorize.h"

#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>

#include "gateway/authorize/authorize.h"
#include "gateway/control/control.h"
#include "gateway/dataplane/listen_socket.h"
#include "gateway/dataplane/tcp_options.h"
#include "gateway/rest/rest_authorize_conn.h"
#include "gateway/rest/rest_internal.h"

#define SOCKET_MODE     0660
#define ACCEPT_PAUSE_MS 200

struct rest_authorize {
	struct rest_authorize_conns conns;
	struct listen_socket *bound;
	struct evconnlistener *listener;
	struct event *pause; /* after accept failed */
};

/* Users of this system. */

static bool
is_user(const char *text, uid_t uid)
{
	const struct passwd *pw;
	char number[24];

	snprintf(number, sizeof(number), "%u", (unsigned)uid);
	if (strcmp(text, number) == 0)
		return true;
	pw = getpwnam(text);
	return pw != NULL && pw->pw_uid == uid;
}

static bool
may_call(const struct conf_authorize *conf, uid_t uid)
{
	if (conf->num_users == 0)
		return uid == geteuid();
	for (size_t i = 0; i < conf->num_users; i++)
		if (is_user(conf->users[i], uid))
			return true;
	return false;
}

/* False: the kernel does not say. */
static bool
know_process(struct rest_authorize_caller *out,
    const struct conf_authorize *conf, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
	    len != sizeof(peer))
		return false;
	out->local = true;
	out->known = may_call(conf, peer.uid);
	snprintf(out->from, sizeof(out->from), "unix:uid=%u,pid=%d",
	    (unsigned)peer.uid, (int)peer.pid);
	return true;
}

static void
know_address(
    struct rest_authorize_caller *out, const struct sockaddr_storage *sa)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;

	if (sa->ss_family == AF_INET)
		out->local = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	else if (sa->ss_family == AF_INET6)
		out->local = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	address_text(out->from, sa);
}

/* Accepting. */

static struct bufferevent *
bufferevent_of(struct rest *r, int fd, bool plain)
{
	struct bufferevent *bev = NULL;
	SSL *ssl;

	if (plain)
		return bufferevent_socket_new(
		    r->core->base, fd, BEV_OPT_CLOSE_ON_FREE);
	ssl = SSL_new(r->ctx);
	if (ssl != NULL)
		bev = bufferevent_openssl_socket_new(r->core->base, fd, ssl,
		    BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL)
		SSL_free(ssl);
	else
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *sa, int len, void *arg)
{
	struct rest_authorize *a = arg;
	struct rest *r = a->conns.rest;
	const struct conf *conf = control_conf(r->services->control);
	struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
	struct rest_authorize_caller caller = {.known = false};
	struct bufferevent *bev;
	bool plain;

	(void)listener;
	if (len > 0 && (size_t)len <= sizeof(from))
		memcpy(&from, sa, (size_t)len);
	plain = from.ss_family == AF_UNIX;
	if (!plain)
		know_address(&caller, &from);
	if ((plain && !know_process(&caller, &conf->authorize, fd)) ||
	    (a->conns.num >= conf->authorize.max_connections &&
		!rest_authorize_conn_make_room(&a->conns))) {
		close(fd);
		return;
	}
	bev = bufferevent_of(r, fd, plain);
	if (bev == NULL)
		close(fd);
	else
		(void)rest_authorize_conn_new(&a->conns, bev, &caller);
}

/* Out of descriptors: accepting again at once would spin. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	const struct timeval tv = {.tv_usec = ACCEPT_PAUSE_MS * 1000};
	struct rest_authorize *a = arg;

	log_line(a->conns.rest->core->strangers, LOG_LEVEL_WARN,
	    "cannot accept a connection that asks about a peer: %s",
	    strerror(errno));
	evconnlistener_disable(listener);
	event_add(a->pause, &tv);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct rest_authorize *a = arg;

	(void)fd, (void)what;
	evconnlistener_enable(a->listener);
}

/* Listening. */

/* What the file lets through the kernel tells apart by user, too. */
static int
open_file_to_group(const struct conf_authorize *conf, struct err *err)
{
	const struct group *gr = NULL;

	if (conf->socket_group != NULL) {
		gr = getgrnam(conf->socket_group);
		if (gr == NULL ||
		    chown(conf->listen.path, (uid_t)-1, gr->gr_gid) != 0)
			return err_sys(err,
			    "cannot give '%s' to group '%s', which the "
			    "gateway's user must be in",
			    conf->listen.path, conf->socket_group);
	}
	if (chmod(conf->listen.path, SOCKET_MODE) != 0)
		return err_sys(
		    err, "cannot set the mode of '%s'", conf->listen.path);
	return 0;
}

static int
listen_on(struct rest_authorize *a, struct err *err)
{
	const struct conf *conf = a->conns.rest->conf;
	int fd, rc;

	rc = listen_socket_new(
	    &a->bound, &conf->authorize.listen, 1, false, err);
	if (rc != 0)
		return rc;
	fd = a->bound->fds[0];
	if (conf->authorize.listen.path != NULL)
		rc = open_file_to_group(&conf->authorize, err);
	else if (tcp_options_set(fd, a->bound->sa.ss_family, &conf->limits) !=
	    0)
		rc = err_sys(err, "cannot set options of TCP");
	if (rc != 0)
		return rc;
	a->listener = evconnlistener_new(a->conns.rest->core->base, on_accept,
	    a, LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (a->listener == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	evconnlistener_set_error_cb(a->listener, on_accept_error);
	return 0;
}

int
rest_authorize_new(struct rest_authorize **out, struct rest *rest,
    struct decision_ring *decisions, struct err *err)
{
	struct rest_authorize *a;
	int rc;

	*out = NULL;
	if (rest->conf->authorize.listen.text == NULL)
		return 0;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	a->conns.rest = rest;
	a->pause = evtimer_new(rest->core->base, on_pause_over, a);
	rc = a->pause == NULL
	    ? err_set(err, E_NOMEM, "out of memory")
	    : authorizer_new(&a->conns.authorizer, rest->core, decisions, err);
	if (rc == 0)
		rc = listen_on(a, err);
	if (rc != 0) {
		rest_authorize_free(a);
		return rc;
	}
	*out = a;
	return 0;
}

const char *
rest_authorize_address(const struct rest_authorize *a)
{
	return a->bound->address;
}

void
rest_authorize_free(struct rest_authorize *a)
{
	if (a == NULL)
		return;
	if (a->listener != NULL)
		evconnlistener_free(a->listener);
	rest_authorize_conns_free(&a->conns);
	listen_socket_free(a->bound);
	if (a->pause != NULL)
		event_free(a->pause);
	authorizer_free(a->conns.authorizer);
	free(a);
}
