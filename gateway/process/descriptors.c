/* descriptors: RLIMIT_NOFILE. No state: others may change it from outside. */
#include "gateway/process/descriptors.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#define RESERVE 64
#define OWN     128 /* listeners, loops, the database, fetches */

void
descriptors_raise(const struct log *log)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0 || rl.rlim_cur >= rl.rlim_max)
		return;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) != 0)
		log_line(log, LOG_LEVEL_WARN,
		    "cannot raise the limit of open files: %s",
		    strerror(errno));
}

void
descriptors_check(const struct log *log, const struct conf *conf)
{
	/* A peer has one, and the node one for it. */
	const uint64_t need = 2 * (uint64_t)conf->limits.max_connections +
	    conf->rest.max_connections +
	    (conf->authorize.listen.text != NULL
		    ? conf->authorize.max_connections
		    : 0) +
	    OWN + RESERVE;
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < need)
		log_line(log, LOG_LEVEL_WARN,
		    "%llu files may be open (RLIMIT_NOFILE), fewer than the "
		    "%llu that limits.max_connections = %u may need",
		    (unsigned long long)rl.rlim_cur, (unsigned long long)need,
		    conf->limits.max_connections);
}

bool
descriptors_reserved(int fd)
{
	struct rlimit rl;
	rlim_t reserve;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return false;
	reserve = rl.rlim_cur / 8 < RESERVE ? rl.rlim_cur / 8 : RESERVE;
	return (rlim_t)fd >= rl.rlim_cur - reserve;
}
