/*
 * observer: who else hears of decisions (see door_observe). Shared by the
 * workers; replaced at any time.
 */
#ifndef GATEWAY_OBSERVER_H
#define GATEWAY_OBSERVER_H

#include <pthread.h>

#include "gateway/door.h"

struct observer {
	pthread_mutex_t lock;
	door_decision_fn *fn;
	void *arg;
};

#endif
