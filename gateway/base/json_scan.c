/*
 * json_scan: a small acceptor for RFC 8259 in front of cJSON. Works on any
 * thread, keeps no state, never recurses deeper than JSON_MAX_DEPTH.
 */
#include "gateway/base/json.h"

#include <stdlib.h>
#include <string.h>

struct scan {
	const char *text;
	size_t len;
	size_t pos;
	int depth;
	const char *expected; /* set at the first failure */
};

static bool
scan_fail(struct scan *s, const char *expected)
{
	if (s->expected == NULL)
		s->expected = expected;
	return false;
}

/* The byte at the cursor, or 0 at the end (NUL itself is never legal). */
static unsigned char
scan_peek(const struct scan *s)
{
	return s->pos < s->len ? (unsigned char)s->text[s->pos] : 0;
}

static void
scan_space(struct scan *s)
{
	for (;;) {
		unsigned char c = scan_peek(s);

		if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
			return;
		s->pos++;
	}
}

static bool
scan_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if (s->len - s->pos < n || memcmp(s->text + s->pos, word, n) != 0)
		return scan_fail(s, "a JSON value");
	s->pos += n;
	return true;
}

static bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

/* At least one digit. */
static bool
scan_digits(struct scan *s)
{
	if (!is_digit(scan_peek(s)))
		return scan_fail(s, "a digit");
	while (is_digit(scan_peek(s)))
		s->pos++;
	return true;
}

/* RFC 8259 section 6: no leading zeros, no bare point, no plus sign. */
static bool
scan_number(struct scan *s)
{
	if (scan_peek(s) == '-')
		s->pos++;
	if (scan_peek(s) == '0')
		s->pos++;
	else if (!scan_digits(s))
		return false;
	if (scan_peek(s) == '.') {
		s->pos++;
		if (!scan_digits(s))
			return false;
	}
	if (scan_peek(s) == 'e' || scan_peek(s) == 'E') {
		s->pos++;
		if (scan_peek(s) == '+' || scan_peek(s) == '-')
			s->pos++;
		if (!scan_digits(s))
			return false;
	}
	return true;
}

