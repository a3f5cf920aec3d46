/*
 * change_log: what a change of configuration says in the log, once it is in
 * force. Control thread.
 */
#ifndef GATEWAY_CONTROL_CHANGE_LOG_H
#define GATEWAY_CONTROL_CHANGE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/base/log.h"
#include "gateway/conf/conf.h"
#include "gateway/control/loose.h"
#include "gateway/state/section_store.h"

/* Who asks for a change, for the log and the history. */
struct control_actor {
	const char *who;
	const char *from;
	const char *action;
};

struct change_log_entry {
	enum section_id section;
	int64_t version;
	const struct control_actor *actor;
	struct loose before, now;
	struct conf *conf_before, *conf; /* borrowed */
	bool warming;                    /* HARD_FAIL is not enforced yet */
};

void change_log_write(const struct log *log, const struct change_log_entry *e);

#endif
