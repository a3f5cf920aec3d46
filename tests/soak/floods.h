/*
 * floods: what its files share. floods.c sets the scene, measures and judges;
 * floods_good.c is whoever must be served, floods_bad.c whoever floods.
 */
#ifndef TESTS_SOAK_FLOODS_H
#define TESTS_SOAK_FLOODS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>

/* Handshakes under way that the gateway may have; fewer than one flood has. */
#define FLOODS_MAX_HANDSHAKES 500

enum phase {
	PHASE_CALM = 0,
	PHASE_FLOOD,
	PHASE_DRY, /* the same, and peers have taken all descriptors */
	NUM_PHASES
};

extern atomic_int floods_phase;
extern atomic_bool floods_stop;

/* Who must be served. */

/* What was waited, in microseconds. */
struct samples {
	uint32_t *us;
	size_t num, failed;
};

struct good {
	const char *name;
	bool (*once)(void);
	unsigned pause_ms, num_threads;
	bool dry; /* is served without descriptors, too */
	pthread_mutex_t lock;
	struct samples samples[NUM_PHASES];
};

extern struct good goods[];
extern const size_t num_goods;

/* What good ones reach, and send; before good_start. */
struct good_world {
	int connect_port; /* where the node says CONNECT */
	int far_port;     /* a peer that is reached by it */
	char *check;      /* body of a session check */
};
extern struct good_world good_world;

/* "rest.users": the operator, and many whose password is the same. */
char *good_users(void);
void good_start(void);
/* Waits for all threads. */
void good_end(void);

/* Who floods. */

struct bad {
	const char *name;
	void (*once)(struct bad *b);
	unsigned per_sec; /* of each thread */
	unsigned num_from, num_threads;
	atomic_ulong tried, done;
	struct hold *hold;
	atomic_uint at; /* address */
};

extern struct bad bads[];
extern const size_t num_bads;

/*
 * net is the first half of all source addresses ("198.18"); connect_port as
 * above, silent_port is of silent_fd, a listener that says nothing to whoever
 * is connected with it.
 */
struct bad_world {
	const char *net;
	int connect_port, silent_port, silent_fd;
};
extern struct bad_world bad_world;

void bad_start(void);
/* Waits for all threads, and closes whatever they hold. */
void bad_end(void);

/* A connection from an address; -1: none. Not held up by Nagle. */
int floods_dial(const char *from, int port);
uint64_t floods_now_us(void);

#endif
