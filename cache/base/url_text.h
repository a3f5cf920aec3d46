/*
 * url_text: a URL as it stands in a certificate, made the one that is shown,
 * compared and asked for. Pure; any thread.
 */
#ifndef CACHE_BASE_URL_TEXT_H
#define CACHE_BASE_URL_TEXT_H

#include "cache/base/error.h"
#include "cache/base/span.h"

#define URL_TEXT_MAX 2048 /* longer ones are not asked for */

/*
 * url_normalise: blanks and control characters around it are cut off, in path
 * and query they and what RFC 3986 does not have there are percent-escaped.
 * Scheme and host in lower case, without the scheme's own port, dot segments
 * (RFC 3986 5.2.4) and fragment. Nothing of scheme, host and port is guessed.
 *
 * *out is printable ASCII without blanks, to be freed, and NULL with E_NOMEM
 * only. E_PARSE: it is no http or https URL that can be asked for, as err says;
 * *out is then the text, escaped, and is refused again. What is accepted stays
 * as it is when it is normalised again.
 */
int url_normalise(char **out, struct span in, struct err *err) MUST_USE;

#endif
