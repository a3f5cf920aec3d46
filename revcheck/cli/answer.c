/* answer: see the header. */
#include "revcheck/cli/answer.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

/* What to do about what is not known. */
static const struct {
	enum revcheck_why why;
	const char *text;
} ways_out[] = {
    {REVCHECK_WHY_NO_SOURCE,
	"--crl FILE and --ocsp FILE take evidence that you have"},
    {REVCHECK_WHY_URL_REFUSED,
	"--allow-address HOST permits a local or special address, --any-port a "
	"port besides 80 and 443"},
    {REVCHECK_WHY_DEADLINE, "--deadline-ms N waits longer"},
    {REVCHECK_WHY_OFFLINE, "without --offline it would be asked for"},
    {REVCHECK_WHY_STALE,
	"--at TIME judges for a time at which the evidence was in date"},
};

CLI_LIKE(2, 3)
static void
hint(struct answer *x, const char *fmt, ...)
{
	size_t n = strlen(x->hints);
	va_list ap;

	if (n > 0 && n + 1 < sizeof(x->hints))
		x->hints[n++] = '\n';
	va_start(ap, fmt);
	vsnprintf(x->hints + n, sizeof(x->hints) - n, fmt, ap);
	va_end(ap);
}

static void
hint_at_ways_out(struct answer *x)
{
	enum revcheck_why why;
	bool said;

	for (size_t w = 0; w < sizeof(ways_out) / sizeof(ways_out[0]); w++) {
		said = false;
		for (size_t i = 0; i < revcheck_report_num(x->rep); i++) {
			why = revcheck_report_get0(x->rep, i)->why;
			if (said || why != ways_out[w].why)
				continue;
			hint(x, "%s", ways_out[w].text);
			said = true;
		}
	}
}

static void
not_determined(struct answer *x)
{
	bool forged = revcheck_report_why(x->rep) == REVCHECK_WHY_FORGED;

	x->status = EXIT_UNDETERMINED;
	x->tint = TINT_WARN;
	x->headline = "not determined";
	hint_at_ways_out(x);
	if (revcheck_report_mode(x->rep) == REVCHECK_MODE_SOFT_FAIL)
		hint(x,
		    "--soft does not forgive evidence that is forged and came "
		    "from where nobody else can have changed it");
	else
		hint(x,
		    "--soft accepts what is not determined%s (exit status 0)",
		    forged ? ", a forgery only where it came by plain http"
			   : "");
}

/* Accepted without being known to be good: somebody has asked for that. */
static void
forgiven(struct answer *x)
{
	bool off = revcheck_report_mode(x->rep) == REVCHECK_MODE_OFF;

	x->status = EXIT_ACCEPTED;
	x->tint = TINT_WARN;
	x->headline = "accept";
	hint(x, "%s",
	    off ? "not asked about, since the mode is OFF: nothing is known"
		: "not determined: accepted only because SOFT_FAIL (--soft) "
		  "was asked for");
}

static void
hint_at_path(struct answer *x)
{
	switch (revcheck_report_path_error(x->rep)) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		hint(x,
		    "--untrusted FILE takes the CA certificates that are "
		    "missing, --fetch-issuers gets them; --anchors says whom "
		    "to trust");
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		hint(x, "--anchors says whom to trust");
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		hint(x, "--at TIME judges for another time");
		break;
	default:
		break;
	}
}

void
answer_make(struct answer *x, struct revcheck_report *rep)
{
	bool allows = revcheck_report_allows(rep);
	bool hard = revcheck_report_mode(rep) == REVCHECK_MODE_HARD_FAIL;
	int path_error = revcheck_report_path_error(rep);

	*x = (struct answer){.rep = rep,
	    .status = EXIT_UNDETERMINED,
	    .tint = TINT_BAD,
	    .headline = "refuse",
	    .word = revcheck_status_name(revcheck_report_status(rep))};
	if (path_error != X509_V_OK)
		x->path_error = X509_verify_cert_error_string(path_error);
	snprintf(x->text, sizeof(x->text), "%s", revcheck_report_text(rep));
	switch (revcheck_report_status(rep)) {
	case REVCHECK_GOOD:
		if (!allows)
			break;
		x->status = EXIT_ACCEPTED;
		x->tint = TINT_GOOD;
		x->headline = "accept";
		return;
	case REVCHECK_REVOKED:
		x->status = EXIT_REVOKED;
		return;
	case REVCHECK_PATH_INVALID:
		x->status = EXIT_PATH_INVALID;
		hint_at_path(x);
		return;
	case REVCHECK_NOT_ASKED:
		if (!hard)
			break;
		not_determined(x);
		snprintf(x->text, sizeof(x->text),
		    "not asked about: the certificate is a trust anchor "
		    "itself, and nobody says whether such a one is revoked");
		return;
	case REVCHECK_UNKNOWN:
		break;
	}
	if (allows)
		forgiven(x);
	else
		not_determined(x);
}

