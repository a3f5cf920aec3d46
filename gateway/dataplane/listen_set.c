/*
 * listen_set: finds or makes a socket for each address. Main's thread.
 */
#include "gateway/dataplane/listen_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/process/sd_listen.h"
#include "gateway/conf/conf.h"

/* One making of ports. */
struct making {
	struct listen_set *ports;
	const struct listen_set *old;
	bool *taken; /* of old's, by another port */
	const struct sd_listen *activation;
	bool *used; /* of the activation's */
	size_t num_workers;
};

/* The one that the runtime before has for the same passed socket, or anew. */
static int
port_from_manager(struct making *m, struct listen_port *p, size_t i,
    const struct address *address, struct err *err)
{
	int fd = sd_listen_fd(m->activation, i);

	if (m->used[i])
		return err_set(err, E_ARG,
		    "listener '%s' on '%s': another one has the socket that "
		    "was passed for it",
		    p->name, address->text);
	m->used[i] = true;
	for (size_t k = 0; k < m->old->num; k++) {
		struct listen_socket *b = m->old->p[k].bound;

		if (b->passed && b->fds[0] == fd) {
			p->bound = listen_socket_up_ref(b);
			return 0;
		}
	}
	return listen_socket_new_passed(&p->bound, address, fd, err);
}

static int
port_add(struct making *m, struct listen_port port,
    const struct address *address, struct err *err)
{
	struct listen_port *p = &m->ports->p[m->ports->num];
	size_t passed = sd_listen_find(m->activation, port.name, address);
	bool beside_ours = false;
	int rc;

	*p = port;
	if (passed != SD_LISTEN_NONE) {
		rc = port_from_manager(m, p, passed, address, err);
		goto out;
	}
	for (size_t i = 0; i < m->old->num; i++) {
		struct listen_socket *b = m->old->p[i].bound;

		if (!b->passed && address_overlaps(&b->sa, &address->sa))
			beside_ours = true;
		if (m->taken[i] || b->passed ||
		    strcmp(b->text, address->text) != 0)
			continue;
		m->taken[i] = true;
		p->bound = listen_socket_up_ref(b);
		m->ports->num++;
		return 0;
	}
	rc = listen_socket_new(
	    &p->bound, address, m->num_workers, beside_ours, err);
out:
	if (rc == 0)
		m->ports->num++;
	return rc;
}

static int
listen_set_add_all(struct making *m, const struct conf *conf, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < conf->num_listeners; i++) {
		struct listen_port port = {
		    .kind = LISTENER_PEERS, .http = conf->listeners[i].http};

		snprintf(port.name, sizeof(port.name),
		    i == 0 ? "listen" : "listen-%zu", i + 1);
		rc = port_add(m, port, &conf->listeners[i].address, err);
	}
	for (size_t i = 0; rc == 0 && i < conf->num_links; i++) {
		const struct conf_link *l = &conf->links[i];
		struct listen_port port = {.kind = LISTENER_LINK, .link = i};

		snprintf(port.name, sizeof(port.name), "link-%s",
		    l->name != NULL ? l->name : "?");
		rc = port_add(m, port, &l->listen, err);
	}
	if (rc == 0 && conf->connect.listen.text != NULL) {
		struct listen_port port = {
		    .kind = LISTENER_CONNECT, .name = "connect"};

		rc = port_add(m, port, &conf->connect.listen, err);
	}
	return rc;
}

/* Two of the old and the new may overlap while one goes; two that stay not. */
static int
listen_set_check(const struct listen_set *set, struct err *err)
{
	for (size_t i = 0; i < set->num; i++)
		for (size_t k = 0; k < i; k++) {
			const struct listen_socket *a = set->p[i].bound;
			const struct listen_socket *b = set->p[k].bound;

			if (!a->passed && !b->passed &&
			    address_overlaps(&a->sa, &b->sa))
				return err_set(err, E_IO,
				    "cannot listen on '%s': address in use, by "
				    "'%s'",
				    a->text, b->text);
		}
	return 0;
}

int
listen_set_new(struct listen_set *out, const struct conf *conf,
    const struct listen_set *old, size_t num_workers,
    const struct sd_listen *activation, struct err *err)
{
	struct making m = {.ports = out,
	    .old = old,
	    .taken = calloc(old->num + 1, sizeof(bool)),
	    .activation = activation,
	    .used = calloc(sd_listen_num(activation) + 1, sizeof(bool)),
	    .num_workers = num_workers};
	int rc = E_NOMEM;

	out->num = 0;
	out->p =
	    calloc(conf->num_listeners + conf->num_links + 1, sizeof(*out->p));
	if (out->p == NULL || m.taken == NULL || m.used == NULL) {
		err_set(err, E_NOMEM, "cannot set up listeners");
		goto out;
	}
	rc = listen_set_add_all(&m, conf, err);
	if (rc == 0)
		rc = listen_set_check(out, err);
	if (rc == 0)
		rc = sd_listen_check(activation, m.used, err);
out:
	free(m.taken);
	free(m.used);
	if (rc != 0)
		listen_set_cleanup(out);
	return rc;
}

void
listen_set_cleanup(struct listen_set *ports)
{
	for (size_t i = 0; i < ports->num; i++)
		listen_socket_free(ports->p[i].bound);
	free(ports->p);
	ports->p = NULL;
	ports->num = 0;
}
