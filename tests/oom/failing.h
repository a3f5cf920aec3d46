/*
 * failing: the allocations of the library, of which one is made to fail. Calls
 * of malloc and its kin come here (module.mk).
 */
#ifndef TESTS_OOM_FAILING_H
#define TESTS_OOM_FAILING_H

#include <stdbool.h>

/* From now on the one after so many fails, and no other. */
void failing_begin(long after);
/* None fails any more. Whether one did. */
bool failing_end(void);
/* For an allocator of its own: whether this is the one. Sets errno. */
bool failing_now(void);

#endif
