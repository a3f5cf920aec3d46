/* leaf_id: see the header. */
#include "gateway/observe/leaf_id.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cache/base/ref.h"
#include "cache/base/text.h"

/* RFC 5280 section 4.1.2.2 has 20; what has more cannot be listed. */
#define SERIAL_MAX 64

struct leaf_id {
	struct ref ref;
	size_t issuer_len, serial_len;
	unsigned char bytes[]; /* the issuer's, then the serial's */
};

struct leaf_id *
leaf_id_new(X509 *cert)
{
	const ASN1_INTEGER *serial;
	const unsigned char *issuer;
	struct leaf_id *id;
	size_t issuer_len;
	int serial_len;

	if (cert == NULL)
		return NULL;
	serial = X509_get0_serialNumber(cert);
	serial_len = ASN1_STRING_length(serial);
	if (serial_len <= 0 || serial_len > SERIAL_MAX ||
	    X509_NAME_get0_der(
		X509_get_issuer_name(cert), &issuer, &issuer_len) != 1)
		return NULL;
	id = malloc(sizeof(*id) + issuer_len + (size_t)serial_len);
	if (id == NULL)
		return NULL;
	ref_init(&id->ref);
	id->issuer_len = issuer_len;
	id->serial_len = (size_t)serial_len;
	memcpy(id->bytes, issuer, issuer_len);
	memcpy(id->bytes + issuer_len, ASN1_STRING_get0_data(serial),
	    id->serial_len);
	return id;
}

struct leaf_id *
leaf_id_up_ref(struct leaf_id *id)
{
	if (id != NULL)
		ref_up(&id->ref);
	return id;
}

void
leaf_id_free(struct leaf_id *id)
{
	if (id != NULL && ref_down(&id->ref))
		free(id);
}

void
leaf_id_add(cJSON *o, const struct leaf_id *id)
{
	char serial[2 * SERIAL_MAX + 1];
	unsigned char *issuer;
	cJSON *part;

	if (id == NULL)
		return;
	issuer = malloc(4 * ((id->issuer_len + 2) / 3) + 1);
	if (issuer == NULL)
		return;
	EVP_EncodeBlock(issuer, id->bytes, (int)id->issuer_len);
	text_hex(serial, id->bytes + id->issuer_len, id->serial_len);
	part = cJSON_AddObjectToObject(o, "leaf");
	cJSON_AddStringToObject(part, "issuer", (const char *)issuer);
	cJSON_AddStringToObject(part, "serial", serial);
	free(issuer);
}
