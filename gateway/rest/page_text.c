/* page_text: see the header. */
#include "gateway/rest/page_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/buffer.h>

static bool
is_hidden(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
	    (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* Bytes of the character at p, which is not NUL; what is none is one byte. */
static size_t
take(const unsigned char *p, uint32_t *out)
{
	size_t len = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : *p >= 0xc2 ? 2 : 1;
	uint32_t c = len == 1 ? *p : *p & (0xffU >> (len + 1));

	*out = *p;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | (p[i] & 0x3fU);
	}
	*out = c;
	return len;
}

static const char *
entity_of(uint32_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void
page_text_add(struct evbuffer *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p != '\0') {
		const char *entity;
		uint32_t c;
		size_t len = take(p, &c);

		entity = entity_of(c);
		if (entity != NULL)
			evbuffer_add_printf(out, "%s", entity);
		else if (is_hidden(c) || (len == 1 && c >= 0x80))
			evbuffer_add_printf(out, "\\u{%x}", (unsigned)c);
		else
			evbuffer_add(out, p, len);
		p += len;
	}
}
