/*
 * change_log: what a change of configuration says in the log, once it is in
 * force. Control thread.
 */
#ifndef GATEWAY_CONTROL_CHANGE_LOG_H
#define GATEWAY_CONTROL_CHANGE_LOG_H

#include "gateway/control/control.h"

/* before and tls_before: as they were set when the change was asked for. */
void change_log_write(const struct control *c, enum section_id id,
    const struct revcheck_policy *before, enum conf_tls_type tls_before,
    const struct control_actor *actor);

#endif
