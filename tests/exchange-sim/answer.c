#include "tests/exchange-sim/answer.h"

#include "tests/exchange-sim/http.h"

#include <string.h>

void
exg_sim_answer_clear(ExgSimAnswer *answer)
{
    if (answer->headers != NULL)
        g_string_free(answer->headers, TRUE);
    g_free(answer->body);
    *answer = (ExgSimAnswer){0};
}

void
exg_sim_answer_set_xml(ExgSimAnswer *answer, guint status, char *text, gsize length)
{
    g_free(answer->body);
    answer->status = status;
    answer->content_type = "text/xml; charset=utf-8";
    answer->body = text;
    answer->length = length;
}

static void
set_page(ExgSimAnswer *answer, guint status, char *page)
{
    exg_sim_answer_set_xml(answer, status, page, strlen(page));
    answer->content_type = "text/html; charset=utf-8";
}

void
exg_sim_answer_set_status(ExgSimAnswer *answer, guint status, bool html)
{
    const char *reason = exg_sim_http_reason(status);
    if (html) {
        set_page(answer, status,
                 g_strdup_printf("<!DOCTYPE html>\r\n<html><head><title>%u - %s</title></head>\r\n"
                                 "<body><h1>Server Error</h1><h2>%u - %s</h2>\r\n"
                                 "<p>The resource cannot be served.<br></p></body></html>\r\n",
                                 status, reason, status, reason));
        return;
    }
    exg_sim_answer_set_xml(answer, status, g_strdup(""), 0);
    answer->content_type = NULL;
}

void
exg_sim_answer_set_garbage(ExgSimAnswer *answer)
{
    char *text = g_strdup(
        "%PDF-1.4 \x01\x02 this is not the XML that the Content-Type says <<<\r\n");
    exg_sim_answer_set_xml(answer, 200, text, strlen(text));
}

void
exg_sim_answer_set_welcome(ExgSimAnswer *answer)
{
    set_page(answer, 200,
             g_strdup("<html><head><title>Service</title></head><body><p>You have reached a "
                      "simulated Exchange. "
                      "Its service takes POST requests.</p></body></html>\r\n"));
}

void
exg_sim_answer_add_header(ExgSimAnswer *answer, const char *name, const char *value)
{
    if (answer->headers == NULL)
        answer->headers = g_string_new(NULL);
    g_string_append_printf(answer->headers, "%s: %s\r\n", name, value);
}

void
exg_sim_answer_spoil(ExgSimAnswer *answer)
{
    /* Into the first text that the answer has; a success has none, so it gets one. */
    static const struct {
        const char *place, *text;
        bool after;
    } places[] = {
        {"<m:MessageText>", "&#x3;", true},
        {"<faultstring xml:lang=\"en-US\">", "&#x3;", true},
        {"<m:ResponseCode>", "<m:MessageText>&#x3;</m:MessageText>", false},
    };
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        const char *found = strstr(answer->body, places[i].place);
        if (found == NULL)
            continue;
        gsize at = (gsize)(found - answer->body) + (places[i].after ? strlen(places[i].place) : 0);
        GString *text = g_string_new_len(answer->body, (gssize)answer->length);
        g_string_insert(text, (gssize)at, places[i].text);
        g_free(answer->body);
        answer->length = text->len;
        answer->body = g_string_free(text, FALSE);
        return;
    }
}

char *
exg_sim_answer_head(const ExgSimAnswer *answer, bool keep_alive, gint64 length)
{
    GString *head = g_string_sized_new(512);
    g_autofree char *date = exg_sim_http_date(g_get_real_time() / G_USEC_PER_SEC);
    g_autofree char *id = g_uuid_string_random();
    g_string_append_printf(head, "HTTP/1.1 %u %s\r\nCache-Control: private\r\n", answer->status,
                           exg_sim_http_reason(answer->status));
    if (answer->content_type != NULL)
        g_string_append_printf(head, "Content-Type: %s\r\n", answer->content_type);
    g_string_append_printf(head,
                           "Server: exchange-sim/" EXG_VERSION "\r\nrequest-id: %s\r\n"
                           "X-CalculatedBETarget: sim.localhost\r\nX-FEServer: SIM\r\nDate: %s\r\n",
                           id, date);
    if (answer->headers != NULL)
        g_string_append_len(head, answer->headers->str, (gssize)answer->headers->len);
    if (!keep_alive)
        g_string_append(head, "Connection: close\r\n");
    if (length < 0)
        g_string_append(head, "Transfer-Encoding: chunked\r\n\r\n");
    else
        g_string_append_printf(head, "Content-Length: %" G_GINT64_FORMAT "\r\n\r\n", length);
    return g_string_free(head, FALSE);
}
