#include "common/ews/response-code.h"

#include "common/base/disposition.h"

#include <stdlib.h>
#include <string.h>

/* Six of a notification service that Microsoft's client library knows, and a misspelt one. */
#define NOT_IN_SCHEMA 7

static void
assert_error(const char *code, bool once, ExgErrorCode expected, int smtp_code,
             const char *enhanced)
{
    g_autoptr(GError) error = exg_ews_response_code_error(code, "Some words.", once);
    g_assert_error(error, EXG_ERROR, (int)expected);
    ExgDisposition disposition = exg_disposition_of(error);
    if (disposition.smtp_code != smtp_code || strcmp(disposition.enhanced, enhanced) != 0)
        g_error("%s gives %d %s, not %d %s", code, disposition.smtp_code, disposition.enhanced,
                smtp_code, enhanced);
    g_assert_cmpstr(exg_error_facts(error)->service_code, ==, code);
}

static void
test_sorted(void)
{
    gsize count = 0;
    const ExgEwsResponseCode *codes = exg_ews_response_codes(&count);
    g_assert_cmpuint(count, ==, 529 + NOT_IN_SCHEMA);
    for (gsize i = 0; i < count; i++) {
        if (i > 0)
            g_assert_cmpstr(codes[i - 1].name, <, codes[i].name);
        g_assert_true(exg_ews_response_code_find(codes[i].name) == &codes[i]);
        g_assert_cmpuint(strlen(codes[i].note), >, 0);
    }
    g_assert_null(exg_ews_response_code_find(""));
    g_assert_null(exg_ews_response_code_find("ErrorOfTomorrow"));
    g_assert_null(exg_ews_response_code_find("errorserverbusy"));
}

static int
class_of(const char *word)
{
    static const char *const words[] = {
        [EXG_EWS_OK] = "ok",
        [EXG_EWS_RESOLVE] = "resolve",
        [EXG_EWS_RECIPIENT] = "rcpt-perm",
        [EXG_EWS_QUOTA] = "quota",
        [EXG_EWS_MESSAGE] = "msg-perm",
        [EXG_EWS_THROTTLE] = "throttle",
        [EXG_EWS_BATCH] = "batch",
        [EXG_EWS_TRANSIENT] = "transient",
        [EXG_EWS_MOVED] = "moved",
        [EXG_EWS_MAILBOX] = "mbx-temp",
        [EXG_EWS_CONFIG_AUTH] = "config-auth",
        [EXG_EWS_CONFIG_ADDRESS] = "config-addr",
        [EXG_EWS_VERSION] = "version",
        [EXG_EWS_BUG] = "bug",
        [EXG_EWS_SUBMIT] = "submit",
        [EXG_EWS_SYNC] = "sync",
        [EXG_EWS_OTHER] = "n/a",
    };
    for (guint i = 0; i < G_N_ELEMENTS(words); i++)
        if (g_str_equal(words[i], word))
            return (int)i;
    return -1;
}

/* The list of all codes that Exchange's schema has lies beside the project. */
static void
test_complete(void)
{
    const char *schema = g_getenv("EXG_SCHEMA");
    g_autofree char *path = schema != NULL ? g_build_filename(schema, "responsecodes.tsv", NULL)
                                           : NULL;
    g_autofree char *content = NULL;
    if (path == NULL || !g_file_get_contents(path, &content, NULL, NULL)) {
        g_test_skip("$EXG_SCHEMA/responsecodes.tsv is not there to compare with");
        return;
    }
    g_auto(GStrv) lines = g_strsplit(content, "\n", -1);
    gsize seen = 0;
    for (guint i = 1; lines[i] != NULL; i++) { /* the first line names the columns */
        if (lines[i][0] == '\0')
            continue;
        g_auto(GStrv) fields = g_strsplit(lines[i], "\t", -1);
        g_assert_cmpuint(g_strv_length(fields), >=, 5);
        const ExgEwsResponseCode *row = exg_ews_response_code_find(fields[0]);
        if (row == NULL)
            g_error("%s is not in the table", fields[0]);
        g_assert_cmpint((int)row->class, ==, class_of(fields[2]));
        g_assert_cmpint(row->smtp_code, ==, atoi(fields[3]));
        g_assert_cmpstr(row->enhanced, ==, g_str_equal(fields[4], "-") ? "" : fields[4]);
        seen++;
    }
    gsize count = 0;
    exg_ews_response_codes(&count);
    g_assert_cmpuint(seen + NOT_IN_SCHEMA, ==, count);
}

/* Those of Microsoft's own client library that others leave out, and one in the spelling of the
 * documentation. */
