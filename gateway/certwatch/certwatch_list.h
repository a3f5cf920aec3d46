/*
 * certwatch_list: which chains the gateway presents, and who should vouch for
 * each: the identities of a configuration, and the session chains of network
 * setups that are in effect. Made whole, from what is about to be in force.
 */
#ifndef GATEWAY_CERTWATCH_CERTWATCH_LIST_H
#define GATEWAY_CERTWATCH_CERTWATCH_LIST_H

#include <stddef.h>

#include "cache/base/error.h"
#include "gateway/conf/conf.h"
#include "gateway/members/members.h"
#include "revcheck/revcheck.h"

enum certwatch_use {
	CERTWATCH_TLS = 0,
	CERTWATCH_SESSION /* shown by the node, not by the gateway */
};

struct certwatch_item {
	char *name; /* an identity's; "holding-ID/session-KEY" */
	enum certwatch_use use;
	struct revcheck_certs *chain; /* leaf first, as presented */
	struct revcheck_trust *trust; /* NULL: there are no anchors */
};

struct certwatch_list {
	struct certwatch_item *items;
	size_t num;
};

int certwatch_list_make(struct certwatch_list *out, const struct conf *conf,
    const struct members *members, struct err *err) MUST_USE;
void certwatch_list_cleanup(struct certwatch_list *list);
void certwatch_item_cleanup(struct certwatch_item *item);

#endif
