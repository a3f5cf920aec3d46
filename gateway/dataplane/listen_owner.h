/*
 * listen_owner: whose the sockets are that listen on an address. Of the same
 * user's, SO_REUSEPORT hides them from bind(2).
 */
#ifndef GATEWAY_DATAPLANE_LISTEN_OWNER_H
#define GATEWAY_DATAPLANE_LISTEN_OWNER_H

#include <stdbool.h>

struct sockaddr_storage;

/*
 * Whether all that listen where sa does, or where they would share peers with
 * it, are sockets of this process. False also when that cannot be found out.
 */
bool listen_is_ours_alone(const struct sockaddr_storage *sa);

#endif
