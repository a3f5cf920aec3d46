/* worker_setup: see the header. */
#include "gateway/dataplane/worker_setup.h"

#include <stdlib.h>

#include "gateway/conf/conf.h"
#include "gateway/dataplane/listener.h"
#include "gateway/dataplane/runtime.h"

int
worker_setup_new(struct worker_setup **out, struct worker *w,
    struct runtime *runtime, struct err *err)
{
	struct worker_setup *s = calloc(1, sizeof(*s));
	const struct listen_set *ports = &runtime->ports;
	int rc = E_NOMEM;

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->runtime = runtime_up_ref(runtime);
	s->listeners = calloc(ports->num + 1, sizeof(*s->listeners));
	if (s->listeners == NULL ||
	    node_health_init(&s->health, runtime->conf->node.num_addresses) !=
		0) {
		err_set(err, E_NOMEM, "out of memory");
		goto fail;
	}
	for (; s->num_listeners < ports->num; s->num_listeners++) {
		rc = listener_new(&s->listeners[s->num_listeners], w, runtime,
		    &ports->p[s->num_listeners], err);
		if (rc != 0)
			goto fail;
	}
	*out = s;
	return 0;
fail:
	worker_setup_free(s);
	return rc;
}

void
worker_setup_free(struct worker_setup *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->num_listeners; i++)
		listener_free(s->listeners[i]);
	free(s->listeners);
	node_health_cleanup(&s->health);
	runtime_free(s->runtime);
	free(s);
}

void
worker_setup_listen(struct worker_setup *s)
{
	for (size_t i = 0; i < s->num_listeners; i++)
		listener_start(s->listeners[i]);
}

void
worker_setup_end_listen(struct worker_setup *s)
{
	for (size_t i = 0; i < s->num_listeners; i++) {
		listener_shut(s->listeners[i]);
		listener_free(s->listeners[i]);
	}
	s->num_listeners = 0;
}
