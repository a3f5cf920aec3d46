/* record: one table of kinds, one of what their JSON must say. */
#include "gateway/fleet/record.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <openssl/rand.h>

#include "cache/base/text.h"
#include "gateway/base/json.h"

#define KIB       1024u
#define WHOLE_MAX (INT64_C(1) << 53)

/*
 * parts: what stands between the slashes of a name. h16, h64: so many lower-
 * case hexadecimal digits; d10: decimal ones; w: what fleet_name_part makes.
 */
static const struct fleet_kind_rule rules[FLEET_KIND_NUM] = {
    [FLEET_NONE] = {.word = NULL, .parts = NULL},
    [FLEET_IDENTITY] = {"fleet", "", 256, 1, false, 0},
    [FLEET_HEAD] = {"head", "", 256, 1, false, 0},
    [FLEET_NEWS] = {"news", "", 0, 1, false, 0},
    [FLEET_CONFIG] = {"config", "w", FLEET_MAX_JSON, 64, true, 0},
    [FLEET_HISTORY] = {"config-history", "w/d10", FLEET_MAX_JSON,
	64 * (FLEET_HISTORY_NUM + 1), true, 0},
    [FLEET_DENY] = {"deny", "h16", 16 * KIB, 200000, true, 0},
    [FLEET_SUBJECT] = {"subject", "w/h64", 16 * KIB, 200000, true, 0},
    [FLEET_HOLDING] = {"holding", "w", 256 * KIB, 20000, true, 0},
    [FLEET_CHAIN] = {"chain", "w/w/w", 256 * KIB, 20000, true, 0},
    [FLEET_KEY] = {"key", "w/w", 64 * KIB, 20000, true, 0},
    [FLEET_EVIDENCE] = {"evidence", "h64", 4 * KIB, 20000, false, 0},
    [FLEET_REVOKED] = {"revoked", "w", 4 * KIB, 16384, false, 30 * 86400},
    [FLEET_WITHDRAWN] = {"withdrawn", "h64", 16 * KIB, 10000, false, 7 * 86400},
    [FLEET_CLAIM] = {"fetch", "h64", 1 * KIB, 100000, false, 15},
    [FLEET_MEMBER] = {"member", "w", 8 * KIB, 20000, false, 30},
    [FLEET_FILLING] = {"filling", "", 256, 1, false, 15},
};

const struct fleet_kind_rule *
fleet_kind_rule(enum fleet_kind kind)
{
	return &rules[(unsigned)kind < FLEET_KIND_NUM ? kind : FLEET_NONE];
}

/* Keys. */

static bool
part_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool
is_word(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (part_char(s[i]))
			continue;
		if (s[i] != '%' || len - i < 3 ||
		    text_hex_value(s[i + 1]) < 0 ||
		    text_hex_value(s[i + 2]) < 0)
			return false;
		i += 2;
	}
	return len > 0;
}

/* All of the digits, of a base, and as many of them. */
static bool
is_digits(const char *s, size_t len, bool hex, size_t wanted)
{
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)s[i]) &&
		    !(hex && s[i] >= 'a' && s[i] <= 'f'))
			return false;
	}
	return len == wanted;
}

static bool
part_fits(const char *shape, const char *s, size_t len)
{
	switch (shape[0]) {
	case 'w':
		return is_word(s, len);
	case 'h':
		return is_digits(
		    s, len, true, (size_t)strtoul(shape + 1, NULL, 10));
	case 'd':
		return is_digits(
		    s, len, false, (size_t)strtoul(shape + 1, NULL, 10));
	default:
		return false;
	}
}

static bool
name_fits(const char *shape, const char *name)
{
	while (*shape != '\0') {
		size_t len = strcspn(name, "/");

		if (!part_fits(shape, name, len))
			return false;
		name += len;
		shape += strcspn(shape, "/");
		if (*name != *shape)
			return false;
		name += *name == '/';
		shape += *shape == '/';
	}
	return *name == '\0';
}

