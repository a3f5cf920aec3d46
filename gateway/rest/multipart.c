/*
 * multipart: a cursor over the body. What curl and browsers send passes; a
 * preamble, bare line feeds, folded or unending headers and transfer
 * encodings do not.
 */
#include "gateway/rest/multipart.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_BOUNDARY 70 /* RFC 2046 5.1.1 */
#define MAX_HEADERS  8
#define MAX_LINE     1024

struct cursor {
	const char *p, *end;
	char mark[MAX_BOUNDARY + 5]; /* CR LF -- boundary */
	size_t mark_len;
};

/* The type. */

static bool
is_boundary_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') ||
	    (c != '\0' && strchr("'()+_,-./:=? ", c) != NULL);
}

static int
read_boundary(struct cursor *c, const char *type, struct err *err)
{
	static const char wanted[] = "multipart/form-data";
	const char *p = type;
	size_t n = 0, len;
	bool quoted;

	if (type == NULL || strncasecmp(type, wanted, strlen(wanted)) != 0)
		return err_set(err, E_PARSE,
		    "the content type is '%.60s': expected %s",
		    type != NULL ? type : "", wanted);
	p += strlen(wanted);
	for (;;) {
		p += strspn(p, " \t");
		if (*p != ';')
			return err_set(
			    err, E_PARSE, "the content type names no boundary");
		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, "boundary=", 9) == 0)
			break;
		p += strcspn(p, ";");
	}
	p += 9;
	quoted = *p == '"';
	p += quoted;
	len = quoted ? strcspn(p, "\"") : strcspn(p, "; \t");
	while (n < len && is_boundary_char(p[n]))
		n++;
	if (n != len || len == 0 || len > MAX_BOUNDARY || p[len - 1] == ' ' ||
	    (quoted && p[len] != '"'))
		return err_set(err, E_PARSE,
		    "the boundary of the content type is not one: expected 1 "
		    "to %d characters of RFC 2046",
		    MAX_BOUNDARY);
	memcpy(c->mark, "\r\n--", 4);
	memcpy(c->mark + 4, p, len);
	c->mark_len = 4 + len;
	return 0;
}

/* A part. */

static bool
take(struct cursor *c, const char *text, size_t len)
{
	if ((size_t)(c->end - c->p) < len || memcmp(c->p, text, len) != 0)
		return false;
	c->p += len;
	return true;
}

/* A header line without its end, NUL-terminated; the empty one ends them. */
static int
take_line(struct cursor *c, char line[MAX_LINE], struct err *err)
{
	size_t left = (size_t)(c->end - c->p);
	const char *cr = memchr(c->p, '\r', left < MAX_LINE ? left : MAX_LINE);
	size_t len;

	if (cr == NULL || cr + 1 >= c->end || cr[1] != '\n')
		return err_set(err, E_PARSE,
		    "a header line of a part does not end within %d bytes",
		    MAX_LINE);
	len = (size_t)(cr - c->p);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)c->p[i] < 0x20 && c->p[i] != '\t')
			return err_set(err, E_PARSE,
			    "a header line of a part has control characters");
	if (len == MAX_LINE)
		return err_set(
		    err, E_PARSE, "a header line of a part is too long");
	memcpy(line, c->p, len);
	line[len] = '\0';
	c->p = cr + 2;
	return 0;
}

/* A parameter's quoted value or token; *pp moves behind it. */
static bool
take_value(const char **pp, char *out, size_t size)
{
	const char *p = *pp;
	size_t n = 0;

	if (*p != '"') {
		n = strcspn(p, "; \t\"");
		if (n == 0 || n >= size)
			return false;
		memcpy(out, p, n);
		out[n] = '\0';
		*pp = p + n;
		return true;
	}
	for (p++; *p != '"'; p++) {
		if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
			p++;
		if (*p == '\0' || n + 1 >= size)
			return false;
		out[n++] = *p;
	}
	out[n] = '\0';
	*pp = p + 1;
	return true;
}

/* RFC 7578 4.2: form-data; name="..." and perhaps a file's name. */
static int
read_disposition(
    struct multipart_part *part, const char *value, struct err *err)
{
	static const char kind[] = "form-data";
	char other[MAX_LINE];
	const char *p = value;

