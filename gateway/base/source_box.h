/*
 * source_box: changes that the engine tells, on their way to a thread with a
 * source_index. Bounded: where there are more than it has room for, everybody
 * is asked again. Put in by any thread, taken out by the one whose index it is.
 */
#ifndef GATEWAY_BASE_SOURCE_BOX_H
#define GATEWAY_BASE_SOURCE_BOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source_index;

#define SOURCE_BOX_MAX 512

struct source_change {
	unsigned char source[32];
	uint64_t change;
};

struct source_box {
	pthread_mutex_t lock;
	bool all;
	size_t num;
	unsigned side; /* of what is put in; the other is being taken out */
	struct source_change changes[2][SOURCE_BOX_MAX];
};

void source_box_init(struct source_box *b);
void source_box_cleanup(struct source_box *b);

/* As revcheck_watch tells it. Never blocks for longer than a copy. */
void source_box_put(
    struct source_box *b, const unsigned char *source, uint64_t change);

/*
 * Tells the index what came since. True: everybody is due, and the index does
 * not know it yet.
 */
bool source_box_take(struct source_box *b, struct source_index *i);

#endif
