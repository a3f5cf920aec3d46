/* stripe: see the header. */
#include "cache/base/stripe.h"

#include <stdatomic.h>

static atomic_uint num_threads;
static _Thread_local unsigned own; /* its number, from 1 on; 0: none yet */

unsigned
stripe_of_thread(unsigned num)
{
	while (own == 0)
		own = atomic_fetch_add(&num_threads, 1) + 1;
	return own & (num - 1);
}
