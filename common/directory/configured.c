#include "common/directory/configured.h"

#include "common/directory/source-ews.h"

ExgDirectory *
exg_directory_new_configured(ExgEngine *engine, const ExgConf *conf, ExgAccount *account,
                             ExgDirectoryCache *cache, bool wants_tips, GError **error)
{
    const ExgDirectoryOptions options = {
        .source = exg_directory_source_ews_new(account),
        .cache = cache,
        .positive_life_ms = exg_conf_int(conf, "directory", "positive_life"),
        .negative_life_ms = exg_conf_int(conf, "directory", "negative_life"),
        .failure_life_ms = exg_conf_int(conf, "directory", "failure_life"),
        .timeout_ms = exg_conf_int(conf, "directory", "timeout"),
    };
    return exg_directory_new(engine, &options);
}
