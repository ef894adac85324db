#include "milter/settings.h"

struct ExgMilterSettings {
    gint references;
    ExgEngine *engine;
    ExgPolicy *policy;
    ExgDirectory *directory;
    gint64 timeout_ms;
    guint serial;
};

ExgMilterSettings *
exg_milter_settings_new(ExgEngine *engine, ExgPolicy *policy, ExgDirectory *directory,
                        gint64 timeout_ms)
{
    static gint serial;
    ExgMilterSettings *settings = g_new(ExgMilterSettings, 1);
    *settings = (ExgMilterSettings){
        .references = 1,
        .engine = exg_engine_ref(engine),
        .policy = policy,
        .directory = directory,
        .timeout_ms = timeout_ms,
        .serial = (guint)g_atomic_int_add(&serial, 1) + 1,
    };
    return settings;
}

ExgMilterSettings *
exg_milter_settings_ref(ExgMilterSettings *settings)
{
    g_atomic_int_inc(&settings->references);
    return settings;
}

void
exg_milter_settings_unref(ExgMilterSettings *settings)
{
    if (settings == NULL || !g_atomic_int_dec_and_test(&settings->references))
        return;
    exg_directory_post_free(settings->directory);
    exg_policy_free(settings->policy);
    exg_engine_unref(settings->engine);
    g_free(settings);
}

const ExgPolicy *
exg_milter_settings_policy(const ExgMilterSettings *settings)
{
    return settings->policy;
}

ExgDirectory *
exg_milter_settings_directory(const ExgMilterSettings *settings)
{
    return settings->directory;
}

gint64
exg_milter_settings_timeout_ms(const ExgMilterSettings *settings)
{
    return settings->timeout_ms;
}

guint
exg_milter_settings_serial(const ExgMilterSettings *settings)
{
    return settings->serial;
}
