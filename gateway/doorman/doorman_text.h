/*
 * doorman_text: what a doorman says of itself: its metrics (Prometheus' text
 * format) and its readiness (a sentence a line). Pure. What it says is a
 * stranger's: bounded, and words without control characters.
 */
#ifndef GATEWAY_DOORMAN_DOORMAN_TEXT_H
#define GATEWAY_DOORMAN_DOORMAN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define DOORMAN_LINE    200
#define DOORMAN_REASONS 8
#define DOORMAN_LISTS   8

/* Whom requests wait for. */
enum doorman_wait {
	DOORMAN_FOR_TICKET = 0, /* NEW: the ticket tool */
	DOORMAN_FOR_APPROVAL,   /* TICKET_CREATED */
	DOORMAN_FOR_SIGNATURE,  /* APPROVED */
	DOORMAN_FOR_OPERATOR,   /* FAILED */
	DOORMAN_NUM_WAITS
};
/* "approval"; never NULL. */
const char *doorman_wait_name(enum doorman_wait wait);

struct doorman_queue {
	uint64_t certificates, revocations;
	uint64_t oldest_sec; /* 0: nothing waits */
};

/* A CRL that it publishes. */
struct doorman_list {
	char name[32];
	uint64_t number; /* 0: never signed */
	uint64_t num_entries;
	time_t signed_at;   /* thisUpdate; 0: not said */
	time_t next_update; /* 0: there is none */
};

/* Zeroed: nothing is known. */
struct doorman_facts {
	char version[32];
	time_t started_at;
	bool ready;
	bool ticket_tool_up;
	char reasons[DOORMAN_REASONS][DOORMAN_LINE];
	size_t num_reasons;
	struct doorman_list lists[DOORMAN_LISTS];
	size_t num_lists;
	struct doorman_queue queues[DOORMAN_NUM_WAITS];
};

/* now: of the gateway's clock. False: these are no metrics of a doorman. */
bool
doorman_read_metrics(struct doorman_facts *out, const char *text, time_t now);
/* The body of /readyz, and whether its status was 200. */
void
doorman_read_readiness(struct doorman_facts *out, bool ready, const char *text);

#endif
