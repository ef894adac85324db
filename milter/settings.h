/* settings.h - what a reload makes anew: the policy, and the directory that is asked.
 *
 * Whoever works on a message keeps the settings that it began with.
 *
 * Threads:  immutable once made; any thread may hold a reference, and drop the last one.
 * Memory:   reference counted. The engine has to run, or to be on its way to its end, when the last
 *           reference goes.
 */
#ifndef EXG_MILTER_SETTINGS_H
#define EXG_MILTER_SETTINGS_H

#include "common/directory/directory.h"
#include "milter/policy.h"

typedef struct ExgMilterSettings ExgMilterSettings;

/* Takes the policy and the directory. `timeout_ms`: within that time a recipient is answered. */
ExgMilterSettings *exg_milter_settings_new(ExgEngine *engine, ExgPolicy *policy,
                                           ExgDirectory *directory, gint64 timeout_ms);
ExgMilterSettings *exg_milter_settings_ref(ExgMilterSettings *settings);
void exg_milter_settings_unref(ExgMilterSettings *settings);

const ExgPolicy *exg_milter_settings_policy(const ExgMilterSettings *settings);
ExgDirectory *exg_milter_settings_directory(const ExgMilterSettings *settings);
gint64 exg_milter_settings_timeout_ms(const ExgMilterSettings *settings);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgMilterSettings, exg_milter_settings_unref)

#endif