enum fleet_kind
fleet_key_kind(const char *key, const char **name)
{
	size_t len = strcspn(key, "/");

	if (strlen(key) >= FLEET_KEY_SIZE)
		return FLEET_NONE;
	for (int k = FLEET_NONE + 1; k < FLEET_KIND_NUM; k++) {
		const char *rest = key + len + (key[len] == '/');

		if (strlen(rules[k].word) != len ||
		    memcmp(rules[k].word, key, len) != 0)
			continue;
		/* A slash at the end is no name. */
		if ((rules[k].parts[0] == '\0') != (key[len] == '\0') ||
		    !name_fits(rules[k].parts, rest))
			return FLEET_NONE;
		if (name != NULL)
			*name = rest;
		return (enum fleet_kind)k;
	}
	return FLEET_NONE;
}

bool
fleet_key_make(char out[FLEET_KEY_SIZE], enum fleet_kind kind, const char *name)
{
	const struct fleet_kind_rule *r = fleet_kind_rule(kind);
	int len;

	if (r->word == NULL || name == NULL || !name_fits(r->parts, name))
		return false;
	len = snprintf(out, FLEET_KEY_SIZE, "%s%s%s", r->word,
	    name[0] != '\0' ? "/" : "", name);
	return len > 0 && len < FLEET_KEY_SIZE;
}

bool
fleet_name_part(char *out, size_t room, const char *text)
{
	size_t n = 0;

	if (text[0] == '\0')
		text = "-";
	else if (text[0] == '-' && text[1] == '\0')
		return room >= 4 && memcpy(out, "%2D", 4) != NULL;
	for (; *text != '\0'; text++) {
		bool plain = part_char(*text);

		if (room - n < (plain ? 2u : 4u))
			return false;
		if (plain)
			out[n++] = *text;
		else
			n += (size_t)snprintf(
			    out + n, 4, "%%%02X", (unsigned char)*text);
	}
	out[n] = '\0';
	return true;
}

bool
fleet_name_text(char *out, size_t room, const char *part, size_t len)
{
	size_t n = 0;
	uint8_t octet;

	if (!is_word(part, len) || room == 0)
		return false;
	if (len == 1 && part[0] == '-')
		len = 0;
	for (size_t i = 0; i < len; i++) {
		octet = (uint8_t)part[i];
		if (part[i] == '%') {
			octet = (uint8_t)(text_hex_value(part[i + 1]) * 16 +
			    text_hex_value(part[i + 2]));
			i += 2;
		}
		if (octet == 0 || n + 1 >= room)
			return false;
		out[n++] = (char)octet;
	}
	out[n] = '\0';
	return true;
}

/* What the JSON says. */

/* type: t text, i whole number, h 64 hexadecimal digits, b true or false. */
struct field {
	enum fleet_kind kind;
	const char *name;
	char type;
	bool needed;
};

static const struct field fields[] = {
    {FLEET_IDENTITY, "id", 't', true},
    {FLEET_IDENTITY, "born", 'i', true},
    {FLEET_IDENTITY, "filled", 'i', true},
    {FLEET_HEAD, "n", 'i', true},
    {FLEET_HEAD, "num", 'i', false},
    {FLEET_HEAD, "key", 't', false},
    {FLEET_HEAD, "sum", 't', false},
    {FLEET_CONFIG, "version", 'i', true},
    {FLEET_CONFIG, "at", 'i', true},
    {FLEET_CONFIG, "who", 't', true},
    {FLEET_CONFIG, "from", 't', true},
    {FLEET_CONFIG, "action", 't', true},
    {FLEET_CONFIG, "config", 't', true},
    {FLEET_CONFIG, "note", 't', false},
    {FLEET_CONFIG, "schemaVersion", 'i', false},
    {FLEET_SUBJECT, "subject", 't', true},
    {FLEET_SUBJECT, "allowed", 'b', true},
    {FLEET_EVIDENCE, "this", 'i', true},
    {FLEET_EVIDENCE, "sha256", 'h', true},
    {FLEET_EVIDENCE, "len", 'i', true},
    {FLEET_EVIDENCE, "number", 't', false},
    {FLEET_EVIDENCE, "next", 'i', false},
    {FLEET_EVIDENCE, "checked", 'i', false},
    {FLEET_EVIDENCE, "url", 't', false},
    {FLEET_EVIDENCE, "etag", 't', false},
    {FLEET_EVIDENCE, "lastModified", 't', false},
    {FLEET_REVOKED, "this", 'i', true},
    {FLEET_REVOKED, "number", 't', false},
    {FLEET_REVOKED, "sha256", 'h', false},
    {FLEET_WITHDRAWN, "at", 'i', true},
    {FLEET_CLAIM, "since", 'i', false},
    {FLEET_CLAIM, "failed", 't', false},
    {FLEET_CLAIM, "until", 'i', false},
};

