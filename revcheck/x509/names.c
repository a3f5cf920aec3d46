/*
 * names: the names used in JSON, logs and text, and the words for a mode. Pure;
 * any thread.
 */
#include <strings.h>

#include "revcheck/revcheck.h"

#define WORD(table, i)                                     \
	((size_t)(i) < sizeof(table) / sizeof(table[0]) && \
		    table[(size_t)(i)] != NULL             \
		? table[(size_t)(i)]                       \
		: "?")

static const char *const status_names[] = {
    [REVCHECK_UNKNOWN] = "unknown",
    [REVCHECK_GOOD] = "good",
    [REVCHECK_REVOKED] = "revoked",
    [REVCHECK_PATH_INVALID] = "path-invalid",
    [REVCHECK_NOT_ASKED] = "not-asked",
};

static const char *const why_names[] = {
    [REVCHECK_WHY_NONE] = "none",
    [REVCHECK_WHY_NO_SOURCE] = "no-source",
    [REVCHECK_WHY_UNREACHABLE] = "unreachable",
    [REVCHECK_WHY_DEADLINE] = "deadline",
    [REVCHECK_WHY_HTTP_ERROR] = "http-error",
    [REVCHECK_WHY_MALFORMED] = "malformed",
    [REVCHECK_WHY_FORGED] = "forged",
    [REVCHECK_WHY_STALE] = "stale",
    [REVCHECK_WHY_NOT_YET_VALID] = "not-yet-valid",
    [REVCHECK_WHY_RESPONDER_ERROR] = "responder-error",
    [REVCHECK_WHY_UNKNOWN_CERT] = "unknown-cert",
    [REVCHECK_WHY_OUT_OF_SCOPE] = "out-of-scope",
    [REVCHECK_WHY_REASONS_MISSING] = "reasons-missing",
    [REVCHECK_WHY_URL_REFUSED] = "url-refused",
    [REVCHECK_WHY_TOO_LARGE] = "too-large",
    [REVCHECK_WHY_BACKOFF] = "backoff",
    [REVCHECK_WHY_OFFLINE] = "offline",
    [REVCHECK_WHY_NONCE] = "nonce",
    [REVCHECK_WHY_SIGNER_REVOKED] = "signer-revoked",
    [REVCHECK_WHY_SIGNER_UNKNOWN] = "signer-unknown",
    [REVCHECK_WHY_CRITICAL_EXT] = "critical-ext",
    [REVCHECK_WHY_DENYLISTED] = "denylisted",
    [REVCHECK_WHY_PATH] = "path",
    [REVCHECK_WHY_CANCELLED] = "cancelled",
    [REVCHECK_WHY_INTERNAL] = "internal",
    [REVCHECK_WHY_OLDER] = "older",
};

/* As RFC 5280 5.3.1 spells them. */
static const char *const reason_names[] = {
    [REVCHECK_REASON_UNSPECIFIED] = "unspecified",
    [REVCHECK_REASON_KEY_COMPROMISE] = "keyCompromise",
    [REVCHECK_REASON_CA_COMPROMISE] = "cACompromise",
    [REVCHECK_REASON_AFFILIATION_CHANGED] = "affiliationChanged",
    [REVCHECK_REASON_SUPERSEDED] = "superseded",
    [REVCHECK_REASON_CESSATION_OF_OPERATION] = "cessationOfOperation",
    [REVCHECK_REASON_CERTIFICATE_HOLD] = "certificateHold",
    [REVCHECK_REASON_REMOVE_FROM_CRL] = "removeFromCRL",
    [REVCHECK_REASON_PRIVILEGE_WITHDRAWN] = "privilegeWithdrawn",
    [REVCHECK_REASON_AA_COMPROMISE] = "aACompromise",
};

static const char *const mode_names[] = {
    [REVCHECK_MODE_DEFAULT] = "DEFAULT",
    [REVCHECK_MODE_OFF] = "OFF",
    [REVCHECK_MODE_SOFT_FAIL] = "SOFT_FAIL",
    [REVCHECK_MODE_HARD_FAIL] = "HARD_FAIL",
};

static const char *const method_names[] = {
    [REVCHECK_METHOD_NONE] = "none",
    [REVCHECK_METHOD_OCSP] = "ocsp",
    [REVCHECK_METHOD_CRL] = "crl",
    [REVCHECK_METHOD_DENYLIST] = "denylist",
    [REVCHECK_METHOD_MEMORY] = "memory",
    [REVCHECK_METHOD_FLEET] = "fleet",
};

static const char *const source_names[] = {
    [REVCHECK_SOURCE_NONE] = "none",
    [REVCHECK_SOURCE_NETWORK] = "network",
    [REVCHECK_SOURCE_CACHE] = "cache",
    [REVCHECK_SOURCE_DISK] = "disk",
    [REVCHECK_SOURCE_FILE] = "file",
    [REVCHECK_SOURCE_STAPLE] = "staple",
};

const char *
revcheck_version(void)
{
	return REVCHECK_VERSION;
}

const char *
revcheck_status_name(enum revcheck_status s)
{
	return WORD(status_names, s);
}

const char *
revcheck_why_name(enum revcheck_why w)
{
	return WORD(why_names, w);
}

const char *
revcheck_reason_name(int reason)
{
	if (reason == REVCHECK_REASON_NONE)
		return "none";
	return reason < 0 ? "?" : WORD(reason_names, reason);
}

const char *
revcheck_mode_name(enum revcheck_mode m)
{
	return WORD(mode_names, m);
}

const char *
revcheck_method_name(enum revcheck_method m)
{
	return WORD(method_names, m);
}

const char *
revcheck_source_name(enum revcheck_source s)
{
	return WORD(source_names, s);
}

int
revcheck_mode_parse(enum revcheck_mode *out, const char *word)
{
	static const struct {
		const char *word;
		enum revcheck_mode mode;
	} words[] = {
	    {"OFF", REVCHECK_MODE_OFF},
	    {"SOFT_FAIL", REVCHECK_MODE_SOFT_FAIL},
	    {"HARD_FAIL", REVCHECK_MODE_HARD_FAIL},
	    {"ON", REVCHECK_MODE_SOFT_FAIL},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(word, words[i].word) == 0) {
			*out = words[i].mode;
			return REVCHECK_OK;
		}
	}
	return REVCHECK_E_PARSE;
}
