/* conf_rows: what tables of keys are made of: shapes, words, elements. */
#ifndef GATEWAY_CONF_CONF_ROWS_H
#define GATEWAY_CONF_CONF_ROWS_H

#include "gateway/conf/conf_key.h"

/* clang-format off */

/*
 * The shapes of rows; what follows the help are more initialisers. The unit of
 * what a function reads is its shape, in words.
 */
#define ROW(f, k, m, h, ...) \
	{.file = f, .kind = CONF_KIND_##k, .offset = offsetof(T, m), \
	 .help = h, ##__VA_ARGS__}
#define NUMBER(f, k, m, lo, hi, d, u, h, ...) \
	ROW(f, k, m, h, .min = lo, .max = hi, .dflt = #d, .unit = u, \
	    ##__VA_ARGS__)
#define FLAG(f, k, m, d, h, ...) ROW(f, k, m, h, .dflt = #d, ##__VA_ARGS__)
#define WORD(f, m, w, d, h, ...) \
	ROW(f, WORD, m, h, .words = w, .dflt = #d, ##__VA_ARGS__)
#define CALL(f, m, function, h, ...) \
	ROW(f, CUSTOM, m, h, .fn = function, ##__VA_ARGS__)
#define GROUP(f, h, ...) \
	{.file = f, .kind = CONF_KIND_GROUP, .help = h, ##__VA_ARGS__}
#define ELEMENTS(f, m, hi, i, function, h, ...) \
	ROW(f, LIST, m, h, .items = i, .size = sizeof(*((T *)NULL)->m), \
	    .max = hi, .fn = function, ##__VA_ARGS__)
#define LAXER(way) .laxer = CONF_LAXER_##way
/* The other name of the same key, and which way it is laxer. */
#define REVCHECK(p, way) \
	.section = SECTION_REVCHECK, .pushed = p, LAXER(way)
/* Rows of sections alone: S is the section. */
#define P_ROW(p, k, h, ...) \
	{.pushed = p, .section = S, .kind = CONF_KIND_##k, .help = h, \
	 ##__VA_ARGS__}
#define P_GROUP(p, fl, h) P_ROW(p, GROUP, h, .flags = fl)
#define END {.file = NULL}
/* clang-format on */

/* conf_words.c */
extern const struct conf_word conf_mode_words[];
extern const struct conf_word conf_order_words[];
extern const struct conf_word conf_nonce_words[];
extern const struct conf_word conf_relax_words[];
extern const struct conf_word conf_proxy_words[];
extern const struct conf_word conf_profile_words[];
extern const struct conf_word conf_version_words[];
extern const struct conf_word conf_type_words[];
extern const struct conf_word conf_format_words[];
extern const struct conf_word conf_level_words[];
extern const struct conf_word conf_peer_words[];
extern const struct conf_word conf_share_words[];

/* conf_elements.c: the keys of one element each */
extern const struct conf_key conf_identity_keys[];
extern const struct conf_key conf_trust_keys[];
extern const struct conf_key conf_allow_keys[];
extern const struct conf_key conf_link_keys[];
extern const struct conf_key conf_user_keys[];
extern const struct conf_key conf_client_keys[];
extern const struct conf_key conf_server_keys[];
extern const struct conf_key conf_issuer_keys[];

#endif
