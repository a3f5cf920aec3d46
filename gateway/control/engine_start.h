/*
 * engine_start: the engine, made as the bootstrap file and the stored sections
 * say. What can change while it runs is the business of control.
 */
#ifndef GATEWAY_CONTROL_ENGINE_START_H
#define GATEWAY_CONTROL_ENGINE_START_H

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/conf/conf.h"
#include "gateway/state/section_store.h"
#include "revcheck/revcheck.h"

/* log must outlive the engine. Free with revcheck_free. */
int engine_start(struct revcheck **out, const struct conf *base,
    const struct section_store *sections, const struct log *log,
    struct err *err) MUST_USE;

/* E_ARG and E_IO: engine_start would refuse it. sections may be NULL. */
int engine_check(const struct conf *base, const struct section_store *sections,
    struct err *err) MUST_USE;

#endif
