/* source_box: see the header. */
#include "gateway/base/source_box.h"

#include <string.h>

#include "gateway/base/source_index.h"

void
source_box_init(struct source_box *b)
{
	memset(b, 0, sizeof(*b));
	pthread_mutex_init(&b->lock, NULL);
}

void
source_box_cleanup(struct source_box *b)
{
	pthread_mutex_destroy(&b->lock);
}

void
source_box_put(
    struct source_box *b, const unsigned char *source, uint64_t change)
{
	struct source_change *c;

	pthread_mutex_lock(&b->lock);
	if (source == NULL || b->num == SOURCE_BOX_MAX) {
		b->all = true;
	} else {
		c = &b->changes[b->side][b->num++];
		memcpy(c->source, source, sizeof(c->source));
		c->change = change;
	}
	pthread_mutex_unlock(&b->lock);
}

bool
source_box_take(struct source_box *b, struct source_index *i)
{
	const struct source_change *c;
	size_t num;
	bool all;

	pthread_mutex_lock(&b->lock);
	c = b->changes[b->side];
	num = b->num;
	all = b->all;
	b->side = !b->side;
	b->num = 0;
	b->all = false;
	pthread_mutex_unlock(&b->lock);
	for (size_t k = 0; k < num; k++)
		source_index_changed(i, c[k].source, c[k].change);
	return all;
}
