#include "common/auth/oauth/form-private.h"

#include "common/base/error.h"

#include <string.h>

struct ExgForm {
    ExgHttpBody body;
    gsize position;
    bool too_long;
    char bytes[EXG_FORM_MAX_BYTES];
};

static gssize
form_read(ExgHttpBody *body, char *buffer, gsize room, GError **error)
{
    ExgForm *self = (ExgForm *)body;
    gsize count = MIN(room, (gsize)self->body.length - self->position);
    memcpy(buffer, self->bytes + self->position, count);
    self->position += count;
    return (gssize)count;
}

static void
form_rewind(ExgHttpBody *body)
{
    ((ExgForm *)body)->position = 0;
}

static void
form_free(ExgHttpBody *body)
{
    exg_form_free((ExgForm *)body);
}

static const ExgHttpBodyClass form_class = {form_read, form_rewind, form_free};

ExgForm *
exg_form_new(void)
{
    ExgForm *form = g_new0(ExgForm, 1);
    form->body.class = &form_class;
    return form;
}

void
exg_form_free(ExgForm *form)
{
    if (form == NULL)
        return;
    exg_secret_wipe(form->bytes, (gsize)form->body.length);
    g_free(form);
}

static void
put(ExgForm *form, char c)
{
    if (form->body.length < sizeof form->bytes)
        form->bytes[form->body.length++] = c;
    else
        form->too_long = true;
}

static void
put_encoded(ExgForm *form, const char *bytes, gsize length)
{
    static const char digits[] = "0123456789ABCDEF";
    for (gsize i = 0; i < length; i++) {
        guchar c = (guchar)bytes[i];
        if (g_ascii_isalnum(c) || (c != 0 && strchr("-._~", c) != NULL)) {
            put(form, (char)c);
            continue;
        }
        put(form, '%');
        put(form, digits[c >> 4]);
        put(form, digits[c & 15]);
    }
}

static void
add(ExgForm *form, const char *name, const char *value, gsize length)
{
    if (form->body.length > 0)
        put(form, '&');
    put_encoded(form, name, strlen(name));
    put(form, '=');
    put_encoded(form, value, length);
}

void
exg_form_add(ExgForm *form, const char *name, const char *value)
{
    if (value != NULL)
        add(form, name, value, strlen(value));
}

void
exg_form_add_secret(ExgForm *form, const char *name, const ExgSecret *value)
{
    if (value != NULL)
        add(form, name, exg_secret_bytes(value), exg_secret_length(value));
}

ExgHttpBody *
exg_form_finish(ExgForm *form, GError **error)
{
    if (!form->too_long)
        return &form->body;
    exg_form_free(form);
    exg_error_set(error, EXG_ERROR_CONFIG, "The token request would be larger than %d bytes",
                  EXG_FORM_MAX_BYTES);
    return NULL;
}
