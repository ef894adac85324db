/* What the maps are told: the rules of the milter, as far as the question tells what they are about. */
#include "milter/map-check.h"

#include "common/base/error.h"
#include "common/base/log.h"

#include <string.h>

/* --- a directory that knows by the name ------------------------------------------------------- */

static bool
begins(const char *address, const char *word)
{
    return g_str_has_prefix(address, word);
}

static void
open_mailbox(ExgDirectorySource *self, const char *address, gint64 deadline_us,
             GCancellable *cancellable, ExgSourceMailboxFunc function, gpointer data)
{
    g_autoptr(GError) error = NULL;
    if (begins(address, "nobody") || begins(address, "list"))
        error = exg_error_new(EXG_ERROR_NO_MAILBOX, "no such mailbox");
    else if (begins(address, "silent"))
        error = exg_error_new(EXG_ERROR_UNREACHABLE, "no answer");
    function(error, data);
}

static void
identify(ExgDirectorySource *self, const char *address, gint64 deadline_us,
         GCancellable *cancellable, ExgSourceKindFunc function, gpointer data)
{
    function(begins(address, "list") ? EXG_RECIPIENT_GROUP : EXG_RECIPIENT_NOBODY, NULL, data);
}

static void
tell_tips(ExgDirectorySource *self, const char *address, gint64 deadline_us,
          GCancellable *cancellable, ExgSourceTipsFunc function, gpointer data)
{
    const ExgDirectoryTips tips = {
        .known = true,
        .full = begins(address, "full"),
        .restricted = begins(address, "vip"),
        .max_message_bytes = begins(address, "small") ? 100000 : 0,
    };
    bool is_nobody = begins(address, "nobody");
    function(is_nobody ? EXG_SOURCE_SAYS_NO : EXG_SOURCE_SAYS_YES, &tips, NULL, data);
}

static void
source_free(ExgDirectorySource *self)
{
    g_free(self);
}

/* --- the fixture ------------------------------------------------------------------------------ */

typedef struct {
    ExgEngine *engine;
    ExgDirectoryCache *cache;
    ExgMapCheck *check;
    GString *log;
} Fixture;

static ExgMilterSettings *
settings_new(Fixture *f, const char *lines)
{
    static const ExgDirectorySourceClass class = {.open_mailbox = open_mailbox,
                                                  .identify = identify,
                                                  .tell_tips = tell_tips,
                                                  .free = source_free};
    g_autofree char *text = g_strconcat("[exchange]\nendpoint = https://x.test/EWS\nusername = u\n"
                                        "password_file = /p\n[delivery]\nrecipient_delimiter = +\n"
                                        "[milter]\n",
                                        lines, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgConf) conf = exg_conf_parse(text, strlen(text), "exgate.conf", &error);
    g_assert_no_error(error);
    ExgPolicy *policy = exg_policy_new(conf, &error);
    g_assert_no_error(error);
    ExgDirectorySource *source = g_new0(ExgDirectorySource, 1);
    source->class = &class;
    const ExgDirectoryOptions options = {
        .source = source,
        .cache = f->cache,
        .order = {{EXG_STEP_OPEN, EXG_STEP_TIPS, EXG_STEP_RESOLVE}},
        .is_gate = true,
        .positive_life_ms = 3600 * 1000,
        .negative_life_ms = 3600 * 1000,
        .tips_life_ms = 3600 * 1000,
        .timeout_ms = 60000,
    };
    return exg_milter_settings_new(f->engine, policy, exg_directory_new(f->engine, &options),
                                   60000);
}

static void
take_line(ExgLogLevel level, const char *line, gpointer data)
{
    if (level <= EXG_LOG_INFO)
        g_string_append_printf(data, "%s\n", line);
}

static Fixture *
fixture_new(const char *lines)
{
    Fixture *f = g_new0(Fixture, 1);
    f->engine = exg_engine_new(NULL);
    f->cache = exg_directory_cache_new(f->engine, NULL, 0, 0);
    f->log = g_string_new(NULL);
    exg_log_set_sink(take_line, f->log);
    g_autoptr(ExgMilterSettings) settings = settings_new(f, lines);
    f->check = exg_map_check_new(settings);
    return f;
}

static void
fixture_free(Fixture *f)
{
    exg_map_check_free(f->check);
    while (exg_engine_iterate(f->engine, false))
        ;
    exg_directory_cache_unref(f->cache);
    exg_engine_unref(f->engine);
    exg_log_set_sink(NULL, NULL);
    g_string_free(f->log, TRUE);
    g_free(f);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fixture, fixture_free)

typedef struct {
    bool is_there;
    ExgMapOutcome outcome;
    int code;
} Told;

static void
take_answer(const ExgMapAnswer *answer, gpointer data)
{
    Told *told = data;
    g_assert_false(told->is_there);
    *told = (Told){true, answer->outcome, answer->code};
}

static Told
ask_for(Fixture *f, const ExgMapQuestion *question)
{
    Told told = {.is_there = false};
    exg_map_check_ask(question, f->check, take_answer, &told);
    while (!told.is_there)
        exg_engine_iterate(f->engine, true);
    return told;
}

static void
assert_told(Fixture *f, const ExgMapQuestion *question, ExgMapOutcome outcome, int code)
{
    g_test_message("%s", question->recipient);
    Told told = ask_for(f, question);
    g_assert_cmpint(told.outcome, ==, outcome);
    if (outcome != EXG_MAP_GOOD && outcome != EXG_MAP_NOT_OURS)
        g_assert_cmpint(told.code, ==, code);
}

