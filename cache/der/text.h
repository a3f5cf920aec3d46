/*
 * text: copying a string, into a room of known size, cut to fit, or into one
 * of its own.
 */
#ifndef CACHE_DER_TEXT_H
#define CACHE_DER_TEXT_H

#include <stdbool.h>
#include <string.h>

static inline void
text_copy(char *out, size_t room, const char *s)
{
	size_t len = strlen(s);

	if (len > room - 1)
		len = room - 1;
	memcpy(out, s, len);
	out[len] = '\0';
}

/*
 * text_dup: a copy to be freed, NULL for none or an empty one; *ok turns false
 * when memory ran out.
 */
static inline char *
text_dup(const char *s, bool *ok)
{
	char *c;

	if (s == NULL || s[0] == '\0')
		return NULL;
	c = strdup(s);
	*ok = *ok && c != NULL;
	return c;
}

#endif
