/*
 * observer: who else hears of decisions (see door_observe), and who collects
 * the chains of live connections (see door_gather). Shared by the workers;
 * replaced at any time.
 */
#ifndef GATEWAY_DATAPLANE_OBSERVER_H
#define GATEWAY_DATAPLANE_OBSERVER_H

#include <pthread.h>

#include "gateway/dataplane/door.h"

struct observer {
	pthread_mutex_t lock;
	door_decision_fn *fn;
	void *arg;
};

struct gatherer {
	pthread_mutex_t lock;
	door_chain_fn *fn;
	void *arg;
	uint64_t round; /* each worker answers once a round */
};

#endif
