/* conn_report: see the header. */
#include "gateway/rest/conn_report.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "cache/base/subject.h"
#include "cache/base/text.h"
#include "gateway/base/dn.h"
#include "gateway/base/json.h"
#include "gateway/observe/leaf_id.h"

static void
add_certificate(cJSON *o, X509 *leaf)
{
	char subject[DN_MAX] = "", hex[2 * SHA256_DIGEST_LENGTH + 1];
	unsigned char hash[SHA256_DIGEST_LENGTH];
	unsigned len = 0;

	leaf_id_add(o, leaf_id_of(leaf));
	if (leaf != NULL)
		subject_show(subject, sizeof(subject), leaf);
	cJSON_AddStringToObject(o, "subject", subject);
	if (leaf == NULL || X509_digest(leaf, EVP_sha256(), hash, &len) != 1) {
		cJSON_AddNullToObject(o, "certificateSha256");
		return;
	}
	text_hex(hex, hash, len);
	cJSON_AddStringToObject(o, "certificateSha256", hex);
}

static cJSON *
row_json(const struct conn_row *row)
{
	cJSON *o = cJSON_CreateObject();

	if (o == NULL)
		return NULL;
	cJSON_AddNumberToObject(o, "id", (double)row->id);
	cJSON_AddStringToObject(o, "way", decision_way_name(row->way));
	cJSON_AddStringToObject(o, "peer", row->peer);
	add_certificate(o, row->leaf);
	json_add_time(o, "since", row->since);
	cJSON_AddStringToObject(
	    o, "status", decision_status_name(row->found.status));
	cJSON_AddStringToObject(o, "why", revcheck_why_name(row->found.why));
	cJSON_AddStringToObject(o, "mode", revcheck_mode_name(row->found.mode));
	cJSON_AddStringToObject(o, "tlsVersion", row->tls);
	cJSON_AddNumberToObject(o, "bytesIn", (double)row->bytes_in);
	cJSON_AddNumberToObject(o, "bytesOut", (double)row->bytes_out);
	return o;
}

cJSON *
conn_report_rows(const struct conn_answer *a)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; list != NULL && i < a->num; i++)
		cJSON_AddItemToArray(list, row_json(&a->rows[i]));
	return list;
}
