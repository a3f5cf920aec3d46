/*
 * jsonc: what people write into configuration files and RFC 8259 does not
 * have: comments ("//" to the end of the line, and between "/" "*" and "*"
 * "/"), a comma behind the last member or element, a byte order mark.
 */
#ifndef GATEWAY_BASE_JSONC_H
#define GATEWAY_BASE_JSONC_H

#include <stddef.h>

#include "cache/base/error.h"

/*
 * jsonc_strip puts blanks in their place, so that every byte that counts
 * stays on its line and in its column. What is no JSON afterwards, json_parse
 * names. E_PARSE for a comment without an end.
 */
int jsonc_strip(char *text, size_t len, struct err *err) MUST_USE;

#endif
