#include "common/directory/configured.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/directory/source-ews.h"

#include <string.h>

static bool
read_order(const ExgConf *conf, ExgDirectoryOrder *ret_order, GError **error)
{
    const char *const *names = exg_conf_list(conf, "directory", "sources");
    if (names[0] == NULL) {
        *ret_order = exg_directory_usual_order;
        return true;
    }
    return exg_directory_order_parse(names, ret_order, error) ||
           exg_conf_blame(conf, "directory", "sources", error);
}

/* `*ret_map`: NULL if none is configured. */
static bool
read_map(ExgEngine *engine, const ExgConf *conf, const ExgDirectoryOrder *order,
         ExgRecipientMap **ret_map, GError **error)
{
    const char *path = exg_conf_string(conf, "directory", "map");
    *ret_map = NULL;
    if (path == NULL || !exg_directory_order_has(order, EXG_STEP_MAP))
        return true;
    *ret_map = exg_recipient_map_new(engine, path, error);
    return *ret_map != NULL || exg_conf_blame(conf, "directory", "map", error);
}

/* Exchange tells tips for a sender: that is the account. NULL: its address is not known. */
static const char *
tips_sender(const ExgConf *conf)
{
    const char *sender = exg_conf_string(conf, "directory", "tips_sender");
    const char *user = exg_conf_string(conf, "exchange", "username");
    if (sender == NULL && user != NULL && strchr(user, '@') != NULL)
        sender = user;
    return sender;
}

ExgDirectory *
exg_directory_new_configured(ExgEngine *engine, const ExgConf *conf, ExgAccount *account,
                             ExgDirectoryCache *cache, bool is_gate, GError **error)
{
    ExgDirectoryOrder order;
    ExgRecipientMap *map;
    if (!read_order(conf, &order, error) || !read_map(engine, conf, &order, &map, error))
        return NULL;
    guint witnesses = exg_directory_order_witnesses(&order);
    if (tips_sender(conf) == NULL && exg_directory_order_has(&order, EXG_STEP_TIPS))
        witnesses--;
    if (witnesses < 2)
        exg_log(EXG_LOG_WARNING, NULL,
                "[directory] sources: no recipient is ever found not to exist, since that takes "
                "two of open, tips and resolve");
    const ExgDirectoryOptions options = {
        .source = exg_directory_source_ews_new(account, tips_sender(conf)),
        .map = map,
        .order = order,
        .cache = cache,
        .is_gate = is_gate,
        .positive_life_ms = exg_conf_int(conf, "directory", "positive_life"),
        .negative_life_ms = exg_conf_int(conf, "directory", "negative_life"),
        .failure_life_ms = exg_conf_int(conf, "directory", "failure_life"),
        .tips_life_ms = exg_conf_int(conf, "directory", "tips_life"),
        .timeout_ms = exg_conf_int(conf, "directory", "timeout"),
        .max_per_second = (guint)exg_conf_int(conf, "directory", "max_lookups"),
        .max_guesses_per_minute = (guint)exg_conf_int(conf, "directory", "max_guesses"),
    };
    return exg_directory_new(engine, &options);
}
