/*
 * observer: who else hears of decisions (see workers_observe), and who collects
 * the chains of live connections (see workers_gather). Shared by the workers;
 * replaced at any time.
 */
#ifndef GATEWAY_DATAPLANE_OBSERVER_H
#define GATEWAY_DATAPLANE_OBSERVER_H

#include <pthread.h>

#include "gateway/dataplane/workers.h"

struct observer {
	pthread_mutex_t lock;
	workers_decision_fn *fn;
	void *arg;
};

struct gatherer {
	pthread_mutex_t lock;
	workers_chain_fn *fn;
	void *arg;
	uint64_t round; /* each worker answers once a round */
};

#endif
