/* Any bytes as the answer to a question: a result for each thing that was asked about, with an
 * error of its own or with what the answer shows, or one error for all; and the same result twice. */
#include "common/base/error.h"
#include "common/ews/items/convert-id-private.h"
#include "common/ews/people/expand-dl-private.h"
#include "common/ews/people/get-mail-tips-private.h"
#include "common/ews/people/get-rooms-private.h"
#include "common/ews/people/get-searchable-mailboxes-private.h"
#include "common/ews/calendar/get-server-time-zones-private.h"
#include "common/ews/calendar/get-user-availability-private.h"
#include "common/ews/people/get-user-oof-settings-private.h"
#include "common/ews/people/resolve-candidates-private.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
check_text(const char *text)
{
    g_assert_true(text != NULL && g_utf8_validate(text, -1, NULL));
}

static void
check_mailbox(gpointer data, gpointer user_data)
{
    const ExgEwsMailbox *mailbox = data;
    check_text(mailbox->name);
    check_text(mailbox->address);
    check_text(mailbox->item_id);
    g_assert_true(mailbox->routing_type[0] != '\0' && mailbox->type[0] != '\0');
}

static void
check_zone(gpointer data, gpointer user_data)
{
    const ExgEwsTimeZone *zone = data;
    for (int year = 1990; year < 2040; year += 7) {
        ExgEwsZoneRule rule;
        g_autoptr(GError) error = NULL;
        if (!exg_ews_time_zone_rule(zone, year, &rule, &error)) {
            g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
            continue;
        }
        const ExgEwsZoneChange *changes[] = {&rule.standard, &rule.daylight};
        for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
            g_assert_true(changes[i]->time_s >= 0 && changes[i]->time_s < 24 * 3600);
            g_assert_true(changes[i]->month >= 1 && changes[i]->month <= 12);
            g_assert_true(changes[i]->order >= 1 && changes[i]->order <= 5);
            g_assert_true(changes[i]->day_of_week >= 1 && changes[i]->day_of_week <= 7);
        }
    }
}

static void
check_id(gpointer data, gpointer user_data)
{
    const ExgEwsAlternateId *id = data;
    if (id->error != NULL)
        return;
    g_assert_true((id->folder_id != NULL) == (id->kind != EXG_EWS_ID_IN_MAILBOX));
    g_assert_true((id->id != NULL) == (id->kind != EXG_EWS_ID_OF_PUBLIC_FOLDER));
    g_assert_cmpint(id->format, <, EXG_EWS_N_ID_FORMATS);
}

static void
check_tips(gpointer data, gpointer user_data)
{
    const ExgEwsMailTips *tips = data;
    g_assert_true(tips->error != NULL || tips->max_message_bytes >= -1);
    g_assert_cmpint(tips->mailbox_full, <=, EXG_EWS_YES);
}

static void
check_availability(gpointer data, gpointer user_data)
{
    const ExgEwsAvailability *availability = data;
    if (availability->error != NULL)
        return;
    g_assert_cmpuint(strspn(availability->merged, "012345"), ==, strlen(availability->merged));
    for (guint i = 0; i < availability->working_periods->len; i++) {
        const ExgEwsWorkingPeriod *period = availability->working_periods->pdata[i];
        g_assert_true(period->days < 128 && period->start_min <= 1440 && period->end_min <= 1440);
    }
}

static void
check_candidates(gpointer data, gpointer user_data)
{
    const ExgEwsCandidates *candidates = data;
    g_assert_true((candidates->error == NULL) == (candidates->candidates != NULL));
    for (guint i = 0; candidates->error == NULL && i < candidates->candidates->len; i++)
        check_mailbox(((ExgEwsCandidate *)candidates->candidates->pdata[i])->mailbox, NULL);
}

static const struct {
    const ExgEwsOperation *operation;
    GFunc check;  /* of each result of an array; NULL: it is none */
    bool counted; /* as many as were asked about */
} questions[] = {
    {&exg_ews_convert_id_operation, check_id, true},
    {&exg_ews_get_mail_tips_operation, check_tips, true},
    {&exg_ews_get_user_availability_operation, check_availability, true},
    {&exg_ews_resolve_candidates_operation, check_candidates, true},
    {&exg_ews_get_room_lists_operation, check_mailbox, false},
    {&exg_ews_get_rooms_operation, check_mailbox, false},
    {&exg_ews_get_server_time_zones_operation, check_zone, false},
    {&exg_ews_expand_dl_operation, NULL, false},
    {&exg_ews_get_searchable_mailboxes_operation, NULL, false},
    {&exg_ews_get_user_oof_settings_operation, NULL, false},
};

static bool
read_answer(guint question, guint count, GBytes *body)
{
    const ExgEwsOperation *operation = questions[question].operation;
    g_autoptr(GTimeZone) zone = g_time_zone_new_offset(3600);
    const ExgEwsAvailabilityQuestion times = {.zone = zone};
    ExgEwsPortion portion = {.question = &times, .count = count};
    const ExgEwsReply reply = {
        .status = 200, .retry_after_ms = -1, .posted_bytes = 1000, .body = body};
    gpointer result = NULL;
    g_autoptr(GError) error = NULL;
    if (!exg_ews_answer_read(operation, &reply, &portion, &result, &error)) {
        g_assert_error(error, EXG_ERROR, error->code);
        g_assert_null(result);
        return false;
    }
    g_assert_no_error(error);
    g_assert_nonnull(result);
    if (questions[question].counted)
        g_assert_cmpuint(((GPtrArray *)result)->len, ==, count);
    if (questions[question].check != NULL)
        g_ptr_array_foreach(result, questions[question].check, NULL);
    else if (operation == &exg_ews_expand_dl_operation)
        g_ptr_array_foreach(((ExgEwsExpansion *)result)->members, check_mailbox, NULL);
    operation->free_result(result);
    return true;
}

/* The first byte says what was asked, the second one about how many things. */
int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    if (size < 2)
        return 0;
    guint question = data[0] % G_N_ELEMENTS(questions);
    guint count = data[1] % 4 + 1;
    g_autoptr(GBytes) body = g_bytes_new(data + 2, size - 2);
    if (!read_answer(question, count, body))
        return 0;
    g_assert_true(read_answer(question, count, body));
    /* Whoever asked about more gets no answer out of this one. */
    g_assert_true(!questions[question].counted || !read_answer(question, count + 1, body));
    return 0;
}
