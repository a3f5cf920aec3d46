/*
 * quick_conf: the smallest life of a gateway in a few flags, as the text of a
 * configuration file: what a file would say, and nothing that it could not.
 */
#ifndef GATEWAY_COMMAND_QUICK_CONF_H
#define GATEWAY_COMMAND_QUICK_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/base/error.h"

#define QUICK_ADDRESSES_MAX 16
#define QUICK_ALLOW_MAX     256

/* A rule of one condition. */
struct quick_allow {
	const char *condition; /* "cn", "ou", "dns", "uri" */
	const char *value;
};

/* Borrowed from the command line; NULL and 0: not given. */
struct quick_conf {
	const char *listen[QUICK_ADDRESSES_MAX];
	size_t num_listen;
	const char *node[QUICK_ADDRESSES_MAX];
	size_t num_node;
	const char *cert, *key; /* key NULL: in the file of cert */
	const char *anchors;
	const char *crl[QUICK_ADDRESSES_MAX]; /* files or directories */
	size_t num_crl;
	const char *mode;
	const char *state_dir;
	struct quick_allow allow[QUICK_ALLOW_MAX]; /* any of them */
	size_t num_allow;                          /* 0: everybody */
};

bool quick_conf_given(const struct quick_conf *q);
/* E_PARSE naming the first flag that is missing. */
int quick_conf_check(const struct quick_conf *q, struct err *err) MUST_USE;
/* JSON; free() it. NULL: out of memory. */
char *quick_conf_text(const struct quick_conf *q);

#endif
