/*
 * sni_index: a hash table from lower-case server name to identity, built once
 * and only read after that, from any thread. Owns copies of the names.
 */
#include "gateway/tls/sni_index.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cache/base/text.h"
#include "gateway/conf/conf.h"

#define SNI_NAME_MAX 255 /* RFC 1035 2.3.4 */

struct sni_slot {
	char *name; /* NULL: free */
	size_t identity;
};

struct sni_index {
	struct sni_slot *slots;
	size_t num_slots; /* a power of two, at most half full */
};

static uint64_t
sni_hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ull;
	return h ^ h >> 31;
}

/* The slot that holds name, or the free one where it would go. */
static struct sni_slot *
sni_slot_of(const struct sni_index *ix, const char *name)
{
	size_t i = sni_hash(name) & (ix->num_slots - 1);

	while (
	    ix->slots[i].name != NULL && strcmp(ix->slots[i].name, name) != 0)
		i = (i + 1) & (ix->num_slots - 1);
	return &ix->slots[i];
}

/* The first identity to claim a name keeps it. */
static int
sni_add(
    struct sni_index *ix, const char *name, size_t identity, struct err *err)
{
	struct sni_slot *s = sni_slot_of(ix, name);

	if (s->name != NULL)
		return 0;
	s->name = strdup(name);
	if (s->name == NULL)
		return err_set(err, E_NOMEM, "cannot index server names");
	s->identity = identity;
	return 0;
}

/* Both ways in which the name's text has been written before hashing it. */
static int
sni_add_corda4(struct sni_index *ix, const struct conf_identity *id,
    size_t identity, struct err *err)
{
	static const char *const seps[] = {", ", ","};
	char name[SNI_CORDA4_LEN];
	int rc;

	if (id->num_chain == 0)
		return 0;
	for (size_t i = 0; i < 2; i++) {
		rc = sni_corda4_name(
		    name, X509_get_subject_name(id->chain[0]), seps[i], err);
		if (rc != 0)
			return rc;
		rc = sni_add(ix, name, identity, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int
sni_corda4_name(char out[SNI_CORDA4_LEN], const X509_NAME *subject,
    const char *sep, struct err *err)
{
	unsigned long flags = XN_FLAG_DN_REV | XN_FLAG_FN_SN |
	    ASN1_STRFLGS_UTF8_CONVERT | ASN1_STRFLGS_ESC_2253;
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned md_len = 0;
	BIO *mem = BIO_new(BIO_s_mem());
	const char *text = NULL;
	long len = 0;
	int rc = E_NOMEM;

	flags |= strcmp(sep, ",") == 0 ? XN_FLAG_SEP_COMMA_PLUS
				       : XN_FLAG_SEP_CPLUS_SPC;
	if (mem == NULL || X509_NAME_print_ex(mem, subject, 0, flags) < 0)
		goto out;
	len = BIO_get_mem_data(mem, &text);
	if (len < 0 ||
	    EVP_Digest(text, (size_t)len, md, &md_len, EVP_sha256(), NULL) != 1)
		goto out;
	text_hex(out, md, 16);
	memcpy(out + 32, SNI_CORDA4_SUFFIX, sizeof(SNI_CORDA4_SUFFIX));
	rc = 0;
out:
	if (rc != 0)
		err_ossl(err, rc, "cannot hash the name of an identity");
	BIO_free(mem);
	return rc;
}

int
sni_index_new(struct sni_index **out, const struct conf *conf, struct err *err)
{
	struct sni_index *ix = calloc(1, sizeof(*ix));
	size_t num = 0, size = 8;
	int rc = E_NOMEM;

	*out = NULL;
	for (size_t i = 0; i < conf->num_identities; i++)
		num += conf->identities[i].num_server_names + 2;
	while (size < 2 * num + 1)
		size *= 2;
	if (ix == NULL)
		goto nomem;
	ix->num_slots = size;
	ix->slots = calloc(size, sizeof(*ix->slots));
	if (ix->slots == NULL)
		goto nomem;
	for (size_t i = 0; i < conf->num_identities; i++) {
		const struct conf_identity *id = &conf->identities[i];

		for (size_t k = 0; k < id->num_server_names; k++) {
			rc = sni_add(ix, id->server_names[k], i, err);
			if (rc != 0)
				goto out;
		}
	}
	for (size_t i = 0; i < conf->num_identities; i++) {
		rc = sni_add_corda4(ix, &conf->identities[i], i, err);
		if (rc != 0)
			goto out;
	}
	*out = ix;
	return 0;
nomem:
	err_set(err, E_NOMEM, "cannot index server names");
out:
	sni_index_free(ix);
	return rc;
}

void
sni_index_free(struct sni_index *ix)
{
	if (ix == NULL)
		return;
	for (size_t i = 0; ix->slots != NULL && i < ix->num_slots; i++)
		free(ix->slots[i].name);
	free(ix->slots);
	free(ix);
}

size_t
sni_find(const struct sni_index *ix, const char *name)
{
	char key[SNI_NAME_MAX + 2] = "";
	const struct sni_slot *s;
	const char *dot;
	size_t len = name == NULL ? 0 : strlen(name);

	if (len == 0 || len > SNI_NAME_MAX)
		return 0;
	for (size_t i = 0; i <= len; i++)
		key[i] = (char)tolower((unsigned char)name[i]);
	/* A trailing dot names the root and says nothing more. */
	if (len > 1 && key[len - 1] == '.')
		key[len - 1] = '\0';
	s = sni_slot_of(ix, key);
	if (s->name != NULL)
		return s->identity;
	/* RFC 6125 6.4.3: the wildcard stands for the whole left label. */
	dot = strchr(key, '.');
	if (dot == NULL || dot == key)
		return 0;
	memmove(key + 1, dot, strlen(dot) + 1);
	key[0] = '*';
	s = sni_slot_of(ix, key);
	return s->name != NULL ? s->identity : 0;
}