static void
test_managed_api(void)
{
    static const char names[] =
        "AccountSuspend AccountSuspendShowTierUpgrade ArchiveFolderPathCreation "
        "ArchiveMailboxNotEnabled ArchiveMailboxSearchFailed "
        "ArchiveMailboxServiceDiscoveryFailed AttachmentNestLevelLimitExceeded "
        "CalendarIsGroupMailboxForAccept CalendarIsGroupMailboxForDecline "
        "CalendarIsGroupMailboxForSuppressReadReceipt CalendarIsGroupMailboxForTentative "
        "CalendarSeekToConditionNotSupported CannotArchiveCalendarContactTaskFolderException "
        "CannotArchiveItemsInArchiveMailbox CannotArchiveItemsInPublicFolders "
        "CannotDisableMandatoryExtension CannotGetExternalEcpUrl CannotGetSourceFolderPath "
        "CannotSpecifySearchFolderAsSourceFolder ChannelSubscriptionAlreadyExists "
        "ChannelSubscriptionNotFound ClientIntentInvalidStateDefinition ClientIntentNotFound "
        "ContentIndexingNotEnabled DeleteUnifiedMessagingPromptFailed "
        "DiscoverySearchesDisabled DuplicateLegacyDistinguishedName "
        "ExceededChannelSubscriptionCount ExceededMaxRecipientLimit "
        "ExceededMaxRecipientLimitBlock ExceededMaxRecipientLimitShowTierUpgrade "
        "ExceededMessageLimit ExceededMessageLimitShowTierUpgrade "
        "ExportRemoteArchiveItemsFailed ExtensionNotFound FindRemoteArchiveFolderFailed "
        "FolderPropertRequestFailed GetRemoteArchiveFolderFailed GetRemoteArchiveItemFailed "
        "ImContactLimitReached ImGroupDisplayNameAlreadyExists ImGroupLimitReached "
        "InvalidChannelId InvalidChannelSubscriptionId InvalidClientAccessTokenRequest "
        "InvalidImContactId InvalidImDistributionGroupSmtpAddress InvalidImGroupId "
        "InvalidItemForOperationArchiveItem InvalidManagementRoleHeader InvalidPhotoSize "
        "InvalidRetentionTagIdGuid InvalidRetentionTagInheritance "
        "InvalidRetentionTagInvisible InvalidRetentionTagNone InvalidRetentionTagTypeMismatch "
        "LocationServicesDisabled LocationServicesInvalidRequest "
        "LocationServicesRequestFailed LocationServicesRequestTimedOut MailboxHoldNotFound "
        "MailboxScopeNotAllowedWithoutQueryString MessageBlocked "
        "MessagePerFolderCountReceiveQuotaExceeded MessageSubmissionBlocked "
        "MultiLegacyMailboxAccess NewChannelConnectionOpened NoSpeechDetected "
        "OrganizationAccessBlocked PromptPublishingOperationFailed "
        "PublicFolderMailboxDiscoveryFailed PublicFolderOperationFailed "
        "PublicFolderSyncException RecipientNotFound RecognizerNotInstalled "
        "SearchQueryHasTooManyKeywords SearchTooManyMailboxes SpeechGrammarError "
        "SubscriptionUnsubscribed TeamMailboxActiveToPendingDelete TeamMailboxErrorUnknown "
        "TeamMailboxFailedSendingNotifications TeamMailboxNotAuthorizedOwner "
        "TeamMailboxNotFound TeamMailboxNotLinkedToSharePoint TeamMailboxUrlValidationFailed "
        "UMServerUnavailable UnableToRemoveImContactFromGroup UnifiedGroupMailboxNotFound "
        "UnifiedMessagingPromptNotFound UnifiedMessagingReportDataNotFound "
        "WeatherServiceDisabled SubscriptionUnsubsribed";
    g_auto(GStrv) words = g_strsplit(names, " ", -1);
    g_assert_cmpuint(g_strv_length(words), ==, 93);
    for (guint i = 0; words[i] != NULL; i++) {
        g_autofree char *code = g_strconcat("Error", words[i], NULL);
        if (exg_ews_response_code_find(code) == NULL)
            g_error("%s is not in the table", code);
    }
}

