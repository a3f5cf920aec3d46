/* text: copying a string into a room of known size, cut to fit. */
#ifndef CACHE_TEXT_H
#define CACHE_TEXT_H

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

#endif
