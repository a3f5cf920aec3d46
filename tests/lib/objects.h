/*
 * objects: a real nginx (dav_methods PUT) as the store of CRLs that several
 * engines share: ./store holds the objects.
 */
#ifndef TESTS_LIB_OBJECTS_H
#define TESTS_LIB_OBJECTS_H

#include "tests/lib/net.h"

struct objects {
	struct proc proc;
	int held; /* its port, kept by a socket that never listens */
	char url[64];
};

/* In the test's directory, once; it listens when this returns. */
void objects_start(struct objects *o);
void objects_stop(struct objects *o);
/* All objects are gone; all are other bytes than their names say. */
void objects_forget(struct objects *o);
void objects_spoil(struct objects *o);

#endif
