/*
 * own_list: which chains the gateway presents, and who should vouch for each:
 * the identities of a configuration, and the session chains of network setups
 * that are in effect. Made whole, from what is about to be in force.
 */
#ifndef GATEWAY_CERTWATCH_OWN_LIST_H
#define GATEWAY_CERTWATCH_OWN_LIST_H

#include <stddef.h>

#include "cache/base/error.h"
#include "gateway/conf/conf.h"
#include "gateway/members/members.h"
#include "revcheck/revcheck.h"

enum own_use {
	OWN_TLS = 0,
	OWN_SESSION /* shown by the node, not by the gateway */
};

struct own_item {
	char *name; /* an identity's; "holding-ID/session-KEY" */
	enum own_use use;
	struct revcheck_certs *chain; /* leaf first, as presented */
	struct revcheck_trust *trust; /* NULL: there are no anchors */
};

struct own_list {
	struct own_item *items;
	size_t num;
};

int own_list_make(struct own_list *out, const struct conf *conf,
    const struct members *holdings, struct err *err) MUST_USE;
void own_list_cleanup(struct own_list *list);
void own_item_cleanup(struct own_item *item);

#endif
