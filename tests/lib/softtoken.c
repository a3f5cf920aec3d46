/*
 * softtoken: see softtoken.h.
 */
#include "tests/lib/softtoken.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit-1/p11-kit/pkcs11.h>

#include "tests/lib/net.h"

#define MAX_FOUND 16

void
softtoken_make(const char *label)
{
	const char *argv[] = {"/usr/bin/softhsm2-util", "--init-token",
	    "--free", "--label", label, "--so-pin", "12345678", "--pin",
	    SOFTTOKEN_PIN, NULL};
	char cwd[512], *text;

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	dir_make("tokens");
	text = xasprintf("directories.tokendir = %s/tokens\n"
			 "log.level = ERROR\n",
	    cwd);
	file_write("softhsm.conf", text, strlen(text));
	free(text);
	text = xasprintf("%s/softhsm.conf", cwd);
	setenv("SOFTHSM2_CONF", text, 1);
	free(text);
	assert_int_equal(proc_run(argv, "softhsm.log", WAIT_MS, NULL), 0);
}

/* A look inside: a session at a time. */

struct look {
	CK_FUNCTION_LIST_PTR fn;
	CK_SESSION_HANDLE session;
};

static CK_SLOT_ID
slot_of(CK_FUNCTION_LIST_PTR fn, const char *label)
{
	CK_SLOT_ID slots[MAX_FOUND];
	CK_ULONG num = MAX_FOUND;
	CK_TOKEN_INFO info;

	assert_int_equal(fn->C_GetSlotList(CK_TRUE, slots, &num), CKR_OK);
	for (CK_ULONG i = 0; i < num; i++)
		if (fn->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
		    memcmp(info.label, label, strlen(label)) == 0)
			return slots[i];
	fail_msg("no token '%s'", label);
	return 0;
}

static void
look_begin(struct look *l, const char *token)
{
	void *lib = dlopen(SOFTTOKEN_MODULE, RTLD_NOW | RTLD_LOCAL);
	CK_RV (*get)(CK_FUNCTION_LIST_PTR_PTR);
	CK_SLOT_ID slot;

	assert_non_null(lib);
	*(void **)&get = dlsym(lib, "C_GetFunctionList");
	assert_int_equal(get(&l->fn), CKR_OK);
	assert_int_equal(l->fn->C_Initialize(NULL), CKR_OK);
	slot = slot_of(l->fn, token);
	assert_int_equal(
	    l->fn->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
		NULL, NULL, &l->session),
	    CKR_OK);
	assert_int_equal(
	    l->fn->C_Login(l->session, CKU_USER, (CK_UTF8CHAR *)SOFTTOKEN_PIN,
		strlen(SOFTTOKEN_PIN)),
	    CKR_OK);
}

static void
look_end(struct look *l)
{
	assert_int_equal(l->fn->C_Finalize(NULL), CKR_OK);
}

static CK_ULONG
look_find(struct look *l, const char *label, CK_OBJECT_HANDLE *found)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE want[] = {{CKA_CLASS, &class, sizeof(class)},
	    {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
	CK_ULONG num = 0;

	assert_int_equal(l->fn->C_FindObjectsInit(l->session, want, 2), CKR_OK);
	assert_int_equal(
	    l->fn->C_FindObjects(l->session, found, MAX_FOUND, &num), CKR_OK);
	l->fn->C_FindObjectsFinal(l->session);
	return num;
}

static bool
flag(struct look *l, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL b = CK_FALSE;
	CK_ATTRIBUTE a = {type, &b, sizeof(b)};

	assert_int_equal(
	    l->fn->C_GetAttributeValue(l->session, object, &a, 1), CKR_OK);
	return b == CK_TRUE;
}

static bool
readable(struct look *l, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BYTE value[1024];
	CK_ATTRIBUTE a = {type, value, sizeof(value)};

	return l->fn->C_GetAttributeValue(l->session, object, &a, 1) == CKR_OK;
}

void
softtoken_look(struct softtoken_key *out, const char *token, const char *label)
{
	CK_OBJECT_HANDLE found[MAX_FOUND];
	struct look l;

	memset(out, 0, sizeof(*out));
	look_begin(&l, token);
	out->num = (unsigned)look_find(&l, label, found);
	if (out->num == 1) {
		out->sensitive = flag(&l, found[0], CKA_SENSITIVE);
		out->extractable = flag(&l, found[0], CKA_EXTRACTABLE);
		out->never_extractable =
		    flag(&l, found[0], CKA_NEVER_EXTRACTABLE);
		out->gives_value = readable(&l, found[0], CKA_VALUE) ||
		    readable(&l, found[0], CKA_PRIVATE_EXPONENT);
	}
	look_end(&l);
}

void
softtoken_delete(const char *token, const char *label)
{
	CK_OBJECT_HANDLE found[MAX_FOUND];
	struct look l;

	look_begin(&l, token);
	assert_int_equal(look_find(&l, label, found), 1);
	assert_int_equal(l.fn->C_DestroyObject(l.session, found[0]), CKR_OK);
	look_end(&l);
}
