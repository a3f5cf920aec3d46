/* name_set: names by the SHA-256 of their text in lower case. */
#include "gateway/base/name_set.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cache/base/digest_map.h"

struct name_set {
	struct ref ref;
	struct digest_map map;
};

static void
item_free(struct digest_item *item)
{
	free(item);
}

/* Folded by pieces: a name may be of any length. */
static bool
key_of(uint8_t key[DIGEST_MAP_KEY_LEN], const char *name)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = strlen(name), n;
	char piece[256];
	bool ok =
	    ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (; ok && len > 0; name += n, len -= n) {
		n = len < sizeof(piece) ? len : sizeof(piece);
		for (size_t i = 0; i < n; i++)
			piece[i] = name[i] >= 'A' && name[i] <= 'Z'
			    ? (char)(name[i] | 0x20)
			    : name[i];
		ok = EVP_DigestUpdate(ctx, piece, n) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(ctx, key, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

int
name_set_new(struct name_set **out, struct err *err)
{
	struct name_set *s = calloc(1, sizeof(*s));

	*out = s;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	ref_init(&s->ref);
	digest_map_init(&s->map, item_free);
	return 0;
}

struct name_set *
name_set_up_ref(struct name_set *s)
{
	if (s != NULL)
		ref_up(&s->ref);
	return s;
}

void
name_set_free(struct name_set *s)
{
	if (s == NULL || !ref_down(&s->ref))
		return;
	digest_map_cleanup(&s->map);
	free(s);
}

bool
name_set_has(const struct name_set *s, const char *name)
{
	uint8_t key[DIGEST_MAP_KEY_LEN];

	return s != NULL && key_of(key, name) &&
	    digest_map_find(&s->map, key) != NULL;
}

size_t
name_set_num(const struct name_set *s)
{
	return s != NULL ? s->map.num : 0;
}

int
name_set_add(struct name_set *s, const char *name, struct err *err)
{
	struct digest_item *item = calloc(1, sizeof(*item));

	if (item != NULL && key_of(item->key, name)) {
		ref_init(&item->ref);
		if (digest_map_put(&s->map, item) == 0)
			return 0;
	}
	free(item);
	return err_set(err, E_NOMEM, "out of memory");
}

static int
set_copy(struct name_set **out, const struct name_set *s, struct err *err)
{
	int rc = name_set_new(out, err);

	if (rc == 0 && s != NULL)
		digest_map_copy(&(*out)->map, &s->map);
	return rc;
}

int
name_set_with(struct name_set **out, const struct name_set *s, const char *name,
    struct err *err)
{
	int rc = set_copy(out, s, err);

	if (rc == 0)
		rc = name_set_add(*out, name, err);
	if (rc != 0) {
		name_set_free(*out);
		*out = NULL;
	}
	return rc;
}

int
name_set_without(struct name_set **out, const struct name_set *s,
    const char *name, struct err *err)
{
	uint8_t key[DIGEST_MAP_KEY_LEN];
	int rc = set_copy(out, s, err);

	if (rc != 0)
		return rc;
	if (key_of(key, name) && digest_map_remove(&(*out)->map, key) >= 0)
		return 0;
	name_set_free(*out);
	*out = NULL;
	return err_set(err, E_NOMEM, "out of memory");
}
