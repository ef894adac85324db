#include "common/http/request-private.h"

#include <string.h>

/* One piece of memory, name and value behind the struct: there are some twenty in a request and its answer. */
ExgHttpField *
exg_http_field_new(const char *name, gsize name_length, const char *value, gsize value_length)
{
    ExgHttpField *field = g_malloc(sizeof(ExgHttpField) + name_length + 1 + value_length + 1);
    field->name = (char *)(field + 1);
    field->value = field->name + name_length + 1;
    memcpy(field->name, name, name_length);
    field->name[name_length] = '\0';
    memcpy(field->value, value, value_length);
    field->value[value_length] = '\0';
    return field;
}

ExgHttpRequest *
exg_http_request_new(const char *method, const char *url, ExgHttpBody *body, gsize response_max)
{
    bool post = g_str_equal(method, "POST");
    g_return_val_if_fail(post || (g_str_equal(method, "GET") && body == NULL), NULL);
    ExgHttpRequest *request = g_new0(ExgHttpRequest, 1);
    request->references = 1;
    request->method = post ? "POST" : "GET";
    request->url = g_strdup(url);
    request->headers = g_ptr_array_new_with_free_func(g_free);
    request->body = body;
    request->response_max = MIN(response_max,
                                (gsize)G_MAXINT32); /* a GByteArray counts in 32 bits */
    return request;
}

ExgHttpRequest *
exg_http_request_ref(ExgHttpRequest *request)
{
    g_atomic_int_inc(&request->references);
    return request;
}

void
exg_http_request_unref(ExgHttpRequest *request)
{
    if (request == NULL || !g_atomic_int_dec_and_test(&request->references))
        return;
    g_free(request->url);
    g_ptr_array_unref(request->headers);
    exg_http_body_free(request->body);
    g_free(request);
}

void
exg_http_request_add_header(ExgHttpRequest *request, const char *name, const char *value)
{
    g_return_if_fail(name[0] != '\0' && strpbrk(name, "\r\n: ") == NULL);
    g_return_if_fail(strpbrk(value, "\r\n") == NULL);
    g_ptr_array_add(request->headers, exg_http_field_new(name, strlen(name), value, strlen(value)));
}

void
exg_http_request_set_once(ExgHttpRequest *request)
{
    request->once = true;
}

void
exg_http_request_set_sink(ExgHttpRequest *request, ExgHttpSink sink, gpointer user)
{
    request->sink = sink;
    request->sink_data = user;
}

bool
exg_http_request_body_sent(const ExgHttpRequest *request)
{
    return request->body_sent;
}

guint64
exg_http_request_body_length(const ExgHttpRequest *request)
{
    return request->body != NULL ? request->body->length : 0;
}

char *
exg_http_request_dup_target(const ExgHttpRequest *request)
{
    const char *after_scheme = strstr(request->url, "://");
    const char *target = after_scheme != NULL ? strpbrk(after_scheme + 3, "/?#") : NULL;
    gsize length = target != NULL ? strcspn(target, "#") : 0;
    const char *slash = length == 0 || target[0] == '?' ? "/" : "";
    return g_strdup_printf("%s%.*s", slash, (int)length, length > 0 ? target : "");
}

bool
exg_http_request_has_header(const ExgHttpRequest *request, const char *name)
{
    for (guint i = 0; i < request->headers->len; i++) {
        const ExgHttpField *field = g_ptr_array_index(request->headers, i);
        if (g_ascii_strcasecmp(field->name, name) == 0)
            return true;
    }
    return false;
}
