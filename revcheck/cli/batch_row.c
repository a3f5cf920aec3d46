/* batch_row: see the header. */
#include "revcheck/cli/batch_row.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

/* The certificate that the answer is about, or the leaf; NULL: none. */
static const struct revcheck_result *
told_about(const struct answer *x)
{
	int i = x->rep != NULL ? revcheck_report_index(x->rep) : -1;

	if (x->rep == NULL || revcheck_report_num(x->rep) == 0)
		return NULL;
	return revcheck_report_get0(x->rep, i > 0 ? (size_t)i : 0);
}

static void
name_of(char *out, size_t cap, X509 *cert)
{
	char *text = cert != NULL
	    ? X509_NAME_oneline(X509_get_subject_name(cert), NULL, 0)
	    : NULL;

	snprintf(out, cap, "%s", text != NULL ? text : "");
	OPENSSL_free(text);
	print_plain(out);
}

static void
not_after(char out[PRINT_UTC_LEN], X509 *cert)
{
	struct tm tm;

	out[0] = '\0';
	if (cert != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1)
		print_utc(out, timegm(&tm));
}

/* Text. */

static void
print_text(const struct batch_row *row)
{
	const struct answer *x = row->answer;
	char text[sizeof(x->text)], name[512];

	snprintf(text, sizeof(text), "%s", x->text);
	print_plain(text);
	snprintf(name, sizeof(name), "%s", row->name);
	print_plain(name);
	printf("%s%-14s%s %s", tint_on(stdout, x->tint),
	    x->status == EXIT_UNDETERMINED ? "not determined" : x->word,
	    tint_off(stdout), name);
	if (x->tint == TINT_GOOD)
		fputc('\n', stdout);
	else
		printf(": %s%s\n", text,
		    answer_accepts(x) ? " (accepted: SOFT_FAIL or OFF)" : "");
}

/* CSV. */

static const char *const columns[] = {"file", "subject", "serial", "notAfter",
    "decision", "status", "why", "reason", "revocationDate", "index", "method",
    "source", "url", "thisUpdate", "nextUpdate", "exitStatus", "text"};

/*
 * Quoted where it must be. What a spreadsheet would take for a formula gets an
 * apostrophe in front: names are written by strangers.
 */
static void
csv_field(const char *text, bool last)
{
	bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;

	if (!formula && strpbrk(text, ",\"\r\n") == NULL) {
		fputs(text, stdout);
	} else {
		fputs(formula ? "\"'" : "\"", stdout);
		for (const char *p = text; *p != '\0'; p++) {
			if (*p == '"')
				fputc('"', stdout);
			fputc(*p, stdout);
		}
		fputc('"', stdout);
	}
	fputs(last ? "\r\n" : ",", stdout);
}

static void
csv_time(time_t t)
{
	char when[PRINT_UTC_LEN] = "";

	if (t != 0)
		print_utc(when, t);
	csv_field(when, false);
}

static void
print_csv(const struct batch_row *row)
{
	static const struct revcheck_result nothing = {
	    .reason = REVCHECK_REASON_NONE};
	const struct answer *x = row->answer;
	const struct revcheck_result *about = told_about(x),
				     *r = about != NULL ? about : &nothing;
	char name[512], when[PRINT_UTC_LEN], number[16];

	csv_field(row->name, false);
	name_of(name, sizeof(name), row->leaf);
	csv_field(name, false);
	csv_field(x->rep != NULL && revcheck_report_num(x->rep) > 0
		? revcheck_report_get0(x->rep, 0)->serial
		: "",
	    false);
	not_after(when, row->leaf);
	csv_field(when, false);
	csv_field(answer_accepts(x) ? "accept" : "refuse", false);
	csv_field(x->word, false);
	csv_field(r->why != REVCHECK_WHY_NONE ? revcheck_why_name(r->why) : "",
	    false);
	csv_field(r->reason != REVCHECK_REASON_NONE
		? revcheck_reason_name(r->reason)
		: "",
	    false);
	csv_time(r->revoked_at);
	snprintf(number, sizeof(number), "%d",
	    x->rep != NULL ? revcheck_report_index(x->rep) : -1);
	csv_field(number[0] == '-' ? "" : number, false);
	csv_field(r->method != REVCHECK_METHOD_NONE
		? revcheck_method_name(r->method)
		: "",
	    false);
	csv_field(r->source != REVCHECK_SOURCE_NONE
		? revcheck_source_name(r->source)
		: "",
	    false);
	csv_field(r->url, false);
	csv_time(r->this_update);
	csv_time(r->next_update);
	snprintf(number, sizeof(number), "%d", x->status);
	csv_field(number, false);
	csv_field(x->text, true);
}

