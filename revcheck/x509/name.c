/*
 * name: see the header. Strings are compared one code point at a time by two
 * readers that fold case and white space on the way, so nothing is copied and
 * length is no concern. Pure; any thread.
 */
#include "revcheck/x509/name.h"

#include <stdint.h>

#define TAG_UTF8      0x0c
#define TAG_NUMERIC   0x12
#define TAG_PRINTABLE 0x13
#define TAG_T61       0x14
#define TAG_IA5       0x16
#define TAG_VISIBLE   0x1a
#define TAG_UNIVERSAL 0x1c
#define TAG_BMP       0x1e

/* More attributes in one RDN than this are compared byte by byte only. */
#define RDN_ATTRIBUTES_MAX 16

enum {
	CHARS_END = -1,
	CHARS_BAD = -2,
};

/* A reader of the characters of one attribute value. */
struct chars {
	struct span in;
	int tag;
	bool started;    /* a character other than space was returned */
	int32_t pending; /* read ahead past white space, or 0 */
};

static bool
tag_is_string(int tag)
{
	switch (tag) {
	case TAG_UTF8:
	case TAG_NUMERIC:
	case TAG_PRINTABLE:
	case TAG_T61:
	case TAG_IA5:
	case TAG_VISIBLE:
	case TAG_UNIVERSAL:
	case TAG_BMP:
		return true;
	default:
		return false;
	}
}

