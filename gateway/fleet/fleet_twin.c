/* fleet_twin: see the header. */
#include "gateway/fleet/fleet_twin.h"

#include <string.h>

#include "cache/base/clock.h"
#include "cache/base/text.h"
#include "gateway/base/json.h"

/* Two of one name write in turn, each with its next keepalive: without a word
 * of the other one for so long, it is gone. */
#define GONE_MS 60000

static void
epoch_of(char out[FLEET_EPOCH_SIZE], const char *json)
{
	cJSON *o = NULL;
	struct err err;
	const char *text = NULL;

	if (json_parse(&o, json, strlen(json), &err) == 0)
		text = json_get_string(o, "epoch");
	text_copy(out, FLEET_EPOCH_SIZE, text != NULL ? text : "");
	cJSON_Delete(o);
}

void
fleet_twin_own(struct fleet *f, const char *json)
{
	epoch_of(f->twin.epoch, json);
}

void
fleet_twin_see(struct fleet *f, int64_t revision, const char *json)
{
	struct fleet_twin *t = &f->twin;
	char epoch[sizeof(t->epoch)];

	epoch_of(epoch, json);
	t->writes = strcmp(epoch, t->epoch) != 0 && t->own_revision > 0 &&
	    revision > t->own_revision;
	if (strcmp(epoch, t->epoch) == 0)
		t->own_revision = revision;
	if (!t->writes)
		return;
	if (!fleet_has_twin(f))
		fleet_error(f,
		    "another machine is the member '%.100s', too: each needs a "
		    "name of its own",
		    f->member);
	t->until = clock_mono_ms() + GONE_MS;
}

bool
fleet_has_twin(const struct fleet *f)
{
	return f->twin.until > clock_mono_ms();
}
