/* tcp_options: see the header. */
#include "gateway/dataplane/tcp_options.h"

#include <stdbool.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "gateway/conf/conf.h"

static bool
set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* tcp(7) counts seconds. */
static int
seconds(uint32_t ms)
{
	return ms < 1000 ? 1 : (int)(ms / 1000);
}

int
tcp_options_set(int fd, int family, const struct conf_limits *conf)
{
	uint32_t idle_ms = conf->keepalive_ms;
	bool ok;

	if (family != AF_INET && family != AF_INET6)
		return 0;
	ok = set(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
	    set(fd, SOL_SOCKET, SO_KEEPALIVE, idle_ms != 0) &&
	    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)conf->user_timeout_ms);
	if (idle_ms != 0)
		ok = set(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds(idle_ms)) &&
		    set(fd, IPPROTO_TCP, TCP_KEEPINTVL,
			seconds(idle_ms / TCP_OPTIONS_PROBES)) &&
		    set(fd, IPPROTO_TCP, TCP_KEEPCNT, TCP_OPTIONS_PROBES) && ok;
	return ok ? 0 : E_IO;
}
