/* nearest: which of the known words was meant by one that is not known. */
#ifndef GATEWAY_BASE_NEAREST_H
#define GATEWAY_BASE_NEAREST_H

#include <stddef.h>

/* Longer words are near nothing. */
#define NEAREST_MAX_LEN 63

/*
 * Letters to change, add, leave out or swap with their neighbour until a is b,
 * case aside (optimal string alignment); SIZE_MAX for a word that is too long.
 */
size_t nearest_distance(const char *a, const char *b);

/* Goes through words one by one: keeps the nearest that could be meant. */
struct nearest {
	const char *word;
	const char *best; /* NULL: none yet */
	size_t distance;
};

void nearest_try(struct nearest *n, const char *known);

#endif
