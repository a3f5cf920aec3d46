/* leaf_id: see the header. */
#include "gateway/observe/leaf_id.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "cache/base/text.h"

/* RFC 5280 section 4.1.2.2 has 20; what has more cannot be listed. */
#define SERIAL_MAX 64

struct leaf_id
leaf_id_of(X509 *cert)
{
	const ASN1_INTEGER *serial;
	const unsigned char *issuer;
	size_t issuer_len;
	int serial_len;

	if (cert == NULL)
		return (struct leaf_id){0};
	serial = X509_get0_serialNumber(cert);
	serial_len = ASN1_STRING_length(serial);
	if (serial_len <= 0 || serial_len > SERIAL_MAX ||
	    X509_NAME_get0_der(
		X509_get_issuer_name(cert), &issuer, &issuer_len) != 1)
		return (struct leaf_id){0};
	return (struct leaf_id){.issuer = span_of(issuer, issuer_len),
	    .serial =
		span_of(ASN1_STRING_get0_data(serial), (size_t)serial_len)};
}

void
leaf_id_add(cJSON *o, struct leaf_id id)
{
	char serial[2 * SERIAL_MAX + 1];
	unsigned char *issuer;
	cJSON *part;

	if (id.serial.len == 0)
		return;
	issuer = malloc(4 * ((id.issuer.len + 2) / 3) + 1);
	if (issuer == NULL)
		return;
	EVP_EncodeBlock(issuer, id.issuer.p, (int)id.issuer.len);
	text_hex(serial, id.serial.p, id.serial.len);
	part = cJSON_AddObjectToObject(o, "leaf");
	cJSON_AddStringToObject(part, "issuer", (const char *)issuer);
	cJSON_AddStringToObject(part, "serial", serial);
	free(issuer);
}