static int32_t
chars_utf8(struct chars *c)
{
	static const int32_t least[] = {0, 0x80, 0x800, 0x10000};
	const uint8_t *p = c->in.p;
	size_t more;
	int32_t v;

	if (p[0] < 0x80)
		more = 0, v = p[0];
	else if ((p[0] & 0xe0) == 0xc0)
		more = 1, v = p[0] & 0x1f;
	else if ((p[0] & 0xf0) == 0xe0)
		more = 2, v = p[0] & 0x0f;
	else if ((p[0] & 0xf8) == 0xf0)
		more = 3, v = p[0] & 0x07;
	else
		return CHARS_BAD;
	if (c->in.len < more + 1)
		return CHARS_BAD;
	for (size_t i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return CHARS_BAD;
		v = v << 6 | (p[i] & 0x3f);
	}
	/* Overlong forms, surrogates and beyond the last plane (RFC 3629). */
	if (v < least[more] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return CHARS_BAD;
	c->in.p += more + 1;
	c->in.len -= more + 1;
	return v;
}

/* The next code point as written, CHARS_END or CHARS_BAD. */
static int32_t
chars_raw(struct chars *c)
{
	size_t width;
	uint32_t v = 0;

	if (c->in.len == 0)
		return CHARS_END;
	if (c->tag == TAG_UTF8)
		return chars_utf8(c);
	width = c->tag == TAG_UNIVERSAL ? 4 : c->tag == TAG_BMP ? 2 : 1;
	if (c->in.len < width)
		return CHARS_BAD;
	for (size_t i = 0; i < width; i++)
		v = v << 8 | c->in.p[i];
	if (v > 0x10ffff)
		return CHARS_BAD;
	/* T61String is read as Latin-1, as other implementations do. */
	if (v >= 0x80 && width == 1 && c->tag != TAG_T61)
		return CHARS_BAD;
	c->in.p += width;
	c->in.len -= width;
	return (int32_t)v;
}

/* RFC 4518 2.2: what is mapped to SPACE. */
static bool
is_space(int32_t v)
{
	return (v >= 0x09 && v <= 0x0d) || v == ' ' || v == 0x85 || v == 0xa0 ||
	    v == 0x1680 || (v >= 0x2000 && v <= 0x200a) || v == 0x2028 ||
	    v == 0x2029 || v == 0x202f || v == 0x205f || v == 0x3000;
}

/* Case folding for the scripts whose capitals sit at a fixed distance. */
static int32_t
fold(int32_t v)
{
	if ((v >= 'A' && v <= 'Z') || (v >= 0xc0 && v <= 0xde && v != 0xd7) ||
	    (v >= 0x391 && v <= 0x3a9 && v != 0x3a2) ||
	    (v >= 0x410 && v <= 0x42f))
		return v + 0x20;
	if (v >= 0x400 && v <= 0x40f)
		return v + 0x50;
	return v;
}

/*
 * The next character for comparison: case folded, runs of white space made
 * one, none at the start or the end (RFC 4518 2.6.1).
 */
static int32_t
chars_next(struct chars *c)
{
	int32_t v = c->pending;
	bool space = false;

	c->pending = 0;
	if (v == 0)
		v = chars_raw(c);
	while (v >= 0 && is_space(v)) {
		space = true;
		v = chars_raw(c);
	}
	if (v < 0)
		return v;
	if (space && c->started) {
		/* pending == 0 means none, and no valid name has U+0000. */
		if (v == 0)
			return CHARS_BAD;
		c->pending = v;
		return ' ';
	}
	c->started = true;
	return fold(v);
}

static bool
strings_equal(int tag_a, struct span a, int tag_b, struct span b)
{
	struct chars ca = {.in = a, .tag = tag_a};
	struct chars cb = {.in = b, .tag = tag_b};
	int32_t va, vb;

	do {
		va = chars_next(&ca);
		vb = chars_next(&cb);
		if (va == CHARS_BAD || va != vb)
			return false;
	} while (va != CHARS_END);
	return true;
}

struct attribute {
	struct span oid, value, whole;
	int tag;
};

static bool
attribute_read(struct der *d, struct attribute *out)
{
	struct der in;
	struct span body;
	int tag;

	if (!der_any(d, &tag, &body, &out->whole) || tag != DER_SEQUENCE)
		return false;
	der_init(&in, body);
	return der_get(&in, DER_OID, &out->oid) &&
	    der_any(&in, &out->tag, &out->value, NULL) && der_done(&in);
}

static bool
attribute_equal(const struct attribute *a, const struct attribute *b)
{
	if (span_equal(a->whole, b->whole))
		return true;
	return span_equal(a->oid, b->oid) && tag_is_string(a->tag) &&
	    tag_is_string(b->tag) &&
	    strings_equal(a->tag, a->value, b->tag, b->value);
}

static bool
rdn_read(struct span in, struct attribute *v, size_t *num)
{
	struct der d;

	der_init(&d, in);
	*num = 0;
	while (!der_done(&d)) {
		if (*num == RDN_ATTRIBUTES_MAX || !attribute_read(&d, &v[*num]))
			return false;
		(*num)++;
	}
	return *num > 0;
}

/* Each value of a has its own equal in b, in any order. */
static bool
rdn_equal(struct span a, struct span b)
{
	struct attribute va[RDN_ATTRIBUTES_MAX], vb[RDN_ATTRIBUTES_MAX];
	size_t na, nb;
	unsigned used = 0;

	if (!rdn_read(a, va, &na) || !rdn_read(b, vb, &nb) || na != nb)
		return false;
	for (size_t i = 0; i < na; i++) {
		size_t j = 0;

		while (j < nb &&
		    ((used & 1u << j) != 0 || !attribute_equal(&va[i], &vb[j])))
			j++;
		if (j == nb)
			return false;
		used |= 1u << j;
	}
	return true;
}

bool
name_equal(struct span a, struct span b)
{
	struct der da, db;
	struct span ra, rb;

	if (a.len == 0 || b.len == 0)
		return false;
	if (span_equal(a, b))
		return true;
	der_init(&da, a);
	der_init(&db, b);
	if (!der_get(&da, DER_SEQUENCE, &ra) || !der_done(&da) ||
	    !der_get(&db, DER_SEQUENCE, &rb) || !der_done(&db))
		return false;
	der_init(&da, ra);
	der_init(&db, rb);
	while (!der_done(&da) && !der_done(&db))
		if (!der_get(&da, DER_SET, &ra) ||
		    !der_get(&db, DER_SET, &rb) || !rdn_equal(ra, rb))
			return false;
	return der_done(&da) && der_done(&db);
}

#define HASH_PRIME 1099511628211u

/* What is compared by its octets alone counts by its type. */
static uint64_t
attribute_hash(const struct attribute *a)
{
	struct chars c = {.in = a->value, .tag = a->tag};
	uint64_t type = 14695981039346656037u, h;
	int32_t v = CHARS_BAD;

	for (size_t i = 0; i < a->oid.len; i++)
		type = (type ^ a->oid.p[i]) * HASH_PRIME;
	h = type;
	if (tag_is_string(a->tag))
		while ((v = chars_next(&c)) >= 0)
			h = (h ^ (uint64_t)v) * HASH_PRIME;
	return v == CHARS_BAD ? type : h;
}

uint64_t
name_hash(struct span name)
{
	struct attribute v[RDN_ATTRIBUTES_MAX];
	struct der d;
	struct span rdns, rdn;
	uint64_t h = 1, sum;
	size_t num;

	der_init(&d, name);
	if (!der_get(&d, DER_SEQUENCE, &rdns) || !der_done(&d))
		return 0;
	der_init(&d, rdns);
	while (der_get(&d, DER_SET, &rdn)) {
		sum = 0;
		/* In any order. */
		for (size_t i = rdn_read(rdn, v, &num) ? num : 0; i > 0; i--)
			sum += attribute_hash(&v[i - 1]);
		h = (h ^ sum) * HASH_PRIME;
	}
	return h;
}

bool
general_name_next(struct der *d, struct general_name *out)
{
	struct der in;
	int tag;

	if (der_peek(d) < 0)
		return false;
	if (!der_any(d, &tag, &out->body, NULL))
		return false;
	/* Context class; constructed where the type is, RFC 5280 4.2.1.6. */
	out->tag = tag & 0x1f;
	switch (tag) {
	case DER_CONTEXT_C(GENERAL_NAME_DIRECTORY):
		der_init(&in, out->body);
		/* A CHOICE is tagged explicitly: one whole Name, no more. */
		if (der_any(&in, &tag, NULL, NULL) && tag == DER_SEQUENCE &&
		    der_done(&in))
			return true;
		break;
	case DER_CONTEXT(1):
	case DER_CONTEXT(2):
	case DER_CONTEXT(GENERAL_NAME_URI):
	case DER_CONTEXT(7):
	case DER_CONTEXT(8):
	case DER_CONTEXT_C(0):
	case DER_CONTEXT_C(3):
	case DER_CONTEXT_C(5):
		return true;
	}
	d->failed = true;
	return false;
}

static bool
ascii_equal(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		uint8_t x = a.p[i], y = b.p[i];

		if (x >= 'A' && x <= 'Z')
			x += 0x20;
		if (y >= 'A' && y <= 'Z')
			y += 0x20;
		if (x != y)
			return false;
	}
	return true;
}

