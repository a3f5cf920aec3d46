/* judging: see the header. */
#include "revcheck/api/judging.h"

#include "cache/evidence/evidence_file.h"
#include "revcheck/engine/policy.h"

struct only {
	struct evidence *e; /* the first: a reference */
	struct err why;     /* of what is none; code 0: nothing was wrong */
	size_t num;
};

static int
only_take(
    void *arg, struct evidence *e, enum crl_fault fault, const struct err *why)
{
	struct only *o = arg;

	(void)fault;
	o->num++;
	if (e == NULL)
		o->why = *why;
	else if (o->e == NULL)
		o->e = evidence_up_ref(e);
	return 0;
}

static int
read_all(struct only *o, enum evidence_kind kind, struct span bytes, int fd,
    const char *name, struct err *err)
{
	struct evidence_file *f =
	    evidence_file_new(kind, name, 0, NULL, only_take, o);
	int rc;

	if (f == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	rc = fd < 0 ? evidence_file_feed(f, bytes, err) : 1;
	while (rc == 1)
		rc = evidence_file_step(f, fd, err);
	if (rc == 0)
		rc = evidence_file_finish(f, err);
	evidence_file_free(f);
	if (rc == E_NOMEM)
		return err_set(err, rc, "out of memory");
	return rc;
}

int
judging_read(struct evidence **out, enum evidence_kind kind, struct span bytes,
    int fd, const char *name, struct err *err)
{
	struct only only = {.num = 0};
	int rc = read_all(&only, kind, bytes, fd, name, err);

	*out = NULL;
	if (rc == 0 && only.num > 1)
		rc = err_set(err, E_PARSE,
		    "cannot read '%s': it has %zu objects, one %s is expected",
		    name, only.num,
		    kind == EVIDENCE_CRL ? "CRL" : "OCSP response");
	else if (rc == 0 && only.e == NULL)
		rc = err_set(
		    err, E_PARSE, "cannot read '%s': %s", name, only.why.msg);
	if (rc == 0)
		*out = only.e;
	else
		evidence_free(only.e);
	return rc;
}

int
judging_rules(struct validity_rules *out, const struct revcheck_policy *policy,
    time_t at, struct err *err)
{
	static const struct revcheck_policy none;
	struct revcheck_policy resolved;
	int rc =
	    policy_resolve(&resolved, policy != NULL ? policy : &none, err);

	if (rc == 0)
		*out = policy_rules(&resolved, at != 0 ? at : time(NULL));
	return rc;
}
