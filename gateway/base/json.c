/*
 * json: a small acceptor for RFC 8259 in front of cJSON. Works on any thread,
 * keeps no state, never recurses deeper than JSON_MAX_DEPTH.
 */
#include "gateway/base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/base/text.h"

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
	    "not valid JSON at line %zu, column %zu: expected %s", line, column,
	    s.expected);
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

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* RFC 8259 section 4 leaves duplicate names open; nobody gets to use that. */
static int
check_names(const cJSON *object, struct err *err)
{
	const char **names;
	const cJSON *item;
	size_t num = 0;
	int rc = 0;

	cJSON_ArrayForEach(item, object) num++;
	if (num < 2)
		return 0;
	names = calloc(num, sizeof(*names));
	if (names == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	num = 0;
	cJSON_ArrayForEach(item, object) names[num++] = item->string;
	qsort(names, num, sizeof(*names), compare_names);
	for (size_t i = 1; i < num && rc == 0; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			rc = err_set(err, E_PARSE,
			    "not valid JSON: a name is used twice in one "
			    "object (of %zu members)",
			    num);
	free(names);
	return rc;
}

static int
check_tree(const cJSON *tree, struct err *err)
{
	const cJSON *item;
	int rc = 0;

	if (cJSON_IsObject(tree))
		rc = check_names(tree, err);
	if (cJSON_IsNumber(tree) && !isfinite(tree->valuedouble))
		rc = err_set(
		    err, E_PARSE, "not valid JSON: a number is out of range");
	cJSON_ArrayForEach(item, tree) if (rc == 0) rc = check_tree(item, err);
	return rc;
}

int
json_parse(cJSON **out, const char *text, size_t len, struct err *err)
{
	cJSON *tree;
	int rc;

	*out = NULL;
	rc = json_check(text, len, err);
	if (rc != 0)
		return rc;
	tree = cJSON_ParseWithLength(text, len);
	if (tree == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	rc = check_tree(tree, err);
	if (rc != 0) {
		cJSON_Delete(tree);
		return rc;
	}
	*out = tree;
	return 0;
}

const cJSON *
json_get(const cJSON *item, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(item, name);
}

const char *
json_get_string(const cJSON *item, const char *name)
{
	return cJSON_GetStringValue(json_get(item, name));
}

int
json_to_int(const cJSON *item, int64_t min, int64_t max, int64_t *out)
{
	double d;

	if (!cJSON_IsNumber(item))
		return E_PARSE;
	d = item->valuedouble;
	/* Beyond 2^53 a double skips integers: nothing here is that large. */
	if (d != floor(d) || fabs(d) > 9007199254740992.0 || d < (double)min ||
	    d > (double)max)
		return E_PARSE;
	*out = (int64_t)d;
	return 0;
}

bool
json_equal(const cJSON *a, const cJSON *b)
{
	return cJSON_Compare(a, b, 1);
}

void
json_add_time(cJSON *o, const char *name, time_t t)
{
	char text[TEXT_TIME_LEN];

	text_time(text, t);
	if (t != 0)
		cJSON_AddStringToObject(o, name, text);
	else
		cJSON_AddNullToObject(o, name);
}

const char *
json_print_short(const cJSON *item, char *buf, size_t size)
{
	char *text = item != NULL ? cJSON_PrintUnformatted(item) : NULL;

	if (text == NULL) {
		snprintf(buf, size, "nothing");
	} else if (strlen(text) < size) {
		snprintf(buf, size, "%s", text);
	} else {
		size_t cut = size - 4;

		/* Not in the middle of a character. */
		while (cut > 0 && (text[cut] & 0xc0) == 0x80)
			cut--;
		snprintf(buf, size, "%.*s...", (int)cut, text);
	}
	cJSON_free(text);
	return buf;
}
