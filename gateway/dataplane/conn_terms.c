/* conn_terms: see the header. */
#include "gateway/dataplane/conn_terms.h"

#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/outbound.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/worker.h"

bool
conn_get_terms(const struct conn *c, const struct runtime *runtime,
    struct admission_terms *terms, size_t *link)
{
	*link = c->link;
	*terms = (struct admission_terms){
	    .conf = runtime->conf,
	    .trust = runtime->trust,
	    .inbound = c->inbound,
	    .http = c->reads_http,
	    .listen = c->listen,
	    /* What is remembered is of clients, under the runtime's trust. */
	    .paths = c->inbound ? runtime->paths : NULL,
	    .counters = &c->worker->counters,
	};
	return c->inbound || outbound_get_terms(c, runtime, link, terms);
}
