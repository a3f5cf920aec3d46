/* page_text: see the header. */
#include "gateway/rest/page_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/buffer.h>

/*
 * What nobody sees, or what turns what others see: Unicode's Cc, Cf, Zl and Zp,
 * and what is no character. In order.
 */
static const struct {
	uint32_t first, last;
} hidden[] = {{0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x600, 0x605},
    {0x61c, 0x61c}, {0x6dd, 0x6dd}, {0x70f, 0x70f}, {0x890, 0x891},
    {0x8e2, 0x8e2}, {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},
    {0x2060, 0x206f}, {0xd800, 0xf8ff}, {0xfdd0, 0xfdef}, {0xfeff, 0xfeff},
    {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x110bd, 0x110bd}, {0x110cd, 0x110cd},
    {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0xe0000, UINT32_MAX}};

static bool
is_hidden(uint32_t c)
{
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c <= hidden[i].last)
			return c >= hidden[i].first;
	return false;
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
