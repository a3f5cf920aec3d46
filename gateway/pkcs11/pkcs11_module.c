/*
 * pkcs11_module: the module, the slot and the login. Runs on a token's thread
 * that holds the gate alone. The module is never unloaded: those that use
 * OpenSSL themselves do not survive it.
 */
#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "gateway/pkcs11/pkcs11_internal.h"

#define SLOTS_MAX 256

static const struct {
	CK_RV rv;
	const char *text;
} words[] = {
    {CKR_PIN_INCORRECT, "the PIN is wrong"},
    {CKR_PIN_INVALID, "the PIN has characters that it cannot have"},
    {CKR_PIN_LEN_RANGE, "the PIN is too short or too long"},
    {CKR_PIN_EXPIRED, "the PIN has expired"},
    {CKR_PIN_LOCKED, "the PIN is locked after too many wrong ones"},
    {CKR_USER_PIN_NOT_INITIALIZED, "the token has no user PIN"},
    {CKR_DEVICE_REMOVED, "the token was removed"},
    {CKR_TOKEN_NOT_PRESENT, "the token was removed"},
    {CKR_DEVICE_ERROR, "the device has a problem"},
    {CKR_DEVICE_MEMORY, "the token is full"},
    {CKR_SESSION_HANDLE_INVALID, "the session is gone"},
    {CKR_SESSION_CLOSED, "the session is gone"},
    {CKR_SESSION_COUNT, "the token allows no more sessions"},
    {CKR_USER_NOT_LOGGED_IN, "the login is gone"},
    {CKR_TOKEN_WRITE_PROTECTED, "the token is write-protected"},
    {CKR_MECHANISM_INVALID, "the token does not know the mechanism"},
    {CKR_MECHANISM_PARAM_INVALID,
	"the token does not take the mechanism's parameters"},
    {CKR_KEY_TYPE_INCONSISTENT, "the key is not for this mechanism"},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, "the key may not sign"},
    {CKR_TEMPLATE_INCONSISTENT, "its attributes are not to its liking"},
    {CKR_ATTRIBUTE_VALUE_INVALID, "its attributes are not to its liking"},
    {CKR_DOMAIN_PARAMS_INVALID, "the token does not know the curve"},
    {CKR_CURVE_NOT_SUPPORTED, "the token does not know the curve"},
    {CKR_KEY_HANDLE_INVALID, "the key is gone"},
    {CKR_OBJECT_HANDLE_INVALID, "the key is gone"},
};

int
pkcs11_fail(struct err *err, int code, const char *what, CK_RV rv)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].rv == rv)
			return err_set(
			    err, code, "%s: %s", what, words[i].text);
	return err_set(
	    err, code, "%s: PKCS#11 error 0x%lx", what, (unsigned long)rv);
}

bool
pkcs11_is_lost(CK_RV rv)
{
	switch (rv) {
	case CKR_SESSION_HANDLE_INVALID:
	case CKR_SESSION_CLOSED:
	case CKR_USER_NOT_LOGGED_IN:
	case CKR_DEVICE_REMOVED:
	case CKR_DEVICE_ERROR:
	case CKR_TOKEN_NOT_PRESENT:
	case CKR_TOKEN_NOT_RECOGNIZED:
	case CKR_SLOT_ID_INVALID:
	case CKR_CRYPTOKI_NOT_INITIALIZED:
	case CKR_GENERAL_ERROR:
		return true;
	default:
		return false;
	}
}

static int
load(struct pkcs11 *t, struct err *err)
{
	CK_RV (*list)(CK_FUNCTION_LIST_PTR_PTR);

	if (t->fn != NULL)
		return 0;
	if (t->library == NULL)
		t->library = dlopen(t->module, RTLD_NOW | RTLD_LOCAL);
	if (t->library == NULL)
		return err_set(
		    err, E_IO, "cannot load the PKCS#11 module: %s", dlerror());
	*(void **)&list = dlsym(t->library, "C_GetFunctionList");
	if (list == NULL || list(&t->fn) != CKR_OK || t->fn == NULL) {
		t->fn = NULL;
		return err_set(
		    err, E_PARSE, "'%s' is not a PKCS#11 module", t->module);
	}
	return 0;
}

static int
initialize(struct pkcs11 *t, struct err *err)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	CK_RV rv;

	if (t->initialized)
		return 0;
	rv = t->fn->C_Initialize(&args);
	if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
		return pkcs11_fail(
		    err, E_IO, "cannot start the PKCS#11 module", rv);
	t->initialized = rv == CKR_OK;
	return 0;
}

