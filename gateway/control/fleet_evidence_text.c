/* fleet_evidence_text: see the header. */
#include "gateway/control/fleet_evidence_text.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "cache/base/text.h"
#include "gateway/base/json.h"

#define WHOLE_MAX (INT64_C(1) << 53)

void
fleet_evidence_item_free(struct digest_item *item)
{
	free(item);
}

const char *
fleet_evidence_identity(char buf[65], const struct revcheck_told *told)
{
	unsigned char all[32 + sizeof(told->serial)], digest[32];

	memcpy(all, told->issuer_key, 32);
	memcpy(all + 32, told->serial, told->serial_len);
	SHA256(all, 32 + told->serial_len, digest);
	text_hex(buf, digest, sizeof(digest));
	return buf;
}

/* Takes o over. */
static char *
print(cJSON *o)
{
	char *text = cJSON_PrintUnformatted(o);

	cJSON_Delete(o);
	return text;
}

static void
add_text(cJSON *o, const char *name, const char *text)
{
	if (text[0] != '\0')
		cJSON_AddStringToObject(o, name, text);
}

static void
add_time(cJSON *o, const char *name, time_t t)
{
	if (t != 0)
		cJSON_AddNumberToObject(o, name, (double)t);
}

static void
add_octets(cJSON *o, const char *name, const unsigned char *p, size_t len)
{
	char hex[2 * 64 + 1];

	text_hex(hex, p, len);
	cJSON_AddStringToObject(o, name, hex);
}

char *
fleet_evidence_pointer_text(const struct revcheck_pointer *p, const char *by)
{
	cJSON *o = cJSON_CreateObject();

	add_text(o, "number", p->number);
	cJSON_AddNumberToObject(o, "this", (double)p->this_update);
	add_time(o, "next", p->next_update);
	add_time(o, "checked", p->checked);
	add_octets(o, "sha256", p->sha256, sizeof(p->sha256));
	cJSON_AddNumberToObject(o, "len", (double)p->len);
	add_text(o, "url", p->url);
	add_text(o, "etag", p->etag);
	add_text(o, "lastModified", p->last_modified);
	cJSON_AddStringToObject(o, "by", by);
	return print(o);
}

char *
fleet_evidence_told_text(const struct revcheck_told *told, const char *by)
{
	static const unsigned char none[32];
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "this", (double)told->this_update);
	cJSON_AddNumberToObject(o, "reason", told->reason);
	add_time(o, "revokedAt", told->revoked_at);
	add_text(o, "number", told->number);
	if (memcmp(told->source, none, sizeof(none)) != 0)
		add_octets(o, "source", told->source, sizeof(told->source));
	add_octets(o, "issuerKey", told->issuer_key, sizeof(told->issuer_key));
	add_octets(o, "serial", told->serial, told->serial_len);
	add_time(o, "notAfter", told->not_after);
	add_text(o, "url", told->url);
	add_text(o, "issuer", told->issuer);
	cJSON_AddStringToObject(o, "by", by);
	return print(o);
}

/* Reading. What is not there leaves what is. */

static bool
read_number(const cJSON *o, const char *name, int64_t *out)
{
	return json_get(o, name) == NULL ||
	    json_to_int(json_get(o, name), 0, WHOLE_MAX, out) == 0;
}

static bool
read_time(const cJSON *o, const char *name, time_t *out)
{
	int64_t v = 0;
	bool ok = read_number(o, name, &v);

	*out = (time_t)v;
	return ok;
}

/* False when it does not fit: half a URL is another one. */
static bool
read_text(const cJSON *o, const char *name, char *out, size_t size)
{
	const char *text = json_get_string(o, name);

	if (json_get(o, name) == NULL)
		return true;
	if (text == NULL || strlen(text) >= size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool
read_octets(const cJSON *o, const char *name, unsigned char *out, size_t len)
{
	const char *text = json_get_string(o, name);

	return text != NULL && text_unhex(out, text, len);
}

bool
fleet_evidence_pointer_read(struct revcheck_pointer *p, const char *json)
{
	cJSON *o = cJSON_Parse(json);
	int64_t len = 0;
	bool ok;

	*p = (struct revcheck_pointer){.size = sizeof(*p)};
	ok = read_octets(o, "sha256", p->sha256, sizeof(p->sha256)) &&
	    read_number(o, "len", &len) &&
	    read_text(o, "number", p->number, sizeof(p->number)) &&
	    read_time(o, "this", &p->this_update) &&
	    read_time(o, "next", &p->next_update) &&
	    read_time(o, "checked", &p->checked) &&
	    read_text(o, "url", p->url, sizeof(p->url)) &&
	    read_text(o, "etag", p->etag, sizeof(p->etag)) &&
	    read_text(
		o, "lastModified", p->last_modified, sizeof(p->last_modified));
	p->len = (uint64_t)len;
	cJSON_Delete(o);
	return ok;
}

bool
fleet_evidence_told_read(struct revcheck_told *t, const char *json)
{
	cJSON *o = cJSON_Parse(json);
	const char *serial = json_get_string(o, "serial");
	int64_t reason = 0;
	bool ok = serial != NULL && strlen(serial) % 2 == 0 &&
	    strlen(serial) / 2 <= sizeof(t->serial);

	*t = (struct revcheck_told){.size = sizeof(*t)};
	ok = ok && text_unhex(t->serial, serial, strlen(serial) / 2) &&
	    read_octets(o, "issuerKey", t->issuer_key, sizeof(t->issuer_key)) &&
	    json_to_int(json_get(o, "reason"), REVCHECK_REASON_NONE, 10,
		&reason) == 0 &&
	    (json_get(o, "source") == NULL ||
		read_octets(o, "source", t->source, sizeof(t->source))) &&
	    read_time(o, "this", &t->this_update) &&
	    read_time(o, "revokedAt", &t->revoked_at) &&
	    read_time(o, "notAfter", &t->not_after) &&
	    read_text(o, "number", t->number, sizeof(t->number)) &&
	    read_text(o, "url", t->url, sizeof(t->url)) &&
	    read_text(o, "issuer", t->issuer, sizeof(t->issuer)) &&
	    read_text(o, "by", t->by, sizeof(t->by));
	if (ok) {
		t->serial_len = strlen(serial) / 2;
		t->reason = (int)reason;
	}
	cJSON_Delete(o);
	return ok;
}
