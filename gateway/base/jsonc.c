/* jsonc: one pass over the text, in place. Any thread. */
#include "gateway/base/jsonc.h"

#include <stdbool.h>
#include <string.h>

/* Blanks out [from, to), lines apart. */
static void
blank(char *text, size_t from, size_t to)
{
	for (; from < to; from++)
		if (text[from] != '\n' && text[from] != '\r')
			text[from] = ' ';
}

static size_t
line_of(const char *text, size_t at)
{
	size_t line = 1;

	while (at-- > 0)
		line += text[at] == '\n';
	return line;
}

/* Behind the string that begins at `at`, or the end of the text. */
static size_t
after_string(const char *text, size_t len, size_t at)
{
	for (at++; at < len && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return at < len ? at + 1 : len;
}

/* Behind the comment that begins at `at`; 0 where it has no end. */
static size_t
after_comment(const char *text, size_t len, size_t at)
{
	const char *end;

	if (text[at + 1] == '/') {
		end = memchr(text + at, '\n', len - at);
		return end != NULL ? (size_t)(end - text) : len;
	}
	end = memmem(text + at + 2, len - at - 2, "*/", 2);
	return end != NULL ? (size_t)(end - text) + 2 : 0;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int
jsonc_strip(char *text, size_t len, struct err *err)
{
	size_t comma = len; /* the last thing seen, if it was one */
	char before = 0;    /* what stood in front of it */
	char last = 0;
	size_t next;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		blank(text, 0, 3);
	for (size_t at = 0; at < len; at = next) {
		char c = text[at];

		next = at + 1;
		if (is_space(c))
			continue;
		if (c == '/' && next < len &&
		    (text[next] == '/' || text[next] == '*')) {
			next = after_comment(text, len, at);
			if (next == 0)
				return err_set(err, E_PARSE,
				    "the comment that begins in line %zu has "
				    "no end: expected */",
				    line_of(text, at));
			blank(text, at, next);
			continue;
		}
		if (c == '"')
			next = after_string(text, len, at);
		/* A comma behind nothing stays, and is an error. */
		if ((c == '}' || c == ']') && comma < len &&
		    strchr("[{,:", before) == NULL)
			blank(text, comma, comma + 1);
		comma = c == ',' ? at : len;
		before = c == ',' ? last : 0;
		last = c;
	}
	return 0;
}
