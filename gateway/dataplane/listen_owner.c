/*
 * listen_owner: reads /proc/self/net/tcp (or tcp6), which has those that
 * listen first, and compares their inodes with those of our descriptors.
 */
#include "gateway/dataplane/listen_owner.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "gateway/base/address.h"

#define TCP_STATE_LISTEN 0x0a

static bool
is_ours(uint64_t inode)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;
	struct stat st;
	bool found = false;

	while (dir != NULL && !found && (e = readdir(dir)) != NULL)
		found = e->d_name[0] != '.' &&
		    fstat(atoi(e->d_name), &st) == 0 && S_ISSOCK(st.st_mode) &&
		    st.st_ino == inode;
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* Words of four octets, each as this machine reads it. False: malformed. */
static bool
read_row(const char *line, int family, struct sockaddr_storage *sa,
    unsigned *state, uint64_t *inode)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)sa;
	uint32_t w[4] = {0};
	unsigned port;
	int num;

	*sa = (struct sockaddr_storage){.ss_family = (sa_family_t)family};
	if (family == AF_INET) {
		num = sscanf(line,
		    "%*d: %8" SCNx32 ":%4x %*s %2x %*s %*s %*s %*s %*s "
		    "%" SCNu64,
		    &w[0], &port, state, inode);
		v4->sin_addr.s_addr = w[0];
		v4->sin_port = htons((uint16_t)port);
		return num == 4;
	}
	num = sscanf(line,
	    "%*d: %8" SCNx32 "%8" SCNx32 "%8" SCNx32 "%8" SCNx32
	    ":%4x %*s %2x %*s %*s %*s %*s %*s %" SCNu64,
	    &w[0], &w[1], &w[2], &w[3], &port, state, inode);
	memcpy(&v6->sin6_addr, w, sizeof(w));
	v6->sin6_port = htons((uint16_t)port);
	return num == 7;
}

bool
listen_is_ours_alone(const struct sockaddr_storage *sa)
{
	FILE *f = fopen(sa->ss_family == AF_INET ? "/proc/self/net/tcp"
						 : "/proc/self/net/tcp6",
	    "re");
	struct sockaddr_storage other;
	uint64_t inode;
	unsigned state = TCP_STATE_LISTEN;
	char line[512];
	bool ours = f != NULL && fgets(line, sizeof(line), f) != NULL;

	/* The first that does not listen ends it: the rest may be many. */
	while (ours && fgets(line, sizeof(line), f) != NULL) {
		ours = read_row(line, sa->ss_family, &other, &state, &inode);
		if (!ours || state != TCP_STATE_LISTEN)
			break;
		ours = !address_overlaps(sa, &other) || is_ours(inode);
	}
	if (f != NULL)
		fclose(f);
	return ours;
}
