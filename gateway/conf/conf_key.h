/*
 * conf_key: one configuration key, as a row of a table. Everything that knows
 * keys is a walk over conf_keys: the bootstrap file's reader, validation and
 * defaults of pushed sections, their JSON Schema, the manual's list. A row
 * that has two names is one key: one range, one default, one member.
 */
#ifndef GATEWAY_CONF_CONF_KEY_H
#define GATEWAY_CONF_CONF_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "gateway/conf/section.h"

struct conf_place;
struct conf_reader;

enum conf_kind {
	CONF_KIND_U32,
	CONF_KIND_U64, /* up to 2^53 */
	CONF_KIND_INT,
	CONF_KIND_BOOL,
	CONF_KIND_FLAG,   /* int, 0 or 1 */
	CONF_KIND_WORD,   /* int or an enum: the value of one of `words` */
	CONF_KIND_BITS,   /* unsigned: an array of `words`, or'ed */
	CONF_KIND_TEXT,   /* char * */
	CONF_KIND_PATH,   /* char *; relative ones start at the file */
	CONF_KIND_TEXTS,  /* char ** and a size_t after it */
	CONF_KIND_PORTS,  /* uint16_t * and a size_t after it */
	CONF_KIND_LISTEN, /* struct address, to listen on */
	CONF_KIND_PEERS,  /* struct address * and a size_t, to connect to */
	CONF_KIND_GROUP,  /* an object: the rows whose names begin with its */
	CONF_KIND_LIST,   /* an array of objects by `items`, and a size_t */
	CONF_KIND_CUSTOM  /* fn reads it; in the file only */
};

enum conf_key_flags {
	CONF_REQUIRED = 1 << 0, /* where its object is there */
	CONF_STRICT = 1 << 1,   /* a pushed object that refuses other keys */
	CONF_ONE_OF = 1 << 2,   /* at most one of the members */
	CONF_NULLABLE = 1 << 3,
	CONF_NO_EFFECT = 1 << 4, /* checked, kept, returned; has no member */
	CONF_RESTART = 1 << 5,   /* acts at the next start */
	/*
	 * The name of a section for what the file sets in another row, with
	 * a range and a published default of its own. Absent means as the
	 * file says.
	 */
	CONF_ALIAS = 1 << 6,
	CONF_HTTP = 1 << 7,  /* acts in HTTP mode only */
	CONF_UNSET = 1 << 8, /* zero while nobody sets it; see `inherits` */
	CONF_PATHS = 1 << 9, /* TEXTS: relative ones start at the file */
	/* LIST: the bool after the number says that it is there, if empty. */
	CONF_SAYS_PRESENT = 1 << 10
};

/*
 * Which way a pushed value lets more in, or lets it stay longer: what such a
 * key says counts only when it is written.
 */
enum conf_laxer {
	CONF_LAXER_UNDECIDED = 0, /* no pushed key that acts may be */
	CONF_LAXER_NEITHER,
	CONF_LAXER_MORE, /* a greater number, more bits or elements */
	CONF_LAXER_LESS,
	CONF_LAXER_MORE_OR_ZERO /* zero: without end */
};

struct conf_word {
	const char *word; /* in any case; NULL ends the list */
	int64_t value;    /* the first word of a value is its name */
};

/* Bytes of an element of a pushed list of texts. */
#define CONF_TEXTS_MAX_LEN 2048

/* Upper bound of numbers that have none but that of their type. */
#define CONF_NO_MAX INT32_MAX

struct conf_key {
	const char *file;   /* place in the file, dotted; NULL: none */
	const char *pushed; /* place in its section, dotted; NULL: none */
	enum section_id section;
	enum conf_kind kind;
	unsigned flags; /* enum conf_key_flags */
	enum conf_laxer laxer;
	unsigned stricter; /* bits that are laxer when they are not set */
	size_t offset;     /* in struct conf, or in the element of a list */
	size_t size;       /* LIST: of an element */
	size_t inherits;   /* UNSET: offset of what acts while it is zero */
	int64_t min, max;  /* numbers; elements; bytes of a text (0: any) */
	int64_t scale;     /* ALIAS: the member is so many times the value */
	const char *dflt;  /* JSON text; NULL: none */
	const struct conf_word *words;
	const char *pattern; /* TEXT: POSIX extended, anchored */
	const struct conf_key *items;
	/*
	 * CUSTOM, and TEXT or PATH that have one: reads the value into base +
	 * offset. GROUP: called before its members are read, LIST: after each
	 * element; base is the table's.
	 */
	int (*fn)(
	    struct conf_reader *r, const struct conf_place *place, void *base);
	const char *unit;
	const char *help;
};

/* All keys; ends with a row of neither name. Members are of struct conf. */
extern const struct conf_key conf_keys[];

/* A row of neither name ends a table. */
static inline bool
conf_key_ends(const struct conf_key *k)
{
	return k->file == NULL && k->pushed == NULL;
}

/* Which of its two names a walk goes by. */
struct conf_names {
	bool pushed;
	enum section_id section;
};

/* Full name of a key; NULL when it has none there. */
const char *
conf_key_name(const struct conf_key *k, const struct conf_names *names);
/* The last part of its name if it stands right below prefix, or NULL. */
const char *conf_key_below(const struct conf_key *k,
    const struct conf_names *names, const char *prefix);
/* The key of that name right below prefix, or NULL. */
const struct conf_key *conf_key_find(const struct conf_key *table,
    const struct conf_names *names, const char *prefix, const char *name);

/* Numbers, flags and words; loose: see section_validate. */
bool conf_key_is_number(const struct conf_key *k);
bool conf_key_take(
    const struct conf_key *k, const cJSON *item, bool loose, int64_t *out);
/* "a whole number from 1 to 10"; words are quoted. Returns buf. */
const char *conf_key_expected(const struct conf_key *k, char *buf, size_t size);
/* Writes and reads the member; base is what offset counts from. */
void conf_key_store(const struct conf_key *k, int64_t v, void *base);
int64_t conf_key_load(const struct conf_key *k, const void *base);
/* The value as JSON in the unit of the pushed name; NULL: out of memory. */
cJSON *conf_key_json(const struct conf_key *k, int64_t v);
/* Whether `now` is laxer than `before`, of a number or bits. */
bool conf_key_is_laxer(const struct conf_key *k, int64_t before, int64_t now);

bool conf_text_matches(const char *pattern, const char *text);

/*
 * Appends a zeroed element of `size` to a heap array; NULL when out of
 * memory. The caller fills it in place.
 */
void *conf_grow(void *array_ptr, size_t *num, size_t size);

/* Words that other rooms use, too. */
extern const struct conf_word conf_key_categories[]; /* value: one bit each */
#define CONF_URL_PATH "^/[/.a-zA-Z0-9-]*$"

#endif