static void
assert_recipient(Fixture *f, const char *recipient, ExgMapOutcome outcome, int code)
{
    assert_told(f, &(ExgMapQuestion){.recipient = recipient}, outcome, code);
}

/* --- the tests -------------------------------------------------------------------------------- */

static void
test_recipients(void)
{
    g_autoptr(Fixture) f = fixture_new("domains = x.test\nskip_recipients = nobody-skipped@x.test\n"
                                       "restricted = reject\n");
    assert_recipient(f, "ann@x.test", EXG_MAP_GOOD, 0);
    assert_recipient(f, "ann@x.test", EXG_MAP_GOOD, 0); /* from the cache */
    assert_recipient(f, "Ann+lists@X.test", EXG_MAP_GOOD, 0);
    assert_recipient(f, "nobody@x.test", EXG_MAP_UNKNOWN, 550);
    assert_recipient(f, "nobody@x.test", EXG_MAP_UNKNOWN, 550);
    assert_recipient(f, "nobody+lists@x.test", EXG_MAP_UNKNOWN, 550);
    assert_recipient(f, "list@x.test", EXG_MAP_UNKNOWN, 550);
    assert_recipient(f, "full@x.test", EXG_MAP_DEFERRED, 452);
    assert_recipient(f, "vip@x.test", EXG_MAP_REFUSED, 550);
    assert_recipient(f, "silent@x.test", EXG_MAP_UNSURE, 451);
    assert_recipient(f, "nobody@other.test", EXG_MAP_NOT_OURS, 0);
    assert_recipient(f, "nobody-skipped@x.test", EXG_MAP_NOT_OURS, 0);
    g_assert_nonnull(strstr(f->log->str, "nobody@x.test"));
    g_assert_null(strstr(f->log->str, "ann@x.test"));
    g_assert_null(strstr(f->log->str, "other.test"));
}

/* What is deferred by the administrator's rule: whether there is such a recipient is left open. */
static void
test_rules(void)
{
    g_autoptr(Fixture) f = fixture_new("unknown = tempfail\nmailbox_full = reject\n"
                                       "cannot_tell = reject\ngroup = accept\n");
    assert_recipient(f, "nobody@x.test", EXG_MAP_UNSURE, 450);
    assert_recipient(f, "full@x.test", EXG_MAP_REFUSED, 552);
    assert_recipient(f, "silent@x.test", EXG_MAP_REFUSED, 550);
    assert_recipient(f, "list@x.test", EXG_MAP_GOOD, 0);
}

static void
test_size(void)
{
    g_autoptr(Fixture) f = fixture_new("");
    assert_told(f, &(ExgMapQuestion){.recipient = "small@x.test", .size_bytes = 200000},
                EXG_MAP_REFUSED, 552);
    assert_told(f, &(ExgMapQuestion){.recipient = "small@x.test", .size_bytes = 100000},
                EXG_MAP_GOOD, 0);
    assert_recipient(f, "small@x.test", EXG_MAP_GOOD, 0);
}

static void
test_client_and_sender(void)
{
    g_autoptr(Fixture) f = fixture_new("skip_networks = 192.0.2.0/24\nskip_authenticated = yes\n"
                                       "internal_domains = x.test\n");
    ExgMapQuestion question = {.recipient = "nobody@x.test", .client_address = "198.51.100.1"};
    assert_told(f, &question, EXG_MAP_UNKNOWN, 550);
    question.client_address = "192.0.2.1";
    assert_told(f, &question, EXG_MAP_NOT_OURS, 0);
    question.client_address = NULL;
    question.authenticated = true;
    assert_told(f, &question, EXG_MAP_NOT_OURS, 0);

    ExgMapQuestion forged = {.recipient = "ann@x.test", .sender = "ben@x.test"};
    assert_told(f, &forged, EXG_MAP_REFUSED, 550);
    forged.sender = "ben@elsewhere.test";
    assert_told(f, &forged, EXG_MAP_GOOD, 0);
    forged.sender = "";
    assert_told(f, &forged, EXG_MAP_GOOD, 0);
}

static void
test_learning(void)
{
    g_autoptr(Fixture) f = fixture_new("mode = learn\ninternal_domains = x.test\n");
    assert_recipient(f, "nobody@x.test", EXG_MAP_GOOD, 0);
    g_assert_nonnull(strstr(f->log->str, "would reject by map: 550 5.1.1"));
    g_string_truncate(f->log, 0);
    assert_told(f, &(ExgMapQuestion){.recipient = "ann@x.test", .sender = "ben@x.test"},
                EXG_MAP_GOOD, 0);
    g_assert_nonnull(strstr(f->log->str, "would reject by map: 550 5.7.1"));
}

/* A reload is for the questions that come after it. */
static void
test_configure(void)
{
    g_autoptr(Fixture) f = fixture_new("");
    assert_recipient(f, "nobody@x.test", EXG_MAP_UNKNOWN, 550);
    g_autoptr(ExgMilterSettings) settings = settings_new(f, "unknown = reject 553 5.1.3 Never\n");
    exg_map_check_configure(f->check, settings);
    assert_recipient(f, "nobody@x.test", EXG_MAP_UNKNOWN, 553);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/milter/map-check/recipients", test_recipients);
    g_test_add_func("/milter/map-check/rules", test_rules);
    g_test_add_func("/milter/map-check/size", test_size);
    g_test_add_func("/milter/map-check/client-and-sender", test_client_and_sender);
    g_test_add_func("/milter/map-check/learning", test_learning);
    g_test_add_func("/milter/map-check/configure", test_configure);
    return g_test_run();
}