/* What a tombstone says, of any kind that has them. */
static const struct field tombstone[] = {
    {FLEET_NONE, "at", 'i', true},
    {FLEET_NONE, "who", 't', true},
};

/* Below 2^53, as JSON's numbers are. */
static bool
whole(const cJSON *v, int64_t *out)
{
	return json_to_int(v, -WHOLE_MAX, WHOLE_MAX, out) == 0;
}

static bool
field_fits(const struct field *f, const cJSON *v)
{
	int64_t ignored;

	switch (f->type) {
	case 't':
		return cJSON_IsString(v);
	case 'i':
		return whole(v, &ignored);
	case 'b':
		return cJSON_IsBool(v);
	default:
		return cJSON_IsString(v) &&
		    is_digits(v->valuestring, strlen(v->valuestring), true, 64);
	}
}

static int
fields_check(const struct field *f, size_t num, enum fleet_kind kind,
    const cJSON *o, struct err *err)
{
	for (size_t i = 0; i < num; i++) {
		const cJSON *v = json_get(o, f[i].name);

		if (f[i].kind != kind && f[i].kind != FLEET_NONE)
			continue;
		if (v == NULL || cJSON_IsNull(v)) {
			if (f[i].needed)
				return err_set(
				    err, E_PARSE, "'%s' is missing", f[i].name);
			continue;
		}
		if (!field_fits(&f[i], v))
			return err_set(
			    err, E_PARSE, "'%s' is not of its type", f[i].name);
	}
	return 0;
}

static int64_t
number_of(const cJSON *o, const char *name)
{
	int64_t n = 0;

	(void)whole(json_get(o, name), &n);
	return n;
}

/* Without leading zeros, so that the longer one is the greater one. */
static bool
crl_number(char out[65], const cJSON *o)
{
	const char *s = json_get_string(o, "number");

	out[0] = '\0';
	if (s == NULL)
		return true;
	if (s[0] == '\0' || strspn(s, "0123456789abcdefABCDEF") != strlen(s))
		return false;
	s += strspn(s, "0");
	if (strlen(s) > 64)
		return false;
	for (size_t i = 0; i <= strlen(s); i++)
		out[i] = (char)tolower((unsigned char)s[i]);
	if (out[0] == '\0')
		memcpy(out, "0", 2);
	return true;
}

static bool
tally_octets(uint8_t out[FLEET_TALLY_LEN], const char *hex)
{
	if (!is_digits(hex, strlen(hex), true, 2 * (size_t)FLEET_TALLY_LEN))
		return false;
	for (size_t i = 0; i < FLEET_TALLY_LEN; i++)
		out[i] = (uint8_t)(text_hex_value(hex[2 * i]) * 16 +
		    text_hex_value(hex[2 * i + 1]));
	return true;
}

/* All of it or nothing: half a tally would count as none. */
static bool
tally_read(struct fleet_tally *t, int64_t n, const cJSON *o)
{
	const char *key = json_get_string(o, "key");
	const char *sum = json_get_string(o, "sum");
	bool num = json_get(o, "num") != NULL;

	if (key == NULL && sum == NULL && !num)
		return true;
	t->n = n;
	t->num = number_of(o, "num");
	t->known = num && t->num >= 0 && key != NULL && sum != NULL &&
	    tally_octets(t->key, key) && tally_octets(t->sum, sum);
	return t->known;
}