void
pkcs11_finalize(struct pkcs11 *t)
{
	if (t->initialized)
		t->fn->C_Finalize(NULL);
	t->initialized = false;
}

/* PKCS#11 pads with blanks and ends with nothing. */
static void
unpad(char *out, const unsigned char *in, size_t len)
{
	while (len > 0 && (in[len - 1] == ' ' || in[len - 1] == '\0'))
		len--;
	memcpy(out, in, len);
	out[len] = '\0';
}

static int
find_slot(struct pkcs11 *t, CK_TOKEN_INFO *info, struct pkcs11_uri *name,
    struct err *err)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG num = 0, found = 0;
	struct pkcs11_uri at;
	CK_TOKEN_INFO one;
	CK_RV rv;

	/* Some modules look for new tokens only when asked how many. */
	rv = t->fn->C_GetSlotList(CK_TRUE, NULL, &num);
	num = SLOTS_MAX;
	if (rv == CKR_OK)
		rv = t->fn->C_GetSlotList(CK_TRUE, slots, &num);
	if (rv != CKR_OK)
		return pkcs11_fail(
		    err, E_IO, "cannot list the tokens of the module", rv);
	for (CK_ULONG i = 0; i < num; i++) {
		if (t->fn->C_GetTokenInfo(slots[i], &one) != CKR_OK ||
		    !(one.flags & CKF_TOKEN_INITIALIZED))
			continue;
		memset(&at, 0, sizeof(at));
		unpad(at.token, one.label, sizeof(one.label));
		unpad(at.manufacturer, one.manufacturerID,
		    sizeof(one.manufacturerID));
		unpad(at.model, one.model, sizeof(one.model));
		unpad(at.serial, one.serialNumber, sizeof(one.serialNumber));
		if (!pkcs11_uri_same_token(&t->where, &at))
			continue;
		t->slot = slots[i];
		*info = one;
		*name = at;
		found++;
	}
	if (found == 1)
		return 0;
	return err_set(err, E_IO, "the module '%s' has %s token '%s'%s",
	    t->module, found == 0 ? "no" : "more than one", t->where.token,
	    found == 0 ? " that is initialised" : ": name its serial, too");
}

/* One wrong PIN more would lock the token: somebody has to look at it. */
static int
check_flags(const CK_TOKEN_INFO *info, struct err *err)
{
	if (info->flags & CKF_USER_PIN_LOCKED)
		return err_set(err, E_PARSE,
		    "the PIN is locked after too many wrong ones");
	if (info->flags & CKF_USER_PIN_FINAL_TRY)
		return err_set(err, E_PARSE,
		    "one more wrong PIN locks the token: log in once by "
		    "another way, then start again");
	return 0;
}

static int
login(struct pkcs11 *t, CK_SESSION_HANDLE session, const char *pin,
    struct err *err)
{
	CK_UTF8CHAR copy[PKCS11_PIN_MAX + 1];
	size_t len = strlen(pin);
	CK_RV rv;

	memcpy(copy, pin, len + 1);
	rv = t->fn->C_Login(session, CKU_USER, copy, len);
	OPENSSL_cleanse(copy, sizeof(copy));
	switch (rv) {
	case CKR_OK:
	case CKR_USER_ALREADY_LOGGED_IN:
		return 0;
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
	case CKR_PIN_EXPIRED:
	case CKR_PIN_LOCKED:
	case CKR_USER_PIN_NOT_INITIALIZED:
		return pkcs11_fail(err, E_PARSE, "cannot log in", rv);
	default:
		return pkcs11_fail(err, E_IO, "cannot log in", rv);
	}
}

int
pkcs11_connect(struct pkcs11 *t, CK_SESSION_HANDLE *session, const char *pin,
    struct pkcs11_uri *name, struct err *err)
{
	CK_TOKEN_INFO info = {.flags = 0};
	CK_RV rv;
	int rc = load(t, err);

	if (rc != 0)
		return rc;
	assert(t->fn != NULL);
	/* Many find a token that came back only when started anew. */
	if (t->attempts > 0)
		pkcs11_finalize(t);
	else if (t->initialized)
		t->fn->C_CloseAllSessions(t->slot);
	rc = initialize(t, err);
	if (rc == 0)
		rc = find_slot(t, &info, name, err);
	if (rc == 0)
		rc = check_flags(&info, err);
	if (rc != 0)
		return rc;
	rv = t->fn->C_OpenSession(
	    t->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, session);
	if (rv != CKR_OK)
		return pkcs11_fail(err, E_IO, "cannot open a session", rv);
	rc = login(t, *session, pin, err);
	if (rc != 0)
		t->fn->C_CloseSession(*session);
	return rc;
}
