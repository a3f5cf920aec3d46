/*
 * rest_params: query parameters that are numbers, times and words. What cannot
 * be read is answered with a 400 that says what was expected.
 */
#ifndef GATEWAY_REST_REST_PARAMS_H
#define GATEWAY_REST_REST_PARAMS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "gateway/rest/rest.h"

/* All of these: false after having answered; 0 where it is not there. */

bool
rest_param_number(struct rest_request *req, const char *name, uint64_t *out);
/* RFC 3339 in UTC, or seconds since 1970. */
bool rest_param_time(struct rest_request *req, const char *name, time_t *out);
/*
 * One of the words that rest_words has for this parameter, in any case; *out is
 * the number of it plus 1.
 */
bool rest_param_word(struct rest_request *req, const char *name, unsigned *out);

#endif
