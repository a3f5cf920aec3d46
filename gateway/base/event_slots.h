/*
 * event_slots: where libevent keeps what it remembers of each descriptor for
 * ever: 16 bytes a worker. malloc would place them between the memory of
 * connections, whose pages would not go back to the kernel for them. Here they
 * lie side by side, in room that is reserved and takes no memory before it is
 * used; when it is full, or cannot be had, malloc has them.
 */
#ifndef GATEWAY_BASE_EVENT_SLOTS_H
#define GATEWAY_BASE_EVENT_SLOTS_H

#include <stdbool.h>
#include <stddef.h>

#define EVENT_SLOT_BYTES 16
#define EVENT_SLOTS_MAX  262144 /* 4 MiB */

/* Has libevent use the three below. Before its first use; once. */
void event_slots_init(void);

/*
 * As malloc, realloc and free. Thread-safe. What libevent hands out to be freed
 * (evhttp_uridecode, evbuffer_readln) goes to event_slots_free, never to free.
 */
void *event_slots_malloc(size_t len);
void *event_slots_realloc(void *p, size_t len);
void event_slots_free(void *p);

/* Whether p lies there. For tests. */
bool event_slots_has(const void *p);

#endif
