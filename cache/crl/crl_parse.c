/* crl_parse: whole CRLs in one call, from memory or from a mapped file. */
#include "cache/crl/crl.h"

static int
build_all(struct crl_builder *b, struct crl **out, enum crl_fault *fault,
    struct err *err)
{
	int rc;

	(void)crl_builder_step(b, SIZE_MAX);
	rc = crl_builder_finish(b, out, fault, err);
	crl_builder_free(b);
	return rc;
}

int
crl_map(int fd, const struct crl_limits *limits, struct crl **out,
    enum crl_fault *fault, struct err *err)
{
	struct err mine = {0};
	struct crl_builder *b =
	    crl_builder_new_map(fd, 0, limits, fault, &mine);

	*out = NULL;
	if (b != NULL)
		return build_all(b, out, fault, err);
	if (err != NULL)
		*err = mine;
	return mine.code;
}

int
crl_parse_take(uint8_t *der, size_t len, const struct crl_limits *limits,
    struct crl **out, enum crl_fault *fault, struct err *err)
{
	struct err mine = {0};
	struct crl_builder *b =
	    crl_builder_new_take(der, len, limits, fault, &mine);

	*out = NULL;
	if (b != NULL)
		return build_all(b, out, fault, err);
	if (err != NULL)
		*err = mine;
	return mine.code;
}

int
crl_parse(struct span in, const struct crl_limits *limits, struct crl **out,
    enum crl_fault *fault, struct err *err)
{
	struct crl_builder *b = crl_builder_new(limits);
	int rc;

	*out = NULL;
	if (b == NULL) {
		if (fault != NULL)
			*fault = CRL_FAULT_NOMEM;
		return err_set(err, E_NOMEM, "out of memory for a CRL");
	}
	rc = crl_builder_feed(b, in, fault, err);
	if (rc == 0)
		rc = crl_builder_finish(b, out, fault, err);
	crl_builder_free(b);
	return rc;
}
