/* event_slots: see the header. */
#include "gateway/base/event_slots.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#include <event2/event.h>

union event_slot {
	union event_slot *next; /* while it is free */
	_Alignas(max_align_t) char bytes[EVENT_SLOT_BYTES];
};

static pthread_mutex_t event_slots_lock = PTHREAD_MUTEX_INITIALIZER;
/* Written by event_slots_init alone. */
static union event_slot *event_slots;
/* Guarded by the lock. */
static size_t event_slots_used; /* ever */
static union event_slot *event_slots_freed;

void
event_slots_init(void)
{
	void *p = mmap(NULL, EVENT_SLOTS_MAX * sizeof(union event_slot),
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
	    -1, 0);

	if (p == MAP_FAILED)
		return;
	event_slots = p;
	event_set_mem_functions(
	    event_slots_malloc, event_slots_realloc, event_slots_free);
}

bool
event_slots_has(const void *p)
{
	/* Unsigned: what lies below is far away, too. */
	return event_slots != NULL &&
	    (uintptr_t)p - (uintptr_t)event_slots <
	    EVENT_SLOTS_MAX * sizeof(union event_slot);
}

void *
event_slots_malloc(size_t len)
{
	union event_slot *s = NULL;

	if (len <= EVENT_SLOT_BYTES && event_slots != NULL) {
		pthread_mutex_lock(&event_slots_lock);
		s = event_slots_freed;
		if (s != NULL)
			event_slots_freed = s->next;
		else if (event_slots_used < EVENT_SLOTS_MAX)
			s = &event_slots[event_slots_used++];
		pthread_mutex_unlock(&event_slots_lock);
	}
	return s != NULL ? s : malloc(len);
}

void
event_slots_free(void *p)
{
	union event_slot *s = p;

	if (!event_slots_has(p)) {
		free(p);
		return;
	}
	pthread_mutex_lock(&event_slots_lock);
	s->next = event_slots_freed;
	event_slots_freed = s;
	pthread_mutex_unlock(&event_slots_lock);
}

void *
event_slots_realloc(void *p, size_t len)
{
	void *q;

	if (!event_slots_has(p))
		return realloc(p, len);
	if (len <= EVENT_SLOT_BYTES)
		return p;
	q = malloc(len);
	if (q == NULL)
		return NULL;
	memcpy(q, p, EVENT_SLOT_BYTES);
	event_slots_free(p);
	return q;
}
