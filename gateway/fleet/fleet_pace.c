/* fleet_pace: see the header. */
#include "gateway/fleet/fleet_pace.h"

#include "cache/base/clock.h"

#define AT_ONCE    8
#define FIRST_MS   1000u
#define MAX_MS     120000u
#define CALM_MS    (2u * MAX_MS)
#define FOREIGN_MS 600000u

/* What is gone was not written over, nor what is to be sealed anew. */
static bool
is_written_over(const struct fleet *f)
{
	if (!f->identity_there)
		return f->identity_revision != 0;
	return f->head_revision != 0 &&
	    (f->head_damaged || f->engine_head < f->head);
}

static unsigned
pause_ms(unsigned times)
{
	unsigned ms = FIRST_MS;

	if (times < AT_ONCE)
		return 0;
	for (; times > AT_ONCE && ms < MAX_MS; times--)
		ms *= 2;
	return ms < MAX_MS ? ms : MAX_MS;
}

static void
set_waits(struct fleet *f, bool waits)
{
	if (f->pace.waits == waits)
		return;
	f->pace.waits = waits;
	if (waits && f->pace.foreign)
		fleet_error(f, FLEET_PACE_WHY, f->secret_file);
	fleet_kick(f);
}

/* Its time begins when it is seen. */
static void
see_foreign(struct fleet *f, uint64_t now)
{
	struct fleet_pace *p = &f->pace;
	bool foreign =
	    f->identity_there ? p->foreign_head : p->foreign_identity;

	if (foreign && !p->foreign)
		p->last = now;
	p->foreign = foreign;
}

unsigned
fleet_pace_next(struct fleet *f)
{
	struct fleet_pace *p = &f->pace;
	uint64_t now = clock_mono_ms(), passed;
	unsigned ms;

	if (!is_written_over(f)) {
		p->foreign = false;
		set_waits(f, false);
		return 0;
	}
	see_foreign(f, now);
	passed = now - p->last;
	if (passed > CALM_MS)
		p->times = 0;
	ms = p->foreign ? FOREIGN_MS : pause_ms(p->times);
	set_waits(f, passed < ms);
	if (passed < ms)
		return ms - (unsigned)passed;
	p->last = now;
	/* Of two, one may wait each time and the other one answer at once. */
	if (++p->times == AT_ONCE)
		fleet_error(f, FLEET_PACE_WHY, f->secret_file);
	return 0;
}

void
fleet_pace_rest(struct fleet *f)
{
	f->pace.foreign = false;
	set_waits(f, false);
}

void
fleet_pace_forget(struct fleet *f)
{
	f->pace = (struct fleet_pace){.times = 0};
}
