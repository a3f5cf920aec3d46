/* forks: counted by the child. */
#include "revcheck/engine/forks.h"

#include <pthread.h>
#include <stdatomic.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_uint count;

static void
in_child(void)
{
	atomic_fetch_add(&count, 1);
}

static void
begin(void)
{
	/* Without memory for it forks are not noticed. */
	(void)pthread_atfork(NULL, NULL, in_child);
}

unsigned
forks_count(void)
{
	pthread_once(&once, begin);
	return atomic_load(&count);
}
