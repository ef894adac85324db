#include "lmtp/group.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "lmtp/reply.h"

#include <string.h>

/* A directory that knows one group, and a backend whose answers the test gives. */
typedef struct {
    ExgEngine *engine;
    ExgDirectoryCache *cache;
    ExgDirectory *directory;
    GPtrArray *members;
    GArray *answers; /* of Answer, of the members in their order */
    ExgLmtpReply reply;
    guint replies;
} Fixture;

typedef struct {
    ExgLmtpAnswer function;
    gpointer data;
} Answer;

typedef struct {
    ExgDirectorySource source;
    const ExgDirectoryMembers *members; /* NULL: nobody knows */
} FakeSource;

static void
fake_expand(ExgDirectorySource *source, const char *address, gint64 deadline_us,
            GCancellable *cancellable, ExgSourceMembersFunc function, gpointer data)
{
    const ExgDirectoryMembers *members = ((FakeSource *)source)->members;
    g_autoptr(GError) error = exg_error_new(EXG_ERROR_NO_MAILBOX, "there is no such list");
    g_assert_cmpstr(address, ==, "all@x.test");
    function(members, members != NULL ? NULL : error, data);
}

static void
fake_free(ExgDirectorySource *source)
{
    g_free(source);
}

static void
set_up(Fixture *fixture, const ExgDirectoryMembers *members)
{
    static const ExgDirectorySourceClass class = {.expand = fake_expand, .free = fake_free};
    FakeSource *source = g_new0(FakeSource, 1);
    source->source.class = &class;
    source->members = members;
    *fixture = (Fixture){.engine = exg_engine_new(NULL)};
    fixture->cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    const ExgDirectoryOptions options = {.source = &source->source, .cache = fixture->cache};
    fixture->directory = exg_directory_new(fixture->engine, &options);
    fixture->members = g_ptr_array_new_with_free_func(g_free);
    fixture->answers = g_array_new(FALSE, FALSE, sizeof(Answer));
}

static void
tear_down(Fixture *fixture)
{
    exg_directory_free(fixture->directory);
    exg_directory_cache_unref(fixture->cache);
    exg_engine_unref(fixture->engine);
    g_ptr_array_unref(fixture->members);
    g_array_unref(fixture->answers);
}

/* Who is called "now…" is answered inside the call. */
static void
deliver(const char *member, ExgEvent *event, ExgLmtpAnswer answer, gpointer answer_data,
        gpointer data)
{
    Fixture *fixture = data;
    g_ptr_array_add(fixture->members, g_strdup(member));
    if (g_str_has_prefix(member, "now")) {
        ExgLmtpReply reply;
        exg_lmtp_reply_set(&reply, 250, "2.0.0", "%s", member);
        answer(&reply, answer_data);
        return;
    }
    Answer later = {answer, answer_data};
    g_array_append_val(fixture->answers, later);
}

static void
answered(const ExgLmtpReply *reply, gpointer data)
{
    Fixture *fixture = data;
    fixture->reply = *reply;
    fixture->replies++;
}

static void
begin(Fixture *fixture)
{
    g_autoptr(ExgEvent) event = exg_event_new(NULL);
    exg_group_deliver(fixture->directory, "all@x.test", event, exg_clock_deadline_ms(1000), NULL,
                      deliver, fixture, answered, fixture);
}

static void
answer(Fixture *fixture, guint n, int code, const char *enhanced)
{
    ExgLmtpReply reply;
    const Answer *later = &g_array_index(fixture->answers, Answer, n);
    exg_lmtp_reply_set(&reply, code, enhanced, "member %u", n);
    later->function(&reply, later->data);
}

static GPtrArray *
addresses(const char *names)
{
    GPtrArray *array = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) list = g_strsplit(names, " ", -1);
    for (guint i = 0; list[i] != NULL; i++)
        g_ptr_array_add(array, g_strdup(list[i]));
    return array;
}

/* The reply comes with the last answer, and is the worst. */
static void
test_worst(void)
{
    static const struct {
        int codes[3], expected;
        const char *text;
    } cases[] = {
        {{250, 250, 250}, 250, "<all@x.test> stored in Exchange for each of its members"},
        {{250, 451, 250}, 451, "member 1"},
        {{550, 250, 250}, 550, "member 0"},
        {{550, 250, 451}, 451, "member 2"},
        {{451, 550, 250}, 451, "member 0"},
        {{452, 250, 451}, 452, "member 0"},
    };
    g_autoptr(GPtrArray) mailboxes = addresses("a@x now@x b@x c@x");
    const ExgDirectoryMembers members = {.mailboxes = mailboxes, .complete = true};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        Fixture fixture;
        set_up(&fixture, &members);
        begin(&fixture);
        g_assert_cmpuint(fixture.members->len, ==, 4);
        for (guint n = 0; n < 3; n++) {
            g_assert_cmpuint(fixture.replies, ==, 0);
            answer(&fixture, n, cases[i].codes[n], "");
        }
        g_assert_cmpuint(fixture.replies, ==, 1);
        g_assert_cmpint(fixture.reply.code, ==, cases[i].expected);
        g_assert_cmpstr(fixture.reply.text, ==, cases[i].text);
        tear_down(&fixture);
    }
}

static void
test_all_at_once(void)
{
    g_autoptr(GPtrArray) mailboxes = addresses("now1@x now2@x");
    const ExgDirectoryMembers members = {.mailboxes = mailboxes, .complete = true};
    Fixture fixture;
    set_up(&fixture, &members);
    begin(&fixture);
    g_assert_cmpuint(fixture.replies, ==, 1);
    g_assert_cmpint(fixture.reply.code, ==, 250);
    tear_down(&fixture);
}

static void
check_refused(const ExgDirectoryMembers *members, int code, const char *words)
{
    Fixture fixture;
    set_up(&fixture, members);
    begin(&fixture);
    g_assert_cmpuint(fixture.replies, ==, 1);
    g_assert_cmpint(fixture.reply.code, ==, code);
    g_assert_nonnull(strstr(fixture.reply.text, words));
    g_assert_cmpuint(fixture.members->len, ==, 0);
    tear_down(&fixture);
}

/* Nobody gets it where somebody would be left out in silence. */
static void
test_refused(void)
{
    g_autoptr(GPtrArray) one = addresses("a@x");
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    char outsider[] = "partner@example.org";
    const ExgDirectoryMembers mixed = {.mailboxes = one, .outsider = outsider, .complete = true};
    const ExgDirectoryMembers large = {.mailboxes = one, .complete = false};
    const ExgDirectoryMembers empty = {.mailboxes = none, .complete = true};
    check_refused(&mixed, 550, "no mailbox");
    check_refused(&large, 550, "too many");
    check_refused(&empty, 550, "without members");
    check_refused(NULL, 450, "cannot be told now");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lmtp/group/worst", test_worst);
    g_test_add_func("/lmtp/group/all-at-once", test_all_at_once);
    g_test_add_func("/lmtp/group/refused", test_refused);
    return g_test_run();
}