/* JSON. */

static cJSON *
row_json(const struct batch_row *row, const struct batch *b)
{
	const struct answer *x = row->answer;
	cJSON *o;

	if (x->rep != NULL) {
		o = answer_json(x, b->ask);
	} else {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "decision", "refuse");
		cJSON_AddStringToObject(o, "status", x->word);
		cJSON_AddStringToObject(o, "text", x->text);
		cJSON_AddNumberToObject(o, "exitStatus", x->status);
	}
	if (o != NULL)
		print_json_octets(o, "file", row->name);
	return o;
}

static int
print_json(const struct batch_row *row, const struct batch *b)
{
	cJSON *o = row_json(row, b);
	int rc = o != NULL ? print_line(o)
			   : cli_fail(EXIT_SOFTWARE, "out of memory");

	cJSON_Delete(o);
	return rc;
}

/* All of them. */

void
batch_begin(const struct batch *b)
{
	size_t num = sizeof(columns) / sizeof(columns[0]);

	if (b->form == BATCH_CSV)
		for (size_t i = 0; i < num; i++)
			csv_field(columns[i], i + 1 == num);
	else if (b->form == BATCH_JSON)
		puts("[");
}

int
batch_row_print(const struct batch_row *row, const struct batch *b, size_t i)
{
	int rc = 0;

	switch (b->form) {
	case BATCH_TEXT:
		print_text(row);
		break;
	case BATCH_CSV:
		print_csv(row);
		break;
	case BATCH_JSON:
		if (i > 0)
			fputc(',', stdout);
		rc = print_json(row, b);
		break;
	case BATCH_JSONL:
		rc = print_json(row, b);
		break;
	}
	/* Who reads along wants to see it now. */
	if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		rc = cli_fail(EXIT_SOFTWARE, "cannot write the answer");
	return rc;
}

static void
sum_part(size_t n, const char *name, enum tint t, const char **sep)
{
	if (n == 0)
		return;
	printf("%s%s%zu %s%s", *sep, tint_on(stdout, t), n, name,
	    tint_off(stdout));
	*sep = ", ";
}

void
batch_end(const struct batch *b, const struct batch_sum *sum)
{
	const char *sep = "";

	if (b->form == BATCH_JSON)
		puts("]");
	if (b->form != BATCH_TEXT)
		return;
	sum_part(sum->good, "good", TINT_GOOD, &sep);
	sum_part(sum->revoked, "revoked", TINT_BAD, &sep);
	sum_part(sum->undetermined, "not determined", TINT_WARN, &sep);
	sum_part(
	    sum->forgiven, "accepted though not determined", TINT_WARN, &sep);
	sum_part(sum->invalid, "without a valid path", TINT_BAD, &sep);
	sum_part(sum->failed, "not readable", TINT_BAD, &sep);
	fputc('\n', stdout);
}

void
batch_sum_add(struct batch_sum *sum, const struct answer *x)
{
	sum->worst = answer_worse(sum->worst, x->status);
	switch (x->status) {
	case EXIT_ACCEPTED:
		if (x->tint == TINT_GOOD)
			sum->good++;
		else
			sum->forgiven++;
		break;
	case EXIT_REVOKED:
		sum->revoked++;
		break;
	case EXIT_UNDETERMINED:
		sum->undetermined++;
		break;
	case EXIT_PATH_INVALID:
		sum->invalid++;
		break;
	default:
		sum->failed++;
	}
}