static void
test_mapping(void)
{
    assert_error("ErrorNonExistentMailbox", true, EXG_ERROR_NO_MAILBOX, 550, "5.1.1");
    assert_error("ErrorAccountDisabled", true, EXG_ERROR_NO_MAILBOX, 550, "5.2.1");
    assert_error("ErrorInvalidSmtpAddress", true, EXG_ERROR_NO_MAILBOX, 553, "5.1.3");
    assert_error("ErrorQuotaExceeded", true, EXG_ERROR_QUOTA, 452, "4.2.2");
    assert_error("ErrorMessageSizeExceeded", true, EXG_ERROR_TOO_LARGE, 552, "5.3.4");
    assert_error("ErrorMimeContentInvalid", true, EXG_ERROR_REJECTED, 554, "5.6.0");
    assert_error("ErrorVirusDetected", true, EXG_ERROR_REJECTED, 554, "5.7.1");
    assert_error("ErrorServerBusy", true, EXG_ERROR_BUSY, 451, "4.3.2");
    assert_error("ErrorBatchProcessingStopped", true, EXG_ERROR_BUSY, 451, "4.3.0");
    assert_error("ErrorMailboxMoveInProgress", true, EXG_ERROR_BUSY, 450, "4.2.1");
    assert_error("ErrorItemSave", true, EXG_ERROR_BUSY, 450, "4.2.0");
    assert_error("ErrorAccessDenied", true, EXG_ERROR_DENIED, 451, "4.7.0");
    assert_error("ErrorPasswordExpired", true, EXG_ERROR_AUTH, 451, "4.7.0");
    assert_error("ErrorNonPrimarySmtpAddress", true, EXG_ERROR_CONFIG, 451, "4.3.5");
    assert_error("ErrorInvalidServerVersion", true, EXG_ERROR_CONFIG, 451, "4.3.5");
    assert_error("ErrorSchemaValidation", true, EXG_ERROR_PROTOCOL, 451, "4.3.5");
    /* not of our operations, or new: never a bounce */
    assert_error("ErrorInvalidRecipients", true, EXG_ERROR_PROTOCOL, 451, "4.3.0");
    assert_error("ErrorInvalidWatermark", true, EXG_ERROR_PROTOCOL, 451, "4.3.0");
    assert_error("ErrorCalendarDurationIsTooLong", true, EXG_ERROR_PROTOCOL, 451, "4.3.0");
    assert_error("ErrorNameResolutionMultipleResults", false, EXG_ERROR_PROTOCOL, 451, "4.3.0");
    assert_error("NoError", false, EXG_ERROR_PROTOCOL, 451, "4.3.0");
    assert_error("ErrorOfTomorrow", true, EXG_ERROR_PROTOCOL, 451, "4.3.0");
}

static void
test_ambiguous(void)
{
    static const char *const names[] = {"ErrorTimeoutExpired",  "ErrorInternalServerError",
                                        "ErrorRequestAborted",  "ErrorInternalServerTransientError",
                                        "ErrorProxyCallFailed", "ErrorClientDisconnected"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        assert_error(names[i], true, EXG_ERROR_AMBIGUOUS, 451, "4.4.2");
        g_autoptr(GError) error = exg_ews_response_code_error(names[i], NULL, false);
        g_assert_error(error, EXG_ERROR, EXG_ERROR_BUSY);
    }
}

/* Only what the table marks as the fault of recipient, mailbox or message may ever bounce,
 * whatever the call. */
static void
test_bounces(void)
{
    gsize count = 0, bounces = 0;
    const ExgEwsResponseCode *codes = exg_ews_response_codes(&count);
    for (gsize i = 0; i < count; i++) {
        for (guint once = 0; once < 2; once++) {
            g_autoptr(GError) error = exg_ews_response_code_error(codes[i].name, NULL, once);
            ExgDisposition disposition = exg_disposition_of(error);
            bool may = codes[i].class == EXG_EWS_RECIPIENT || codes[i].class == EXG_EWS_MESSAGE;
            g_assert_cmpint(disposition.permanent, ==, may);
            bounces += disposition.permanent;
        }
    }
    g_assert_cmpuint(bounces, ==, 2 * (10 + 12));
}

static void
test_sentence(void)
{
    g_autoptr(GError) quota = exg_ews_response_code_error("ErrorQuotaExceeded",
                                                          "The mailbox is over quota.", true);
    g_assert_cmpstr(quota->message, ==,
                    "Exchange answered ErrorQuotaExceeded: The mailbox is over quota");
    g_autoptr(GError) silent = exg_ews_response_code_error("ErrorQuotaExceeded", NULL, true);
    g_assert_cmpstr(silent->message, ==,
                    "Exchange answered ErrorQuotaExceeded: the mailbox is full");
    g_autoptr(GError) unknown = exg_ews_response_code_error("ErrorOfTomorrow", "", true);
    g_assert_cmpstr(unknown->message, ==, "Exchange answered ErrorOfTomorrow");
    g_autofree char *flood = g_strnfill(100000, 'x');
    g_autofree char *lines = g_strdup_printf("a\r\nb%s", flood);
    g_autoptr(GError) hostile = exg_ews_response_code_error(lines, lines, true);
    g_assert_cmpuint(strlen(hostile->message), <, 320);
    g_assert_null(strpbrk(hostile->message, "\r\n"));
    g_assert_cmpuint(strlen(exg_error_facts(hostile)->service_code), <=, 80);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/response-code/A16.4,F24-sorted", test_sorted);
    g_test_add_func("/ews/response-code/complete", test_complete);
    g_test_add_func("/ews/response-code/A16.13,F24-managed-api", test_managed_api);
    g_test_add_func("/ews/response-code/mapping", test_mapping);
    g_test_add_func("/ews/response-code/ambiguous", test_ambiguous);
    g_test_add_func("/ews/response-code/bounces", test_bounces);
    g_test_add_func("/ews/response-code/sentence", test_sentence);
    return g_test_run();
}
