/*
 * rest_words: the query parameters that take one word of a list. Who reads
 * them and who describes them in OpenAPI know the same words. Constant.
 */
#ifndef GATEWAY_REST_REST_WORDS_H
#define GATEWAY_REST_REST_WORDS_H

struct rest_words {
	const char *pattern; /* of the only route; NULL: of all others */
	const char *name;    /* of the parameter */
	const char *(*word)(unsigned i); /* of 0..num-1; "": none there */
	unsigned num;
};

/* NULL: a parameter of this name takes no list of words. */
const struct rest_words *rest_words_of(const char *pattern, const char *name);

#endif
