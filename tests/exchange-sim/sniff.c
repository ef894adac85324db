#include "tests/exchange-sim/sniff.h"

#define SNIFF_MAX 8192

bool
exg_sim_sniff(const GByteArray *body, char **ret_operation, char **ret_mailbox)
{
    g_autofree char *text = g_strndup((const char *)body->data, MIN(body->len, SNIFF_MAX));
    g_autoptr(GMatchInfo) match = NULL, sid_match = NULL;
    g_autoptr(GRegex) operation = g_regex_new("<(?:\\w+:)?Body[^<>]*>\\s*<(?:\\w+:)?(\\w+)[\\s/>]",
                                              G_REGEX_RAW, 0, NULL);
    g_autoptr(GRegex) sid = g_regex_new("(?:SmtpAddress|PrincipalName|SID)>\\s*([^<>\\s]+)\\s*</",
                                        G_REGEX_RAW, 0, NULL);
    if (!g_regex_match(operation, text, 0, &match))
        return false;
    *ret_operation = g_match_info_fetch(match, 1);
    *ret_mailbox = g_regex_match(sid, text, 0, &sid_match) ? g_match_info_fetch(sid_match, 1)
                                                           : NULL;
    return true;
}
