/* public_pem: see the header. */
#include "gateway/members/public_pem.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

char *
public_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *out = NULL;
	long len;

	if (bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1) {
		len = BIO_get_mem_data(bio, &data);
		out = strndup(data, (size_t)len);
	}
	BIO_free(bio);
	return out;
}