/* How much of a URI is scheme and authority: up to the path. */
static size_t
uri_prefix(struct span u)
{
	size_t i = 0, slashes = 0;

	while (i < u.len && slashes < 3) {
		if (u.p[i] == '?' || u.p[i] == '#')
			break;
		if (u.p[i] == '/' && ++slashes == 3)
			break;
		i++;
	}
	return i;
}

/* RFC 5280 7.4: scheme and host without regard to case, the rest exactly. */
static bool
uri_equal(struct span a, struct span b)
{
	size_t na = uri_prefix(a), nb = uri_prefix(b);

	if (na != nb || a.len != b.len)
		return false;
	return ascii_equal(span_of(a.p, na), span_of(b.p, nb)) &&
	    span_equal(
		span_of(a.p + na, a.len - na), span_of(b.p + nb, b.len - nb));
}

bool
general_name_equal(const struct general_name *a, const struct general_name *b)
{
	if (a->tag != b->tag)
		return false;
	switch (a->tag) {
	case GENERAL_NAME_DIRECTORY:
		return name_equal(a->body, b->body);
	case GENERAL_NAME_URI:
		return uri_equal(a->body, b->body);
	case 2: /* dNSName */
		return ascii_equal(a->body, b->body);
	case 1: /* rfc822Name */
	case 7: /* iPAddress */
	case 8: /* registeredID */
		return span_equal(a->body, b->body);
	default:
		return false;
	}
}