void
answer_make_failed(struct answer *x, int status, const char *text)
{
	*x = (struct answer){.status = status,
	    .tint = TINT_BAD,
	    .headline = "failed",
	    .word = "failed"};
	snprintf(x->text, sizeof(x->text), "%s", text);
}

void
answer_wrong_name(struct answer *x, const char *text)
{
	if (x->status == EXIT_REVOKED || x->status == EXIT_PATH_INVALID)
		return;
	x->status = EXIT_PATH_INVALID;
	x->tint = TINT_BAD;
	x->headline = "refuse";
	x->word = revcheck_status_name(REVCHECK_PATH_INVALID);
	x->path_error =
	    X509_verify_cert_error_string(X509_V_ERR_HOSTNAME_MISMATCH);
	snprintf(x->text, sizeof(x->text), "refused: %s", text);
	snprintf(x->hints, sizeof(x->hints),
	    "--name NAME says which name it must have, --no-name that it does "
	    "not matter");
}

void
answer_cleanup(struct answer *x)
{
	revcheck_report_free(x->rep);
	x->rep = NULL;
}

bool
answer_accepts(const struct answer *x)
{
	return x->status == EXIT_ACCEPTED;
}

/* For people. */

static void
print_lines(FILE *f, const char *lines)
{
	size_t n;

	for (; *lines != '\0'; lines += n + (lines[n] == '\n')) {
		n = strcspn(lines, "\n");
		fprintf(f, "  %.*s\n", (int)n, lines);
	}
}

void
answer_print_decision(FILE *f, const struct answer *x)
{
	char text[sizeof(x->text)];

	snprintf(text, sizeof(text), "%s", x->text);
	print_plain(text);
	fprintf(f, "%s%s%s %s (mode %s)\n  %s\n", tint_on(f, x->tint),
	    x->headline, tint_off(f), x->word,
	    revcheck_mode_name(revcheck_report_mode(x->rep)), text);
	print_lines(f, x->hints);
}

void
answer_print(FILE *f, const struct answer *x, const struct ask *a)
{
	char title[40];

	for (size_t i = 0; i < revcheck_report_num(x->rep); i++) {
		snprintf(title, sizeof(title), "certificate %zu%s", i,
		    i == 0 ? " (leaf)" : "");
		print_result(
		    f, revcheck_report_get0(x->rep, i), ask_now(a), title);
		fputc('\n', f);
	}
	if (a->anchors.system) {
		print_field(f, "anchors", TINT_NONE, "the system's, %s",
		    a->anchors.from);
		fputc('\n', f);
	}
	print_notes(f, revcheck_report_notes(x->rep));
	answer_print_decision(f, x);
}

/* For programs. */

static bool
replace(cJSON *o, const char *name, const char *text)
{
	cJSON *item =
	    text != NULL ? cJSON_CreateString(text) : cJSON_CreateNull();

	return item != NULL && cJSON_ReplaceItemInObject(o, name, item);
}

cJSON *
answer_json(const struct answer *x, const struct ask *a)
{
	char *text = revcheck_report_json(x->rep, 0);
	cJSON *o = text != NULL ? cJSON_Parse(text) : NULL;

	free(text);
	if (o != NULL &&
	    replace(o, "decision", answer_accepts(x) ? "accept" : "refuse") &&
	    replace(o, "status", x->word) && replace(o, "text", x->text) &&
	    replace(o, "pathError", x->path_error) &&
	    cJSON_AddNumberToObject(o, "exitStatus", x->status) != NULL) {
		print_json_octets(o, "anchors", a->anchors.from);
		print_json_text(o, "hints", x->hints);
		return o;
	}
	cJSON_Delete(o);
	return NULL;
}

int
answer_worse(int a, int b)
{
	/* From good to bad. */
	static const int order[] = {EXIT_ACCEPTED, EXIT_UNDETERMINED,
	    EXIT_UNAVAILABLE, EXIT_INPUT, EXIT_USAGE, EXIT_SOFTWARE,
	    EXIT_PATH_INVALID, EXIT_REVOKED};
	int x = 0;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (order[i] == a || order[i] == b)
			x = order[i];
	return x;
}
