/*
 * conf_schema: JSON Schema (draft 2020-12) of what is configured, made from
 * the table of keys. Pure; any thread. NULL when out of memory.
 */
#ifndef GATEWAY_CONF_CONF_SCHEMA_H
#define GATEWAY_CONF_CONF_SCHEMA_H

#include <cjson/cJSON.h>

#include "gateway/conf/section.h"

/* Of a section that is pushed. */
cJSON *conf_schema_section(enum section_id id);
/* Of the bootstrap file, and so of each file that it includes but for what is
 * required. */
cJSON *conf_schema_file(void);

#endif
