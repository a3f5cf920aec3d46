/* bundle_header: see the header. */
#include "revcheck/api/bundle_header.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/base/text.h"

static void
clean(char *out, size_t room, const char *text)
{
	snprintf(out, room, "%s", text);
	for (; *out != '\0'; out++)
		if ((unsigned char)*out < 0x20 || *out == 0x7f)
			*out = '?';
}

size_t
bundle_header_write(
    char text[BUNDLE_HEADER_MAX], const struct store_meta *m, size_t der_len)
{
	char key[65], owner[65], url[sizeof(m->url)], etag[sizeof(m->etag)],
	    modified[sizeof(m->last_modified)];
	int n;

	text_hex(key, m->key.id, sizeof(m->key.id));
	text_hex(owner, m->owner, sizeof(m->owner));
	clean(url, sizeof(url), m->url);
	clean(etag, sizeof(etag), m->etag);
	clean(modified, sizeof(modified), m->last_modified);
	/* All parts are bounded: it fits. */
	n = snprintf(text, BUNDLE_HEADER_MAX,
	    "key %s\nowner %s\nkind %s\nlength %zu\nfetched %" PRIdMAX
	    "\nurl %s\netag %s\nlast-modified %s\n\n",
	    key, owner, m->kind == EVIDENCE_CRL ? "crl" : "ocsp", der_len,
	    (intmax_t)m->fetched_at, url, etag, modified);
	return n < 0 ? 0 : (size_t)n;
}

/* The value of "name VALUE\n" at *at, in place; moves *at behind it. */
static char *
header_value(char **at, const char *name)
{
	size_t len = strlen(name);
	char *value = *at, *end = strchr(*at, '\n');

	if (end == NULL || strncmp(value, name, len) != 0 || value[len] != ' ')
		return NULL;
	*end = '\0';
	*at = end + 1;
	return value + len + 1;
}

static bool
value_text(char **at, const char *name, char *out, size_t room)
{
	const char *v = header_value(at, name);

	if (v == NULL || strlen(v) >= room)
		return false;
	for (const char *p = v; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	text_copy(out, room, v);
	return true;
}

static bool
value_number(char **at, const char *name, uint64_t *out)
{
	const char *v = header_value(at, name);
	char *end;

	if (v == NULL || !isdigit((unsigned char)v[0]))
		return false;
	errno = 0;
	*out = strtoull(v, &end, 10);
	return errno == 0 && *end == '\0';
}

static bool
value_id(char **at, const char *name, uint8_t out[32])
{
	const char *v = header_value(at, name);

	return v != NULL && strlen(v) == 64 && text_unhex(out, v, 32);
}

bool
bundle_header_read(char *text, struct store_meta *m, size_t *der_len)
{
	char *at = text, *kind;
	uint64_t len, fetched;

	*m = (struct store_meta){.origin = ORIGIN_FILE};
	if (!value_id(&at, "key", m->key.id) ||
	    !value_id(&at, "owner", m->owner))
		return false;
	kind = header_value(&at, "kind");
	if (kind == NULL)
		return false;
	if (strcmp(kind, "crl") == 0)
		m->kind = EVIDENCE_CRL;
	else if (strcmp(kind, "ocsp") == 0)
		m->kind = EVIDENCE_OCSP;
	else
		return false;
	if (!value_number(&at, "length", &len) ||
	    !value_number(&at, "fetched", &fetched) || fetched > INT64_MAX ||
	    !value_text(&at, "url", m->url, sizeof(m->url)) ||
	    !value_text(&at, "etag", m->etag, sizeof(m->etag)) ||
	    !value_text(&at, "last-modified", m->last_modified,
		sizeof(m->last_modified)))
		return false;
	m->fetched_at = (time_t)fetched;
	*der_len = (size_t)len;
	return strcmp(at, "\n") == 0;
}