static void
put_octets(char *out, const uint8_t octets[FLEET_TALLY_LEN])
{
	for (size_t i = 0; i < FLEET_TALLY_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", octets[i]);
}

void
fleet_head_json(
    char out[FLEET_HEAD_JSON], int64_t n, const struct fleet_tally *t)
{
	char key[2 * FLEET_TALLY_LEN + 1], sum[2 * FLEET_TALLY_LEN + 1];

	if (!t->known) {
		snprintf(out, FLEET_HEAD_JSON, "{\"n\":%lld}", (long long)n);
		return;
	}
	put_octets(key, t->key);
	put_octets(sum, t->sum);
	snprintf(out, FLEET_HEAD_JSON,
	    "{\"n\":%lld,\"num\":%lld,\"key\":\"%s\",\"sum\":\"%s\"}",
	    (long long)n, (long long)t->num, key, sum);
}

bool
fleet_identity_draw(char out[FLEET_ID_SIZE])
{
	uint8_t r[16];

	if (RAND_bytes(r, sizeof(r)) != 1)
		return false;
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40); /* RFC 4122 4.4 */
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	snprintf(out, FLEET_ID_SIZE,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x"
	    "%02x",
	    r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10],
	    r[11], r[12], r[13], r[14], r[15]);
	return true;
}

void
fleet_identity_json(
    char out[FLEET_IDENTITY_JSON], const char *id, int64_t filled)
{
	snprintf(out, FLEET_IDENTITY_JSON,
	    "{\"v\":1,\"id\":\"%s\",\"born\":%lld,\"filled\":%lld}", id,
	    (long long)time(NULL), (long long)filled);
}

static bool
has_tombstones(enum fleet_kind kind)
{
	return kind == FLEET_DENY || kind == FLEET_HOLDING ||
	    kind == FLEET_CHAIN || kind == FLEET_KEY;
}

static int
tree_read(struct fleet_meaning *out, enum fleet_kind kind, const cJSON *o,
    struct err *err)
{
	/* A history says the same as its section. */
	enum fleet_kind like = kind == FLEET_HISTORY ? FLEET_CONFIG : kind;
	const char *id = json_get_string(o, "id");
	const cJSON *removed = json_get(o, "removed");
	int rc;

	out->removed = has_tombstones(kind) && cJSON_IsTrue(removed);
	rc = out->removed ? fields_check(tombstone, 2, FLEET_NONE, o, err)
			  : fields_check(fields,
				sizeof(fields) / sizeof(*fields), like, o, err);
	if (rc != 0)
		return rc;
	if (kind == FLEET_SUBJECT)
		out->removed = !cJSON_IsTrue(json_get(o, "allowed"));
	out->version = number_of(o, "version");
	out->at = number_of(o, "at");
	out->n = number_of(o, "n");
	out->this_update =
	    number_of(o, kind == FLEET_WITHDRAWN ? "at" : "this");
	out->checked = number_of(o, "checked");
	out->filled = number_of(o, "filled");
	if (json_get(o, "failed") != NULL)
		out->until = number_of(o, "until");
	if (kind == FLEET_IDENTITY) {
		if (strlen(id) != sizeof(out->id) - 1)
			return err_set(err, E_PARSE, "'id' is no UUID");
		memcpy(out->id, id, sizeof(out->id));
	}
	if ((like == FLEET_CONFIG &&
		(out->version < 1 || out->version > INT32_MAX)) ||
	    out->n < 0)
		return err_set(err, E_PARSE, "a number is out of its range");
	if (kind == FLEET_HEAD && !tally_read(&out->tally, out->n, o))
		return err_set(
		    err, E_PARSE, "'num', 'key', 'sum' are no tally");
	if (!crl_number(out->number, o))
		return err_set(err, E_PARSE, "'number' is no CRL number");
	return 0;
}

int
fleet_record_read(struct fleet_meaning *out, enum fleet_kind kind,
    const char *json, size_t len, struct err *err)
{
	cJSON *o;
	int rc;

	*out = (struct fleet_meaning){0};
	if (fleet_kind_rule(kind)->word == NULL)
		return err_set(err, E_ARG, "no kind of record");
	if (len > fleet_kind_rule(kind)->max_json)
		return err_set(err, E_LIMIT,
		    "%zu octets: a record '%s' has at most %zu", len,
		    fleet_kind_rule(kind)->word,
		    fleet_kind_rule(kind)->max_json);
	rc = json_parse(&o, json, len, err);
	if (rc != 0)
		return rc;
	rc = cJSON_IsObject(o) ? tree_read(out, kind, o, err)
			       : err_set(err, E_PARSE, "not an object");
	cJSON_Delete(o);
	return rc;
}

int
fleet_number_compare(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);

	return la != lb ? (la < lb ? -1 : 1) : strcmp(a, b);
}
