/*
 * rest_counts: what the REST server counts of its own work. Control thread.
 */
#ifndef GATEWAY_REST_REST_COUNTS_H
#define GATEWAY_REST_REST_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/observe/prometheus.h"
#include "gateway/rest/rest.h"

/* Why a login came to nothing. */
enum rest_login_refusal {
	REST_LOGIN_WRONG = 0, /* wrong credentials */
	REST_LOGIN_THROTTLED, /* too many wrong ones before */
	REST_LOGIN_BUSY,      /* too many at once */
	REST_LOGIN_NUM
};

/* Answers of one status to requests of one route. */
struct rest_count {
	enum rest_method method; /* NUM: another, or it was not read */
	const char *pattern;     /* of the route; NULL: there is none */
	int status;
	uint64_t num;
};

/* Zeroed: nothing was counted. */
struct rest_counts {
	struct rest_count *answers;
	size_t num_answers;
	uint64_t logins_refused[REST_LOGIN_NUM];
	uint64_t dropped; /* connections that made room for others */
	uint64_t foreign; /* requests refused: of pages of other sites */
};

void rest_counts_cleanup(struct rest_counts *c);

/* pattern must outlive c. Out of memory: the answer is not counted. */
void rest_counts_answer(struct rest_counts *c, enum rest_method method,
    const char *pattern, int status);

/* As of now. */
struct rest_load {
	unsigned connections, max_connections;
	unsigned requests; /* that are not answered yet */
};
void rest_counts_put(struct prometheus *t, const struct rest_counts *c,
    const struct rest_load *load);

#endif
