/*
 * input: certificates from files as people have them: PEM with whatever stands
 * beside, DER, PKCS#7 (p7b, p7c), PKCS#12; "-" is standard input.
 */
#ifndef REVCHECK_CLI_INPUT_H
#define REVCHECK_CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "revcheck/revcheck.h"

/* Owned references, in the order found; zeroed to begin with. */
struct cert_list {
	X509 **v;
	size_t num, cap;
};

/* Takes a reference. 0, or an exit status with its sentence on stderr. */
int cert_list_add(struct cert_list *l, X509 *x);
void cert_list_cleanup(struct cert_list *l);
/* In there already? */
bool cert_list_has(const struct cert_list *l, X509 *x);

struct input {
	/* A file whose first line opens PKCS#12; NULL: none, or a terminal. */
	const char *password_file;
	bool stdin_taken; /* it can be read once */
};

/*
 * Appends what a file holds; of PKCS#7 and PKCS#12, which have no order, the
 * leaf first. 0, or an exit status with its sentence on stderr.
 */
int input_certs(struct cert_list *out, const char *path, struct input *in);
/* The same of bytes; name appears in errors. PKCS#12 only with in. */
int input_parse(struct cert_list *out, const void *data, size_t len,
    const char *name, struct input *in);
/* A whole file, NUL-terminated beyond *len; free() it. */
int input_read(
    unsigned char **out, size_t *len, const char *path, struct input *in);
/* As one chain. */
int
input_chain(struct revcheck_certs **out, const char *path, struct input *in);

#endif