	if (strncasecmp(p, kind, strlen(kind)) != 0)
		goto bad;
	p += strlen(kind);
	while (*(p += strspn(p, " \t")) != '\0') {
		bool name;

		if (*p != ';')
			goto bad;
		p += 1 + strspn(p + 1, " \t");
		name = strncasecmp(p, "name=", 5) == 0;
		if (name && part->name[0] != '\0')
			goto bad;
		p += strcspn(p, "=;");
		if (*p != '=')
			goto bad;
		p++;
		if (name ? !take_value(&p, part->name, sizeof(part->name))
			 : !take_value(&p, other, sizeof(other)))
			goto bad;
	}
	if (part->name[0] != '\0')
		return 0;
bad:
	return err_set(err, E_PARSE,
	    "the Content-Disposition of a part is '%.60s': expected form-data "
	    "with a name of at most %d bytes",
	    value, MULTIPART_MAX_NAME);
}

static int
take_headers(struct cursor *c, struct multipart_part *part, struct err *err)
{
	char line[MAX_LINE] = "", *value;
	size_t len;
	int rc;

	for (int i = 0; i <= MAX_HEADERS; i++) {
		rc = take_line(c, line, err);
		if (rc != 0)
			return rc;
		if (line[0] == '\0')
			return part->name[0] != '\0'
			    ? 0
			    : err_set(err, E_PARSE, "a part has no name");
		len = strcspn(line, ":");
		if (len == 0 || line[len] != ':' || strcspn(line, " \t") < len)
			return err_set(err, E_PARSE,
			    "'%.60s' is not a header line of a part", line);
		line[len] = '\0';
		value = line + len + 1;
		value += strspn(value, " \t");
		if (strcasecmp(line, "Content-Disposition") == 0)
			rc = read_disposition(part, value, err);
		else if (strcasecmp(line, "Content-Transfer-Encoding") == 0 &&
		    strcasecmp(value, "binary") != 0 &&
		    strcasecmp(value, "8bit") != 0 &&
		    strcasecmp(value, "7bit") != 0)
			/* RFC 7578 4.7: not to be sent. */
			rc = err_set(err, E_PARSE,
			    "the transfer encoding '%.40s' of a part is not "
			    "supported",
			    value);
		if (rc != 0)
			return rc;
	}
	return err_set(
	    err, E_PARSE, "a part has more than %d header lines", MAX_HEADERS);
}

static int
take_part(struct cursor *c, struct multipart_part *part, struct err *err)
{
	const char *stop;
	int rc = take_headers(c, part, err);

	if (rc != 0)
		return rc;
	/* An empty part: the line end of its headers is the mark's. */
	stop =
	    memmem(c->p - 2, (size_t)(c->end - c->p) + 2, c->mark, c->mark_len);
	if (stop == NULL)
		return err_set(err, E_PARSE,
		    "part '%s' does not end with the boundary", part->name);
	part->data = c->p;
	part->len = stop > c->p ? (size_t)(stop - c->p) : 0;
	c->p = stop + c->mark_len;
	return 0;
}

int
multipart_parse(struct multipart_part parts[MULTIPART_MAX_PARTS], size_t *num,
    const char *content_type, const char *body, size_t len, struct err *err)
{
	struct cursor c = {.p = body, .end = body + len};
	int rc = read_boundary(&c, content_type, err);

	*num = 0;
	if (rc != 0)
		return rc;
	if (!take(&c, c.mark + 2, c.mark_len - 2))
		return err_set(
		    err, E_PARSE, "the body does not begin with the boundary");
	while (!take(&c, "--", 2)) {
		if (!take(&c, "\r\n", 2))
			return err_set(err, E_PARSE,
			    "a boundary is followed by something else than a "
			    "line end");
		if (*num == MULTIPART_MAX_PARTS)
			return err_set(err, E_LIMIT,
			    "the body has more than %d parts",
			    MULTIPART_MAX_PARTS);
		memset(&parts[*num], 0, sizeof(parts[*num]));
		rc = take_part(&c, &parts[*num], err);
		if (rc != 0)
			return rc;
		(*num)++;
	}
	(void)take(&c, "\r\n", 2);
	if (c.p != c.end)
		return err_set(
		    err, E_PARSE, "something follows the last boundary");
	return 0;
}
