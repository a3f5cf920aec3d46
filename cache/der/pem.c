/*
 * pem: see the header. Pure; owns no memory; never looks into the DER.
 */
#include "cache/der/pem.h"

#include <stdio.h>
#include <string.h>

void
pem_init(struct pem *p, const char *label)
{
	*p = (struct pem){.label = label};
}

static int
base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	if (c == '/')
		return 63;
	return -1;
}

/* A character outside the body: gathers lines, looks for boundaries. */
static bool
pem_line_char(struct pem *p, uint8_t c, const char *word)
{
	char want[80];
	const char *at = p->line;
	int n;

	if (c != '\n' && c != '\r') {
		if (p->line_len < sizeof(p->line))
			p->line[p->line_len++] = (char)c;
		else
			p->line_long = true;
		return false;
	}
	n = snprintf(want, sizeof(want), "-----%s %s-----", word, p->label);
	while (p->line_len > 0 &&
	    (p->line[p->line_len - 1] == ' ' ||
		p->line[p->line_len - 1] == '\t'))
		p->line_len--;
	/* As editors leave it: a byte order mark, blanks before the line. */
	if (p->line_len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	while (at < p->line + p->line_len && (*at == ' ' || *at == '\t'))
		at++;

	size_t len = p->line_len - (size_t)(at - p->line);
	bool hit = !p->line_long && n > 0 && (size_t)n == len &&
	    memcmp(want, at, len) == 0;

	p->line_len = 0;
	p->line_long = false;
	return hit;
}

static bool
pem_body_char(struct pem *p, uint8_t c, uint8_t *out, size_t *n)
{
	int v;

	if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
		return true;
	if (c == '=') {
		/* RFC 4648 3.2: only in the last two places. */
		p->num_pad++;
		return p->num_chars + p->num_pad <= 4 && p->num_chars >= 2;
	}
	v = base64_value(c);
	if (v < 0 || p->num_pad > 0)
		return false;
	p->quantum = p->quantum << 6 | (uint32_t)v;
	if (++p->num_chars < 4)
		return true;
	out[(*n)++] = (uint8_t)(p->quantum >> 16);
	out[(*n)++] = (uint8_t)(p->quantum >> 8);
	out[(*n)++] = (uint8_t)p->quantum;
	p->quantum = 0;
	p->num_chars = 0;
	return true;
}

/* The first '-' after the body: the last quantum must be whole. */
static bool
pem_body_end(struct pem *p, uint8_t *out, size_t *n)
{
	if (p->num_chars == 0)
		return p->num_pad == 0;
	if (p->num_chars + p->num_pad != 4)
		return false;
	/* RFC 4648 3.5: bits that encode nothing are zero. */
	if (p->num_chars == 2) {
		out[(*n)++] = (uint8_t)(p->quantum >> 4);
		return (p->quantum & 0x0f) == 0;
	}
	out[(*n)++] = (uint8_t)(p->quantum >> 10);
	out[(*n)++] = (uint8_t)(p->quantum >> 2);
	return (p->quantum & 0x03) == 0;
}

static bool
pem_char(struct pem *p, uint8_t c, uint8_t *out, size_t *n)
{
	switch (p->state) {
	case PEM_BEFORE:
		if (pem_line_char(p, c, "BEGIN"))
			p->state = PEM_BODY;
		return true;
	case PEM_BODY:
		if (c != '-')
			return pem_body_char(p, c, out, n);
		p->state = PEM_END_LINE;
		p->line[0] = '-';
		p->line_len = 1;
		p->line_long = false;
		return pem_body_end(p, out, n);
	case PEM_END_LINE:
		if (c != '\n' && c != '\r') {
			(void)pem_line_char(p, c, "END");
			return !p->line_long;
		}
		p->state = PEM_AFTER;
		return pem_line_char(p, c, "END");
	case PEM_AFTER:
		return !pem_line_char(p, c, "BEGIN");
	case PEM_BAD:
		break;
	}
	return false;
}

bool
pem_feed(struct pem *p, struct span in, uint8_t *out, size_t *out_len)
{
	size_t n = 0;

	for (size_t i = 0; i < in.len; i++) {
		if (!pem_char(p, in.p[i], out, &n)) {
			p->state = PEM_BAD;
			return false;
		}
	}
	*out_len = n;
	return true;
}

bool
pem_done(const struct pem *p)
{
	struct pem last = *p;

	if (p->state == PEM_AFTER)
		return true;
	/* A file may end without a newline after END. */
	return p->state == PEM_END_LINE && pem_line_char(&last, '\n', "END");
}