/* The four digits of \uXXXX; -1 when they are not. */
static int
scan_hex4(struct scan *s)
{
	int v = 0;

	for (int i = 0; i < 4; i++, s->pos++) {
		unsigned char c = scan_peek(s);

		if (is_digit(c))
			v = v * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v * 16 + ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

static bool
scan_escape(struct scan *s)
{
	unsigned char c = scan_peek(s);
	int u, low;

	s->pos++;
	if (c != 'u') {
		if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
			return scan_fail(s, "an escape of RFC 8259");
		return true;
	}
	u = scan_hex4(s);
	if (u < 0)
		return scan_fail(s, "four hexadecimal digits");
	if (u == 0)
		return scan_fail(s, "a character other than NUL");
	if (u >= 0xdc00 && u <= 0xdfff)
		return scan_fail(s, "a high surrogate first");
	if (u < 0xd800 || u > 0xdbff)
		return true;
	if (scan_peek(s) != '\\' || s->pos + 1 >= s->len ||
	    s->text[s->pos + 1] != 'u')
		return scan_fail(s, "a low surrogate");
	s->pos += 2;
	low = scan_hex4(s);
	if (low < 0xdc00 || low > 0xdfff)
		return scan_fail(s, "a low surrogate");
	return true;
}

/* One character of two to four bytes (RFC 3629 section 4). */
static bool
scan_utf8(struct scan *s)
{
	unsigned char c = scan_peek(s);
	unsigned min = 0x80, v;
	int more = 1;

	if (c >= 0xc2 && c <= 0xdf) {
		v = c & 0x1f;
	} else if (c >= 0xe0 && c <= 0xef) {
		v = c & 0x0f;
		more = 2;
		min = 0x800;
	} else if (c >= 0xf0 && c <= 0xf4) {
		v = c & 0x07;
		more = 3;
		min = 0x10000;
	} else {
		return scan_fail(s, "valid UTF-8");
	}
	s->pos++;
	while (more-- > 0) {
		c = scan_peek(s);
		if ((c & 0xc0) != 0x80)
			return scan_fail(s, "valid UTF-8");
		v = v << 6 | (c & 0x3f);
		s->pos++;
	}
	if (v < min || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return scan_fail(s, "valid UTF-8");
	return true;
}

bool
json_utf8(const char *text, size_t len)
{
	struct scan s = {.text = text, .len = len};

	while (s.pos < len)
		if ((unsigned char)text[s.pos] < 0x80)
			s.pos++;
		else if (!scan_utf8(&s))
			return false;
	return true;
}

static bool
scan_string(struct scan *s)
{
	if (scan_peek(s) != '"')
		return scan_fail(s, "a string in double quotes");
	s->pos++;
	while (s->pos < s->len) {
		unsigned char c = scan_peek(s);

		if (c == '"') {
			s->pos++;
			return true;
		}
		if (c < 0x20)
			return scan_fail(s, "no control character in a string");
		if (c == '\\') {
			s->pos++;
			if (!scan_escape(s))
				return false;
		} else if (c >= 0x80) {
			if (!scan_utf8(s))
				return false;
		} else {
			s->pos++;
		}
	}
	return scan_fail(s, "the closing quote of a string");
}

static bool scan_value(struct scan *s);

/* An object or an array: members between two brackets. */
static bool
scan_members(struct scan *s, bool object)
{
	unsigned char close = object ? '}' : ']';

	if (++s->depth > JSON_MAX_DEPTH)
		return scan_fail(s, "less deep nesting");
	s->pos++;
	scan_space(s);
	if (scan_peek(s) == close) {
		s->pos++;
		s->depth--;
		return true;
	}
	for (;;) {
		if (object) {
			if (!scan_string(s))
				return false;
			scan_space(s);
			if (scan_peek(s) != ':')
				return scan_fail(s, "':'");
			s->pos++;
		}
		if (!scan_value(s))
			return false;
		if (scan_peek(s) == close)
			break;
		if (scan_peek(s) != ',')
			return scan_fail(
			    s, object ? "',' or '}'" : "',' or ']'");
		s->pos++;
		scan_space(s);
	}
	s->pos++;
	s->depth--;
	return true;
}

static bool
scan_value(struct scan *s)
{
	bool ok;

	scan_space(s);
	switch (scan_peek(s)) {
	case '{':
		ok = scan_members(s, true);
		break;
	case '[':
		ok = scan_members(s, false);
		break;
	case '"':
		ok = scan_string(s);
		break;
	case 't':
		ok = scan_word(s, "true");
		break;
	case 'f':
		ok = scan_word(s, "false");
		break;
	case 'n':
		ok = scan_word(s, "null");
		break;
	default:
		if (scan_peek(s) != '-' && !is_digit(scan_peek(s)))
			return scan_fail(s, "a JSON value");
		ok = scan_number(s);
		break;
	}
	scan_space(s);
	return ok;
}

/* What people have reason to think would be taken. */
static const char *
found_instead(const struct scan *s)
{
	/* An escape that the text ends in leaves the cursor behind the end. */
	size_t left = s->pos < s->len ? s->len - s->pos : 0;
	const char *at = s->text + s->len - left;

	if (left >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		return ", and not a byte order mark";
	if (left >= 2 && at[0] == '/' && (at[1] == '/' || at[1] == '*'))
		return ", and not a comment: only configuration files have "
		       "them";
	if (left >= 1 && at[0] == '#')
		return ", and not '#': comments begin with //";
	return "";
}

int
json_check(const char *text, size_t len, struct err *err)
{
	struct scan s = {.text = text, .len = len};
	size_t line = 1, column = 1;

	if (scan_value(&s) && s.pos < s.len)
		scan_fail(&s, "the end of the text");
	if (s.expected == NULL)
		return 0;
	for (size_t i = 0; i < s.pos && i < len; i++) {
		column++;
		if (text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return err_set(err, E_PARSE,
	    "not valid JSON at line %zu, column %zu: expected %s%s", line,
	    column, s.expected, found_instead(&s));
}

/* Where something stands. */

/* At an object: moves to the value of a member, or says false. */
static bool
scan_to_member(struct scan *s, const char *key, size_t len)
{
	if (scan_peek(s) != '{')
		return false;
	for (;;) {
		size_t start;

		s->pos++;
		scan_space(s);
		start = s->pos + 1;
		if (!scan_string(s))
			return false;
		if (s->pos - 1 - start == len &&
		    memcmp(s->text + start, key, len) == 0)
			break;
		scan_space(s);
		s->pos++;
		if (!scan_value(s) || scan_peek(s) != ',')
			return false;
	}
	scan_space(s);
	s->pos++;
	scan_space(s);
	return true;
}

/* At an array: likewise, to an element. */
static bool
scan_to_element(struct scan *s, unsigned long index)
{
	if (scan_peek(s) != '[')
		return false;
	s->pos++;
	scan_space(s);
	for (; index > 0; index--) {
		if (!scan_value(s) || scan_peek(s) != ',')
			return false;
		s->pos++;
		scan_space(s);
	}
	return scan_peek(s) != ']';
}

size_t
json_line(const char *text, size_t len, const char *path)
{
	struct scan s = {.text = text, .len = len};
	size_t line = 1, at;
	bool there = true;

	scan_space(&s);
	at = s.pos;
	for (path += strcspn(path, ".["); there && *path != '\0';) {
		char what = *path++;
		size_t n = strcspn(path, ".[");

		there = what == '.'
		    ? scan_to_member(&s, path, n)
		    : scan_to_element(&s, strtoul(path, NULL, 10));
		if (there)
			at = s.pos;
		path += n;
	}
	for (size_t i = 0; i < at && i < len; i++)
		line += text[i] == '\n';
	return line;
}

/*
 * Walks text and tree side by side to an item: the line of its name, or of
 * the element. False: it is further on, and s is behind the value.
 */
static bool
line_of_item(struct scan *s, const cJSON *tree, const cJSON *item, size_t *line)
{
	for (const cJSON *i = tree->child; i != NULL; i = i->next) {
		size_t begun;

		s->pos++; /* the bracket or the comma */
		scan_space(s);
		begun = s->pos;
		if (i->string != NULL) {
			scan_string(s);
			scan_space(s);
			s->pos++;
			scan_space(s);
		}
		if (i == item) {
			*line = 1;
			for (size_t at = 0; at < begun; at++)
				*line += s->text[at] == '\n';
			return true;
		}
		if (i->child == NULL)
			scan_value(s);
		else if (line_of_item(s, i, item, line))
			return true;
		scan_space(s);
	}
	if (cJSON_IsObject(tree) || cJSON_IsArray(tree)) {
		s->pos++; /* the closing one */
		scan_space(s);
	}
	return false;
}

size_t
json_item_line(
    const char *text, size_t len, const cJSON *tree, const cJSON *item)
{
	struct scan s = {.text = text, .len = len};
	size_t line = 1;

	scan_space(&s);
	if (item != tree)
		line_of_item(&s, tree, item, &line);
	return line;
}
