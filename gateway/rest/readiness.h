/*
 * readiness: whether traffic should be sent here, and what is not as it should
 * be, in sentences and by what they are about. Control thread.
 */
#ifndef GATEWAY_REST_READINESS_H
#define GATEWAY_REST_READINESS_H

#include <stdbool.h>

#include <cjson/cJSON.h>

struct rest_services;
struct services;

enum readiness_kind {
	READINESS_WARMING_UP = 0,
	READINESS_TLS_OFF,
	READINESS_SESSIONS_OFF,
	READINESS_ONE_WAY,
	READINESS_EXEMPT,
	READINESS_OWN_CERTIFICATE,
	READINESS_TOKEN,
	READINESS_CRL,
	READINESS_CRL_FILE,
	READINESS_NODE,
	READINESS_STATE,
	READINESS_FLEET,
	READINESS_NUM
};
/* "warming_up"; never NULL. */
const char *readiness_kind_name(enum readiness_kind kind);

struct readiness {
	bool ready;
	unsigned num[READINESS_NUM]; /* reasons of each kind */
	cJSON *reasons;              /* sentences; empty: all is well */
};

void readiness_get(struct readiness *r, const struct services *core,
    const struct rest_services *services);
void readiness_cleanup(struct readiness *r);

/* Fills out with "ready", "degraded", "reasons" and "warmUp"; r.ready. */
bool readiness_json(const struct services *core,
    const struct rest_services *services, cJSON *out);

#endif
